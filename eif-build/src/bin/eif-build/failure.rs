//! Why a command has no answer.

use attestation_verifier::registers::RegistersError;
use eif_build::{ParseError, manifest::ManifestError, pack::PackError};
use std::{io, path::PathBuf, process::ExitCode};

/// Why `eif-build` did not do its work.
///
/// Remedy: change the argument or the file that is named, and run the command again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("reading {path}: {cause}", path = path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("writing {path}: {cause}", path = path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("writing the answer: {0}")]
    Answer(#[from] io::Error),
    #[error("{path}: {cause}", path = path.display())]
    Manifest { path: PathBuf, cause: ManifestError },
    #[error(
        "found {found} manifests, expected one: with --signed-by, several builders' are compared"
    )]
    SeveralUnsigned { found: usize },
    #[error("{key} is named twice: each --signed-by is another builder")]
    KeyTwice { key: String },
    #[error(
        "{key} signed none of the manifests: give the .cose file of that builder with --manifest, too"
    )]
    NotSigned { key: String },
    #[error("{path}: not a build manifest, and no registers either: {cause}", path = path.display())]
    Registers { path: PathBuf, cause: RegistersError },
    #[error("{path}: expected registers 0, 1 and 2 at least", path = path.display())]
    FewRegisters { path: PathBuf },
    #[error("{path}: expected JSON of names and texts, numbers or flags", path = path.display())]
    KernelDescription { path: PathBuf },
    #[error("{path} describes another kernel: it names {found}, the kernel has {expected}", path = path.display())]
    OtherKernel { path: PathBuf, found: String, expected: String },
    #[error("found two inputs called {name}, expected one")]
    InputTwice { name: String },
    #[error("{path} would be written twice: name two files for --output and --manifest, and keep {path} for neither", path = path.display())]
    SamePlace { path: PathBuf },
    #[error("{path} is not an image: {cause}", path = path.display())]
    Image { path: PathBuf, cause: ParseError },
    #[error("not packed: {0}")]
    Refused(#[from] PackError),
}

impl Failure {
    /// The exit code: a program that must not be packed is a "no"; everything else, such as a key
    /// that cannot sign, means that there is no answer.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Refused(PackError::Signature(_)) => ExitCode::from(2),
            Self::Refused(_) => ExitCode::FAILURE,
            _ => ExitCode::from(2),
        }
    }
}
