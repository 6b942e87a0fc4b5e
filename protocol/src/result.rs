//! The result of a job, as the receiver reads it: `result.json`, format `glovebox-result-v1` for lift,
//! `glovebox-table-v1` for counts and sums by group, `glovebox-choice-v1` for one chosen place.
//!
//! Every figure is an estimate from released (noisy) totals. Numbers that cannot be estimated are
//! null, with a flag that says why. Amounts are in units of the column (dollars, not cents).

use crate::{
    digest::Digest,
    job::{Alternative, Multiplicity, OutcomeKind},
    time::Time,
};
use serde::{Deserialize, Serialize};

pub use choice::{ChoiceResult, FORMAT as CHOICE_FORMAT};
pub use table::{
    CountRange, Estimate, FORMAT as TABLE_FORMAT, MatchedShare, MeasureEstimate, OtherCells,
    OtherTotal, SpreadEstimate, TableCell, TableResult,
};

mod choice;
mod table;

/// A result of any kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(clippy::exhaustive_enums, reason = "whoever reads results must see a new kind")]
pub enum JobResult {
    /// Of a lift question.
    Lift(LiftResult),
    /// Of a question about groups.
    Table(TableResult),
    /// Of a choice.
    Choice(ChoiceResult),
}

impl JobResult {
    /// Reads `result.json`.
    ///
    /// # Errors
    ///
    /// [`InvalidResult`] if it is of none of these formats, or not whole.
    pub fn from_json(bytes: &[u8]) -> Result<Self, InvalidResult> {
        #[derive(Deserialize)]
        struct Header {
            format: String,
        }
        let header: Header = serde_json::from_slice(bytes).map_err(|_| InvalidResult)?;
        let read = match header.format.as_str() {
            FORMAT => serde_json::from_slice(bytes).map(Self::Lift),
            TABLE_FORMAT => serde_json::from_slice(bytes).map(Self::Table),
            CHOICE_FORMAT => serde_json::from_slice(bytes).map(Self::Choice),
            _ => return Err(InvalidResult),
        };
        read.map_err(|_| InvalidResult)
    }

    /// The bytes of `result.json`.
    #[must_use]
    pub fn to_json(&self) -> Option<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).ok()?;
        json.push(b'\n');
        Some(json)
    }

    /// The party that asked the job.
    #[must_use]
    pub fn asked_by(&self) -> &str {
        match self {
            Self::Lift(lift) => &lift.asked_by,
            Self::Table(table) => &table.asked_by,
            Self::Choice(choice) => &choice.asked_by,
        }
    }

    /// Name of the job.
    #[must_use]
    pub fn job(&self) -> &str {
        match self {
            Self::Lift(it) => &it.job,
            Self::Table(it) => &it.job,
            Self::Choice(it) => &it.job,
        }
    }

    /// Adds a flag of the whole job.
    pub fn flag(&mut self, flag: String) {
        match self {
            Self::Lift(it) => it.flags.push(flag),
            Self::Table(it) => it.flags.push(flag),
            Self::Choice(it) => it.flags.push(flag),
        }
    }

    /// False if the noise was switched off.
    #[must_use]
    pub fn is_noisy(&self) -> bool {
        match self {
            Self::Lift(it) => it.noise,
            Self::Table(it) => it.noise,
            Self::Choice(it) => it.noise,
        }
    }

    /// What was charged.
    #[must_use]
    pub fn privacy(&self) -> &PrivacyReport {
        match self {
            Self::Lift(it) => &it.privacy,
            Self::Table(it) => &it.privacy,
            Self::Choice(it) => &it.privacy,
        }
    }
}

/// Bytes that are no result.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a result of format {FORMAT}, {TABLE_FORMAT} or {CHOICE_FORMAT}")]
pub struct InvalidResult;

