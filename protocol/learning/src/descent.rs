//! From released sums to weights. Nothing here sees anybody: it is a function of sums that left and of public figures.

use crate::{
    pace::Moving,
    plan::{Loss, Plan},
};

/// A training under way: the label sum was released, and so many steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Descent {
    plan: Plan,
    intercept: f64,
    weights: Moving,
}

/// Weights on the grid of scores.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Grid {
    /// A weight for each bin, in units of 2⁻¹⁶.
    pub weights: Vec<i32>,
    /// The same of the intercept.
    pub intercept: i32,
}

/// A trained model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Model {
    /// The score of everybody before any feature.
    pub intercept: f64,
    /// A weight for each bin of each feature, in the order of features.
    pub weights: Vec<f64>,
}

impl Descent {
    /// The start: all weights are 0, and the intercept follows from the released label sum.
    #[must_use]
    pub fn start(plan: Plan, label_sum: i64) -> Self {
        let cap = f64::from(plan.cap);
        let mean = real(label_sum) / (cap * real_of(plan.people));
        let mean = mean.clamp(1e-3, 1.0 - 1e-3);
        let intercept = match plan.loss {
            Loss::Logistic => libm::log(mean / (1.0 - mean)),
            Loss::Squared => mean,
            Loss::Poisson => libm::log(mean * cap),
        };
        let weights = Moving::new(vec![0.0; plan.bins()]);
        Self { plan, intercept, weights }
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
    pub fn grid(&self) -> Grid {
        grid(self.intercept, self.weights.weights())
    }

    /// Makes a step with the released sums of residuals, one for each bin. Steps after the last one change nothing.
    pub fn step(&mut self, sums: &[i64]) {
        let gradient = smooth(&self.plan, sums);
        let scale = f64::from(crate::QUANTA) * real_of(self.plan.people);
        self.weights.step(self.plan.pace(), gradient.iter().map(|sum| sum / scale));
    }

    /// The model: the mean of the weights of the last steps; `None` before the last step was made.
    #[must_use]
    pub fn model(&self) -> Option<Model> {
        let weights = self.weights.mean(self.plan.pace())?;
        Some(Model { intercept: self.intercept, weights })
    }
}

impl Model {
    /// The weights on the grid of scores.
    #[must_use]
    pub fn grid(&self) -> Grid {
        grid(self.intercept, &self.weights)
    }
}

/// To the nearest unit. A weight beyond ±256 counts as that: no score beyond ±12 is told apart.
fn grid(intercept: f64, weights: &[f64]) -> Grid {
    let unit = |number: &f64| {
        let units = (number * 65_536.0 + 0.5).floor().clamp(-WIDEST, WIDEST);
        #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "at most 2^24")]
        let units = units as i32;
        units
    };
    Grid { weights: weights.iter().map(unit).collect(), intercept: unit(&intercept) }
}

/// The sums, of ordered features smoothed over neighbouring bins by (1/4, 1/2, 1/4).
fn smooth(plan: &Plan, sums: &[i64]) -> Vec<f64> {
    let mut all: Vec<f64> = sums.iter().map(|sum| real(*sum)).collect();
    for (start, bins, feature) in plan.ranges() {
        if !feature.is_ordered || bins <= 3 {
            continue;
        }
        // The first bin is of people without a value, and has no neighbour.
        let Some(own) = all.get_mut(start + 1..start + bins) else { continue };
        let mut before = own.first().copied().unwrap_or(0.0);
        for at in 0..own.len() {
            let Some(middle) = own.get(at).copied() else { break };
            let after = own.get(at + 1).copied().unwrap_or(middle);
            if let Some(slot) = own.get_mut(at) {
                *slot = (before + 2.0 * middle + after) / 4.0;
            }
            before = middle;
        }
    }
    all
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "an estimate from here on")]
fn real(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "an estimate from here on")]
fn real_of(number: u64) -> f64 {
    number as f64
}

/// 256 in units of 2⁻¹⁶: 64 features and an intercept of so much fit into 32 bits.
const WIDEST: f64 = 16_777_216.0;
