//! The refusals of an instance or a custody.

mod debit;
mod orders;
mod reasons;
mod words;

use crate::{
    delegation::{self, KeyError, KeyFlaw, KeyKind},
    limits::{self, at_most},
    loss::{Delta, Epsilon, Loss},
    time::Time,
    units::Scale,
};
use serde::{Deserialize, Serialize};
use words::{allowed, amount, drawable, not_permitted, room, so_must, spent_on};

pub use debit::{Debit, ELSEWHERE, FOUND, NAMED_JOBS, OTHERS, PREPAID, WRITTEN_OFF};
pub use orders::{OrderFlaw, RunFlaw};
pub use reasons::{Asked, GrantFlaw, Limit, Share, WhichBudget};

/// Why a request was declined. A party never sees another error.
///
/// A refusal is decided from what both sides already know (contract, request, ledger, public sizes)
/// and never from a row, and it costs nothing. What fails inside the enclave is a fault: it stays
/// inside, and parties see [`Refusal::Internal`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The request is not signed with a key that a party of the contract delegated.
    ///
    /// Remedy: sign with a key that was delegated by the root key that the contract names, and name the folder of that
    /// key with --dir.
    #[error("the request is not signed by a key that a party of this contract delegated")]
    Stranger,
    /// The key that signed the request is not good for it: its time is over or has not begun, it is
    /// of another kind or of another party, or it was withdrawn.
    ///
    /// Remedy: sign with a key of the right kind whose delegation holds (`glovebox keys show`); the party's root key
    /// delegates one anew (`glovebox keys delegate`). A key that was withdrawn stays so.
    #[error("{}", delegation::unfit(.party, *.kind, .name, .why))]
    Key {
        /// The party of the key.
        party: String,
        /// Kind of the key.
        kind: KeyKind,
        /// Name of the key in its delegation.
        name: String,
        /// What is wrong with the key.
        why: KeyFlaw,
    },
    /// The request is addressed to another instance or contract.
    ///
    /// Remedy: verify the instance that runs now (`glovebox verify`) and ask it anew; a request for another
    /// one is worth nothing here.
    #[error(
        "the request is for another instance or another contract: verify the instance that runs \
         now (`glovebox verify`) and ask it again"
    )]
    Elsewhere,
    /// The same request was answered before.
    ///
    /// Remedy: none is needed: a request is answered once. Submit the job again with its --id to get the same
    /// answer.
    #[error("a request with this identity was already answered")]
    Replayed,
    /// The request to a custody has another time than the custody's clock.
    ///
    /// Remedy: set the clock of the machine that is wrong, and keep it set by NTP.
    #[error(
        "the request says that it was made at {sent}, and here it is {here}: no more than five minutes may \
         lie between the two, so one of the machines has to set its clock"
    )]
    OtherClock {
        /// The time of the request, by the sender's clock.
        sent: Time,
        /// The time by the custody's clock.
        here: Time,
    },
    /// All clients together ask for attestation documents too often.
    ///
    /// Remedy: wait a minute.
    #[error("attestation documents are asked for too often just now: wait a minute and ask again")]
    RateLimited,
    /// The party has as many requests under way as it may have.
    ///
    /// Remedy: wait until one of the party's requests is answered; a request that hangs ends by itself.
    #[error("{party} has too many requests under way at once: wait until one of them is answered")]
    Busy {
        /// The party.
        party: String,
    },
    /// A file of the same dataset is being opened.
    ///
    /// Remedy: ask again in a minute; large files take longer.
    #[error("\"{dataset}\" is being opened just now: ask for its status in a minute")]
    Opening {
        /// Name of the dataset.
        dataset: String,
    },
    /// The party has used up its share of what an instance keeps. Shares do not grow again while
    /// the instance lives.
    ///
    /// Remedy: an owner closes the instance (`glovebox close`); the next one has new shares, and what was not
    /// spent comes back.
    #[error(
        "{party} has used up its share of {share} of this instance, which does not grow again: an owner \
         may close the instance (`glovebox close`), and the next one has new shares"
    )]
    ShareUsed {
        /// The party.
        party: String,
        /// The kind of share.
        share: Share,
    },
    /// The bytes are not a request of this version.
    ///
    /// Remedy: use a client of the version that the instance was built from.
    #[error(
        "the request is malformed or of another version: use the client of the instance's version"
    )]
    Malformed,
    /// The analyst has asked as many jobs in a day as the contract allows.
    ///
    /// Remedy: wait until the time that is named, or agree on another jobs_per_day in a new contract.
    #[error(
        "{analyst} has asked {most} jobs for \"{purpose}\" within 24 hours, which is all that the \
         contract allows: the next one may be asked at {next}"
    )]
    TooManyJobs {
        /// The analyst.
        analyst: String,
        /// The purpose of the jobs.
        purpose: String,
        /// The contract's limit.
        most: u32,
        /// When the oldest of these jobs is a day old.
        next: Time,
    },
    /// The contract has ended.
    ///
    /// Remedy: sign a new contract that supersedes this one.
    #[error("the contract expired at {expired}: every party must sign a new one")]
    ContractExpired {
        /// When the contract ended.
        expired: Time,
    },
    /// The time in which the job was meant to run is over.
    ///
    /// Remedy: submit it again; with its --id nothing is paid twice.
    #[error("the job was meant to run before {not_after}: submit it again")]
    JobExpired {
        /// The end of that time.
        not_after: Time,
    },
    /// The instance is closed.
    ///
    /// Remedy: start a new instance and grant it the keys.
    #[error("this instance is closed and has destroyed its keys: start a new one")]
    Closed,
    /// The contract does not permit it.
    ///
    /// Remedy: ask for what the contract lists (`glovebox contract show`), or agree on a new contract with
    /// the party that is named.
    #[error("{}", not_permitted(*.what, .name, .owner.as_deref()))]
    NotPermitted {
        /// The kind of thing that was asked for.
        what: Asked,
        /// Name of the thing.
        name: String,
        /// The party whose dataset the rule protects.
        owner: Option<String>,
    },
    /// A number of the job is outside what the contract or the build allows.
    ///
    /// Remedy: bring the number within what is named.
    #[error("{limit}: found {found}, {}", allowed(*.limit, *.most))]
    OverLimit {
        /// Which limit.
        limit: Limit,
        /// The number that was found.
        found: u64,
        /// The largest number that is allowed.
        most: u64,
    },
    /// The noise would be so wide that it cannot be drawn.
    ///
    /// Remedy: lower the cap or raise epsilon as the text says; `glovebox job price` tells both before
    /// anything is paid.
    #[error(
        "the noise on \"{figure}\" cannot be drawn at epsilon {epsilon} and a cap of {}: {}",
        amount(*.cap, *.scale),
        drawable(*.largest, *.scale, *.least)
    )]
    Undrawable {
        /// Name of the figure.
        figure: String,
        /// By how much one person moves the figure at most, in units of the column's last decimal.
        cap: u64,
        /// Decimals of the column.
        scale: Scale,
        /// The ε that the job asks for.
        epsilon: Epsilon,
        /// The largest cap for which noise can be drawn at this ε.
        largest: Option<u64>,
        /// The smallest ε at which noise can be drawn for this cap.
        least: Option<Epsilon>,
    },
    /// The owner of a dataset has not granted its keys.
    ///
    /// Remedy: the owner runs `glovebox grant` for this instance.
    #[error(
        "{owner} has not granted the keys of \"{dataset}\": {owner} runs `glovebox grant {dataset}`"
    )]
    KeyWithheld {
        /// Name of the dataset.
        dataset: String,
        /// Its owner.
        owner: String,
    },
    /// The job names another version of a dataset than the one that was granted.
    ///
    /// Remedy: submit the job again: it then names the version that is granted now.
    #[error("the job names another version of \"{dataset}\" than {owner} granted: submit it again")]
    OtherVersion {
        /// Name of the dataset.
        dataset: String,
        /// Its owner.
        owner: String,
    },
    /// The job names a dataset with an older list of opt-outs than its owner has made since.
    ///
    /// Remedy: the owner runs `glovebox grant` for this instance; the job is then submitted again, and names the newest list.
    #[error(
        "the job reads \"{dataset}\" with an older list of opt-outs than {owner} has made since: {owner} runs `glovebox grant \
         {dataset}`, and then it is submitted again"
    )]
    OlderOptOuts {
        /// Name of the dataset.
        dataset: String,
        /// Its owner.
        owner: String,
    },
    /// The contract wants a newer list of opt-outs than the one that the dataset was granted with, or wants one at all.
    ///
    /// Remedy: the owner makes the list anew (`glovebox optout renew`) and grants again; then the job is submitted again.
    #[error(
        "the contract wants the list of opt-outs of \"{dataset}\" to be at most {days} days old: {owner} runs `glovebox optout renew` \
         and `glovebox grant {dataset}`, and then the job is submitted again"
    )]
    OldOptOuts {
        /// Name of the dataset.
        dataset: String,
        /// Its owner.
        owner: String,
        /// How old the list may be.
        days: u32,
    },
    /// The grant does not fit the instance, the contract or its file.
    ///
    /// Remedy: the owner mends what is named and runs `glovebox grant` again.
    #[error("the grant for \"{dataset}\" is refused: {why}")]
    BadGrant {
        /// Name of the dataset.
        dataset: String,
        /// What is wrong with the grant.
        why: GrantFlaw,
    },
    /// No budget was handed over for this job yet.
    ///
    /// Remedy: name the owner's custody (`--custody OWNER=URL`) if the contract names none, or ask the owner
    /// to prepay (`glovebox grant --prepay`).
    #[error(
        "{owner} has handed over no budget for this job on \"{dataset}\": its custody must countersign{}",
        so_must(.others)
    )]
    NeedsSlice {
        /// Name of the dataset.
        dataset: String,
        /// Its owner.
        owner: String,
        /// What the job costs.
        cost: Loss,
        /// What remains of the prepaid budget.
        left: Loss,
        /// Other owners who must countersign too.
        #[serde(deserialize_with = "at_most::<{ limits::PARTIES }, _, _>")]
        others: Vec<String>,
    },
    /// The owner's budget does not suffice for the job.
    ///
    /// Remedy: ask with the epsilon that would pass, wait for the next period if the budget has one, or agree
    /// on a new contract.
    #[error("{owner}'s budget on \"{dataset}\" for \"{purpose}\" ({budget}) does not suffice: {}{}", room(.cost, .left, *.delta), spent_on(.debits, .returned))]
    BudgetExhausted {
        /// Name of the dataset.
        dataset: String,
        /// Its owner.
        owner: String,
        /// What the data is used for.
        purpose: String,
        /// The budget that does not suffice.
        budget: WhichBudget,
        /// What the job costs.
        cost: Loss,
        /// What remains of the budget.
        left: Loss,
        /// δ at which ε is stated.
        delta: Delta,
        /// What the budget was spent on, the largest first.
        #[serde(deserialize_with = "at_most::<{ limits::DEBITS }, _, _>")]
        debits: Vec<Debit>,
        /// What came back of it at closings.
        returned: Loss,
    },
    /// The owner countersigned this job in a period that is over.
    ///
    /// Remedy: submit the question as a new job, without --id.
    #[error(
        "{owner} countersigned this job on \"{dataset}\" in the period {period}, which is over, and pays \
         for a job once: submit it as a new job (without --id)"
    )]
    CountersignedBefore {
        /// Name of the dataset.
        dataset: String,
        /// Its owner.
        owner: String,
        /// The period whose budget paid for the job.
        period: String,
    },
    /// A custody does not believe the instance.
    ///
    /// Remedy: ask the owner which check failed (its custody's log says so): the build, its registers or the
    /// host are not what the contract names.
    #[error(
        "the custody of {owner} does not believe this instance: ask {owner} which check failed"
    )]
    NotBelieved {
        /// The owner of the custody.
        owner: String,
    },
    /// A slice is of another instance, dataset or period, or its owner did not sign it.
    ///
    /// Remedy: submit the job again so that the owners cut new slices.
    #[error("a slice is of another instance, dataset or period, or not signed by the owner")]
    BadSlice,
    /// A standing order is not one that anybody may accept.
    ///
    /// Remedy: the analyst writes the order anew (`glovebox order new`); nothing was accepted.
    #[error("the order is refused: {why}")]
    BadOrder {
        /// What is wrong with the order.
        why: OrderFlaw,
    },
    /// A run of a standing order is not paid or not begun.
    ///
    /// Remedy: look at the order (`glovebox order show`): its times, its attempts and who cancelled it. What was refused
    /// was not debited.
    #[error("run {number} of the order \"{order}\" is refused: {why}")]
    Run {
        /// What people call the order.
        order: String,
        /// The number of the run.
        number: u32,
        /// Why it is refused.
        why: RunFlaw,
    },
    /// The host did not keep the audit log's record of what the instance decided, and no reply leaves before it does. What was
    /// decided holds, and what was paid is paid.
    ///
    /// Remedy: tell the operator, whose host has no room for logs (`logs_bytes`) or a disk that fails, and send the same again: a
    /// job is submitted with its --id, and answered for what it has paid.
    #[error(
        "the host did not keep the audit log's record of what the instance decided, and no reply leaves before it does: tell \
         the operator, and send the same again (a job with its --id is answered for what it has paid)"
    )]
    LogNotStored,
    /// The enclave failed. The cause is in its sealed log, under the request's identity.
    ///
    /// Remedy: tell the operator and the owners when it was; the cause is in the instance's sealed log.
    #[error("the enclave failed (an internal fault): tell the operator and the owners when it was")]
    Internal,
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Malformed => Self::Malformed,
            KeyError::Stranger => Self::Stranger,
            KeyError::Unfit { party, kind, name, why } => Self::Key { party, kind, name, why },
            KeyError::TooMany { party } => Self::ShareUsed { party, share: Share::Withdrawals },
        }
    }
}

impl Refusal {
    /// The name of the refusal in messages, without its details, for a log that others read.
    #[must_use]
    pub fn kind(&self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(kind)) => kind,
            Ok(serde_json::Value::Object(fields)) => {
                fields.into_iter().map(|(kind, _)| kind).collect()
            }
            _ => String::new(),
        }
    }
}
