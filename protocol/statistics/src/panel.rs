//! What happened in some places and periods that would not have happened without a campaign there: estimates from a table
//! of places by periods, in which some places are treated from some period on.
//!
//! Whatever noise is in the table is in the fit, in what is left over of it, and so in every interval here. A table is a
//! [`Comparison`] once it can be compared at all; what can mislead beyond that, the estimates say in their own fields, and none
//! of them is ever infinite or not a number.
//!
//! | Module | Estimates by |
//! |---|---|
//! | [`synthetic`] | a weighted mean of untreated places that is alike before, without or with a ridge that mends what weights cannot |
//! | [`conformal`] | p-values and intervals for these, by moving blocks of what is left over |
//! | [`placebo`] | the same where nothing happened: in places that were not treated, and before there was a campaign |
//! | [`regression`] | a straight line from untreated places to treated ones, fitted before |
//! | [`difference`] | the change in treated places less that in others |
//! | [`pairs`] | differences within pairs, without those that are farthest out |
//! | [`design`] | what a test would find, on data in which nothing happened |

pub mod conformal;
pub mod design;
pub mod difference;
mod linear;
pub mod pairs;
pub mod placebo;
pub mod regression;
mod simplex;
pub mod synthetic;
#[cfg(test)]
mod tests;

use linear::{mean, mean_of};

/// A table of places by periods that can be compared: at least one treated and one other place, at least two periods before
/// and one from then on, all of them finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    treated: Vec<Vec<f64>>,
    others: Vec<Vec<f64>>,
    before: usize,
    periods: usize,
}

/// Why a table cannot be compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unfit {
    /// No place is treated.
    NoTreated,
    /// No other place is left to compare with.
    NoOthers,
    /// Fewer than two periods come before.
    TooShortBefore,
    /// There is no period of the test.
    NoTest,
    /// Places have different numbers of periods, or a number is not finite.
    NotATable,
}

impl Comparison {
    /// A row for each place, of one number for each period; the first `before` periods came before the test.
    ///
    /// # Errors
    ///
    /// [`Unfit`]: the first thing that is missing.
    pub fn new(
        treated: Vec<Vec<f64>>,
        others: Vec<Vec<f64>>,
        before: usize,
    ) -> Result<Self, Unfit> {
        let periods = treated.first().ok_or(Unfit::NoTreated)?.len();
        if others.is_empty() {
            return Err(Unfit::NoOthers);
        }
        if before < 2 {
            return Err(Unfit::TooShortBefore);
        }
        if before >= periods {
            return Err(Unfit::NoTest);
        }
        // So that no sum of squares overflows.
        let is_row = |row: &Vec<f64>| {
            row.len() == periods && row.iter().all(|number| number.abs() < LARGEST)
        };
        if treated.iter().chain(&others).all(is_row) {
            Ok(Self { treated, others, before, periods })
        } else {
            Err(Unfit::NotATable)
        }
    }

    /// How many periods there are.
    #[must_use]
    pub fn periods(&self) -> usize {
        self.periods
    }

    /// How many periods come before the test.
    #[must_use]
    pub fn before(&self) -> usize {
        self.before
    }

    /// How many periods the test has.
    #[must_use]
    pub fn tested(&self) -> usize {
        self.periods - self.before
    }

    /// The places that are treated.
    #[must_use]
    pub fn treated(&self) -> &[Vec<f64>] {
        &self.treated
    }

    /// The places that are not.
    #[must_use]
    pub fn others(&self) -> &[Vec<f64>] {
        &self.others
    }

    /// The mean of treated places in each period.
    #[must_use]
    pub fn treated_mean(&self) -> Vec<f64> {
        mean_of(&self.treated, self.periods)
    }

    /// The same places before the test alone, as if a test of as many periods had ended where the real one begins; `None` if too few
    /// periods are left before that.
    #[must_use]
    pub fn earlier(&self) -> Option<Self> {
        let (before, tested) = (self.before, self.tested());
        let earlier = before.checked_sub(tested).filter(|earlier| *earlier >= tested.max(2))?;
        let rows = |rows: &[Vec<f64>]| -> Option<Vec<Vec<f64>>> {
            rows.iter().map(|row| row.get(..before).map(<[f64]>::to_vec)).collect()
        };
        Self::new(rows(&self.treated)?, rows(&self.others)?, earlier).ok()
    }

    /// The same table as if the effect in each treated place and tested period were less by `effect`.
    #[must_use]
    pub fn less(&self, effect: f64) -> Self {
        let mut other = self.clone();
        for row in &mut other.treated {
            row.iter_mut().skip(self.before).for_each(|number| *number -= effect);
        }
        other
    }

    /// The effect that leaves `counterfactual` of the mean of treated places.
    #[must_use]
    pub fn effect(&self, counterfactual: &[f64]) -> Effect {
        let observed = self.treated_mean();
        let gap: Vec<_> =
            observed.iter().zip(counterfactual).map(|(seen, would)| seen - would).collect();
        let after = gap.get(self.before..).unwrap_or_default();
        let mean = mean(after);
        let would_be = linear::mean(counterfactual.get(self.before..).unwrap_or_default());
        Effect {
            mean,
            total: mean * self.cells(),
            lift: (would_be > 0.0).then(|| mean / would_be).filter(|lift| lift.is_finite()),
            gap,
        }
    }

    /// The lift of a mean effect in treated places; `None` if nothing, or less, would have happened there.
    #[must_use]
    pub fn lift_of(&self, effect: f64) -> Option<f64> {
        let observed = self.treated_mean();
        let without = mean(observed.get(self.before..).unwrap_or_default()) - effect;
        (without > 0.0).then(|| effect / without).filter(|lift| lift.is_finite())
    }

    /// How many treated places times tested periods there are.
    #[must_use]
    pub fn cells(&self) -> f64 {
        count(self.treated.len()) * count(self.tested())
    }
}

/// What happened beyond what would have.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "an estimate and what it is made of")]
pub struct Effect {
    /// In a treated place and tested period, on average.
    pub mean: f64,
    /// In all of them together.
    pub total: f64,
    /// Beside what would have happened: 0.05 for 5 %; `None` if that is nothing, or less.
    pub lift: Option<f64>,
    /// The mean of treated places less what it would have been, in every period.
    pub gap: Vec<f64>,
}

/// A number of things as a number to calculate with.
pub(crate) fn count(things: usize) -> f64 {
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "far below 2^53")]
    let count = things as f64;
    count
}

/// Amounts are below this: 2¹⁰⁰ or so is beyond any total in whole numbers of 64 bits.
const LARGEST: f64 = 1e30;
