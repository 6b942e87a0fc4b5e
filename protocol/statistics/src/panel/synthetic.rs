//! Synthetic control: a weighted mean of places that is like the treated ones before, and stands for them afterwards.
//!
//! Each place is taken relative to its own mean before (a fixed effect), unless that is not wanted. Weights are none below 0 and
//! together 1. Several treated places count as their mean.
//!
//! A ridge mends what such weights leave over: it adds to them what a ridge regression of the remainder on the places gives.
//! Its penalty is the largest whose error, when each period before is left out in turn, is within one standard error of the least.
//!
//! # Source
//!
//! Abadie, Diamond and Hainmueller 2010; Doudchenko and Imbens 2016 (fixed effects); Ben-Michael, Feller and
//! Rothstein 2021, <https://arxiv.org/abs/1811.04170> (ridge). Conventions are those of the R package augsynth.

use super::{
    Comparison, Effect, count,
    linear::{Cholesky, add, dot, gram, largest_eigenvalue, mean, mean_of, with_diagonal},
    simplex::nearest,
};

/// How a synthetic control is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "two choices, and a caller makes both")]
pub struct Method {
    /// Whether each place is taken relative to its own mean before.
    pub fixed_effects: bool,
    /// The penalty of the ridge; `None` for weights alone.
    pub ridge: Option<f64>,
}

impl Method {
    /// Fixed effects, and no ridge.
    pub const WEIGHTS: Self = Self { fixed_effects: true, ridge: None };

    /// Fixed effects, and a ridge with this penalty.
    #[must_use]
    pub fn ridge(penalty: f64) -> Self {
        Self { ridge: Some(penalty), ..Self::WEIGHTS }
    }
}

/// A fitted synthetic control.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Synthetic {
    /// The weight of each other place.
    pub weights: Vec<f64>,
    /// The synthetic control in every period.
    pub counterfactual: Vec<f64>,
    /// What happened beyond it.
    pub effect: Effect,
    /// The root of the sum of squares that is left over before.
    pub l2: f64,
    /// The same beside that of a plain mean of the other places; `None` if a plain mean fits exactly.
    pub scaled_l2: Option<f64>,
}

/// Fits a synthetic control to the periods before.
#[must_use]
pub fn fit(comparison: &Comparison, method: Method) -> Synthetic {
    let before = comparison.before();
    let rows = Centred::new(comparison, method.fixed_effects, before);
    let weights = rows.weights(before, method.ridge);
    let mut counterfactual = vec![rows.level; comparison.periods()];
    for (weight, row) in weights.iter().zip(&rows.others) {
        add(&mut counterfactual, *weight, row);
    }
    let plain = mean_of(&rows.others, comparison.periods());
    let l2 = |of: &[f64]| {
        let left =
            rows.treated.iter().zip(of).take(before).map(|(seen, fit)| (seen - fit) * (seen - fit));
        left.sum::<f64>().sqrt()
    };
    let fitted: Vec<_> = counterfactual.iter().map(|number| number - rows.level).collect();
    let (l2, of_plain) = (l2(&fitted), l2(&plain));
    Synthetic {
        effect: comparison.effect(&counterfactual),
        scaled_l2: (of_plain > 0.0).then(|| l2 / of_plain).filter(|ratio| ratio.is_finite()),
        weights,
        counterfactual,
        l2,
    }
}

