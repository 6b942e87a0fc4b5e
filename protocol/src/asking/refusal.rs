//! What the enclave says when it declines.

use crate::{
    contract::{MAX_LIFETIME_EPSILON, Period},
    job::JobName,
    limits::{self, at_most},
    loss::{Delta, Epsilon, Loss},
    manifest::ManifestError,
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use words::{amount, drawable, not_permitted, room, so_must, spent_on};

mod words;

/// Why a request was declined; the only error a party ever sees.
///
/// Decided from what both sides already know (contract, request, ledger, public sizes) and never
/// from a row. A refusal costs nothing. What went wrong inside is a fault: it stays inside and
/// reaches the parties as [`Refusal::Internal`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// Not signed by a party of the contract.
    #[error("the request is not signed by a party of this contract")]
    Stranger,
    /// Addressed to another instance or contract.
    #[error(
        "the request is for another instance or another contract: verify this one and ask again"
    )]
    Elsewhere,
    /// Seen before.
    #[error("a request with this identity was already answered")]
    Replayed,
    /// A request to a custody of another time than the custody's.
    #[error(
        "the request says that it was made at {sent}, and here it is {here}: no more than five minutes may          lie between the two, so one of the machines has to set its clock"
    )]
    OtherClock {
        /// By who asks.
        sent: Time,
        /// By the custody.
        here: Time,
    },
    /// Documents are asked for too often just now, by everybody together.
    #[error("attestation documents are asked for too often just now: wait a minute and ask again")]
    RateLimited,
    /// One party has as many requests under way as it may.
    #[error("{party} has too many requests under way at once: wait until one of them is answered")]
    Busy {
        /// Whose.
        party: String,
    },
    /// A file of the same dataset is being opened.
    #[error("\"{dataset}\" is being opened just now: ask for its status in a minute")]
    Opening {
        /// Dataset.
        dataset: String,
    },
    /// One party has had its share of what an instance keeps, which does not grow again.
    #[error(
        "{party} has had its share of {share} of this instance, for as long as the instance lives; the \
         other parties have theirs: an owner may close it (`glovebox close`) so that another one starts"
    )]
    ShareUsed {
        /// Whose.
        party: String,
        /// Of what.
        share: Share,
    },
    /// The bytes are no request.
    #[error("the request is malformed or of another version")]
    Malformed,
    /// More jobs than the contract allows in a day.
    #[error(
        "{analyst} has asked {most} jobs for \"{purpose}\" within 24 hours, which is all that the \
         contract allows: the next one may be asked at {next}"
    )]
    TooManyJobs {
        /// Who asked.
        analyst: String,
        /// What for.
        purpose: String,
        /// The contract's limit.
        most: u32,
        /// When the oldest of them is a day old.
        next: Time,
    },
    /// The contract is over.
    #[error("the contract expired at {expired}: every party must sign a new one")]
    ContractExpired {
        /// When.
        expired: Time,
    },
    /// The job is too old.
    #[error("the job was meant to run before {not_after}: submit it again")]
    JobExpired {
        /// Until when.
        not_after: Time,
    },
    /// The instance is closed.
    #[error("this instance is closed and has destroyed its keys: start a new one")]
    Closed,
    /// The contract does not permit it.
    #[error("{}", not_permitted(*.what, .name, .owner.as_deref()))]
    NotPermitted {
        /// What kind of thing was asked for.
        what: Asked,
        /// Its name.
        name: String,
        /// The party whose dataset the rule protects.
        owner: Option<String>,
    },
    /// A number of the job is outside what the contract or the build allows.
    #[error("{limit}: found {found}, at most {most} is allowed")]
    OverLimit {
        /// Which limit.
        limit: Limit,
        /// What was asked.
        found: u64,
        /// What is allowed.
        most: u64,
    },
    /// Noise so wide that it cannot be drawn.
    #[error(
        "the noise on \"{figure}\" cannot be drawn at epsilon {epsilon} and a cap of {}: {}",
        amount(*.cap, *.scale),
        drawable(*.largest, *.scale, *.least)
    )]
    Undrawable {
        /// What people call the figure.
        figure: String,
        /// What one person moves it by at most, in units of the column's last decimal.
        cap: u64,
        /// Decimals of the column.
        scale: u8,
        /// As asked.
        epsilon: Epsilon,
        /// The largest cap at this ε.
        largest: Option<u64>,
        /// The least ε for this cap.
        least: Option<Epsilon>,
    },
    /// An owner has not granted the keys.
    #[error("{owner} has not granted the keys of \"{dataset}\": ask for `glovebox grant`")]
    KeyWithheld {
        /// Dataset.
        dataset: String,
        /// Its owner.
        owner: String,
    },
    /// The job names another version of a dataset than was granted.
    #[error("the job names another version of \"{dataset}\" than {owner} granted: submit it again")]
    OtherVersion {
        /// Dataset.
        dataset: String,
        /// Its owner.
        owner: String,
    },
    /// A grant that binds something else, asks too much or too little.
    #[error("the grant for \"{dataset}\" is refused: {why}")]
    BadGrant {
        /// Dataset.
        dataset: String,
        /// Why.
        why: GrantFlaw,
    },
    /// No loss was handed over for this job yet.
    #[error(
        "{owner} has handed over no budget for this job on \"{dataset}\": its custody must countersign{}",
        so_must(.others)
    )]
    NeedsSlice {
        /// Dataset.
        dataset: String,
        /// Its owner.
        owner: String,
        /// What the job costs.
        cost: Loss,
        /// What is left of what was prepaid.
        left: Loss,
        /// Other owners who must countersign too.
        #[serde(deserialize_with = "at_most::<{ limits::PARTIES }, _, _>")]
        others: Vec<String>,
    },
    /// The owner's budget does not suffice.
    #[error("{owner}'s budget on \"{dataset}\" for \"{purpose}\" ({budget}) does not suffice: {}{}", room(.cost, .left, *.delta), spent_on(.debits, .returned))]
    BudgetExhausted {
        /// Dataset.
        dataset: String,
        /// Its owner.
        owner: String,
        /// Purpose.
        purpose: String,
        /// Which limit.
        budget: WhichBudget,
        /// What the job costs.
        cost: Loss,
        /// What is left.
        left: Loss,
        /// δ at which to speak of ε.
        delta: Delta,
        /// What it went to, the largest first.
        #[serde(deserialize_with = "at_most::<{ limits::DEBITS }, _, _>")]
        debits: Vec<Debit>,
        /// What came back of it at closings.
        returned: Loss,
    },
    /// The slice of this job was cut in a period that is over.
    #[error(
        "{owner} countersigned this job on \"{dataset}\" in the period {period}, which is over, and pays \
         for a job once: submit it as a new job (without --id)"
    )]
    CountersignedBefore {
        /// Dataset.
        dataset: String,
        /// Its owner.
        owner: String,
        /// The period whose budget paid.
        period: String,
    },
    /// Custody does not believe the instance.
    #[error("custody of {owner} does not believe this instance")]
    NotBelieved {
        /// Whose custody.
        owner: String,
    },
    /// A slice of another instance, contract or owner.
    #[error("a slice is of another instance, dataset or period, or not signed by the owner")]
    BadSlice,
    /// The enclave failed. The cause is in its sealed log, under the request's identity.
    #[error("internal fault")]
    Internal,
}

