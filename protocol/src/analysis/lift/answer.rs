//! The answer to a lift question.

mod estimates;

use super::question::{Alternative, Multiplicity, OutcomeKind};
use crate::{
    analysis::margin::{MarginScale, MarginTest},
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use estimates::{CupedResult, LateResult};

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
    /// How p-values are adjusted for several outcomes and parts.
    pub multiplicity: Multiplicity,
    /// People by cell. The cell of people without consent is left out if the assignment dataset asks for none where the outcome
    /// dataset does, or no dataset does; those of who refused among the outcomes unless the outcome dataset alone asks.
    pub cells: Vec<CellCount>,
    /// Whether the arms have the sizes that the design expects.
    pub sample_ratio: SampleRatio,
    /// Shares of the arms that were found among the outcomes; null if an arm is withheld or noise.
    pub match_rates: Option<MatchRates>,
    /// Shares of who was found that refused there; null unless the outcome dataset alone asks for consent, and as `match_rates`.
    pub consent_rates: Option<MatchRates>,
    /// One for each outcome of the job, over everybody.
    pub outcomes: Vec<OutcomeResult>,
    /// The same of each segment and creative; null if the job does not ask for any.
    pub breakdown: Option<BreakdownResult>,
}

/// Effects on segments and of creatives.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BreakdownResult {
    /// Columns whose values make a segment.
    pub segments: Vec<String>,
    /// Column with the creatives; null if the test arm is taken as one.
    pub creative: Option<String>,
    /// Over how many comparisons p-values and intervals are adjusted: every outcome of everybody and of each part, shown or not.
    pub comparisons: u64,
    /// One for each segment and creative, in the order of the contract's lists.
    pub parts: Vec<PartResult>,
    /// Whether the arms of each segment have the sizes that the design expects, in the order of the contract's lists; empty if people
    /// are not told apart by segment.
    pub sample_ratios: Vec<SegmentRatio>,
    /// For each outcome, whether the effects on the segments differ by more than chance and noise.
    pub differences: Vec<Heterogeneity>,
    /// People of both arms who are in no segment that is shown, and left out of all figures.
    pub left_out: LeftOut,
}

/// One segment or creative.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PartResult {
    /// Value of each column of the segment; empty if people are not told apart by segment.
    pub segment: Vec<String>,
    /// The creative; null if the test arm is taken as one.
    pub creative: Option<String>,
    /// Whether an arm has too few people to be shown.
    pub withheld: bool,
    /// One for each outcome of the job; empty if the part is withheld.
    pub outcomes: Vec<OutcomeResult>,
}

/// The sample-ratio check of one segment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentRatio {
    /// Value of each column of the segment.
    pub segment: Vec<String>,
    /// The check of its arms. It fails below the p of the whole check divided by the number of segments that the contract lists.
    pub sample_ratio: SampleRatio,
}

/// Whether the effect on an outcome is the same in all segments that are shown.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Heterogeneity {
    /// Name of the outcome in the job.
    pub outcome: String,
    /// Cochran's Q; null with fewer than two effects, or where creatives share a control arm.
    pub q: Option<f64>,
    /// Effects less one; null where `q` is.
    pub df: Option<u32>,
    /// Probability of effects as different by chance and noise, if they are the same; null where `q` is.
    pub p: Option<f64>,
}

/// People who are left out of all figures.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Of the test arm; null if they are too few to be shown, or nobody.
    pub test: Option<i64>,
    /// Of the control arm; null if they are too few to be shown, or nobody.
    pub control: Option<i64>,
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
    /// Refused consent. Where the outcome dataset alone asks for it, nobody is in this cell.
    NoConsent,
    /// In the test arm, found among the outcomes, and refused there: counted without an outcome.
    TestRefused,
    /// In the control arm, found among the outcomes, and refused there: counted without an outcome.
    ControlRefused,
}

