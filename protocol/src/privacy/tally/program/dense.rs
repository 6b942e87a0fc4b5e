//! Dense models: numbers between public ends, and who is in a step.

use super::{RATE_UNITS, real};
use crate::{
    learning::{self, dense},
    limits::{self, at_most},
    loss::Delta,
};
use serde::{Deserialize, Serialize};

/// A model of numbers from -1 to 1, and who is in a step. A feature in bins is a number for each bin but the first: 1 for that
/// in which a person is, 0 for the others.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever trains must see a new field")]
pub struct Dense {
    /// Units of each hidden layer; none for a linear model.
    #[serde(deserialize_with = "at_most::<{ limits::LAYERS }, _, _>")]
    pub hidden: Vec<u32>,
    /// How likely a person is in the batch of a step, on its own, in units of 2⁻³².
    pub sampled: u64,
    /// What the weights of hidden layers begin with follows from this number.
    pub seed: u64,
    /// δ of the cap on the loss of all steps.
    pub delta: Delta,
}

/// All that is trained, as numbers.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever trains must see a new model")]
pub enum Plan {
    /// An additive model.
    Additive(learning::Plan),
    /// A dense one.
    Dense(dense::Plan),
}

impl Plan {
    /// How many sums one step has.
    #[must_use]
    pub fn entries(&self) -> usize {
        match self {
            Self::Additive(plan) => plan.bins(),
            Self::Dense(plan) => plan.weights(),
        }
    }

    /// Whether all figures are within what can be computed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Additive(plan) => plan.is_sound(),
            Self::Dense(plan) => plan.is_sound(),
        }
    }

    /// Whether the ridge pulls weights back by more than they are, at this rate: then they grow without end.
    #[must_use]
    pub fn overshoots(&self) -> bool {
        match self {
            Self::Additive(plan) => plan.overshoots(),
            Self::Dense(plan) => plan.overshoots(),
        }
    }

    /// The plan of an additive model; `None` if it is another one.
    #[must_use]
    pub fn additive(self) -> Option<learning::Plan> {
        match self {
            Self::Additive(plan) => Some(plan),
            Self::Dense(_) => None,
        }
    }

    /// The plan of a dense model; `None` if it is another one.
    #[must_use]
    pub fn dense(self) -> Option<dense::Plan> {
        match self {
            Self::Additive(_) => None,
            Self::Dense(plan) => Some(plan),
        }
    }
}

/// Between what a number is told exactly: public figures, the first one lower.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "two public figures")]
pub struct Ends {
    /// The lower end.
    pub lower: i64,
    /// The upper end.
    pub upper: i64,
}

impl Dense {
    /// A chance in units of 2⁻³², rounded down; `None` if it is not above 0 and at most 1.
    #[must_use]
    pub fn sampled_of(chance: f64) -> Option<u64> {
        let units = (chance * RATE_UNITS).floor();
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to lie in 1..=2^32"
        )]
        let whole = (1.0..=RATE_UNITS).contains(&units).then_some(units as u64);
        whole
    }

    /// How likely a person is in the batch of a step.
    #[must_use]
    pub fn chance(&self) -> f64 {
        real(self.sampled) / RATE_UNITS
    }
}

impl Ends {
    /// A value as a number of a dense model, in units of 2⁻¹¹.
    #[must_use]
    pub fn number(self, value: i64) -> i16 {
        dense::number(value, self.lower, self.upper)
    }
}
