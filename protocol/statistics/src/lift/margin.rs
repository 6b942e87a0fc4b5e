//! Whether an effect is shown to lie beyond a margin, or between two.

use super::{Alternative, Confidence, Interval, Pair, fieller, law::Law};

/// What an effect is to be shown to be: above one bound, below another, or both. That it is not so is the hypothesis that is tested. At
/// least one bound is given.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever tests names all of it")]
pub struct Bounds {
    /// What the bounds are bounds of.
    pub scale: EffectScale,
    /// The effect is to be above this.
    pub above: Option<f64>,
    /// The effect is to be below this.
    pub below: Option<f64>,
}

/// How an effect is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an effect is a difference or a ratio")]
pub enum EffectScale {
    /// The mean of the test arm less that of the control arm.
    Absolute,
    /// The mean of the test arm over that of the control arm, less one.
    Relative,
}

impl Pair {
    /// The p-value of an effect that is not within the bounds: the larger of two one-sided ones where there are two (Schuirmann 1987). Of a
    /// relative effect it is also at least that of a control mean that is not above zero, without which a ratio says nothing.
    ///
    /// Absent with fewer than two users in an arm, or if the error is zero.
    ///
    /// # Source
    ///
    /// For a difference the statistic of [`lift`](super::lift()) at the bound; for a ratio ρ that of mₜ - ρm꜀, as in
    /// Fieller's interval. Both have the distribution of the difference, with the noise on the squares in it.
    #[must_use]
    pub fn against(&self, bounds: Bounds) -> Option<f64> {
        let both = self.estimated()?;
        let law = Law::new(&both);
        let (t, c) = (both.t, both.c);
        let statistic = |bound: f64| match bounds.scale {
            EffectScale::Absolute => (t.mean - c.mean - bound) / law.standard_error,
            EffectScale::Relative => {
                let ratio = 1.0 + bound;
                let variance = t.variance_of_mean() + ratio * ratio * c.variance_of_mean()
                    - 2.0 * ratio * both.of_means;
                (t.mean - ratio * c.mean) / variance.max(0.0).sqrt()
            }
        };
        let above = bounds.above.map(statistic);
        let below = bounds.below.map(|bound| -statistic(bound));
        let control =
            (bounds.scale == EffectScale::Relative).then(|| c.mean / c.variance_of_mean().sqrt());
        let all: Vec<_> = [above, below, control].into_iter().flatten().collect();
        let is_known = all.iter().all(|statistic| statistic.is_finite());
        let tails = all.iter().map(|statistic| law.tail(*statistic));
        tails.reduce(f64::max).filter(|_| is_known)
    }

    /// The interval that goes with [`Pair::against`]: it lies within the bounds exactly where that p is below `missed`, which is how often
    /// it misses at each end. Absent where there is no p, or a ratio has no interval with two ends.
    #[must_use]
    pub fn interval_of(&self, scale: EffectScale, missed: f64) -> Option<Interval> {
        let both = self.estimated()?;
        let law = Law::new(&both);
        let quantile = law.quantile(missed);
        let confidence =
            Confidence { level: 1.0 - 2.0 * missed, alternative: Alternative::TwoSided };
        match scale {
            EffectScale::Absolute => {
                let (estimate, margin) = (both.t.mean - both.c.mean, quantile * law.standard_error);
                let has_error = law.standard_error > 0.0;
                confidence.interval(estimate - margin, estimate + margin).filter(|_| has_error)
            }
            EffectScale::Relative => {
                let found = fieller(&both, confidence, quantile)?.interval;
                let is_between = found.lower.is_some() && found.upper.is_some();
                (is_between && both.c.mean > 0.0).then_some(found)
            }
        }
    }
}