/// The result of a lift job.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LiftResult {
    /// Always [`FORMAT`].
    pub format: String,
    /// True unless the noise was switched off, which only `glovebox try` can do.
    pub noise: bool,
    /// Digest of the contract.
    pub contract: Digest,
    /// The contract's name.
    pub contract_name: String,
    /// The job.
    pub job: String,
    /// The party that asked.
    pub asked_by: String,
    /// The analysis of the contract.
    pub analysis: String,
    /// What it was for.
    pub purpose: String,
    /// When, in the enclave's trusted time.
    pub time: Time,
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
    /// What the p-values are against.
    pub alternative: Alternative,
    /// How they are adjusted.
    pub multiplicity: Multiplicity,
    /// People by cell; without the one of refusers where no dataset asks for consent.
    pub cells: Vec<CellCount>,
    /// Whether the arms have the sizes that the design expects.
    pub sample_ratio: SampleRatio,
    /// Shares of the arms that were found among the outcomes; null if an arm is withheld or noise.
    pub match_rates: Option<MatchRates>,
    /// One for each outcome of the job.
    pub outcomes: Vec<OutcomeResult>,
    /// What was charged.
    pub privacy: PrivacyReport,
    /// Flags of the whole job: `srm_failed`, `match_differs`, `consent_with_outcome`, `contaminated`,
    /// `without_arm`, `arms_pooled`, `low_match`, `arm_withheld`, [`NEAR_DUPLICATE`] and
    /// [`SAME_FIGURES`] with a job.
    pub flags: Vec<String>,
}

/// Noisy number of people in a cell of a design.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CellCount {
    /// Cell.
    pub cell: crate::tally::Cell,
    /// People; null if withheld by the threshold.
    pub n: Option<i64>,
    /// Standard deviation of the noise on it.
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
    /// Its p-value.
    pub p: Option<f64>,
    /// Below this p the check fails.
    pub flag_p: f64,
    /// Whether it failed.
    pub failed: bool,
}

/// How many of each arm were found among the outcomes, from released counts.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MatchRates {
    /// Of the test arm.
    pub test: MatchRate,
    /// Of the control arm.
    pub control: MatchRate,
    /// Probability of such a difference by chance and noise.
    pub p: f64,
    /// Below this p the rates differ.
    pub flag_p: f64,
    /// Whether they do.
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
    /// Kind.
    pub kind: OutcomeKind,
    /// Largest value of one person: what is above it counts as it.
    pub cap: f64,
    /// Smallest value of one person: what is below it counts as it.
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
    /// Standard error, all of it.
    pub se: f64,
    /// Its part from sampling.
    pub se_sampling: f64,
    /// Its part from noise.
    pub se_mechanism: f64,
    /// Degrees of freedom after Satterthwaite; null where the normal distribution is used.
    pub df: Option<f64>,
    /// Statistic.
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
    /// Its interval.
    pub incremental_ci: Option<[Option<f64>; 2]>,
    /// For a value: incremental value per unit of cost.
    pub iroas: Option<f64>,
    /// Its interval.
    pub iroas_ci: Option<[Option<f64>; 2]>,
    /// For an event: cost per incremental event.
    pub cost_per_incremental: Option<f64>,
    /// Its interval; null if unbounded.
    pub cost_per_incremental_ci: Option<[Option<f64>; 2]>,
}

/// Standard deviations of the noise on one arm's totals, in units of the figures.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseSd {
    /// On the head count of a cell.
    pub n: f64,
    /// On the sum.
    pub sum: f64,
    /// On the sum of squares.
    pub sum_sq: Option<f64>,
}

/// What the result cost.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyReport {
    /// Mechanism.
    pub mechanism: String,
    /// Whose data is protected from what, in words.
    pub unit: String,
    /// ε as asked.
    pub epsilon: f64,
    /// δ at which it is meant.
    pub delta: f64,
    /// δ beside it, for groups whose values are private; 0 without any.
    pub selection_delta: f64,
    /// ρ of zero-concentrated differential privacy.
    pub rho: f64,
    /// Smallest arm that is shown.
    pub min_cell: u32,
    /// Each dataset's charge.
    pub charged: Vec<ChargeReport>,
}

/// One dataset's charge, and what this instance has left to spend on it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeReport {
    /// Dataset.
    pub dataset: String,
    /// Owner.
    pub owner: String,
    /// ρ charged.
    pub rho: f64,
    /// ρ left of the slices handed to this instance.
    pub rho_left_in_instance: f64,
}

/// The mechanism of a choice in a [`PrivacyReport`].
pub const PERMUTE_AND_FLIP: &str = "permute_and_flip";

/// Begins the flag of a job that asks again about the people of an earlier job of the same instance, with
/// at most one condition changed; the earlier job's name follows.
pub const NEAR_DUPLICATE: &str = "near_duplicate:";

/// Begins the flag of a job whose figures an earlier job of the same instance had paid for, whose
/// name follows: they are the same figures, and nothing was paid again.
pub const SAME_FIGURES: &str = "same_figures:";

/// The name of this format.
pub const FORMAT: &str = "glovebox-result-v1";
