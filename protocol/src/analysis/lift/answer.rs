//! The answer to a lift question.

use super::question::{Alternative, Multiplicity, OutcomeKind};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The answer to a lift question.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LiftAnswer {
    /// When the design was registered, as the analyst says.
    pub registered_at: Option<Time>,
    /// What is estimated, in words.
    pub estimand: String,
    /// Values of the test arm.
    pub test: Vec<String>,
    /// Values of the control arm.
    pub control: Vec<String>,
    /// Confidence level of the intervals.
    pub confidence: f64,
    /// The alternative hypothesis of the p-values.
    pub alternative: Alternative,
    /// How p-values are adjusted for several outcomes.
    pub multiplicity: Multiplicity,
    /// People by cell. The cell of refusers is left out if no dataset asks for consent.
    pub cells: Vec<CellCount>,
    /// Whether the arms have the sizes that the design expects.
    pub sample_ratio: SampleRatio,
    /// Shares of the arms that were found among the outcomes; null if an arm is withheld or noise.
    pub match_rates: Option<MatchRates>,
    /// One for each outcome of the job.
    pub outcomes: Vec<OutcomeResult>,
}

/// The cell of a person in a randomised design, as people read it. Everybody is in exactly one
/// cell.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cell {
    /// In the test arm, and found among the outcomes.
    TestMatched,
    /// In the test arm, without a row among the outcomes.
    TestUnmatched,
    /// In the control arm, and found among the outcomes.
    ControlMatched,
    /// In the control arm, without a row among the outcomes.
    ControlUnmatched,
    /// In more than one arm: in test and control, or in one of these and in another arm or none.
    Contaminated,
    /// Only in arms that this question does not compare, or in none.
    OtherArm,
    /// Refused consent, in either dataset.
    NoConsent,
}

impl Cell {
    /// All cells, in the order in which they are listed.
    pub const ALL: [Self; 7] = [
        Self::TestMatched,
        Self::TestUnmatched,
        Self::ControlMatched,
        Self::ControlUnmatched,
        Self::Contaminated,
        Self::OtherArm,
        Self::NoConsent,
    ];
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TestMatched => "test, matched",
            Self::TestUnmatched => "test, unmatched",
            Self::ControlMatched => "control, matched",
            Self::ControlUnmatched => "control, unmatched",
            Self::Contaminated => "in several arms",
            Self::OtherArm => "other or no arm",
            Self::NoConsent => "no consent",
        })
    }
}

/// Noisy number of people in a cell of a design.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CellCount {
    /// Cell.
    pub cell: Cell,
    /// Number of people; null if the threshold withholds it.
    pub n: Option<i64>,
    /// Standard deviation of the noise on the number.
    pub noise_sd: f64,
}

/// Sample-ratio check, from released counts.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SampleRatio {
    /// Share of the test arm that the design expects.
    pub expected_test_share: f64,
    /// Chi-square statistic, widened by the noise.
    pub chi2: Option<f64>,
    /// P-value of the check.
    pub p: Option<f64>,
    /// P-value below which the check fails.
    pub flag_p: f64,
    /// Whether the check failed.
    pub failed: bool,
}

/// Which share of each arm was found among the outcomes, from released counts.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MatchRates {
    /// Match rate of the test arm.
    pub test: MatchRate,
    /// Match rate of the control arm.
    pub control: MatchRate,
    /// Probability of such a difference by chance and noise.
    pub p: f64,
    /// P-value below which the rates count as different.
    pub flag_p: f64,
    /// Whether the rates differ.
    pub differs: bool,
}

/// The share of an arm that was found.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MatchRate {
    /// Share, from 0 to 1.
    pub rate: f64,
    /// Its two-sided interval at the job's confidence, for people and noise.
    pub ci: [f64; 2],
}

