//! What is trained, and how: public figures alone.

use super::{CERTAIN, INPUTS, LAYERS, WEIGHTS, WIDTH};
use crate::{Loss, pace::Pace, plan::wide};

/// Everything that a training of a dense model depends on beside its sums.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever trains names all of it")]
pub struct Plan {
    /// How many numbers a person has.
    pub inputs: u32,
    /// Widths of the hidden layers, from the inputs on; none for a linear model.
    pub hidden: Vec<u32>,
    /// What the model says.
    pub loss: Loss,
    /// The largest label; larger ones count as this.
    pub cap: u32,
    /// About how many people there are: a public figure, and no count of the data.
    pub people: u64,
    /// How likely a person is in the batch of a step, on its own, in units of 2⁻³².
    pub sampled: u64,
    /// How many steps are made.
    pub steps: u32,
    /// The norm that one person's gradient is clipped to.
    pub clip: f64,
    /// Learning rate.
    pub rate: f64,
    /// Share of the last velocity that is kept.
    pub momentum: f64,
    /// Weight of the squared weights in the loss.
    pub ridge: f64,
    /// Over how many of the last steps weights are averaged.
    pub averaged: u32,
    /// What the weights of hidden layers begin with follows from this number.
    pub seed: u64,
}

impl Plan {
    /// Whether all figures are within what can be computed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let logistic = self.loss != Loss::Logistic || self.cap == 1;
        (1..=INPUTS).contains(&self.inputs)
            && self.hidden.len() <= LAYERS
            && self.hidden.iter().all(|width| (1..=WIDTH).contains(width))
            && self.weights() <= WEIGHTS
            && self.cap >= 1
            && logistic
            && self.people >= 1
            && (1..=CERTAIN).contains(&self.sampled)
            && (1e-3..=1e3).contains(&self.clip)
            && self.pace().is_sound()
    }

    /// Whether the ridge pulls weights back by more than they are, at this rate: then they grow without end.
    #[must_use]
    pub fn overshoots(&self) -> bool {
        self.pace().overshoots()
    }

    /// How its weights move.
    pub(crate) fn pace(&self) -> Pace {
        let Self { steps, rate, momentum, ridge, averaged, .. } = *self;
        Pace { steps, rate, momentum, ridge, averaged }
    }

    /// Of each layer, from the inputs on: how many numbers go in, without the constant, and how many come out.
    pub fn layers(&self) -> impl Iterator<Item = (usize, usize)> {
        let ins = std::iter::once(&self.inputs).chain(&self.hidden);
        let outs = self.hidden.iter().chain(std::iter::once(&1));
        ins.zip(outs).map(|(ins, outs)| (wide(*ins), wide(*outs)))
    }

    /// The number of weights of all layers together: the entries of one step. Layer by layer and output by output, they are
    /// a weight for each number that goes in, and last that of the constant.
    #[must_use]
    pub fn weights(&self) -> usize {
        let of_layer = |(ins, outs): (usize, usize)| ins.saturating_add(1).saturating_mul(outs);
        self.layers().map(of_layer).fold(0, usize::saturating_add)
    }

    /// How many people are in a batch, expected of the public figures: what sums are divided by, never a count.
    #[must_use]
    pub fn batch(&self) -> f64 {
        real(self.sampled) / real(CERTAIN) * real(self.people)
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "an estimate, or below 2^53"
)]
pub(super) fn real(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a width of a layer")]
pub(super) fn real_of(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "rounds")]
pub(super) fn narrow(number: f64) -> f32 {
    number as f32
}