impl Refusal {
    /// Its name on the wire, without anything that it says: for a log that others read.
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

/// What one analyst's jobs of one analysis took of a budget.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Debit {
    /// Who asked; none for loss that went out for no job, or for jobs that the reader is not told of.
    pub analyst: Option<String>,
    /// Which analysis; without an analyst [`PREPAID`], [`OTHERS`], [`ELSEWHERE`], [`FOUND`] or [`WRITTEN_OFF`].
    pub analysis: String,
    /// How many jobs, or other times that loss went out.
    pub jobs: u64,
    /// The latest of these jobs, newest first, at most [`NAMED_JOBS`].
    #[serde(deserialize_with = "at_most::<{ NAMED_JOBS }, _, _>")]
    pub latest: Vec<JobName>,
    /// What was handed out for them together; what came back at closings is not taken off.
    pub loss: Loss,
}

/// What a debit without an analyst is called if it was prepaid with a grant.
pub const PREPAID: &str = "prepaid with grants";
/// What a debit is called that is not the business of the contract at hand.
pub const ELSEWHERE: &str = "spent under other contracts";
/// What a debit is called that was for jobs of other analysts than the one who is told: how much, and not
/// on what.
pub const OTHERS: &str = "spent by other analysts";
/// What a debit is called that only a closing told of, after a backup of the ledger was restored.
pub const FOUND: &str = "found in closings after the ledger was restored";
/// What a debit is called that nobody told of after a backup of the ledger was restored.
pub const WRITTEN_OFF: &str = "written off when the ledger was restored";
/// How many jobs a [`Debit`] names.
pub const NAMED_JOBS: usize = 5;

/// A thing a contract may permit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Asked {
    /// An analysis.
    #[error("analysis")]
    Analysis,
    /// A purpose.
    #[error("purpose")]
    Purpose,
    /// A column for this analysis.
    #[error("use of the column")]
    Column,
    /// A value of a group.
    #[error("arm")]
    Arm,
    /// A party that asks.
    #[error("analyst")]
    Analyst,
    /// A party that receives.
    #[error("receiver")]
    Receiver,
    /// A dataset of the party that asks.
    #[error("dataset of this party")]
    Dataset,
    /// A party that closes, and owns nothing.
    #[error("closing by")]
    Closing,
    /// A window, without a date column.
    #[error("window")]
    Window,
    /// A value that rows are chosen by.
    #[error("value of a filter")]
    Value,
}

