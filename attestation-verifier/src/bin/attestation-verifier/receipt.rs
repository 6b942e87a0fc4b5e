//! `receipt`: is this receipt by the enclave and under the contract I expect?

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use attestation_verifier::{
    check::{self, Check},
    receipt::{Attested, BelievedReceipt, Digest, contract_digest},
};
use serde_json::{Value, json};

use crate::{expectation::Expectation, failure::Failure, input, report};

/// Check a receipt, and the result it is for, against a build and a contract
#[derive(Debug, clap::Args)]
pub(crate) struct Receipt {
    /// Receipt, closing or opening of a log, or `-`
    receipt: PathBuf,

    /// The result, byte for byte
    result: Option<PathBuf>,

    /// The contract you signed: its exact TOML, the signed file around it (whose signatures are not
    /// checked here), or its digest in hexadecimal
    #[arg(long, value_name = "FILE|DIGEST")]
    contract: Option<String>,

    #[command(flatten)]
    expectation: Expectation,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Receipt {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<bool, Failure> {
        let contract = digest(self.contract.as_ref().ok_or(Failure::NoContract)?)?;
        let root = self.expectation.trust.root()?;
        let expected = self.expectation.expected(&root)?;
        let bytes = input::read(&self.receipt)?;
        let result = self.result.as_ref().map(|path| input::read_raw(path, LONGEST_RESULT));
        let result = result.transpose()?;
        report::root(out, &root, self.json)?;

        let attested = Attested::parse(&bytes).map_err(|error| (error.check(), error.to_string()));
        let verdict = match attested.map(|attested| attested.verify(&expected, &contract)) {
            Err(refused) => Err(refused),
            Ok(Err(error)) => Err((error.check(), error.to_string())),
            Ok(Ok(believed)) => match &result {
                Some(result) if !believed.matches_output(result) => {
                    Err((30, "the result is not the one the receipt is for".to_owned()))
                }
                _ => Ok(believed),
            },
        };
        let checks = self.checks(&verdict, result.is_some());
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &json(&verdict, &checks))?;
            writeln!(out)?;
        } else {
            report::checks(out, &checks)?;
            match &verdict {
                Ok(believed) => print(out, believed)?,
                Err((number, words)) => writeln!(out, "not believed: check {number}: {words}")?,
            }
        }
        Ok(verdict.is_ok())
    }

    fn checks(&self, verdict: &Verdict, with_result: bool) -> Vec<Check> {
        match verdict {
            Ok(believed) => {
                let output = with_result.then(|| check::receipt(None).pop()).flatten();
                believed.checks().into_iter().chain(output).collect()
            }
            Err((number @ (1..=22 | check::REGION), words)) => {
                let mut checks = check::failed(*number, words);
                report::not_asked(&mut checks, false, self.expectation.allow_debug, true);
                checks
            }
            Err((number, words)) => check::receipt(Some((*number, words.clone()))),
        }
    }
}

type Verdict = Result<BelievedReceipt, (u8, String)>;

fn json(verdict: &Verdict, checks: &[Check]) -> Value {
    let believed = verdict.as_ref().ok();
    json!({
        "format": "attestation-verifier receipt v1",
        "believed": believed.is_some(),
        "reason": verdict.as_ref().err().map(|(_, words)| words),
        "checks": report::checks_json(checks),
        "kind": believed.map(|believed| believed.kind().name()),
        "enclave": believed.map(|believed| report::enclave_json(believed.believed())),
        "claims": believed.map(|believed| {
            let claims = believed.claims().into_iter().map(|(key, value)| (key, json!(value)));
            claims.collect::<serde_json::Map<_, _>>()
        }),
    })
}

fn print(out: &mut impl Write, believed: &BelievedReceipt) -> std::io::Result<()> {
    report::enclave(out, believed.believed())?;
    writeln!(out, "the {} says", believed.kind())?;
    for (key, value) in believed.claims() {
        let key = key.escape_debug();
        let length = value.chars().count();
        if length <= SHOWN {
            writeln!(out, "  {key}: {value}")?;
        } else {
            writeln!(out, "  {key}: {value:.SHOWN$}.. ({length} characters; --json shows all)")?;
        }
    }
    writeln!(out, "believed")
}

/// The digest itself, or that of the file of this name.
fn digest(text: &str) -> Result<Digest, Failure> {
    let mut digest = [0; 48];
    if hex::decode_to_slice(text, &mut digest).is_ok() {
        return Ok(digest);
    }
    let path = Path::new(text);
    let file = input::read_raw(path, LONGEST_CONTRACT)?;
    let contract = signed_payload(&file).unwrap_or(&file);
    match std::str::from_utf8(contract) {
        Ok(_) => Ok(contract_digest(contract)),
        Err(_) => Err(Failure::Contract { path: path.to_owned() }),
    }
}

/// The TOML in a signed contract: an untagged `COSE_Sign` with empty headers
/// ([RFC 9052, section 4.1](https://www.rfc-editor.org/rfc/rfc9052#section-4.1)). No text begins with
/// its first byte.
fn signed_payload(file: &[u8]) -> Option<&[u8]> {
    let (head, rest) = file.strip_prefix(&[0x84, 0x40, 0xa0])?.split_first()?;
    let width = match head {
        0x58 => 1,
        0x59 => 2,
        0x5a => 4,
        _ => return None,
    };
    let (length, rest) = rest.split_at_checked(width)?;
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let (payload, signatures) = rest.split_at_checked(length)?;
    matches!(signatures.first(), Some(0x80..=0x9f)).then_some(payload)
}

const LONGEST_CONTRACT: u64 = 1 << 20;
const LONGEST_RESULT: u64 = 1 << 30;

/// Characters of a claim that a page for people shows.
const SHOWN: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [&[0x84, 0x40, 0xa0, 0x59], &length[..], payload, &[0x80]].concat()
    }

    #[test]
    fn a_signed_contract_has_the_digest_of_the_text_in_it() {
        let text = "contract = 1\n".repeat(40);
        let dir = std::env::temp_dir().join(format!("receipt-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (toml, both) = (dir.join("contract.toml"), dir.join("contract.toml.signed"));
        std::fs::write(&toml, &text).unwrap();
        std::fs::write(&both, signed(text.as_bytes())).unwrap();
        let [plain, inside] = [toml, both.clone()].map(|path| digest(path.to_str().unwrap()));
        assert_eq!(inside.unwrap(), plain.unwrap());
        let cut = signed(text.as_bytes());
        std::fs::write(&both, cut.get(..cut.len() - 10).unwrap()).unwrap();
        let error = digest(both.to_str().unwrap()).unwrap_err();
        assert!(matches!(error, Failure::Contract { .. }), "{error}");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn refuses_what_only_looks_like_a_signed_contract() {
        let whole = signed(b"text");
        assert_eq!(signed_payload(&whole), Some(&b"text"[..]));
        for end in 0..whole.len() {
            assert_eq!(signed_payload(&whole[..end]), None, "{end}");
        }
    }
}
