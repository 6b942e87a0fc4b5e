//! The numbered checks of SPEC.md, and their outcomes.

use std::{cmp::Ordering, fmt};

/// A check and its outcome.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// Number in SPEC.md, from 1.
    pub number: u8,
    /// What must hold.
    pub title: &'static str,
    /// Outcome of the check.
    pub outcome: Outcome,
    /// The outcome in words.
    pub words: String,
}

worded! {
    /// Outcome of a check.
    Outcome {
        Passed, "passed";
        Failed, "failed";
        /// The caller expects nothing here, or reads an archived document.
        NotAsked, "not asked";
        /// Another check failed before, or in the middle of this one.
        NotReached, "not reached";
    }
}

/// All checks of a document, one of which failed. Those of revocation lists and of the region are there only if the
/// failed one is among them. `words` says why it failed.
#[must_use]
pub fn failed(number: u8, words: impl fmt::Display) -> Vec<Check> {
    let words = words.to_string();
    let mut checks = list(1, &TITLES, |check| failing(check, number, &words));
    if number == REGION {
        checks.extend(list(REGION, &[REGION_TITLE], |check| failing(check, number, &words)));
    }
    if (REVOCATION..=LAST).contains(&number) {
        checks.extend(list(REVOCATION, &REVOCATION_TITLES, |check| failing(check, number, &words)));
    }
    checks
}

/// Checks 23 to 30 of a receipt, with the one that failed, if any.
#[must_use]
pub fn receipt(failed: Option<(u8, String)>) -> Vec<Check> {
    let (number, words) = failed.unwrap_or((u8::MAX, String::new()));
    list(23, &RECEIPT_TITLES, |check| failing(check, number, &words))
}

/// Consecutive checks, each with its outcome in words.
pub(crate) fn list(
    first: u8,
    titles: &[&'static str],
    how: impl Fn(u8) -> (Outcome, String),
) -> Vec<Check> {
    let checks = (first..).zip(titles).map(|(number, title)| {
        let (outcome, words) = how(number);
        Check { number, title, outcome, words }
    });
    checks.collect()
}

/// Fields that are read together fail together. A later check of such fields may fail in the middle
/// of an earlier one, which then has not passed.
fn failing(check: u8, failed: u8, words: &str) -> (Outcome, String) {
    let unfinished = matches!((check, failed), (2, 3 | 4) | (6, 7 | 8) | (7, 8) | (9, 10));
    match check.cmp(&failed) {
        Ordering::Less if !unfinished => (Outcome::Passed, String::new()),
        Ordering::Equal => (Outcome::Failed, words.to_owned()),
        _ => (Outcome::NotReached, String::new()),
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:2}  {:<11}  {}", self.number, self.outcome.to_string(), self.title)?;
        if self.words.is_empty() { Ok(()) } else { write!(f, ": {}", self.words) }
    }
}

/// What must hold, in the order of SPEC.md.
pub const TITLES: [&str; 22] = [
    "the input is no longer than a document can be",
    "it is an untagged COSE_Sign1 and nothing follows",
    "ES384 is protected, and nothing else",
    "the unprotected header is empty",
    "the signature has 96 bytes",
    "the payload is one map of an enclave's fields, each once",
    "each field has its type and length",
    "registers are SHA-384 digests, each index once",
    "certificates are X.509 version 3 on P-384, signed with SHA-384",
    "no certificate extension is repeated, or critical and unknown",
    "the chain starts at the pinned root",
    "each certificate names the one above as its issuer",
    "authorities may issue, and the document's key may only sign",
    "all certificates were valid when the document was signed",
    "each certificate is signed by the one above",
    "the document is signed by the key of its certificate",
    "all certificates are valid now",
    "the document is fresh",
    "the enclave does not run in debug mode",
    "the registers are those of an expected build",
    "the nonce is the expected one",
    "the user data are the expected ones",
];

/// What must hold of a receipt beyond its document.
pub const RECEIPT_TITLES: [&str; 8] = [
    "the container is an untagged COSE_Sign1 by EdDSA over one deterministic map",
    "the instance statement is well-formed, of protocol 1",
    "the body is one deterministic map that names a contract and an output",
    "the instance serves the contract given",
    "the body is about the contract given",
    "the document was made for this body and this instance, and is believed",
    "the container is signed by the instance's receipt key",
    "the output digest is that of the result given",
];

/// What must hold of the revocation lists, if any are given.
pub(crate) const REVOCATION_TITLES: [&str; 5] = [
    "the revocation lists given are of X.509 version 2, complete, signed with SHA-384",
    "each is in the name of an authority of the chain",
    "each is signed by that authority, which may sign lists",
    "each is current",
    "no certificate is on the list of its issuer",
];

/// What must hold of the region, if only some are permitted.
pub const REGION_TITLE: &str = "the region that the certificates name is a permitted one";

/// The number of the check of the region.
pub const REGION: u8 = 36;
/// The first check of revocation lists.
pub(crate) const REVOCATION: u8 = 31;
const LAST: u8 = 35;
