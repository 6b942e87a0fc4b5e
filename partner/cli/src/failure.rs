//! Why a command did not do what was asked, and with which exit code it ends.

pub(crate) mod refused;

use attestation_verifier::check::TITLES;
use client::{
    check::{Line, Outcome},
    close::CloseError,
    grant::GrantError,
    job::JobError,
    keys::{IdentityError, PassphraseLength},
    kms::KmsError,
    open::OpenError,
    people::SketchError,
    receipt_check::ReceiptError,
    room::RoomError,
    store::StoreError,
    withdrawn::WithdrawnError,
};
use custody::LedgerError;
use protocol::storage::ProblemCode;
use rehearsal::RehearsalError;
use sealing::SealError;
use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Why a command ends without success.
///
/// Remedy: see that the path exists, that this user may use it, and that the disk has room.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The answer is no: refused, not believed, or not in the contract. Exit code 1.
    #[error("{0}")]
    No(Box<dyn Error + Send + Sync>),
    /// The question could not be answered: nobody answers, a file is missing, or the arguments make
    /// no sense. Exit code 2.
    #[error("{0}")]
    Unclear(Box<dyn Error + Send + Sync>),
    /// A file cannot be read. Exit code 2.
    #[error("reading {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        cause: io::Error,
    },
    /// A file cannot be written. Exit code 2.
    #[error("writing {path}: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        cause: io::Error,
    },
    /// Standard output is closed. Exit code 2.
    #[error("writing to standard output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// A failure because the answer is no.
    pub(crate) fn no(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::No(why.into())
    }

    /// A failure because the question could not be answered.
    pub(crate) fn unclear(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unclear(why.into())
    }

    /// The same failure of a command whose "no" means something else, such as that two contracts differ: what it was given could
    /// not be read.
    pub(crate) fn unanswered(self) -> Self {
        match self {
            Self::No(why) => Self::Unclear(why),
            other => other,
        }
    }

    /// Turns the error of reading `path` into a failure; for `map_err`.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |cause| Self::Read { path, cause }
    }

    /// Turns the error of writing `path` into a failure; for `map_err`.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |cause| Self::Write { path, cause }
    }

    /// Whether the failure is only that nobody reads standard output any more.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(cause) if cause.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code of the failure: 1 or 2.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::No(_) => ExitCode::FAILURE,
            _ => ExitCode::from(2),
        }
    }
}

/// The message for an answer that `checks` refuse. If the root is not the pinned one, the message
/// ends without advice: such an enclave may say anything about itself, and a false host would want
/// its victim to believe another root. `--help` says how to believe another root.
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

impl From<PassphraseLength> for Failure {
    fn from(error: PassphraseLength) -> Self {
        Self::unclear(error)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Refused(_)
            | LedgerError::Restored { .. }
            | LedgerError::Unaccounted { .. }
            | LedgerError::Missing { .. }
            | LedgerError::Moved { .. }
            | LedgerError::NotMoved
            | LedgerError::OtherPlace { .. }
            | LedgerError::OtherKeys { .. }
            | LedgerError::WhosePeople { .. }
            | LedgerError::SharedPeople { .. }
            | LedgerError::KnownPeople { .. }
            | LedgerError::NoLineage { .. }
            | LedgerError::NoOrder
            | LedgerError::OtherClosing { .. }
            | LedgerError::OlderOptOuts { .. }
            | LedgerError::FutureOptOuts { .. }
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
            StoreError::OtherFile { .. }
            | StoreError::Declined { code: ProblemCode::Forbidden, .. } => Self::no(error),
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

impl From<KmsError> for Failure {
    fn from(error: KmsError) -> Self {
        match error {
            KmsError::Grant(error) => error.into(),
            KmsError::Identity(error) => error.into(),
            KmsError::Declined { .. } | KmsError::Registers { .. } => Self::no(error),
            error => Self::unclear(error),
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
            | JobError::NoReceiver { .. }
            | JobError::Refused(_)
            | JobError::Unpaid(_)
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
        // Receipts are checked offline: no room is asked.
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
