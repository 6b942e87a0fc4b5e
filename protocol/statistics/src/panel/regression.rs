//! Time-based regression: the sum of treated places on the sum of others, fitted before and continued.
//!
//! It asks that this relation stays what it was, and that what it leaves over is independent from period to period and normal. Where
//! sales drift that is not so, and an effect of nothing is found in 29 to 72 of a hundred tests at a level of a tenth: whoever
//! reports an interval looks at [`Regression::drifts`] first.
//!
//! Noise in the other places makes the line flatter than it is, which matters as far as they are, in the test, away from where
//! they were before.
//!
//! # Source
//!
//! Kerman, Wang and Vaver 2017, *Estimating ad effectiveness using geo experiments in a time-based regression framework*; figures
//! agree with Google's matched_markets and meridian-geox.

use super::{
    Comparison, Effect, count,
    linear::{add, dot, mean},
};
use crate::special::{student_sf, student_upper_quantile};

/// A time-based regression.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Regression {
    /// What treated places have, all together, where others have nothing.
    pub intercept: f64,
    /// What they have for each unit of others.
    pub slope: f64,
    /// What the line leaves over before: its standard deviation.
    pub sigma: f64,
    /// How alike what it leaves over before is from one period to the next, -1 to 1.
    pub autocorrelation: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// The effect; the gap is that of a treated place on average.
    pub effect: Effect,
    /// Standard error of the total effect.
    pub error: f64,
}

impl Regression {
    /// Whether what the line leaves over before is more alike from period to period than chance makes it in one of twenty lines whose
    /// error is right, or has too few periods to tell. Then the error may be too small.
    #[must_use]
    pub fn drifts(&self) -> bool {
        let before = self.df + 2.0;
        before < FEWEST || self.autocorrelation > DRIFTS / before.sqrt()
    }

    /// The two-sided p-value of no effect; `None` if the line fits exactly.
    #[must_use]
    pub fn p(&self) -> Option<f64> {
        let t = (self.effect.total / self.error).abs();
        (self.error > 0.0).then(|| (2.0 * student_sf(t, self.df)).min(1.0))
    }

    /// The total effects that are not rejected at `alpha`; `None` if the line fits exactly.
    #[must_use]
    pub fn ends(&self, alpha: f64) -> Option<[f64; 2]> {
        let reach = student_upper_quantile(alpha / 2.0, self.df) * self.error;
        let ends = [self.effect.total - reach, self.effect.total + reach];
        (self.error > 0.0 && ends.iter().all(|end| end.is_finite())).then_some(ends)
    }
}

/// Fits the line before, and continues it; `None` if other places never change before, or if there are fewer than three
/// periods before.
#[must_use]
pub fn fit(comparison: &Comparison) -> Option<Regression> {
    let (before, periods) = (comparison.before(), comparison.periods());
    let sum = |rows: &[Vec<f64>]| {
        let mut sum = vec![0.0; periods];
        rows.iter().for_each(|row| add(&mut sum, 1.0, row));
        sum
    };
    let (treated, others) = (sum(comparison.treated()), sum(comparison.others()));
    let (ys, xs) = (treated.get(..before)?, others.get(..before)?);
    let (y, x) = (mean(ys), mean(xs));
    let squares: f64 = xs.iter().map(|number| (number - x) * (number - x)).sum();
    let scale: f64 = xs.iter().map(|number| number * number).sum();
    if before < 3 || squares.is_nan() || squares <= scale * CONSTANT {
        return None;
    }
    let both: f64 = xs.iter().zip(ys).map(|(number, own)| (number - x) * (own - y)).sum();
    let slope = both / squares;
    let intercept = y - slope * x;
    let left = xs.iter().zip(ys).map(|(number, own)| own - intercept - slope * number);
    let df = count(before) - 2.0;
    let left: Vec<_> = left.collect();
    let squares_left = dot(&left, &left);
    let next: f64 = left.iter().zip(left.iter().skip(1)).map(|(one, next)| one * next).sum();
    let autocorrelation = if squares_left > 0.0 { next / squares_left } else { 0.0 };
    let variance = squares_left / df;
    let places = count(comparison.treated().len());
    let counterfactual: Vec<_> =
        others.iter().map(|number| (intercept + slope * number) / places).collect();
    let effect = comparison.effect(&counterfactual);
    // Variance of the line's sum over the test, and of what each period leaves over.
    let tested = count(comparison.tested());
    let away = mean(others.get(before..)?) - x;
    let line = tested * tested * (1.0 / count(before) + away * away / squares);
    let error = (variance * (line + tested)).sqrt();
    Some(Regression {
        intercept,
        slope,
        sigma: variance.sqrt(),
        autocorrelation,
        df,
        effect,
        error,
    })
    .filter(|found| found.error.is_finite() && found.slope.is_finite())
}

/// The normal quantile of one in twenty.
const DRIFTS: f64 = 1.645;
/// With fewer periods before, most sales that drift by half from one to the next pass for others.
const FEWEST: f64 = 30.0;
/// So much of the squares of numbers is rounding where they are all the same.
const CONSTANT: f64 = 1e-20;
