//! Asking a question: prepared and priced here, paid by the owners' custodies, answered by the room.

mod custody;
mod prepare;
mod run;
mod unpaid;
mod wanted;

pub use custody::tell_custody;
pub use prepare::{
    FigureNoise, InvalidAgain, Options, Prepared, Preview, PreviewNoise, Resubmission, prepare,
};
pub use run::{Custodies, OwnCustody, Ran, Step, run};
pub use unpaid::Unpaid;
pub use wanted::Wanted;

use crate::{keys::IdentityError, room::RoomError, withdrawals::WithdrawalError};
use protocol::{
    contract::Contract,
    delegation::{KeyFlaw, KeyKind},
    job::{JobName, TemplateError},
    refusal::Refusal,
};
use std::path::PathBuf;

/// Why a job is not answered.
///
/// Remedy: do what the text names, then submit the same job again with its --id: nothing is paid twice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The job's TOML is not valid.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The job was refused: here already, by this party's own ledger, or by the instance. All use
    /// the same words.
    #[error("{0}")]
    Refused(#[source] Box<Refusal>),
    /// A receiver who may not read answers of the analysis.
    #[error(
        "the contract permits no receiver \"{name}\" for \"{analysis}\": expected one of {}; leave --receiver out for those \
         who read it by default",
        allowed.join(", ")
    )]
    NoReceiver {
        /// The name that was given.
        name: String,
        /// The analysis of the contract.
        analysis: String,
        /// Who may read its answers.
        allowed: Vec<String>,
    },
    /// Another party's custody refused. Its words are that party's own.
    #[error("{owner}'s custody says: {}", custody::Quoted(.refusal))]
    Declined {
        /// The party of the custody.
        owner: String,
        /// The refusal as the custody sent it.
        #[source]
        refusal: Box<Refusal>,
    },
    /// A server in the place of a custody refuses in a way that no custody does.
    #[error(
        "{owner}'s custody answered with a refusal that no custody gives: ask {owner} what answers at its \
         address"
    )]
    NoRefusal {
        /// The party whose custody it should be.
        owner: String,
    },
    /// No job of this name is kept here.
    #[error(
        "no job {name} was submitted from here ({path} does not exist): leave --id out for a new job"
    )]
    NotKept {
        /// Name of the job.
        name: JobName,
        /// The file in which it would be kept.
        path: PathBuf,
    },
    /// The job of this name asks something else.
    #[error("job {name} was submitted with {other} ({path}): leave --id out for a new job")]
    OtherQuestion {
        /// Name of the job.
        name: JobName,
        /// What differs: "another question", for example.
        other: &'static str,
        /// The file in which it is kept.
        path: PathBuf,
    },
    /// The room holds another version of a dataset than the answer that is to be checked is of.
    ///
    /// Remedy: have its owner grant that version to an instance that was shown no newer one (`glovebox grant --manifest`); a newer
    /// version can be asked about, and that is another question.
    #[error(
        "the room holds version {found} of {dataset}, and the answer to be checked is of {expected}: the noise of both would \
         explain no difference"
    )]
    OtherVersion {
        /// The dataset.
        dataset: String,
        /// The first digits of the digest of its manifest in the room.
        found: String,
        /// Those of the version that was asked about.
        expected: String,
    },
    /// The job of this name was for another instance, which may have answered.
    #[error(
        "job {name} was submitted before to another instance, which may have answered it ({path}): \
         `glovebox result open --job {name}` opens the answer if there is one; leave --id out for a \
         new job"
    )]
    OtherInstance {
        /// Name of the job.
        name: JobName,
        /// The file in which it is kept.
        path: PathBuf,
    },
    /// The kept job was not signed by this party.
    #[error("{path} holds no job signed by these keys under this contract")]
    BadOutbox {
        /// The file in which it is kept.
        path: PathBuf,
    },
    /// The kept job cannot be read or written.
    #[error("keeping the job in {path}: {cause}")]
    Outbox {
        /// The file in which it is kept.
        path: PathBuf,
        /// What the file system says.
        cause: std::io::Error,
    },
    /// The key that signed an open dataset's manifest is no longer good.
    #[error("{cause}; {owner} must grant {} again (`glovebox grant`)", quoted(datasets))]
    GrantAgain {
        /// The party of the key.
        owner: String,
        /// The party's datasets that the job reads.
        datasets: Vec<String>,
        /// The refusal that says so.
        #[source]
        cause: Box<Self>,
    },
    /// What an owner prepaid does not suffice, and no custody of that owner is known.
    #[error("{0}")]
    Unpaid(#[source] Box<Unpaid>),
    /// An owner must countersign, and no custody of that owner is known.
    #[error(
        "{owner} must countersign, and no custody of {owner} is known: name one with `--custody {owner}=http://host:port`"
    )]
    NoCustody {
        /// The owner.
        owner: String,
    },
    /// A custody cannot be reached.
    #[error(
        "the custody of {owner} at {url} does not answer: {cause} (nothing is paid twice: submit the \
             same job again with `--id {name}`)"
    )]
    CustodyUnreachable {
        /// The owner.
        owner: String,
        /// The custody's address.
        url: String,
        /// Why it cannot be reached.
        cause: String,
        /// Name of the job.
        name: JobName,
    },
    /// Another server than the owner's custody answers at its address.
    #[error("what answers at {url} is not {owner}'s custody: {cause}")]
    NotTheCustody {
        /// The party whose custody it should be.
        owner: String,
        /// The address.
        url: String,
        /// What is wrong with its answer.
        cause: String,
    },
    /// A custody was not told of a withdrawn key.
    #[error("the custody at {url} was not told of the withdrawn key: {cause}")]
    NotTold {
        /// The custody's address.
        url: String,
        /// Why it was not told.
        cause: String,
    },
    /// This party's own ledger cannot be used, where it owns data that the job is charged to.
    #[error("our own ledger: {0}")]
    Ledger(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// This party's keys cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// This party's list of withdrawn keys cannot be used.
    #[error(transparent)]
    Withdrawals(#[from] WithdrawalError),
    /// The room did not answer, or is not believed.
    #[error(transparent)]
    Room(#[from] RoomError),
}

impl JobError {
    /// Whether the same job may be answered later: something failed, or an owner did not answer. A
    /// job that was refused by rule or for lack of budget is refused again.
    #[must_use]
    pub fn may_pass_later(&self) -> bool {
        match self {
            Self::Refused(refusal) | Self::Declined { refusal, .. } => matches!(
                **refusal,
                Refusal::Internal
                    | Refusal::LogNotStored
                    | Refusal::RateLimited
                    | Refusal::OtherClock { .. }
                    | Refusal::Replayed
                    | Refusal::Busy { .. }
                    | Refusal::KeyWithheld { .. }
                    | Refusal::NeedsSlice { .. }
                    | Refusal::NotBelieved { .. }
                    // This happens at the end of a period, to a slice that was cut for the period
                    // before.
                    | Refusal::BadSlice
            ),
            Self::NoCustody { .. }
            | Self::Unpaid(_)
            | Self::GrantAgain { .. }
            | Self::NoRefusal { .. }
            | Self::NotTheCustody { .. }
            | Self::CustodyUnreachable { .. }
            | Self::Room(_) => true,
            _ => false,
        }
    }

    /// Adds what to do if the refusal is about the service key that signed a manifest. Jobs
    /// themselves are signed with analyst keys.
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

/// How often a request is tried again after the connection broke.
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
