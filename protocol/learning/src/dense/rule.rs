//! Settings from public figures alone.

use super::{
    CERTAIN,
    plan::{real, real_of},
};

/// What a training of a dense model is to be like.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// How likely a person is in the batch of a step, in units of 2⁻³².
    pub sampled: u64,
    /// How many steps are made.
    pub steps: u32,
    /// The norm that one person's gradient is clipped to.
    pub clip: f64,
    /// Learning rate.
    pub rate: f64,
    /// Share of the last velocity that is kept.
    pub momentum: f64,
    /// Over how many of the last steps weights are averaged.
    pub averaged: u32,
    /// What the weights of hidden layers begin with follows from this number.
    pub seed: u64,
}

/// The settings for a model of so many numbers between ends and so many features that are one of several bins, of about
/// `people` people who are trained on, at a loss of `rho` in all. None of these is a count of the data.
///
/// A step has a twenty-fifth of all people and there are 125, so that everybody is in five of them, on average. What a person
/// has in each feature in bins is a 1, and a number spread evenly between its ends has a mean square of 1/3: so the numbers of a person have a squared
/// norm of about `binned + numbers / 3`, and the constant's. The norm that gradients are clipped to is this norm, which leaves those of a linear
/// model as they are, since nobody's residual is above 1. A lower one would cut those of the rarer label alone, and the model would say too little
/// of it: at 0.5, 3 % where 12 % have the label. The rate is 4 for a norm of 1, and less
/// where noise hides more: `people · √(2ρ) / 1340`, at least 0.5. Weights are averaged over the last three steps of ten.
#[must_use]
pub fn rule(binned: usize, numbers: usize, people: u64, rho: f64) -> Settings {
    let steps = 125;
    let squared = real_of(binned) + real_of(numbers) / 3.0 + 1.0 / 16.0;
    let seen = real(people) * (2.0 * rho).sqrt();
    Settings {
        sampled: CERTAIN / 25,
        steps,
        clip: squared.sqrt(),
        rate: (seen / 1340.0).clamp(0.5, 4.0) / squared,
        momentum: 0.9,
        averaged: (steps * 3).div_ceil(10),
        seed: 1,
    }
}
