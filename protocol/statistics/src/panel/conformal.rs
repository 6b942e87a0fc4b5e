//! P-values and intervals of a synthetic control, by moving blocks of what it leaves over.
//!
//! Under the hypothesis that every treated place and tested period has the effect *h*, the control is fitted again to **all**
//! periods of the table less *h*. Then what is left over in the tested periods is like what is left over elsewhere, and p is the
//! share of all T cyclic shifts in which the sum over as many periods is at least as far from 0. It is never below 1/T.
//!
//! The interval comes from the same p, so that it has 0 exactly where p is above α. As a function of *h*, p need not fall on both
//! sides of one peak. Both therefore use the least function above it that does: `p(h)` becomes the smaller of the largest p at or
//! below *h* and the largest at or above, over one set of values of *h*, of which 0 and the estimate are two. The ends between
//! these values are found by bisection.
//!
//! # Source
//!
//! Chernozhukov, Wüthrich and Zhu 2021, <https://arxiv.org/abs/1712.09089>, with the sum in place of the sum of absolute values,
//! since it is the mean effect that is asked for; the R package GeoLift has the latter, whose interval need not contain the estimate.

use super::{
    Comparison, count,
    linear::{Cholesky, add, dot, gram, with_diagonal},
    simplex::nearest,
    synthetic::{Centred, Method},
};

/// What is compared between blocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever tests must see a new one")]
pub enum Statistic {
    /// The absolute value of the sum: is the mean effect another?
    AbsoluteSum,
    /// The sum of absolute values: is any period's effect another?
    SumOfAbsolutes,
    /// The sum: is the mean effect larger?
    Sum,
}

/// A p-value and the interval from the same inversion.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Inverted {
    /// The p-value of no effect.
    pub p: f64,
    /// The mean effects whose p is above α.
    pub set: Set,
}

/// The mean effects that are not rejected.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever shows it must see a new one")]
pub enum Set {
    /// All between two ends; infinite for one that is not found: however large an effect is, it is not rejected.
    Between([f64; 2]),
    /// Every effect: there are too few periods for any p to be as small as α.
    All,
    /// None: no constant effect fits the table.
    Empty,
}

/// The table as it is needed again and again.
#[derive(Debug)]
pub struct Blocks {
    weights: Weights,
    before: usize,
    /// Differences that are no larger are rounding.
    rounding: f64,
}

/// A weighted mean of other places.
#[derive(Debug)]
struct Weights {
    /// Each other place less the treated mean.
    apart: Vec<Vec<f64>>,
    /// The products of these with each other, and with the tested periods.
    products: Vec<Vec<f64>>,
    with_test: Vec<f64>,
    /// 1 in tested periods and 0 before, relative to its mean if places are.
    test: Vec<f64>,
    of_test: f64,
    ridge: Option<Ridge>,
}

struct Ridge {
    others: Vec<Vec<f64>>,
    parts: Cholesky,
}

impl std::fmt::Debug for Ridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ridge").finish_non_exhaustive()
    }
}

impl Blocks {
    /// Prepares a table, of which all periods are fitted.
    #[must_use]
    pub fn new(comparison: &Comparison, method: Method) -> Self {
        let periods = comparison.periods();
        let rows = Centred::new(comparison, method.fixed_effects, periods);
        let apart = |row: &Vec<f64>| -> Vec<f64> {
            row.iter().zip(&rows.treated).map(|(number, treated)| number - treated).collect()
        };
        let apart: Vec<_> = rows.others.iter().map(apart).collect();
        let level =
            if method.fixed_effects { count(comparison.tested()) / count(periods) } else { 0.0 };
        let is_tested = |at: usize| if at < comparison.before() { 0.0 } else { 1.0 };
        let test: Vec<_> = (0..periods).map(|at| is_tested(at) - level).collect();
        let ridge = method.ridge.and_then(|penalty| {
            let (others, _) = rows.relative(periods);
            let parts = Cholesky::new(&with_diagonal(&gram(&others), penalty))?;
            Some(Ridge { others, parts })
        });
        let fitted = largest(&apart);
        let weights = Weights {
            products: gram(&apart),
            with_test: apart.iter().map(|row| dot(row, &test)).collect(),
            of_test: dot(&test, &test),
            apart,
            test,
            ridge,
        };
        Self {
            weights,
            before: comparison.before(),
            rounding: rounding(comparison) + FITTED * fitted,
        }
    }

