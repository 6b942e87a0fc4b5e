//! Why a command did not do what was asked, and the exit code that says so.

use attestation_verifier::check::TITLES;
use client::{
    check::{Line, Outcome},
    close::CloseError,
    grant::GrantError,
    job::JobError,
    keys::IdentityError,
    open::OpenError,
    people::SketchError,
    receipt_check::ReceiptError,
    room::RoomError,
    store::StoreError,
    withdrawn::WithdrawnError,
};
use custody::LedgerError;
use rehearsal::RehearsalError;
use sealing::SealError;
use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What a command ends with if it does not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The answer is no: refused, not believed, not in the contract. Exit code 1.
    #[error("{0}")]
    No(Box<dyn Error + Send + Sync>),
    /// It could not be told: nobody answers, a file is missing, or the call makes no sense. 2.
    #[error("{0}")]
    Unclear(Box<dyn Error + Send + Sync>),
    /// A file that cannot be read. 2.
    #[error("reading {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file that cannot be written. 2.
    #[error("writing {path}: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Standard output is closed. 2.
    #[error("writing to standard output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// The answer is no.
    pub(crate) fn no(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::No(why.into())
    }

    /// It could not be told.
    pub(crate) fn unclear(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unclear(why.into())
    }

    /// For `map_err` behind a read of `path`.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |cause| Self::Read { path, cause }
    }

    /// For `map_err` behind a write to `path`.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |cause| Self::Write { path, cause }
    }

    /// Whether nobody reads standard output any more.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(cause) if cause.kind() == io::ErrorKind::BrokenPipe)
    }

    /// 1 or 2.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::No(_) => ExitCode::FAILURE,
            _ => ExitCode::from(2),
        }
    }
}

/// What is said when `checks` refuse an answer. An enclave under another root than the pinned one
/// may say anything of itself, so the answer ends there: how to believe another root is said in `--help`
/// and to nobody who did not ask, since it is what a false host would have its victim do.
fn with_verdict(why: &impl Error, checks: &[Line], advice: &str) -> String {
    let failed = checks.iter().find(|line| line.outcome == Outcome::Failed);
    let foreign = failed.filter(|line| line.title == TITLES[PINNED_ROOT]);
    foreign.map_or_else(|| why.to_string(), |_| format!("{why}{FOREIGN_ROOT}{advice}"))
}

impl From<RoomError> for Failure {
    fn from(error: RoomError) -> Self {
        let unclear = error.is_transient() || matches!(error, RoomError::Protocol { .. });
        if unclear {
            Self::unclear(error)
        } else {
            Self::no(with_verdict(&error, &error.checks(), SEND_NOTHING))
        }
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::NoParty { .. } | IdentityError::OtherRecipient { .. } => Self::no(error),
            _ => Self::unclear(error),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Refused(_)
            | LedgerError::Restored { .. }
            | LedgerError::Unaccounted { .. }
            | LedgerError::Missing { .. }
            | LedgerError::OtherKeys { .. }
            | LedgerError::WhosePeople { .. }
            | LedgerError::SharedPeople { .. }
            | LedgerError::KnownPeople { .. }
            | LedgerError::NoLineage { .. }
            | LedgerError::OtherClosing { .. }
            | LedgerError::UnknownInstance { .. } => Self::no(error),
            _ => Self::unclear(error),
        }
    }
}

impl From<WithdrawnError> for Failure {
    fn from(error: WithdrawnError) -> Self {
        Self::unclear(error)
    }
}

impl From<SketchError> for Failure {
    fn from(error: SketchError) -> Self {
        Self::unclear(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::OtherFile { .. } => Self::no(error),
            _ => Self::unclear(error),
        }
    }
}

impl From<GrantError> for Failure {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Room(error) => error.into(),
            GrantError::Identity(error) => error.into(),
            error => Self::no(error),
        }
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Room(error) => error.into(),
            JobError::Identity(error) => error.into(),
            JobError::Ledger(error) => match error.downcast::<LedgerError>() {
                Ok(error) => (*error).into(),
                Err(error) => Self::unclear(error),
            },
            JobError::Template(_)
            | JobError::Refused(_)
            | JobError::Declined { .. }
            | JobError::GrantAgain { .. }
            | JobError::OtherQuestion { .. }
            | JobError::OtherInstance { .. } => Self::no(error),
            error => Self::unclear(error),
        }
    }
}

impl From<CloseError> for Failure {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::Room(error) => error.into(),
            CloseError::Identity(error) => error.into(),
            CloseError::Store(_) => Self::unclear(error),
            error => Self::no(error),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Identity(error) => error.into(),
            error => Self::no(with_verdict(&error, error.checks(), SEND_NOTHING)),
        }
    }
}

impl From<ReceiptError> for Failure {
    fn from(error: ReceiptError) -> Self {
        // Offline: no room is asked.
        Self::no(with_verdict(&error, error.checks(), ""))
    }
}

impl From<RehearsalError> for Failure {
    fn from(error: RehearsalError) -> Self {
        match error {
            RehearsalError::Seal(error) => error.into(),
            RehearsalError::NoFile { .. }
            | RehearsalError::StrangeFile { .. }
            | RehearsalError::Io(_) => Self::unclear(error),
            error => Self::no(error),
        }
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Io { .. }
            | SealError::Exists { .. }
            | SealError::NoFolder { .. }
            | SealError::NoParts { .. }
            | SealError::Map { .. }
            | SealError::NotRejects { .. }
            | SealError::NotAKey { .. }
            | SealError::NoSuchColumn { .. } => Self::unclear(error),
            SealError::Part { ref cause, .. } if matches!(**cause, SealError::Map { .. }) => {
                Self::unclear(error)
            }
            error => Self::no(error),
        }
    }
}

/// The verifier's check that the chain starts at the pinned root.
const PINNED_ROOT: usize = 10;
const FOREIGN_ROOT: &str = ". This is not the Nitro enclave that was expected: whoever runs it could read \
    the data and make any figure (a demo with a simulated enclave looks the same, and is for made-up data only)";
const SEND_NOTHING: &str = ". Send it nothing; ask the operator for the address of the real room";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_with_the_verdict_is_that_of_the_root() {
        assert_eq!(TITLES[PINNED_ROOT], "the chain starts at the pinned root");
    }

    #[test]
    fn an_offline_check_names_no_room_to_ask() {
        assert!(!FOREIGN_ROOT.contains("ask the operator"), "{FOREIGN_ROOT}");
        assert!(SEND_NOTHING.contains("ask the operator"), "{SEND_NOTHING}");
    }
}
