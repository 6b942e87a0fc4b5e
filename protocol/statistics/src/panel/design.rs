//! What a test would find: which places to treat and for how long, on data in which nothing happened.
//!
//! A window of the past has as many periods as the job will have, before the test and in it. Windows end evenly over the history, the
//! last one where it ends. In each the treated places are raised by a lift, and the test by moving blocks is made as it will be: a
//! lift is found if its effect is above 0 and the p of no effect at most α. The power at a lift is the share of windows in which it is
//! found. At no lift it is the share in which any effect is found: about α, and more where what places have of their own drifts.
//!
//! If the figures of the test will carry noise, noise of the same size is added here, differently in every window, so that the
//! power is that of the noisy test. What is drawn follows from the size of the table alone: the same question has the same answer.
//!
//! A set is a place with those that moved most like it, as in GeoLift. Of all sets, those are tried that the other places fit best
//! before the test.

use super::{
    Comparison,
    conformal::{Blocks, Statistic},
    count,
    linear::{dot, mean},
    synthetic::{self, Method},
};
use std::collections::BTreeSet;

/// What is searched.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever searches names all of it")]
pub struct Search {
    /// How many periods the job has before the test.
    pub before: usize,
    /// How many periods the test has.
    pub tested: usize,
    /// How many places are treated: several numbers are tried.
    pub sizes: Vec<usize>,
    /// Lifts whose power is asked: 0.05 for 5 %.
    pub lifts: Vec<f64>,
    /// Level of the test.
    pub alpha: f64,
    /// Power from which a lift counts as detectable.
    pub power: f64,
    /// How many windows are tried; fewer where the table is short.
    pub windows: usize,
    /// Standard deviation of the noise in each number of the test.
    pub noise_sd: f64,
    /// How many sets are tried, of those that fit best.
    pub sets: usize,
}

/// A set of places to treat, and what a test there would find.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// Its places, by their number in the table.
    pub places: Vec<usize>,
    /// How far a synthetic control is from them before the last window's test, beside a plain mean of the others.
    pub scaled_l2: f64,
    /// How many windows were tried.
    pub windows: usize,
    /// In how many of them an effect was found though none was put in.
    pub false_alarms: usize,
    /// In how many of them each lift was found.
    pub found: Vec<usize>,
    /// The least lift from which on every one has the power that was asked for; `None` if none has.
    pub detectable: Option<f64>,
    /// The total of its places in the last window's test: what a lift is a share of.
    pub baseline: f64,
}

/// The sets whose other places fit best, each with what a test there would find; none if the table is shorter than one window, or
/// has too few places.
#[must_use]
pub fn search(rows: &[Vec<f64>], asked: &Search) -> Vec<Candidate> {
    let periods = rows.first().map_or(0, Vec::len);
    let is_table =
        rows.iter().all(|row| row.len() == periods && row.iter().all(|number| number.is_finite()));
    let ends = ends(periods, asked);
    if !is_table || ends.is_empty() {
        return Vec::new();
    }
    let mut fitted: Vec<_> = sets(rows, &asked.sizes)
        .into_iter()
        .filter_map(|places| {
            let last = window(rows, &places, periods, asked)?;
            Some((synthetic::fit(&last, Method::WEIGHTS).scaled_l2?, places))
        })
        .collect();
    fitted.sort_by(|one, other| one.0.total_cmp(&other.0));
    fitted.truncate(asked.sets);
    let noisy: Vec<_> =
        ends.into_iter().map(|end| (end, noisy(rows, asked.noise_sd, end))).collect();
    let tried = fitted.into_iter().map(|(scaled_l2, places)| {
        let windows = noisy.iter().filter_map(|(end, noisy)| {
            Some([window(noisy, &places, *end, asked)?, window(rows, &places, *end, asked)?])
        });
        let windows: Vec<_> = windows.collect();
        let baseline = places
            .iter()
            .filter_map(|place| rows.get(*place))
            .map(|row| row.iter().rev().take(asked.tested).sum::<f64>());
        tried(
            asked,
            &windows,
            Candidate {
                baseline: baseline.sum(),
                scaled_l2,
                windows: windows.len(),
                false_alarms: 0,
                found: Vec::new(),
                detectable: None,
                places,
            },
        )
    });
    tried.collect()
}

/// Where windows end, the last one first.
fn ends(periods: usize, asked: &Search) -> Vec<usize> {
    let shape = asked.before.saturating_add(asked.tested);
    let Some(spare) = periods.checked_sub(shape).filter(|_| asked.tested > 0) else {
        return Vec::new();
    };
    let windows = asked.windows.min(spare + 1);
    let steps = windows.saturating_sub(1).max(1);
    (0..windows).map(|earlier| periods - earlier * spare / steps).collect()
}