/// The penalty of the ridge: the largest whose error in periods that are left out is within one standard error of the least.
///
/// The last period before is never left out, as in augsynth.
#[must_use]
pub fn penalty(comparison: &Comparison) -> Option<f64> {
    let before = comparison.before();
    let rows = Centred::new(comparison, true, before);
    let (centred, target) = rows.relative(before);
    let most = largest_eigenvalue(&gram(&centred));
    let step = libm::pow(1e-8, 1.0 / 20.0);
    let grid: Vec<_> = (0..=20)
        .scan(most, |penalty, _| {
            let now = *penalty;
            *penalty *= step;
            Some(now)
        })
        .collect();
    if most.is_nan() || most <= 0.0 || before < 3 {
        return None;
    }
    let mut errors: Vec<Vec<f64>> = Vec::with_capacity(before - 1);
    for left_out in 0..before - 1 {
        let without = |row: &Vec<f64>| -> Vec<f64> {
            let kept = row.iter().enumerate().filter(|(at, _)| *at != left_out);
            kept.map(|(_, number)| *number).collect()
        };
        let kept: Vec<_> = centred.iter().map(without).collect();
        let goal = without(&target);
        let weights = weights_of(&kept, &goal);
        let rest = remainder(&kept, &goal, &weights);
        let products = gram(&kept);
        let against: Vec<_> = kept.iter().map(|row| dot(row, &rest)).collect();
        let there = |row: &Vec<f64>| row.get(left_out).copied().unwrap_or(0.0);
        let column: Vec<_> = centred.iter().map(there).collect();
        let error = |penalty: &f64| {
            let parts = Cholesky::new(&with_diagonal(&products, *penalty));
            let more = parts.map(|parts| parts.solve(&against)).unwrap_or_default();
            let fitted = dot(&column, &weights) + dot(&column, &more);
            let missed = there(&target) - fitted;
            missed * missed
        };
        errors.push(grid.iter().map(error).collect());
    }
    let periods = count(errors.len());
    let mean_errors = mean_of(&errors, grid.len());
    let best = mean_errors.iter().enumerate().min_by(|one, other| one.1.total_cmp(other.1))?;
    let spread = errors.iter().filter_map(|row| row.get(best.0)).map(|error| {
        let apart = error - best.1;
        apart * apart
    });
    let standard_error = (spread.sum::<f64>() / (periods - 1.0).max(1.0) / periods).sqrt();
    let within =
        mean_errors.iter().zip(&grid).filter(|(error, _)| **error <= best.1 + standard_error);
    within.map(|(_, penalty)| *penalty).next()
}

/// A table relative to what each place was before.
pub(super) struct Centred {
    /// The mean of treated places.
    pub(super) treated: Vec<f64>,
    pub(super) others: Vec<Vec<f64>>,
    /// What was taken from the treated mean.
    level: f64,
}

impl Centred {
    /// Relative to the mean of the first `before` periods, or not at all.
    pub(super) fn new(comparison: &Comparison, fixed_effects: bool, before: usize) -> Self {
        let level = |row: &[f64]| {
            if fixed_effects { mean(row.get(..before).unwrap_or_default()) } else { 0.0 }
        };
        let centred = |row: &[f64]| -> Vec<f64> {
            let level = level(row);
            row.iter().map(|number| number - level).collect()
        };
        let treated = comparison.treated_mean();
        Self {
            level: level(&treated),
            treated: centred(&treated),
            others: comparison.others().iter().map(|row| centred(row)).collect(),
        }
    }

    /// The first `before` periods relative to the mean of the other places in each of them, which no weights change.
    pub(super) fn relative(&self, before: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
        let middle = mean_of(&self.others, before);
        let relative = |row: &Vec<f64>| -> Vec<f64> {
            row.iter().zip(&middle).map(|(number, middle)| number - middle).collect()
        };
        (self.others.iter().map(relative).collect(), relative(&self.treated))
    }

    /// Weights fitted to the first `before` periods.
    fn weights(&self, before: usize, ridge: Option<f64>) -> Vec<f64> {
        let (others, target) = self.relative(before);
        let mut weights = weights_of(&others, &target);
        if let Some(penalty) = ridge {
            let rest = remainder(&others, &target, &weights);
            let against: Vec<_> = others.iter().map(|row| dot(row, &rest)).collect();
            if let Some(parts) = Cholesky::new(&with_diagonal(&gram(&others), penalty)) {
                add(&mut weights, 1.0, &parts.solve(&against));
            }
        }
        weights
    }
}

/// The weights of rows whose mean is nearest to a target.
fn weights_of(rows: &[Vec<f64>], target: &[f64]) -> Vec<f64> {
    let apart = |row: &Vec<f64>| -> Vec<f64> {
        row.iter().zip(target).map(|(number, target)| number - target).collect()
    };
    let apart: Vec<_> = rows.iter().map(apart).collect();
    nearest(&gram(&apart))
}

/// What weighted rows leave of a target.
fn remainder(rows: &[Vec<f64>], target: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut rest = target.to_vec();
    for (weight, row) in weights.iter().zip(rows) {
        add(&mut rest, -weight, row);
    }
    rest
}
