//! Asking a question: prepared and priced here, paid by the owners' custodies, answered by the room.

mod custody;
mod prepare;
mod run;

pub use custody::tell_custody;
pub use prepare::{
    Again, FigureNoise, InvalidAgain, Options, Prepared, Preview, PreviewNoise, prepare,
};
pub use run::{Custodies, OwnCustody, Ran, Step, run};

use crate::{keys::IdentityError, room::RoomError, withdrawals::WithdrawalError};
use protocol::{
    contract::Contract,
    delegation::{KeyFlaw, KeyKind},
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
    /// The key that signed an open dataset's manifest is good no more.
    #[error("{cause}; {owner} must grant {} again (`glovebox grant`)", quoted(datasets))]
    GrantAgain {
        /// Whose key.
        owner: String,
        /// Its datasets that the job reads.
        datasets: Vec<String>,
        /// In whose words.
        cause: Box<Self>,
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
            | Self::GrantAgain { .. }
            | Self::NoRefusal { .. }
            | Self::NotTheCustody { .. }
            | Self::CustodyUnreachable { .. }
            | Self::Room(_) => true,
            _ => false,
        }
    }

    /// Says what to do where the refusal is of the service key that signed a manifest: jobs themselves are signed with
    /// analyst keys.
    fn of_manifests(self, contract: &Contract, datasets: &[String]) -> Self {
        let (Self::Refused(refusal) | Self::Declined { refusal, .. }) = &self else { return self };
        let Refusal::Key {
            party,
            kind: KeyKind::Service,
            why: KeyFlaw::Withdrawn | KeyFlaw::Expired { .. },
            ..
        } = &**refusal
        else {
            return self;
        };
        let of_party = |name: &&String| {
            contract.datasets.get(*name).is_some_and(|dataset| dataset.owner == *party)
        };
        let (owner, datasets) =
            (party.clone(), datasets.iter().filter(of_party).cloned().collect());
        Self::GrantAgain { owner, datasets, cause: Box::new(self) }
    }

    fn refused(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" and ")
}

/// How often what broke on the way is tried again.
const RETRIES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn says_what_to_grant_again_where_the_key_of_a_manifest_was_withdrawn() {
        let room = Fixture::new();
        let key = |kind| Refusal::Key {
            party: "retailer".to_owned(),
            kind,
            name: "main".to_owned(),
            why: KeyFlaw::Withdrawn,
        };
        let datasets = ["exposures", "sales"].map(str::to_owned);
        let said = |kind| {
            let (owner, refusal) = ("publisher".to_owned(), Box::new(key(kind)));
            let declined = JobError::Declined { owner, refusal };
            declined.of_manifests(&room.contract, &datasets).to_string()
        };
        let again = "; retailer must grant \"sales\" again (`glovebox grant`)";
        assert!(said(KeyKind::Service).ends_with(again), "{}", said(KeyKind::Service));
        assert!(!said(KeyKind::Analyst).contains("grant"), "{}", said(KeyKind::Analyst));
    }
}
