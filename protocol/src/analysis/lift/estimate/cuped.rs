//! Differences in means that are adjusted by what was known of people before.

use super::{
    adjusted,
    compared::{Compared, Measured, Method},
    ends, figure, real, squares,
};
use crate::analysis::lift::{Covariate, CovariateFigures, CupedResult, DiffInMeans, Multiplicity};
use statistics::lift::{self, Adjusted, Confidence};

/// An outcome whose difference is to be adjusted, of everybody or of a part.
#[derive(Clone, Copy)]
pub(super) struct Adjustable<'a> {
    pub(super) measured: Measured<'a>,
    /// The covariate over the test and over the control arm.
    pub(super) figures: [&'a CovariateFigures; 2],
    /// Place of the outcome among the measures.
    pub(super) at: usize,
}

/// An adjusted p-value and how often the interval misses that goes with it.
#[derive(Clone, Copy)]
pub(super) struct Level {
    p_adjusted: Option<f64>,
    missed: f64,
}

impl Adjustable<'_> {
    /// The adjusted difference; `None` where that of the means stands: where few events have an exact test, where there is no interval, and
    /// where the covariate does not make the error clearly smaller.
    fn adjusted(&self, plain: &Compared, confidence: Confidence) -> Option<Adjusted> {
        plain.lift.difference?.interval?;
        let [test, control] = self.figures;
        let product = |arm: &CovariateFigures| arm.products.get(self.at).copied().map(squares);
        let covariate = lift::Covariate {
            sums: [figure(test.sum), figure(control.sum)],
            squares: [squares(test.squares), squares(control.squares)],
            products: [product(test)?, product(control)?],
        };
        let found = self.measured.pair().adjusted(&covariate, confidence);
        found.filter(|_| plain.method != Method::FewEvents)
    }

    /// The p-value alone, which does not depend on a level.
    fn p(&self, confidence: Confidence) -> Option<f64> {
        let plain = self.measured.compare(confidence);
        match self.adjusted(&plain, confidence) {
            Some(adjusted) => adjusted.difference.p,
            None => plain.lift.difference?.p,
        }
    }

    /// The result, of an outcome and a covariate that have so many units in one of their amounts. `plain` is the difference in means.
    pub(super) fn result(
        &self,
        plain: &DiffInMeans,
        covariate: &Covariate,
        unit: f64,
        confidence: Confidence,
        level: Level,
    ) -> CupedResult {
        let alpha = 1.0 - confidence.level;
        let confidence =
            if level.missed < alpha { confidence.missing(level.missed) } else { confidence };
        let compared = self.measured.compare(confidence);
        let found = self.adjusted(&compared, confidence);
        let of_covariate = covariate.scale.units_per_one();
        let means = found.map(|found| found.means.map(|mean| mean / unit));
        let [mean_t, mean_c] = means.unwrap_or([plain.mean_t, plain.mean_c]);
        let used = found.map(|found| found.difference);
        let shown = used.or(compared.lift.difference);
        let of = |pick: fn(&lift::Difference) -> f64, plain: f64| {
            used.as_ref().map_or(plain, |used| pick(used) / unit)
        };
        CupedResult {
            covariate: covariate.column.clone(),
            cap: real(covariate.clamp.most()) / of_covariate,
            floor: real(covariate.clamp.least()) / of_covariate,
            used: found.is_some(),
            theta: found.map(|found| found.coefficient * of_covariate / unit),
            mean_t,
            mean_c,
            ate: of(|used| used.estimate, plain.ate),
            se: of(|used| used.standard_error, plain.se),
            se_sampling: of(|used| used.sampling_error, plain.se_sampling),
            se_mechanism: of(|used| used.mechanism_error, plain.se_mechanism),
            df: shown.and_then(|shown| shown.degrees_of_freedom),
            t: shown.and_then(|shown| shown.statistic),
            p: shown.and_then(|shown| shown.p),
            p_adjusted: level.p_adjusted,
            ci_level: confidence.level,
            ci: shown.and_then(|shown| shown.interval).map(|interval| ends(interval, unit)),
            length: found.map_or(1.0, |found| found.length),
        }
    }
}

/// The levels of all outcomes that are to be adjusted: a family of their own.
pub(super) fn levels(
    all: &[Option<Adjustable<'_>>],
    multiplicity: Multiplicity,
    confidence: Confidence,
) -> Vec<Level> {
    let p: Vec<_> = all.iter().map(|adjusted| adjusted.as_ref()?.p(confidence)).collect();
    let levels = adjusted(multiplicity, &p, 1.0 - confidence.level).into_iter();
    levels.map(|(p_adjusted, missed)| Level { p_adjusted, missed }).collect()
}
