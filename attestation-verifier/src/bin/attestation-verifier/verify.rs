//! `verify`: is this document from the enclave I expect?

use std::{
    io::Write,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use attestation_verifier::{
    Believed, Document, Expected, ParseError, RevocationList, Timestamp, check,
};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{expectation::Expectation, failure::Failure, input, report};

/// Check an attestation document against a build
///
/// Prints one line per numbered check of SPEC.md.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// Attestation document, or `-`
    document: PathBuf,

    #[command(flatten)]
    expectation: Expectation,

    /// Clock to judge by: a time, `now`, or `document` for a document that was kept
    #[arg(long, value_name = "RFC3339|document|now", default_value = "now", value_parser = clock)]
    at: Clock,

    /// Oldest document to accept, as 90s, 5m (unless given), 2h or 1d
    #[arg(long, value_name = "AGE", value_parser = age)]
    max_age: Option<Duration>,

    /// The nonce that the document must carry
    #[arg(long, value_name = "HEX", value_parser = nonce)]
    nonce: Option<Nonce>,

    /// Revocation list (DER or PEM) of an authority in the chain; repeat for more. Without any,
    /// nothing is looked up
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<bool, Failure> {
        let now = self.at.now()?;
        if now.is_none() && self.max_age.is_some() {
            return Err(Failure::AgeOfArchived);
        }
        let root = self.expectation.trust.root()?;
        let max_age = self.max_age.unwrap_or(Expected::DEFAULT_MAX_AGE);
        let mut expected = self.expectation.expected(&root)?.max_age(max_age);
        let bytes = input::read(&self.document)?;
        if let Some(Nonce(nonce)) = &self.nonce {
            expected = expected.nonce(nonce.clone());
        }
        let lists = self.crl.iter().map(|path| {
            RevocationList::parse(&input::read(path)?)
                .map_err(|flaw| Failure::List { path: path.clone(), flaw })
        });
        expected = expected.revocation_lists(lists.collect::<Result<Vec<_>, _>>()?);
        report::root(out, &root, self.json)?;
        let verdict = verify(&bytes, &expected, now);
        let (checks, reason) = match &verdict {
            Ok(believed) => (believed.checks().to_vec(), None),
            Err(refused) => {
                let mut checks = check::failed(refused.check, &refused.words);
                let debug = self.expectation.allow_debug;
                report::not_asked(&mut checks, now.is_some(), debug, self.nonce.is_some());
                (checks, Some(&refused.words))
            }
        };
        if self.json {
            let report = json!({
                "format": "attestation-verifier verify v1",
                "believed": verdict.is_ok(),
                "reason": reason,
                "checks": report::checks_json(&checks),
                "enclave": verdict.as_ref().ok().map(report::enclave_json),
            });
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)?;
        } else {
            report::checks(out, &checks)?;
            match &verdict {
                Ok(believed) => {
                    report::enclave(out, believed)?;
                    writeln!(out, "believed")?;
                }
                Err(refused) => {
                    writeln!(out, "not believed: check {}: {}", refused.check, refused.words)?;
                }
            }
        }
        Ok(verdict.is_ok())
    }
}

/// A check that failed.
pub(crate) struct Refused {
    pub(crate) check: u8,
    pub(crate) words: String,
}

/// Verifies as of `now`, or of the document's own time.
pub(crate) fn verify(
    bytes: &[u8],
    expected: &Expected,
    now: Option<Timestamp>,
) -> Result<Believed, Refused> {
    let document = parse(bytes)?;
    match now {
        Some(now) => document.verify(expected, now),
        None => document.verify_archived(expected),
    }
    .map_err(|error| Refused { check: error.check(), words: error.to_string() })
}

/// Parses, and names a field that is unknown.
pub(crate) fn parse(bytes: &[u8]) -> Result<Document<'_>, Refused> {
    Document::parse(bytes).map_err(|error| {
        let mut words = error.to_string();
        if let ParseError::UnknownField { offset } = error {
            words.push_str(&key(bytes, offset).map(|key| format!(": {key}")).unwrap_or_default());
        }
        Refused { check: error.check(), words }
    })
}

/// The text of CBOR at this place, as much of it as is worth showing.
fn key(bytes: &[u8], offset: usize) -> Option<String> {
    let (length, text) = match bytes.get(offset..)? {
        [head @ 0x60..=0x77, text @ ..] => (usize::from(head - 0x60), text),
        [0x78, length, text @ ..] => (usize::from(*length), text),
        [_, _, _, text @ ..] => (LONGEST_SHOWN, text),
        _ => return None,
    };
    let text = text.get(..length.min(LONGEST_SHOWN))?;
    Some(String::from_utf8_lossy(text).escape_debug().to_string())
}

#[derive(Clone, Copy, Debug)]
enum Clock {
    Now,
    Document,
    At(Timestamp),
}

impl Clock {
    fn now(self) -> Result<Option<Timestamp>, Failure> {
        match self {
            Self::At(time) => Ok(Some(time)),
            Self::Document => Ok(None),
            Self::Now => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                let since = since.map_err(|_| Failure::Clock)?.as_millis();
                let milliseconds = u64::try_from(since).map_err(|_| Failure::Clock)?;
                Ok(Some(Timestamp::from_millis(milliseconds)))
            }
        }
    }
}

fn clock(text: &str) -> Result<Clock, &'static str> {
    match text {
        "now" => Ok(Clock::Now),
        "document" => Ok(Clock::Document),
        _ => {
            let time = OffsetDateTime::parse(text, &Rfc3339)
                .map_err(|_| "expected `now`, `document` or a time like 2026-06-01T12:00:00Z")?;
            let milliseconds = u64::try_from(time.unix_timestamp_nanos() / 1_000_000);
            let milliseconds = milliseconds.map_err(|_| "expected a time after 1970")?;
            Ok(Clock::At(Timestamp::from_millis(milliseconds)))
        }
    }
}

fn age(text: &str) -> Result<Duration, &'static str> {
    let wrong = "expected a whole number and s, m, h or d";
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        _ => return Err(wrong),
    };
    let count = text.get(..text.len() - 1).and_then(|count| count.parse::<u32>().ok());
    Ok(Duration::from_secs(u64::from(count.ok_or(wrong)?) * unit))
}

#[derive(Clone, Debug)]
struct Nonce(Vec<u8>);

fn nonce(text: &str) -> Result<Nonce, hex::FromHexError> {
    hex::decode(text).map(Nonce)
}

/// Bytes of an unknown key.
const LONGEST_SHOWN: usize = 40;
