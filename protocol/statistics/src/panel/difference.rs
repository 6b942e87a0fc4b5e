//! Difference in differences: the change in treated places less the change in others.
//!
//! It takes every other place as equally good a comparison, and asks that without a campaign treated places would have changed by
//! as much. Where places differ in their trend that is wrong, and its interval does not tell. So it is shown, and not recommended.
//!
//! What happens in one place is not independent from day to day, so each place counts once, with its change, and the changes of treated
//! places are compared with those of others as two samples: of unequal variance (Welch), or, with fewer than six places in one of them, of the
//! variance of both together (Student), which asks that treated places vary as others do, as a permutation of places does. The error of
//! places as clusters that other programs give (CR1) rejects no effect in a fifth to a third of all tests at a level of a tenth, where two to
//! four places are treated; Welch's in a sixth, where two are. With one treated place nothing says how that place differs from others, and
//! there is no error.
//!
//! # Source
//!
//! Bertrand, Duflo and Mullainathan 2004, *How much should we trust differences-in-differences estimates?* (one change of each place); Donald
//! and Lang 2007; Welch 1947.

use super::{Comparison, Effect, count, linear::mean};
use crate::special::{student_sf, student_upper_quantile};

/// A difference in differences.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The effect.
    pub effect: Effect,
    /// Standard error of the mean effect, and degrees of freedom; `None` with one treated place, or if nothing varies.
    pub error: Option<(f64, f64)>,
}

impl Difference {
    /// The two-sided p-value of no effect.
    #[must_use]
    pub fn p(&self) -> Option<f64> {
        let (error, df) = self.error?;
        Some((2.0 * student_sf((self.effect.mean / error).abs(), df)).min(1.0))
    }

    /// The mean effects that are not rejected at `alpha`.
    #[must_use]
    pub fn ends(&self, alpha: f64) -> Option<[f64; 2]> {
        let (error, df) = self.error?;
        let reach = student_upper_quantile(alpha / 2.0, df) * error;
        Some([self.effect.mean - reach, self.effect.mean + reach])
    }
}

/// Compares the change of treated places with that of others.
#[must_use]
pub fn compare(comparison: &Comparison) -> Difference {
    let before = comparison.before();
    let before_mean = |row: &[f64]| mean(row.get(..before).unwrap_or_default());
    let was = before_mean(&comparison.treated_mean());
    let others = super::linear::mean_of(comparison.others(), comparison.periods());
    let others_were = before_mean(&others);
    // The mean of other places, shifted to where treated ones were; its mean in the test is what the change of others says.
    let counterfactual: Vec<_> = others.iter().map(|number| number + was - others_were).collect();
    let effect = comparison.effect(&counterfactual);
    Difference { error: of_changes(comparison), effect }
}

/// The standard error of the effect with a change of each place, and its degrees of freedom.
fn of_changes(comparison: &Comparison) -> Option<(f64, f64)> {
    let before = comparison.before();
    let change = |row: &Vec<f64>| {
        let (was, is) = row.split_at_checked(before).unwrap_or_default();
        mean(is) - mean(was)
    };
    let squares = |rows: &[Vec<f64>]| {
        let changes: Vec<_> = rows.iter().map(change).collect();
        let middle = mean(&changes);
        changes.iter().map(|change| (change - middle) * (change - middle)).sum::<f64>()
    };
    let samples = [comparison.treated(), comparison.others()];
    if samples.iter().any(|rows| rows.len() < 2) {
        return None;
    }
    let [n, m] = samples.map(|rows| count(rows.len()));
    let [of_treated, of_others] = samples.map(squares);
    let (variance, df) = if samples.iter().any(|rows| rows.len() < FEW) {
        let df = n + m - 2.0;
        ((of_treated + of_others) / df * (1.0 / n + 1.0 / m), df)
    } else {
        let (one, other) = (of_treated / (n - 1.0) / n, of_others / (m - 1.0) / m);
        let both = one + other;
        (both, both * both / (one * one / (n - 1.0) + other * other / (m - 1.0)))
    };
    let error = variance.sqrt();
    (error.is_finite() && error > 0.0 && df.is_finite()).then_some((error, df))
}

/// With fewer places in a sample, what they vary by is taken to be what the places of both vary by.
const FEW: usize = 6;
