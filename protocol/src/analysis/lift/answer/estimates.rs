//! Estimates that stand beside the difference in means if a job asks for them.

use serde::{Deserialize, Serialize};

/// The local average treatment effect: on people who were reached because they are in the test arm.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LateResult {
    /// Share of the test arm that was reached.
    pub reached_t: f64,
    /// Share of the control arm that was reached.
    pub reached_c: f64,
    /// The one less the other, by which the effect is divided.
    pub first_stage: f64,
    /// Standard error of the first stage, with sampling and noise.
    pub first_stage_se: f64,
    /// Part of that error from noise.
    pub first_stage_se_mechanism: f64,
    /// Two-sided interval of the first stage, at the level of the outcome's intervals; null without an error.
    pub first_stage_ci: Option<[Option<f64>; 2]>,
    /// Effect per person who was reached because of the arm; null where the first stage is not clearly above zero, as all that follows.
    pub late: Option<f64>,
    /// Standard error by the delta method, with sampling and noise.
    pub se: Option<f64>,
    /// Part of the standard error from sampling.
    pub se_sampling: Option<f64>,
    /// Part of the standard error from noise.
    pub se_mechanism: Option<f64>,
    /// Fieller's interval, which leaves out zero exactly where that of the difference in means does; null where that is; null ends are
    /// infinite (one-sided).
    pub ci: Option<[Option<f64>; 2]>,
    /// The two-sided interval by the delta method, for comparison with other programs: it can contradict the p-value.
    pub ci_delta: Option<[Option<f64>; 2]>,
}

/// The difference in means less what differs in a covariate that was known before (CUPED).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CupedResult {
    /// Column of the assignment with the covariate.
    pub covariate: String,
    /// Largest value of one person; larger ones count as this.
    pub cap: f64,
    /// Smallest value of one person; smaller ones count as this.
    pub floor: f64,
    /// Whether the covariate makes the interval shorter. If not, the figures are those of the difference in means.
    pub used: bool,
    /// By how much the outcome goes with one unit of the covariate; null if it is not used.
    pub theta: Option<f64>,
    /// Mean of the test arm, as if the covariate had the same mean in both.
    pub mean_t: f64,
    /// Mean of the control arm, as well.
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
    /// Test statistic; null where that of the difference in means is.
    pub t: Option<f64>,
    /// P-value; null where that of the difference in means is.
    pub p: Option<f64>,
    /// P-value adjusted over the adjusted estimates of all outcomes and parts; null where `p` is, or `multiplicity` is `none`.
    pub p_adjusted: Option<f64>,
    /// Level of this interval.
    pub ci_level: f64,
    /// Interval; null ends are infinite (one-sided).
    pub ci: Option<[Option<f64>; 2]>,
    /// Length of an interval of 95 % as a share of that of the difference in means; 1 if the covariate is not used.
    pub length: f64,
}