/// What every party has an even share of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Share {
    /// Requests, whose identities are kept so that none is answered twice.
    #[error("requests")]
    Requests,
    /// Jobs that are answered, whether paid for or not.
    #[error("answered jobs")]
    Answers,
    /// Bytes of results that are kept for retries.
    #[error("bytes of results")]
    AnswerBytes,
}

/// A limit on a job.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Limit {
    /// Outcomes in one job.
    #[error("outcomes in one job")]
    Outcomes,
    /// Bytes of a receipt.
    #[error("bytes that the receipt of such an answer could have, which nobody could check")]
    ReceiptBytes,
    /// Bytes of what is released.
    #[error("bytes that what is released for it could have, which no package holds")]
    ReleasedBytes,
    /// Seconds that a job may wait.
    #[error("seconds from now until the job is over (not_after)")]
    Wait,
    /// A cap that, times the rows, would not fit into a 64-bit sum.
    #[error("the cap of an outcome, for a dataset of this size, in units of the column")]
    Cap,
    /// A share or level outside 0 to 1.
    #[error("a share in millionths")]
    Share,
    /// Datasets granted at once.
    #[error("bytes of datasets held by this instance")]
    Memory,
    /// Cells that one person may count in.
    #[error("cells that one person may count in")]
    CellsPerPerson,
    /// What groups are made of.
    #[error("columns and bins that groups are made of")]
    GroupBy,
    /// Conditions on rows.
    #[error("conditions on rows in one question")]
    Conditions,
    /// Values of a condition or of an arm.
    #[error("values of one condition or arm")]
    Values,
    /// Edges of bins or of a choice.
    #[error("edges of one column's bins, or of a choice")]
    Edges,
    /// The signed job.
    #[error("bytes of a signed job (fewer values and conditions are needed)")]
    Job,
    /// Groups of one question, for as many measures as it has.
    #[error("groups of a question with so many measures (fewer dimensions or bins are needed)")]
    Cells,
}

/// Why a grant is refused.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantFlaw {
    /// It ended already.
    #[error("it is over already")]
    Time,
    /// It ends after what is allowed.
    #[error("it lasts longer than 24 hours (the limit)")]
    TooLong,
    /// The manifest is not signed by the owner.
    #[error("its manifest is not signed by the dataset's owner")]
    Signature,
    /// The manifest does not fit the contract.
    #[error("{0}")]
    Manifest(ManifestError),
    /// Keys of other columns than the contract uses.
    #[error("it does not release exactly the columns that the contract uses")]
    Columns,
    /// Keys that do not open.
    #[error("its keys are sealed to another instance, or bound to something else")]
    Keys,
    /// The host does not have the file, or not whole.
    #[error("the host does not have the file: run `glovebox upload` with it first")]
    Missing,
    /// The file is not the one that the manifest names.
    #[error("the file at the host is not the one the owner signed for: upload it again")]
    Altered,
    /// The file is no sealed file of this layout.
    #[error("the file is not a sealed file of the contract's layout: seal it again")]
    Layout,
    /// An older version than one granted before.
    #[error("it is older than the version granted before")]
    Older,
}

/// Which limit of a dataset's people.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhichBudget {
    /// Of the day.
    #[error("of this day")]
    Day,
    /// Of the week.
    #[error("of this week")]
    Week,
    /// Of the month.
    #[error("of this month")]
    Month,
    /// Of the contract.
    #[error("of this contract")]
    Contract,
    /// For ever.
    #[error("for life")]
    Lifetime,
    /// What the build lets one person lose for ever, over all purposes, names and contracts.
    #[error("for life over all purposes and contracts, at most epsilon {MAX_LIFETIME_EPSILON}")]
    Ceiling,
}

impl From<Period> for WhichBudget {
    fn from(period: Period) -> Self {
        match period {
            Period::Day => Self::Day,
            Period::Week => Self::Week,
            Period::Month => Self::Month,
            Period::Contract => Self::Contract,
        }
    }
}

impl fmt::Display for Debit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(analyst) = &self.analyst else {
            return write!(f, "what was {}", self.analysis);
        };
        let s = if self.jobs == 1 { "" } else { "s" };
        write!(f, "{} \"{}\" job{s} of {analyst}", self.jobs, self.analysis)?;
        let latest = self.latest.iter().map(ToString::to_string).collect::<Vec<_>>();
        let named = u64::try_from(latest.len()).unwrap_or(u64::MAX);
        let lately = if named < self.jobs { ", lately" } else { ":" };
        if latest.is_empty() { Ok(()) } else { write!(f, "{lately} {}", latest.join(" ")) }
    }
}
