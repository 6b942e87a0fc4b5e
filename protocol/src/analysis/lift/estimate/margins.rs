//! Tests of effects against the margins of a job.

use super::{adjusted, compared::Measured, ends};
use crate::analysis::{
    lift::{MarginResult, Multiplicity},
    margin::{Margin, MarginScale},
};
use statistics::lift::{Bounds, Confidence, EffectScale};

/// An outcome that has a margin, of everybody or of a part.
pub(super) struct Tested<'a> {
    pub(super) margin: Margin,
    /// Its figures; `None` if an arm is withheld.
    pub(super) measured: Option<Measured<'a>>,
    /// Units of the column in one unit of the amount.
    pub(super) unit: f64,
}

/// What is known of a test before its interval is made.
pub(super) struct Judged<'a> {
    tested: Tested<'a>,
    p: Option<f64>,
    p_adjusted: Option<f64>,
    /// How often the interval misses at each end.
    missed: f64,
}

/// The tests of all outcomes that have a margin: a family of their own.
pub(super) fn judged<'a>(
    all: Vec<Option<Tested<'a>>>,
    multiplicity: Multiplicity,
    confidence: Confidence,
) -> Vec<Option<Judged<'a>>> {
    let p = |tested: &Tested<'_>| tested.measured.as_ref()?.against(tested.bounds(), confidence);
    let p: Vec<_> = all.iter().flatten().map(p).collect();
    let levels = adjusted(multiplicity, &p, 1.0 - confidence.level);
    let mut found = p.into_iter().zip(levels);
    let with_level = |tested: Option<Tested<'a>>| {
        let (tested, (p, (p_adjusted, missed))) = (tested?, found.next()?);
        Some(Judged { tested, p, p_adjusted, missed })
    };
    all.into_iter().map(with_level).collect()
}

impl Judged<'_> {
    /// The result, with an interval that misses at each end as often as the test errs; and whether the interval was cut where nothing
    /// would be left of an outcome that cannot be negative.
    pub(super) fn result(&self, alpha: f64) -> (MarginResult, bool) {
        let Tested { margin, measured, unit } = &self.tested;
        let [above, below] = margin.bounds();
        let unit = if margin.scale == MarginScale::Absolute { *unit } else { 1.0 };
        // An interval that misses more often than it holds is none.
        let measured = measured.filter(|_| self.p.is_some() && self.missed < 0.5);
        let interval = measured
            .and_then(|measured| measured.interval_within(self.tested.bounds(), self.missed));
        let ci = interval.map(|interval| ends(interval, unit)).filter(|ends| *ends != [None, None]);
        // A margin is above the least lift, so that what is cut is on the same side of it.
        let least = measured.and_then(|measured| measured.least_lift());
        let least = least.filter(|_| margin.scale == MarginScale::Relative);
        let is_below = |end: &f64| least.is_some_and(|least| *end < least);
        let is_cut = ci.iter().flatten().flatten().any(is_below);
        let possible = |end: f64| least.map_or(end, |least| end.max(least));
        let ci = ci.map(|ends| ends.map(|end| end.map(possible)));
        let result = MarginResult {
            test: margin.test,
            scale: margin.scale,
            above,
            below,
            p: self.p,
            p_adjusted: self.p_adjusted,
            ci_level: (1.0 - 2.0 * self.missed).max(0.0),
            shown: ci.is_some() && self.p_adjusted.or(self.p).is_some_and(|p| p < alpha),
            ci,
        };
        (result, is_cut)
    }
}

impl Tested<'_> {
    /// The bounds in units of the column.
    fn bounds(&self) -> Bounds {
        let (scale, unit) = match self.margin.scale {
            MarginScale::Absolute => (EffectScale::Absolute, self.unit),
            MarginScale::Relative => (EffectScale::Relative, 1.0),
        };
        let [above, below] = self.margin.bounds().map(|bound| bound.map(|bound| bound * unit));
        Bounds { scale, above, below }
    }
}
