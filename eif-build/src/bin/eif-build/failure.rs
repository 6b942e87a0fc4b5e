//! Why there is no answer.

use eif_build::{ParseError, manifest::ManifestError, pack::PackError};
use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

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
    #[error("{path}: expected JSON of names and texts, numbers or flags", path = path.display())]
    KernelDescription { path: PathBuf },
    #[error("{path} describes another kernel: it names {found}, the kernel has {expected}", path = path.display())]
    OtherKernel { path: PathBuf, found: String, expected: String },
    #[error("{path} is no image: {cause}", path = path.display())]
    Image { path: PathBuf, cause: ParseError },
    #[error("not packed: {0}")]
    Refused(#[from] PackError),
}

impl Failure {
    /// A program that must not be packed is a no; the rest is no answer.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Refused(_) => ExitCode::FAILURE,
            _ => ExitCode::from(2),
        }
    }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|cause| Failure::Read { path: path.to_owned(), cause })
}

/// Writes beside `path` and renames, so that there is never half a file under the name.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|cause| Failure::Write { path: path.to_owned(), cause })
}
