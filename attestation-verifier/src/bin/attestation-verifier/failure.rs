//! Why it cannot be told whether something is believed.

use std::{io, path::PathBuf};

/// It cannot be told whether something is believed. The exit code is 2.
///
/// Remedy: change the argument or the file that is named; until then nothing is said of the document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("reading {path}: {cause}", path = path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("{path} has more than {most} bytes", path = path.display())]
    TooLong { path: PathBuf, most: u64 },
    #[error(
        "{path} is text, but not one document or receipt in base64, hexadecimal or armor",
        path = path.display()
    )]
    Encoding { path: PathBuf },
    #[error("{path} is text in UTF-16; save it in UTF-8", path = path.display())]
    Utf16 { path: PathBuf },
    #[error("writing the report: {0}")]
    Write(#[from] io::Error),
    #[error("writing the report: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{path} is not a root certificate: {flaw}", path = path.display())]
    Root { path: PathBuf, flaw: attestation_verifier::CertificateFlaw },
    #[error("{path} is not a revocation list that can be used: {flaw}", path = path.display())]
    List { path: PathBuf, flaw: attestation_verifier::CertificateFlaw },
    #[error(
        "the root of {name} is not built in, since none could be had whose origin could be checked; \
         download it, compare its fingerprint with the one AWS publishes, and give it with \
         --danger-root FILE"
    )]
    UnknownRoot { name: &'static str },
    #[error(
        "{path} names no build: {cause}",
        path = path.display()
    )]
    Manifest { path: PathBuf, cause: attestation_verifier::registers::RegistersError },
    #[error("pcr {index} is named twice, with different values")]
    PcrTwice { index: u8 },
    #[error(
        "nothing is expected of the enclave, so any would do; name its build with --pcr N=HEX or \
         --build MANIFEST"
    )]
    NothingExpected,
    #[error(
        "no contract given: an instance serves any contract it is handed, so the names inside a \
         receipt are only claims; give the contract you signed with --contract FILE|DIGEST"
    )]
    NoContract,
    #[error(
        "{path} is neither a contract's TOML nor a signed contract: give one of them, or the digest \
         of the TOML",
        path = path.display()
    )]
    Contract { path: PathBuf },
    #[error("a document judged as of its own time has no age; leave --max-age out")]
    AgeOfArchived,
    #[error("the clock of this machine is before 1970")]
    Clock,
}
