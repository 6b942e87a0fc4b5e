//! From released sums to weights. Nothing here sees anybody: it is a function of sums that left and of public figures.

use super::{
    CLIP, Network, Plan,
    plan::{real, real_of},
};
use crate::pace::Moving;

/// A training under way, of which so many steps were released.
#[derive(Clone, Debug, PartialEq)]
pub struct Descent {
    plan: Plan,
    weights: Moving,
}

/// A trained model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Model {
    /// A weight for each number that goes into each output of each layer, in the plan's order.
    pub weights: Vec<f64>,
}

impl Descent {
    /// The start. Weights of the output of a linear model are 0; those of a network are drawn from the plan's seed, such that
    /// no unit of a hidden layer is like another.
    #[must_use]
    pub fn start(plan: Plan) -> Self {
        let weights = Moving::new(start(&plan));
        Self { plan, weights }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many steps were made.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.weights.done()
    }

    /// Weights as the next step scores people by.
    #[must_use]
    pub fn network(&self) -> Network {
        Network::new(&self.plan, self.weights.weights())
    }

    /// Makes a step with the released sums of gradients, one for each weight. Steps after the last one change nothing.
    ///
    /// The sums are divided by the batch that public figures lead one to expect, and never by how many there were.
    pub fn step(&mut self, sums: &[i64]) {
        let scale = self.plan.clip / f64::from(CLIP) / self.plan.batch();
        self.weights.step(self.plan.pace(), sums.iter().map(|sum| released(*sum) * scale));
    }

    /// The model: the mean of the weights of the last steps; `None` before the last step was made.
    #[must_use]
    pub fn model(&self) -> Option<Model> {
        Some(Model { weights: self.weights.mean(self.plan.pace())? })
    }
}

impl Model {
    /// The network with these weights.
    #[must_use]
    pub fn network(&self, plan: &Plan) -> Network {
        Network::new(plan, &self.weights)
    }
}

/// Weights of a network are drawn evenly, with a variance of 4 for all numbers of a person together, and of 2 and 1 for all
/// units of a layer before a hidden layer and before the output; those of constants are 0.
fn start(plan: &Plan) -> Vec<f64> {
    let layers = plan.hidden.len();
    let mut state = plan.seed;
    let mut weights = Vec::with_capacity(plan.weights());
    for (at, (ins, outs)) in plan.layers().enumerate() {
        let variance = match at {
            _ if layers == 0 => 0.0,
            0 => 4.0,
            _ if at < layers => 2.0,
            _ => 1.0,
        };
        let most = (3.0 * variance / real_of(ins)).sqrt();
        for _ in 0..outs {
            weights.extend((0..ins).map(|_| {
                // 53 bits from -1 to 1.
                let drawn = real(next(&mut state) >> 11) / 4_503_599_627_370_496.0 - 1.0;
                most * drawn
            }));
            weights.push(0.0);
        }
    }
    weights
}

/// A number that follows from the one before: what starts a network is public.
///
/// Source: `SplitMix64`, Steele, Lea and Flood 2014, <https://doi.org/10.1145/2714064.2660195>.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "an estimate from here on")]
fn released(sum: i64) -> f64 {
    sum as f64
}
