//! What an experiment of a given size can see.

use crate::lift::Confidence;
use crate::special::normal_upper_quantile;

/// A planned or realised comparison of two arms.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "built by callers, who must see a new field")]
pub struct Design {
    /// Standard deviation of the outcome between users, in its unit.
    pub standard_deviation: f64,
    /// People in the test arm.
    pub test_users: f64,
    /// People in the control arm.
    pub control_users: f64,
    /// Share of the variance that a covariate explains; 0 without one.
    pub explained: f64,
    /// Variance that noise adds to the difference in means; 0 without noise.
    pub mechanism_variance: f64,
}

/// The smallest true difference in means that the test finds with probability `power`.
///
/// Absent where it has no finite value: an empty arm, or a level or power outside 0 to 1.
///
/// # Source
///
/// Normal approximation: (z of the level + z of the power) · standard error of the difference.
#[must_use]
pub fn minimum_detectable(design: &Design, confidence: Confidence, power: f64) -> Option<f64> {
    let Design { standard_deviation, test_users, control_users, explained, mechanism_variance } =
        *design;
    let sampling = standard_deviation * standard_deviation * (1.0 - explained);
    let variance = sampling * (1.0 / test_users + 1.0 / control_users) + mechanism_variance;
    let quantiles = normal_upper_quantile(confidence.tail()) + normal_upper_quantile(1.0 - power);
    let populated = test_users > 0.0 && control_users > 0.0;
    Some(quantiles * variance.sqrt()).filter(|effect| populated && effect.is_finite())
}