    /// What is left over in each period if every treated place and tested period has this effect.
    #[must_use]
    pub fn left_over(&self, effect: f64) -> Vec<f64> {
        self.weights.left_over(effect)
    }

    /// The share of shifts that are at least as far out as the tested periods, if they have this effect.
    #[must_use]
    pub fn p(&self, effect: f64, statistic: Statistic) -> f64 {
        let left = self.left_over(effect);
        let length = left.len() - self.before;
        let size = |number: f64| match statistic {
            Statistic::SumOfAbsolutes => number.abs(),
            Statistic::AbsoluteSum | Statistic::Sum => number,
        };
        let far = |sum: f64| match statistic {
            Statistic::AbsoluteSum => sum.abs(),
            Statistic::SumOfAbsolutes | Statistic::Sum => sum,
        };
        let twice: Vec<_> = left.iter().chain(&left).map(|number| size(*number)).collect();
        let sums = twice.windows(length).take(left.len()).map(|block| far(block.iter().sum()));
        let sums: Vec<_> = sums.collect();
        let found = sums.get(self.before).copied().unwrap_or(0.0);
        // Equal sums count, whatever rounding makes of them.
        let least = found - self.rounding.max(found.abs() * 1e-12);
        let reached = sums.iter().filter(|sum| **sum >= least).count();
        count(reached) / count(sums.len())
    }

    /// The p-value of no effect, and the mean effects whose p is above `alpha`, around an estimate.
    #[must_use]
    pub fn invert(&self, estimate: f64, alpha: f64) -> Inverted {
        self.invert_among(estimate, alpha, alpha)
    }

    /// The same, where the p-value of no effect is to be that of every `alpha` from `strictest` on: effects are tried as far out as
    /// that one needs, unless no p can be so small.
    #[must_use]
    pub fn invert_among(&self, estimate: f64, alpha: f64, strictest: f64) -> Inverted {
        let p = |effect: f64| self.p(effect, Statistic::AbsoluteSum);
        let tried = self.tried(estimate, strictest);
        let periods = count(self.weights.test.len());
        let p_of_none = of_none(&tried);
        if alpha < 1.0 / periods {
            return Inverted { p: p_of_none, set: Set::All };
        }
        let first = tried.iter().position(|(_, p)| *p > alpha);
        let last = tried.iter().rposition(|(_, p)| *p > alpha);
        let value = |at: Option<usize>| Some(tried.get(at?)?.0);
        let (Some(low), Some(high)) = (value(first), value(last)) else {
            return Inverted { p: p_of_none, set: Set::Empty };
        };
        let outside = |at: Option<usize>, down: bool| {
            at.and_then(|at| if down { at.checked_sub(1) } else { at.checked_add(1) })
        };
        // Where nothing farther out was tried, the search for an end was given up.
        let end = |inside: f64, outside: Option<f64>, infinite: f64| {
            let found = |outside| bisect(|effect| p(effect) > alpha, inside, outside);
            outside.map_or(infinite, found)
        };
        let low = end(low, value(outside(first, true)), f64::NEG_INFINITY);
        let high = end(high, value(outside(last, false)), f64::INFINITY);
        Inverted { p: p_of_none, set: Set::Between([low, high]) }
    }

    /// The p-value of no effect that [`Blocks::invert`] gives, without the interval.
    #[must_use]
    pub fn p_of_none(&self, estimate: f64, alpha: f64) -> f64 {
        of_none(&self.tried(estimate, alpha))
    }

