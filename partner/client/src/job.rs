//! Asking a question: prepared and priced here, paid by the owners' custodies, answered by the room.

mod custody;
mod prepare;
mod run;

pub use custody::tell_custody;
pub use prepare::{Again, FigureNoise, InvalidAgain, Options, Prepared, Preview, prepare};
pub use run::{Custodies, OwnCustody, Ran, Step, run};

use crate::{keys::IdentityError, room::RoomError, withdrawals::WithdrawalError};
use protocol::{
    job::{JobName, TemplateError},
    refusal::Refusal,
};
use std::path::PathBuf;

/// Why a job is not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Declined: here already, by our own ledger, or by the instance. The words are the same.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// Declined by another party's custody, whose word it is.
    #[error("{owner}'s custody says: {}", custody::Quoted(.refusal))]
    Declined {
        /// Whose custody.
        owner: String,
        /// What it says.
        refusal: Box<Refusal>,
    },
    /// What stands in a custody's place refuses in a way that no custody does.
    #[error(
        "{owner}'s custody answered with a refusal that no custody gives: ask {owner} what answers at its \
         address"
    )]
    NoRefusal {
        /// Whose custody it should be.
        owner: String,
    },
    /// No job of this name is kept here.
    #[error(
        "no job {name} was submitted from here ({path} does not exist): leave --id out for a new job"
    )]
    NotKept {
        /// The job.
        name: JobName,
        /// Where it would be kept.
        path: PathBuf,
    },
    /// The job of this name asks something else.
    #[error("job {name} was submitted with {other} ({path}): leave --id out for a new job")]
    OtherQuestion {
        /// The job.
        name: JobName,
        /// What differs: "another question", for example.
        other: &'static str,
        /// Where it is kept.
        path: PathBuf,
    },
    /// The job of this name was for another instance, which may have answered.
    #[error(
        "job {name} was submitted before to another instance, which may have answered it ({path}): \
         `glovebox result open --job {name}` opens the answer if there is one; leave --id out for a \
         new job"
    )]
    OtherInstance {
        /// The job.
        name: JobName,
        /// Where it is kept.
        path: PathBuf,
    },
    /// The kept job is not one of ours.
    #[error("{path} holds no job signed by these keys under this contract")]
    BadOutbox {
        /// Where it is kept.
        path: PathBuf,
    },
    /// Reading or writing the kept job.
    #[error("keeping the job in {path}: {cause}")]
    Outbox {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Nobody to ask.
    #[error(
        "{owner} must countersign, and the contract names no custody of {owner}: name one with \
             `--custody {owner}=http://host:port`, or ask {owner} to prepay with `glovebox grant --prepay` (and \
             `--prepay-selection-delta` for groups whose values are private)"
    )]
    NoCustody {
        /// The owner.
        owner: String,
    },
    /// A custody that cannot be reached.
    #[error(
        "the custody of {owner} at {url} does not answer: {cause} (nothing is paid twice: submit the \
             same job again with `--id {name}`)"
    )]
    CustodyUnreachable {
        /// The owner.
        owner: String,
        /// Its address.
        url: String,
        /// Why.
        cause: String,
        /// The job.
        name: JobName,
    },
    /// Something else than the owner's custody answers at its address.
    #[error("what answers at {url} is not {owner}'s custody: {cause}")]
    NotTheCustody {
        /// Whose custody it should be.
        owner: String,
        /// The address.
        url: String,
        /// What is wrong with its answer.
        cause: String,
    },
    /// A custody that was not told of a withdrawn key.
    #[error("the custody at {url} was not told of the withdrawn key: {cause}")]
    NotTold {
        /// Its address.
        url: String,
        /// Why.
        cause: String,
    },
    /// Our own ledger, where we are an owner too.
    #[error("our own ledger: {0}")]
    Ledger(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Our keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Our list of withdrawn keys.
    #[error(transparent)]
    Withdrawals(#[from] WithdrawalError),
    /// The room.
    #[error(transparent)]
    Room(#[from] RoomError),
}

impl JobError {
    /// Whether the very same job may be answered later: something failed, or an owner was missing. What
    /// was refused by rule or for lack of budget is refused again.
    #[must_use]
    pub fn may_pass_later(&self) -> bool {
        match self {
            Self::Refused(refusal) | Self::Declined { refusal, .. } => matches!(
                **refusal,
                Refusal::Internal
                    | Refusal::RateLimited
                    | Refusal::OtherClock { .. }
                    | Refusal::Replayed
                    | Refusal::Busy { .. }
                    | Refusal::KeyWithheld { .. }
                    | Refusal::NeedsSlice { .. }
                    | Refusal::NotBelieved { .. }
                    // At the end of a period, cut for the one before.
                    | Refusal::BadSlice
            ),
            Self::NoCustody { .. }
            | Self::NoRefusal { .. }
            | Self::NotTheCustody { .. }
            | Self::CustodyUnreachable { .. }
            | Self::Room(_) => true,
            _ => false,
        }
    }

    fn refused(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// How often what broke on the way is tried again.
const RETRIES: u32 = 3;
