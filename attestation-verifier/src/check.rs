//! The numbered checks of SPEC.md, and how they went.

use std::fmt;

/// One check and how it went.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// Number in SPEC.md, from 1.
    pub number: u8,
    /// What must hold.
    pub title: &'static str,
    /// How it went.
    pub outcome: Outcome,
    /// The outcome in words.
    pub words: String,
}

/// How a check went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold: the document is not believed.
    Failed,
    /// The caller expects nothing here, or reads an archived document.
    NotAsked,
    /// An earlier check failed.
    NotReached,
}

/// All checks of a document of which one failed. `words` says why.
#[must_use]
pub fn failed(number: u8, words: impl fmt::Display) -> Vec<Check> {
    all(|check| match check.cmp(&number) {
        std::cmp::Ordering::Less => (Outcome::Passed, String::new()),
        std::cmp::Ordering::Equal => (Outcome::Failed, words.to_string()),
        std::cmp::Ordering::Greater => (Outcome::NotReached, String::new()),
    })
}

/// Checks 23 to 30, of a receipt of which one failed, or which passed.
#[must_use]
pub fn receipt(failed: Option<(u8, String)>) -> Vec<Check> {
    let checks = (23..).zip(RECEIPT_TITLES).map(|(number, title)| {
        let (outcome, words) = match &failed {
            Some((at, words)) if *at == number => (Outcome::Failed, words.clone()),
            Some((at, _)) if *at < number => (Outcome::NotReached, String::new()),
            _ => (Outcome::Passed, String::new()),
        };
        Check { number, title, outcome, words }
    });
    checks.collect()
}

pub(crate) fn all(how: impl Fn(u8) -> (Outcome, String)) -> Vec<Check> {
    let checks = (1..).zip(TITLES).map(|(number, title)| {
        let (outcome, words) = how(number);
        Check { number, title, outcome, words }
    });
    checks.collect()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotAsked => "not asked",
            Self::NotReached => "not reached",
        })
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
