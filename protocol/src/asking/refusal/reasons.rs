//! The closed lists of what refusals name.

use crate::{
    contract::{MAX_LIFETIME_EPSILON, Period},
    manifest::ManifestError,
};
use serde::{Deserialize, Serialize};

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
    /// A way of reading a dataset: its rows, or whether a person was found in it.
    #[error("such use of the dataset")]
    Rows,
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
    /// Withdrawals of keys, which are kept for as long as the instance lives.
    #[error("withdrawals of keys")]
    Withdrawals,
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
    /// It would go on after the keys that signed it or its manifest.
    #[error("it lasts longer than the service key that signed it or its manifest")]
    OutlivesKey,
    /// Another salt than the contract's.
    #[error("its bucket salt is not the one whose digest the contract has")]
    Salt,
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

impl Limit {
    /// The least number that such a limit allows.
    #[must_use]
    pub fn least(self) -> u64 {
        match self {
            Self::Outcomes | Self::Share | Self::CellsPerPerson | Self::Values | Self::Edges => 1,
            Self::ReceiptBytes
            | Self::ReleasedBytes
            | Self::Wait
            | Self::Cap
            | Self::Memory
            | Self::GroupBy
            | Self::Conditions
            | Self::Job
            | Self::Cells => 0,
        }
    }
}
