//! The closed lists of things that refusals name.

use crate::{
    contract::{MAX_LIFETIME_EPSILON, Period},
    manifest::ManifestError,
};
use serde::{Deserialize, Serialize};

/// A thing that a contract may permit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Asked {
    /// An analysis of the contract.
    #[error("analysis")]
    Analysis,
    /// A purpose of the contract.
    #[error("purpose")]
    Purpose,
    /// A use of a column in this analysis.
    #[error("use of the column")]
    Column,
    /// A way of reading a dataset: its rows, or whether a person was found in it.
    #[error("such use of the dataset")]
    Rows,
    /// A value of a group column, as part of an arm.
    #[error("arm")]
    Arm,
    /// A party as analyst.
    #[error("analyst")]
    Analyst,
    /// A party as receiver.
    #[error("receiver")]
    Receiver,
    /// A dataset of the party that asks.
    #[error("dataset of this party")]
    Dataset,
    /// A party that wants to close the instance and owns no dataset.
    #[error("closing by")]
    Closing,
    /// A window of days, for which the contract names no date column.
    #[error("window")]
    Window,
    /// A value by which rows are chosen.
    #[error("value of a filter")]
    Value,
    /// A column with a floor of people, for a question without head counts that could be held to it.
    #[error("choice or training with")]
    Floor,
}

/// Something of which every party has an even share.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Share {
    /// Number of requests. Their identities are kept so that none is answered twice.
    #[error("requests")]
    Requests,
    /// Number of answered jobs, whether they were paid for or not.
    #[error("answered jobs")]
    Answers,
    /// Bytes of results that are kept for retries.
    #[error("bytes of results")]
    AnswerBytes,
    /// Withdrawals of keys, which are kept for as long as the instance lives.
    #[error("withdrawals of keys")]
    Withdrawals,
    /// Grants of data: each is an entry of the audit log, which is kept at the host.
    #[error("grants of data")]
    Grants,
}

/// A limit on a job.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Limit {
    /// Number of outcomes in one job.
    #[error("outcomes in one job")]
    Outcomes,
    /// Length of the receipt, in bytes.
    #[error("bytes that the receipt of this job could have (a longer one cannot be checked)")]
    ReceiptBytes,
    /// Length of the released figures, in bytes.
    #[error("bytes that the released figures of this job could have (a package holds no more)")]
    ReleasedBytes,
    /// How long a job may wait, in seconds.
    #[error("seconds from now until the job is over (not_after)")]
    Wait,
    /// A cap that is so large that, times the rows, it does not fit into a 64-bit sum.
    #[error("the cap of an outcome, for a dataset of this size, in units of the column")]
    Cap,
    /// A total that may count as more than the contract says for its column.
    #[error(
        "what one person's total may count as, in units of the column's last decimal (the contract's cap of the column)"
    )]
    CapOfColumn,
    /// A share or level that is not between 0 and 1.
    #[error("a share in millionths")]
    Share,
    /// Memory in bytes: for the datasets that are granted at once, or for the groups that a job could have.
    #[error("bytes of memory for datasets, or for the groups that a job could have")]
    Memory,
    /// Number of cells that one person may count in.
    #[error("cells that one person may count in")]
    CellsPerPerson,
    /// Number of columns and bins that groups are made of.
    #[error("columns and bins that groups are made of")]
    GroupBy,
    /// Number of datasets whose people are counted together.
    #[error("datasets in one question")]
    Datasets,
    /// Number of conditions on rows.
    #[error("conditions on rows in one question")]
    Conditions,
    /// Number of values of a condition or of an arm.
    #[error("values of one condition or arm")]
    Values,
    /// Number of edges of bins or of a choice.
    #[error("edges of one column's bins, or of a choice")]
    Edges,
    /// Length of the signed job, in bytes.
    #[error("bytes of a signed job (fewer values and conditions are needed)")]
    Job,
    /// Number of comparisons: outcomes times segments and creatives.
    #[error("comparisons in one question (outcomes times segments and creatives)")]
    Comparisons,
    /// Number of groups, for a question with this many measures.
    #[error("groups of a question with so many measures (fewer dimensions or bins are needed)")]
    Cells,
}

/// Why a grant is refused.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantFlaw {
    /// The grant has ended already.
    #[error("it is over already")]
    Time,
    /// The grant lasts longer than is allowed.
    #[error("it lasts longer than 24 hours (the limit)")]
    TooLong,
    /// The owner did not sign the manifest.
    #[error("its manifest is not signed by the dataset's owner")]
    Signature,
    /// The manifest does not fit the contract.
    #[error("{0}")]
    Manifest(ManifestError),
    /// The keys are of other columns than those that the contract uses.
    #[error("it does not release exactly the columns that the contract uses")]
    Columns,
    /// The grant would last longer than the key that signed it or its manifest.
    #[error("it lasts longer than the service key that signed it or its manifest")]
    OutlivesKey,
    /// The salt is not the contract's.
    #[error("its bucket salt is not the one whose digest the contract has")]
    Salt,
    /// The keys do not open.
    #[error("its keys are sealed to another instance, or bound to something else")]
    Keys,
    /// The host does not have the file, or not all of it.
    #[error("the host does not have the file: run `glovebox upload` with it first")]
    Missing,
    /// The file is not the one that the manifest names.
    #[error("the file at the host is not the one the owner signed for: upload it again")]
    Altered,
    /// The file is not a sealed file of this layout.
    #[error("the file is not a sealed file of the contract's layout: seal it again")]
    Layout,
    /// The version is older than one that was granted before.
    #[error("it is older than the version granted before")]
    Older,
    /// The list of opt-outs in it is not the one that the manifest names, or its owner's root key did not sign it.
    #[error(
        "its list of opt-outs is not the one that its manifest names, signed by the owner's root key: grant it from the folder \
         in which `glovebox optout add` wrote the list"
    )]
    OptOuts,
    /// An older list of opt-outs than one that was granted before, or none where there was one.
    #[error(
        "its list of opt-outs is older than the one granted before: grant it with the newest list, which is in the folder where \
         `glovebox optout add` was run last"
    )]
    OlderOptOuts,
}

/// A budget of a dataset's people.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhichBudget {
    /// The budget of the day.
    #[error("of this day")]
    Day,
    /// The budget of the week.
    #[error("of this week")]
    Week,
    /// The budget of the month.
    #[error("of this month")]
    Month,
    /// The budget of the contract.
    #[error("of this contract")]
    Contract,
    /// The budget for life.
    #[error("for life")]
    Lifetime,
    /// The ceiling of the build: what one person may lose for life, over all purposes, names and
    /// contracts.
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
    /// The smallest number that this limit allows.
    #[must_use]
    pub fn least(self) -> u64 {
        match self {
            Self::Outcomes
            | Self::Share
            | Self::CellsPerPerson
            | Self::Datasets
            | Self::Values
            | Self::Edges => 1,
            Self::ReceiptBytes
            | Self::ReleasedBytes
            | Self::Wait
            | Self::Cap
            | Self::CapOfColumn
            | Self::Memory
            | Self::GroupBy
            | Self::Conditions
            | Self::Job
            | Self::Comparisons
            | Self::Cells => 0,
        }
    }
}
