//! Weights that move by momentum, step by step, and are averaged over the last steps.

use crate::STEPS;

/// How weights move.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How many steps are made.
    pub(crate) steps: u32,
    /// Learning rate.
    pub(crate) rate: f64,
    /// Share of the last velocity that is kept.
    pub(crate) momentum: f64,
    /// Weight of the squared weights in the loss.
    pub(crate) ridge: f64,
    /// Over how many of the last steps weights are averaged.
    pub(crate) averaged: u32,
}

impl Pace {
    /// Whether all figures are within what can be computed.
    pub(crate) fn is_sound(&self) -> bool {
        let in_range =
            |number: f64, most: f64| number.is_finite() && (0.0..=most).contains(&number);
        (1..=STEPS).contains(&self.steps)
            && self.rate > 0.0
            && in_range(self.rate, 100.0)
            && in_range(self.momentum, 0.999)
            && in_range(self.ridge, 1.0)
            && !self.overshoots()
            && (1..=self.steps).contains(&self.averaged)
    }

    /// Whether the ridge pulls weights back by more than they are, at this rate: then they grow without end.
    pub(crate) fn overshoots(&self) -> bool {
        self.rate * self.ridge >= 2.0 * (1.0 + self.momentum)
    }
}

/// Weights after so many steps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moving {
    weights: Vec<f64>,
    velocity: Vec<f64>,
    /// Sum of the weights of the last steps.
    total: Vec<f64>,
    done: u32,
}

impl Moving {
    /// Weights that have not moved.
    pub(crate) fn new(weights: Vec<f64>) -> Self {
        let zeros = vec![0.0; weights.len()];
        Self { weights, velocity: zeros.clone(), total: zeros, done: 0 }
    }

    /// The weights now.
    pub(crate) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// How many steps were made.
    pub(crate) fn done(&self) -> u32 {
        self.done
    }

    /// Makes a step against the gradient, one entry for each weight. Steps after the last one change nothing.
    pub(crate) fn step(&mut self, pace: Pace, gradient: impl Iterator<Item = f64>) {
        if self.done >= pace.steps {
            return;
        }
        let counts = self.done >= pace.steps.saturating_sub(pace.averaged);
        let all = self.weights.iter_mut().zip(&mut self.velocity).zip(&mut self.total);
        for (((weight, velocity), total), slope) in all.zip(gradient) {
            *velocity = pace.momentum * *velocity + (slope + pace.ridge * *weight);
            *weight -= pace.rate * *velocity;
            if counts {
                *total += *weight;
            }
        }
        self.done += 1;
    }

    /// The mean of the weights of the last steps; `None` before the last step was made.
    pub(crate) fn mean(&self, pace: Pace) -> Option<Vec<f64>> {
        let count = f64::from(pace.averaged.max(1));
        let mean = || self.total.iter().map(|total| total / count).collect();
        (self.done >= pace.steps).then(mean)
    }
}
