//! Estimates where nothing happened.
//!
//! **In space**: each other place is taken as treated, with the rest of them to compare with. How much worse a control fits in the
//! test than before is compared with that of the treated places; the rank of theirs among all is a p-value that asks nothing of
//! days, but is never below one over the number of places.
//!
//! **In time**: the same places, with a test that ends where the real one begins. Its interval should have 0.
//!
//! # Source
//!
//! Abadie, Diamond and Hainmueller 2010, *Synthetic control methods for comparative case studies*.

use super::{
    Comparison,
    conformal::{Blocks, Inverted},
    count,
    synthetic::{self, Method, Synthetic},
};

/// The treated places among others as if those were treated.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct InSpace {
    /// The share of places, treated ones together being one, whose fit gets at least as much worse.
    pub p: f64,
    /// How many other places were taken as treated.
    pub places: usize,
}

/// Compares the treated places with others as if those were treated; `None` with fewer than two others, or if the treated
/// places fit exactly before.
#[must_use]
pub fn in_space(comparison: &Comparison, fitted: &Synthetic, method: Method) -> Option<InSpace> {
    let own = worse(comparison, fitted)?;
    let others = comparison.others();
    let as_treated = others.iter().enumerate().filter_map(|(at, row)| {
        let rest = others.iter().enumerate().filter(|(other, _)| *other != at);
        let rest = rest.map(|(_, row)| row.clone()).collect();
        let placebo = Comparison::new(vec![row.clone()], rest, comparison.before()).ok()?;
        worse(&placebo, &synthetic::fit(&placebo, method))
    });
    let found: Vec<_> = as_treated.collect();
    let reached = found.iter().filter(|other| **other >= own * (1.0 - 1e-12)).count();
    (!found.is_empty())
        .then(|| InSpace { p: count(reached + 1) / count(found.len() + 1), places: found.len() })
}

/// How much worse a control fits in the test than before.
fn worse(comparison: &Comparison, fitted: &Synthetic) -> Option<f64> {
    let (before, test) = fitted.effect.gap.split_at_checked(comparison.before())?;
    let square = |gap: &[f64]| gap.iter().map(|gap| gap * gap).sum::<f64>() / count(gap.len());
    Some((square(test) / square(before)).sqrt()).filter(|ratio| ratio.is_finite())
}

/// A test that never was.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct InTime {
    /// Its mean effect.
    pub mean: f64,
    /// Its p-value and interval.
    pub inverted: Inverted,
}

/// A test of as many periods that ends where the real one begins; `None` if too few periods are left before it.
#[must_use]
pub fn in_time(comparison: &Comparison, method: Method, alpha: f64) -> Option<InTime> {
    let placebo = comparison.earlier()?;
    let mean = synthetic::fit(&placebo, method).effect.mean;
    Some(InTime { mean, inverted: Blocks::new(&placebo, method).invert(mean, alpha) })
}