    /// Effects, each with its p: far enough out on both sides for p to be small there, if it is anywhere, with 0 and the estimate.
    fn tried(&self, estimate: f64, alpha: f64) -> Vec<(f64, f64)> {
        let left = self.left_over(estimate);
        let spread = (dot(&left, &left) / count(left.len())).sqrt();
        let least = (estimate.abs().max(1.0) * 1e-9).max(self.rounding);
        let spread = 8.0 * spread.max(least);
        let is_rejected = |effect: f64| self.p(effect, Statistic::AbsoluteSum) <= alpha;
        let reach = |from: f64, side: f64| {
            let steps = std::iter::successors(Some(spread), |reach| Some(reach * 2.0));
            let mut steps = steps.take(DOUBLINGS).map(|reach| from + side * reach);
            let mut last = from;
            steps.find(|effect| {
                last = *effect;
                is_rejected(*effect)
            });
            last
        };
        let mut ends = [reach(estimate, -1.0), reach(estimate, 1.0)];
        // The end lies beyond no effect, wherever that lies, if no effect is not rejected.
        if !is_rejected(0.0) {
            if ends[0] >= 0.0 {
                ends[0] = reach(0.0, -1.0);
            }
            if ends[1] <= 0.0 {
                ends[1] = reach(0.0, 1.0);
            }
        }
        let [low, high] = ends;
        let steps = (0..=VALUES).map(|at| low + (high - low) * count(at) / count(VALUES));
        let mut values: Vec<_> = steps.chain([0.0, estimate]).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values.iter().map(|effect| (*effect, self.p(*effect, Statistic::AbsoluteSum))).collect()
    }
}

/// The p-value of no effect, by the least function above p that falls on both sides of one peak.
fn of_none(tried: &[(f64, f64)]) -> f64 {
    let largest = |above: bool| {
        let side =
            tried.iter().filter(|(effect, _)| if above { *effect >= 0.0 } else { *effect <= 0.0 });
        side.map(|(_, p)| *p).fold(0.0, f64::max)
    };
    largest(true).min(largest(false))
}

impl Weights {
    fn left_over(&self, effect: f64) -> Vec<f64> {
        let both = self.products.iter().zip(&self.with_test);
        let row = |(row, own): (&Vec<f64>, &f64)| -> Vec<f64> {
            let others = row.iter().zip(&self.with_test);
            others
                .map(|(product, other)| {
                    product + effect * (own + other) + effect * effect * self.of_test
                })
                .collect()
        };
        let products: Vec<_> = both.map(row).collect();
        let weights = nearest(&products);
        let mut left: Vec<_> = self.test.iter().map(|test| -effect * test).collect();
        for (weight, row) in weights.iter().zip(&self.apart) {
            add(&mut left, -weight, row);
        }
        if let Some(ridge) = &self.ridge {
            let against: Vec<_> = ridge.others.iter().map(|row| dot(row, &left)).collect();
            for (weight, row) in ridge.parts.solve(&against).iter().zip(&ridge.others) {
                add(&mut left, -weight, row);
            }
        }
        left
    }
}

/// The largest distance from 0.
fn largest(rows: &[Vec<f64>]) -> f64 {
    rows.iter().flatten().fold(0.0, |largest, number| number.abs().max(largest))
}

/// What rounding leaves of a sum of numbers as large as those of a table.
fn rounding(comparison: &Comparison) -> f64 {
    ROUNDED * largest(comparison.treated()).max(largest(comparison.others()))
}

/// The value nearest to `outside` that still holds, between one that does and one that does not.
fn bisect(holds: impl Fn(f64) -> bool, mut inside: f64, mut outside: f64) -> f64 {
    for _ in 0..HALVINGS {
        let middle = inside + (outside - inside) / 2.0;
        if holds(middle) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    inside
}

const VALUES: usize = 80;
const DOUBLINGS: usize = 13;
const HALVINGS: u32 = 40;
/// So much of the largest number of a table is rounding where numbers of it are added up.
const ROUNDED: f64 = 1e-9;
/// So exactly are weights found: to this part of how far places are apart.
const FITTED: f64 = 1e-7;
