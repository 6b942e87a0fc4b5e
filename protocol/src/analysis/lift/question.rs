//! A lift question as it is signed.

use crate::{
    analysis::margin::Margin,
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
    /// By what the effects are told apart, beside the effect on everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<Breakdown>,
    /// Measure column of the assignment that tells who really was reached, for the effect on these people; none if it is not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed: Option<String>,
    /// What was known of people before, by which the differences in means are adjusted; none if that is not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covariate: Option<Covariate>,
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

/// By what the effects of a campaign are told apart.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Breakdown {
    /// Group columns of the assignment: a segment is a value of each. Whoever has no value or several is in none.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_GROUP_BY }, _, _>")]
    pub segments: Vec<String>,
    /// Group column of the assignment whose values in the test arm are each compared with the whole control arm.
    pub creative: Option<String>,
}

/// A number of each person that was known before people were assigned.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Covariate {
    /// Measure column of the assignment.
    pub column: String,
    /// The ends between which one person's value counts as it is, in units of the column's scale.
    pub clamp: Clamp,
    /// Decimals of the column, from the contract.
    pub scale: Scale,
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
    /// Its part of the loss for sums, beside the other outcomes, 1 to 1000.
    pub weight: u32,
    /// What the effect on it is to be shown to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<Margin>,
}

impl OutcomeKind {
    /// The weight of an outcome for which the job names none. Loss that is divided in proportion to cap over deviation makes the
    /// intervals widen least, each as a share of itself. A share of people has about a third or a quarter of
    /// its cap as its deviation, a count a tenth, an amount a twentieth.
    #[must_use]
    pub const fn weight(self) -> u32 {
        match self {
            Self::Binary => 1,
            Self::Count => 3,
            Self::Value => 6,
        }
    }
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
