//! A question, as an analyst signs it.

mod choice;
mod name;
mod signed;
mod template;

use crate::{
    contract::ColumnRef,
    digest::Digest,
    limits::{self, Size, at_most},
    loss::{Delta, Epsilon},
    proof::Split,
    sign::Signed,
    tally::Clamp,
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use choice::{ChoiceOf, ChoiceQuestion};
pub use name::{InvalidJobName, JobName};
pub use signed::SignedJob;
pub use template::{TemplateError, question_from_toml};

/// A job for one instance.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Digest of the contract.
    pub contract: Digest,
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// Chosen at random by the analyst.
    pub id: JobId,
    /// After this the job is refused.
    pub not_after: Time,
    /// The analysis of the contract.
    pub analysis: String,
    /// What is asked.
    pub question: Question,
    /// The exact version of each dataset: name and digest of the signed manifest.
    pub datasets: BTreeMap<String, Digest>,
    /// Parties that get the result.
    #[serde(deserialize_with = "at_most::<{ limits::PARTIES }, _, _>")]
    pub receivers: Vec<String>,
}

/// What is asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind of question")]
pub enum Question {
    /// Randomised lift.
    Lift(Lift),
    /// Counts and sums by group.
    Table(TableQuestion),
    /// One place of such a table: the fullest group, or the edge of a quantile.
    Choice(ChoiceQuestion),
}

impl Question {
    /// Smallest head count that is shown, as the analyst asks; the contract's floor where it is larger.
    #[must_use]
    pub fn min_cell(&self) -> u32 {
        match self {
            Self::Lift(it) => it.min_cell,
            Self::Table(it) => it.min_cell,
            // No count leaves.
            Self::Choice(_) => 0,
        }
    }

    /// ε of the whole job, and the δ at which it is meant.
    #[must_use]
    pub fn epsilon(&self) -> (Epsilon, Delta) {
        match self {
            Self::Lift(it) => (it.epsilon, it.delta),
            Self::Table(it) => (it.epsilon, it.delta),
            Self::Choice(it) => (it.epsilon, it.delta),
        }
    }
}

impl Signed for Job {
    const TAG: &'static str = "glovebox job v1";
    const SIZE: Size = limits::JOB;
}

/// Sixteen random bytes, so that two jobs that ask the same have two names. Outside its own bytes a job
/// goes by its [`JobName`]: anybody may sign a job with an id that was seen elsewhere.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct JobId(pub [u8; 16]);

/// Randomised lift, intention to treat. All numbers are integers, so that a job has one encoding.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lift {
    /// Values of the arm column that make up the test arm.
    #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
    pub test: Vec<String>,
    /// Values of the arm column that make up the control arm.
    #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
    pub control: Vec<String>,
    /// Share of people expected in the test arm, of those in both, in millionths.
    pub expected_test_share: u32,
    /// The sample-ratio check flags below this p, in millionths.
    pub srm_flag_p: u32,
    /// Days of the outcome dataset that count, since 1970-01-01, both included.
    pub window: Option<(i32, i32)>,
    /// What to compare.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub outcomes: Vec<Outcome>,
    /// Confidence of the intervals, in millionths.
    pub confidence: u32,
    /// What the p-value is against.
    pub alternative: Alternative,
    /// Adjustment of p-values over outcomes.
    pub multiplicity: Multiplicity,
    /// What the campaign cost.
    pub cost: Option<Cost>,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// How the loss is divided.
    pub split: Split,
    /// Smallest arm that is shown; the contract's floor where it is larger.
    pub min_cell: u32,
    /// When the design was registered, as the analyst says.
    pub registered_at: Option<Time>,
}

/// Counts and sums by group: how many people, what they did.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableQuestion {
    /// What cells are made of, outermost first.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_GROUP_BY }, _, _>")]
    pub group_by: Vec<GroupBy>,
    /// Which rows count: all of these.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Filter>,
    /// What is added up for each person and cell.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub measures: Vec<TableMeasure>,
    /// In how many cells one person may count; the rest of a person's cells is left out.
    pub cells_per_person: u32,
    /// Confidence of the intervals, in millionths.
    pub confidence: u32,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// δ for selecting cells whose values are private, in units of 10⁻¹⁵; 0 without such cells.
    pub selection_delta: u64,
    /// How the loss is divided.
    pub split: Split,
    /// Smallest cell that is shown; the contract's floor where it is larger.
    pub min_cell: u32,
}

/// What cells are made of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
pub enum GroupBy {
    /// Whether the person was found in the joined dataset.
    Matched,
    /// A group or label column.
    Column(ColumnRef),
    /// A measure of this question, by name, in bins: a distribution.
    Bins {
        /// Name of the measure.
        measure: String,
        /// Ascending, in units of the column's scale.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
}

/// Rows that count.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
pub enum Filter {
    /// A group column has one of these values.
    OneOf {
        /// Column.
        column: ColumnRef,
        /// Values of its public list.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        values: Vec<String>,
    },
    /// A measure or date column lies within bounds, both included.
    Between {
        /// Column.
        column: ColumnRef,
        /// Smallest, in units of the column's scale, or days since 1970-01-01.
        least: i64,
        /// Largest.
        most: i64,
    },
}

/// What is added up.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableMeasure {
    /// What people call it.
    pub name: String,
    /// Dataset whose rows are counted, for [`Statistic::Rows`]; else the column, written as a [`ColumnRef`] is.
    pub column: String,
    /// What is made of the rows of a person.
    pub statistic: Statistic,
    /// Between what ends the value of one person and cell counts as it is, in units of the column's scale.
    pub clamp: Clamp,
    /// Whether squares are added up too, which gives the spread between people.
    pub squares: bool,
    /// Decimals of the column, from the contract; 0 for counts.
    pub scale: u8,
}

/// What is made of the rows of a person.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
pub enum Statistic {
    /// How many.
    Rows,
    /// The sum of the column.
    Sum,
    /// How many different values.
    Distinct,
}

/// One outcome.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// What people call it.
    pub name: String,
    /// Measure column.
    pub column: String,
    /// What kind of number it is for a person.
    pub kind: OutcomeKind,
    /// Between what ends the value of one person counts as it is, in units of the column's scale;
    /// [`Clamp::ONE`] for a binary outcome.
    pub clamp: Clamp,
    /// Decimals of the column, from the contract.
    pub scale: u8,
}

/// Kinds of outcome.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutcomeKind {
    /// Whether it happened.
    Binary,
    /// How often, capped.
    Count,
    /// How much, capped.
    Value,
}

/// What a test is against.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Alternative {
    /// Different.
    TwoSided,
    /// Larger.
    Greater,
    /// Smaller.
    Less,
}

/// How p-values of several outcomes are adjusted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Multiplicity {
    /// P-values are not adjusted.
    None,
    /// Holm's step-down: family-wise error.
    Holm,
    /// Benjamini and Hochberg: false discovery rate.
    Bh,
}

/// A fixed cost.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Millionths of the currency.
    pub millionths: u64,
    /// Currency.
    pub currency: String,
}
