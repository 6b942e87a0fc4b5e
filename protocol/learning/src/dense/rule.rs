//! Settings from public figures alone.

use super::{CERTAIN, plan::real_of};

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

/// The settings for a model of people of whom so many features are one of several bins. None of these is a count of the data.
///
/// A step has a twenty-fifth of all people and there are 125, so that everybody is in five of them, on average. Gradients
/// count up to a norm of 0.5. Each bin that somebody is in is a 1 among the numbers, and numbers between ends are small beside it, so the
/// rate falls with the bins: 8 without any. Weights are averaged over the last three steps of ten.
#[must_use]
pub fn rule(binned: usize) -> Settings {
    let steps = 125;
    Settings {
        sampled: CERTAIN / 25,
        steps,
        clip: 0.5,
        rate: 8.0 / (1.0 + real_of(binned)),
        momentum: 0.9,
        averaged: (steps * 3).div_ceil(10),
        seed: 1,
    }
}
