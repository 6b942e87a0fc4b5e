//! Settings from public figures alone.

use crate::QUANTA;

/// What a training is to be like.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// How many gradient steps are made.
    pub steps: u32,
    /// How far one residual counts, in quanta.
    pub clip: u32,
    /// Learning rate.
    pub rate: f64,
    /// Share of the last velocity that is kept.
    pub momentum: f64,
    /// Over how many of the last steps weights are averaged.
    pub averaged: u32,
}

/// The settings for about `people` people with so many features, at a loss of `rho` in all. None of these is a count of the
/// data.
///
/// With s = people · √(2ρ/features), the signal to noise of one step that spends everything: residuals count up to
/// s^¼/10, within 0.3 and 0.9; training stops once averaged noise in a weight reaches a share (0.6) of a plausible
/// weight, which is the regulariser; a rate of 12/features is stable whatever the data are. More steps cost time, not
/// privacy.
#[must_use]
pub fn rule(people: u64, features: usize, rho: f64) -> Settings {
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "far below 2^53")]
    let (people, features) = (people as f64, features.max(1) as f64);
    let signal = people * (2.0 * rho / features).sqrt();
    let clip = (libm::pow(signal, 0.25) / 10.0).clamp(0.3, 0.9);
    let horizon = 0.6 * signal / clip;
    let momentum = 0.9;
    let steps = (horizon * features / 120.0).ceil().clamp(100.0, 300.0);
    let rate = (horizon * (1.0 - momentum) / steps).min(12.0 / features);
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "100 to 300, and 1228 to 3686"
    )]
    let (steps, clip) = (steps as u32, (clip * f64::from(QUANTA)).floor() as u32);
    Settings { steps, clip, rate, momentum, averaged: steps.div_ceil(2) }
}