/// Tries no lift and every lift in every window, which is given with noise and without.
fn tried(asked: &Search, windows: &[[Comparison; 2]], nothing: Candidate) -> Candidate {
    let finds = |lift: f64| {
        let is_found = |[noisy, exact]: &&[Comparison; 2]| {
            is_found(&raised(noisy, exact, lift), lift, asked.alpha)
        };
        windows.iter().filter(is_found).count()
    };
    let found: Vec<_> = asked.lifts.iter().map(|lift| finds(*lift)).collect();
    let is_enough = |found: usize| count(found) >= asked.power * count(windows.len());
    let mut by_lift: Vec<_> = asked.lifts.iter().copied().zip(found.iter().copied()).collect();
    by_lift.sort_by(|one, other| one.0.total_cmp(&other.0));
    let last_missed = by_lift.iter().rposition(|(_, found)| !is_enough(*found));
    let first_kept = last_missed.map_or(0, |at| at + 1);
    let detectable = by_lift.get(first_kept).filter(|_| !windows.is_empty());
    Candidate {
        false_alarms: finds(0.0),
        detectable: detectable.map(|(lift, _)| *lift),
        found,
        ..nothing
    }
}

/// Whether the test finds an effect, which has to be above 0 if a lift was added.
fn is_found(window: &Comparison, lift: f64, alpha: f64) -> bool {
    let blocks = Blocks::new(window, Method::WEIGHTS);
    // The p that a job reports is this one or larger, and takes far longer.
    if blocks.p(0.0, Statistic::AbsoluteSum) > alpha {
        return false;
    }
    let estimate = synthetic::fit(window, Method::WEIGHTS).effect.mean;
    (lift <= 0.0 || estimate > 0.0) && blocks.p_of_none(estimate, alpha) <= alpha
}

/// The noisy table with the treated places raised by a share of what they are without noise.
fn raised(noisy: &Comparison, exact: &Comparison, lift: f64) -> Comparison {
    let mut other = noisy.clone();
    for (row, exact) in other.treated.iter_mut().zip(&exact.treated) {
        let tested = row.iter_mut().zip(exact).skip(noisy.before);
        tested.for_each(|(number, exact)| *number += lift * exact);
    }
    other
}

/// The window that ends there, of which the last periods are a test in these places.
fn window(rows: &[Vec<f64>], places: &[usize], end: usize, asked: &Search) -> Option<Comparison> {
    let start = end.checked_sub(asked.before + asked.tested)?;
    let (mut treated, mut others) = (Vec::new(), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        let row = row.get(start..end)?.to_vec();
        if places.contains(&at) { treated.push(row) } else { others.push(row) }
    }
    Comparison::new(treated, others, asked.before).ok()
}

/// Each place with those that moved most like it, in each size, each set once.
fn sets(rows: &[Vec<f64>], sizes: &[usize]) -> BTreeSet<Vec<usize>> {
    let centred = |row: &Vec<f64>| -> Vec<f64> {
        let mean = mean(row);
        let apart: Vec<_> = row.iter().map(|number| number - mean).collect();
        let length = dot(&apart, &apart).sqrt();
        apart.iter().map(|number| if length > 0.0 { number / length } else { 0.0 }).collect()
    };
    let centred: Vec<_> = rows.iter().map(centred).collect();
    let mut all = BTreeSet::new();
    for (at, row) in centred.iter().enumerate() {
        let mut alike: Vec<_> = centred.iter().map(|other| dot(row, other)).enumerate().collect();
        alike.sort_by(|one, other| {
            (other.0 == at).cmp(&(one.0 == at)).then(other.1.total_cmp(&one.1))
        });
        for size in sizes.iter().filter(|size| (1..rows.len()).contains(*size)) {
            let mut set: Vec<_> = alike.iter().take(*size).map(|(other, _)| *other).collect();
            set.sort_unstable();
            all.insert(set);
        }
    }
    all
}

/// The table with noise in every number, the same for the same window.
fn noisy(rows: &[Vec<f64>], sd: f64, end: usize) -> Vec<Vec<f64>> {
    if sd <= 0.0 {
        return rows.to_vec();
    }
    let mut draws = Draws(u64::try_from(end).unwrap_or(0).wrapping_mul(0x9e37_79b9) ^ 0x5eed);
    rows.iter().map(|row| row.iter().map(|number| number + sd * draws.normal()).collect()).collect()
}

/// Normal numbers for simulations, by splitmix64 and Box and Muller. They protect nobody.
struct Draws(u64);

impl Draws {
    /// Between 0 and 1, neither of them.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
        (f64::from(high) + 0.5) / 4_294_967_296.0
    }

    fn normal(&mut self) -> f64 {
        let (radius, turn) = (self.uniform(), self.uniform());
        (-2.0 * libm::log(radius)).sqrt() * libm::cos(std::f64::consts::TAU * turn)
    }
}

#[cfg(test)]
mod tests;
