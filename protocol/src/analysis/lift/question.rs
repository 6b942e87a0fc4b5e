//! A lift question as it is signed.

use crate::{
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    proof::Split,
    tally::Clamp,
    time::Time,
    units::{Millionths, Scale},
};
use serde::{Deserialize, Serialize};

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
    pub expected_test_share: Millionths,
    /// The sample-ratio check flags below this p, in millionths.
    pub srm_flag_p: Millionths,
    /// Days of the outcome dataset that count, since 1970-01-01, both included.
    pub window: Option<(i32, i32)>,
    /// The outcomes to compare.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub outcomes: Vec<Outcome>,
    /// Confidence of the intervals, in millionths.
    pub confidence: Millionths,
    /// The alternative hypothesis of the p-values.
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
    /// Smallest arm that is shown. The contract's floor holds if it is larger.
    pub min_cell: u32,
    /// When the design was registered, as the analyst says.
    pub registered_at: Option<Time>,
}

/// One outcome.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Name that people give to the outcome.
    pub name: String,
    /// Measure column.
    pub column: String,
    /// What kind of number a person has.
    pub kind: OutcomeKind,
    /// The ends between which one person's value counts as it is, in units of the column's scale;
    /// [`Clamp::ONE`] for a yes-or-no outcome.
    pub clamp: Clamp,
    /// Decimals of the column, from the contract.
    pub scale: Scale,
}

/// Kinds of outcome.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutcomeKind {
    /// Whether something happened.
    Binary,
    /// How often something happened, capped.
    Count,
    /// An amount, capped.
    Value,
}

/// Alternative hypothesis of a test.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Alternative {
    /// The arms differ.
    TwoSided,
    /// The test arm has more.
    Greater,
    /// The test arm has less.
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