impl Cell {
    /// All cells, in the order in which they are listed.
    pub const ALL: [Self; 9] = [
        Self::TestMatched,
        Self::TestUnmatched,
        Self::ControlMatched,
        Self::ControlUnmatched,
        Self::Contaminated,
        Self::OtherArm,
        Self::NoConsent,
        Self::TestRefused,
        Self::ControlRefused,
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
            Self::TestRefused => "test, refused",
            Self::ControlRefused => "control, refused",
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

/// Which share of each arm was found among the outcomes, or of those found refused there, from released counts.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MatchRates {
    /// Rate of the test arm.
    pub test: MatchRate,
    /// Rate of the control arm.
    pub control: MatchRate,
    /// Probability of such a difference by chance and noise.
    pub p: f64,
    /// P-value below which the rates count as different.
    pub flag_p: f64,
    /// Whether the rates differ.
    pub differs: bool,
}

/// A share of an arm.
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
    /// What the cap means for the estimate, in words; of a part null, since it is said of everybody.
    pub bias_note: Option<String>,
    /// In which form the totals were released: of each arm, or as their contrast and pooled total.
    pub released_as: ReleasedAs,
    /// Test arm; null if it is withheld, or, of a contrast, if either arm is.
    pub test: Option<ArmResult>,
    /// Control arm; null if it is withheld, or, of a contrast, if either arm is.
    pub control: Option<ArmResult>,
    /// Difference in means.
    pub diff_in_means: Option<DiffInMeans>,
    /// Relative lift.
    pub relative_lift: Option<RelativeLift>,
    /// Whether the effect is what it was to be shown to be; null if no margin was given.
    pub margin: Option<MarginResult>,
    /// The effect on people who were reached because they are in the test arm; left out unless the job asks for it, or without a
    /// difference in means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<LateResult>,
    /// The difference in means adjusted by what was known of people before; left out unless the job asks for it, or without a
    /// difference in means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuped: Option<CupedResult>,
    /// Smallest effect that a study of this size would detect with 80 % power.
    pub minimum_detectable: Option<f64>,
    /// Totals over the test arm, and what they cost.
    pub economics: Option<Economics>,
    /// Standard deviations of the noise.
    pub noise_sd: NoiseSd,
    /// Flags: `withheld`, `too_few`, `noise_dominates`, `few_events`, `few_payers`, `variance_floored`,
    /// `control_near_zero`, `control_barely_above_zero`, `less_than_nothing`, `degenerate`, `cost_unbounded` (of one more
    /// event), `first_stage_weak` (no effect on people who were reached),
    /// `first_stage_barely_above_zero`, `covariate_unused`; of a part also `segment_srm_failed`.
    pub flags: Vec<String>,
}

/// The form in which the totals of an outcome were released.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReleasedAs {
    /// The totals of each arm, each with noise of its own.
    Arms,
    /// The test arm's weighted total less the control arm's, and both together: less noise in the difference.
    Contrast,
}

/// Totals of one arm. Those of a contrast follow from both of its forms, and the noise of both arms has something in common.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ArmResult {
    /// People, noisy.
    pub n: i64,
    /// Total of the outcome, noisy.
    pub sum: f64,
    /// Standard deviation of the noise on the total, which is this arm's own where a contrast weighs the arms unequally.
    pub sum_noise_sd: f64,
    /// Total of squares, noisy; null for a binary outcome and for a contrast, of which the squares of both arms together are known.
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
    /// above zero by more than its error, and then so is the interval. Of an outcome that cannot be negative neither this nor an end
    /// of an interval is below -1: what noise and chance put there is cut at -1.
    pub rel_lift: Option<f64>,
    /// Fieller's interval.
    pub ci_fieller: Option<[Option<f64>; 2]>,
    /// The interval of ratios where the method is `few_events`, in place of Fieller's.
    pub ci_few_events: Option<[Option<f64>; 2]>,
    /// Fieller's g: from 1 on the control mean cannot be told from zero.
    pub fieller_g: Option<f64>,
}

/// A test against a margin.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MarginResult {
    /// The test.
    pub test: MarginTest,
    /// What the margin, the effect and its interval are: the difference in means, or the relative lift.
    pub scale: MarginScale,
    /// What the effect is to be above; null without such a bound.
    pub above: Option<f64>,
    /// What the effect is to be below; null without such a bound.
    pub below: Option<f64>,
    /// Probability of such figures if the effect is just not what was to be shown. Null where an outcome has no p; of a relative margin
    /// also without an event in the control arm.
    pub p: Option<f64>,
    /// The same adjusted over all margins that the job tests; null where `p` is, or `multiplicity` is `none`.
    pub p_adjusted: Option<f64>,
    /// Level of the interval.
    pub ci_level: f64,
    /// The interval that lies within the bounds exactly where the test shows it; null where `p` is, and null ends are infinite.
    pub ci: Option<[Option<f64>; 2]>,
    /// Whether it is shown: p, adjusted if the job adjusts, is below one minus the confidence.
    pub shown: bool,
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

/// Standard deviations of the noise on one arm's figures, in units of the figures. That on its sum is with the sum.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseSd {
    /// Standard deviation of the noise on the head count of a cell.
    pub n: f64,
    /// Standard deviation of the noise on the sum of squares; null where `sum_sq` of an arm is.
    pub sum_sq: Option<f64>,
}