/// Estimates of one outcome.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeResult {
    /// Name in the job.
    pub name: String,
    /// Column of the outcome dataset.
    pub column: String,
    /// Kind of the outcome.
    pub kind: OutcomeKind,
    /// Largest value of one person; larger ones count as this.
    pub cap: f64,
    /// Smallest value of one person; smaller ones count as this.
    pub floor: f64,
    /// What the cap means for the estimate, in words.
    pub bias_note: Option<String>,
    /// Test arm.
    pub test: Option<ArmResult>,
    /// Control arm.
    pub control: Option<ArmResult>,
    /// Difference in means.
    pub diff_in_means: Option<DiffInMeans>,
    /// Relative lift.
    pub relative_lift: Option<RelativeLift>,
    /// Smallest effect that a study of this size would detect with 80 % power.
    pub minimum_detectable: Option<f64>,
    /// Totals over the test arm, and what they cost.
    pub economics: Option<Economics>,
    /// Standard deviations of the noise.
    pub noise_sd: NoiseSd,
    /// Flags: `withheld`, `too_few`, `noise_dominates`, `few_events`, `few_payers`, `variance_floored`,
    /// `control_near_zero`, `control_barely_above_zero`, `degenerate`, `cost_unbounded` (of one more
    /// event).
    pub flags: Vec<String>,
}

/// Totals of one arm.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ArmResult {
    /// People, noisy.
    pub n: i64,
    /// Total of the outcome, noisy.
    pub sum: f64,
    /// Total of squares, noisy; null for a binary outcome.
    pub sum_sq: Option<f64>,
    /// Mean.
    pub mean: Option<f64>,
}

/// Difference in means with Welch's standard error and the noise's variance.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DiffInMeans {
    /// People in the test arm.
    pub n_t: i64,
    /// People in the control arm.
    pub n_c: i64,
    /// Mean of the test arm.
    pub mean_t: f64,
    /// Mean of the control arm.
    pub mean_c: f64,
    /// Effect per person.
    pub ate: f64,
    /// Standard error, with sampling and noise.
    pub se: f64,
    /// Part of the standard error from sampling.
    pub se_sampling: f64,
    /// Part of the standard error from noise.
    pub se_mechanism: f64,
    /// Degrees of freedom after Satterthwaite; null where the normal distribution is used.
    pub df: Option<f64>,
    /// Test statistic.
    pub t: Option<f64>,
    /// P-value.
    pub p: Option<f64>,
    /// P-value adjusted over the job's outcomes.
    pub p_adjusted: Option<f64>,
    /// Level of this outcome's intervals: higher than the job's where they are adjusted.
    pub ci_level: f64,
    /// Interval; null ends are infinite (one-sided).
    pub ci: Option<[Option<f64>; 2]>,
    /// How p and interval were made: `welch_t`, `normal_with_noise` or `few_events`.
    pub ci_method: String,
}

/// Relative lift and its interval.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RelativeLift {
    /// Mean of the test arm over that of the control arm, less one; null where the control mean is not
    /// above zero by more than its error, and then so is the interval.
    pub rel_lift: Option<f64>,
    /// Fieller's interval.
    pub ci_fieller: Option<[Option<f64>; 2]>,
    /// The interval of ratios where the method is `few_events`, in place of Fieller's.
    pub ci_few_events: Option<[Option<f64>; 2]>,
    /// Fieller's g: from 1 on the control mean cannot be told from zero.
    pub fieller_g: Option<f64>,
}

/// Totals over the test arm.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Economics {
    /// Cost of the campaign.
    pub cost: f64,
    /// Currency.
    pub currency: String,
    /// Effect per person times people in the test arm.
    pub incremental: Option<f64>,
    /// Interval of `incremental`.
    pub incremental_ci: Option<[Option<f64>; 2]>,
    /// Incremental value per unit of cost, for a value outcome.
    pub iroas: Option<f64>,
    /// Interval of `iroas`.
    pub iroas_ci: Option<[Option<f64>; 2]>,
    /// Cost per incremental event, for an event outcome.
    pub cost_per_incremental: Option<f64>,
    /// Interval of `cost_per_incremental`; null if it is unbounded.
    pub cost_per_incremental_ci: Option<[Option<f64>; 2]>,
}

/// Standard deviations of the noise on one arm's totals, in units of the figures.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseSd {
    /// Standard deviation of the noise on the head count of a cell.
    pub n: f64,
    /// Standard deviation of the noise on the sum.
    pub sum: f64,
    /// Standard deviation of the noise on the sum of squares.
    pub sum_sq: Option<f64>,
}
