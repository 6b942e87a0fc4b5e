//! A difference in means that is adjusted by what was known of people before.

use super::{
    Confidence, Difference, Moments, Pair, difference,
    law::Law,
    pair::{Both, length},
    spread::Spread,
};
use crate::figure::Figure;

/// A number of each person that was known before people were assigned: its totals over the test and over the control arm.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever adjusts tells all of it")]
pub struct Covariate {
    /// Sums.
    pub sums: [Figure; 2],
    /// Sums of squares.
    pub squares: [Figure; 2],
    /// Sums of products with the outcome.
    pub products: [Figure; 2],
}

/// A difference in means that is adjusted by a covariate.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Adjusted {
    /// By how much the outcome goes with one unit of the covariate.
    pub coefficient: f64,
    /// Means of the test and of the control arm, as if the covariate had the same mean in both.
    pub means: [f64; 2],
    /// Their difference.
    pub difference: Difference,
    /// How long its interval of 95 % is, as a share of that without the covariate.
    pub length: f64,
}

impl Pair {
    /// The difference in means less what differs in the covariate (CUPED). Absent where the covariate does not make the
    /// error clearly smaller: then the difference stands as it is.
    ///
    /// # Source
    ///
    /// Deng, Xu, Kohavi and Walker 2013. Without noise the coefficient is that of both arms together, about their common mean, and the rest
    /// is Welch's comparison of y - θx, as in the references. The noise in the means of x is made θ-fold, so that a smaller coefficient is best: θ is
    /// made smaller by the noise's part of the error of Δx, as it is for a regressor that is measured with error. Any θ that does not depend on which
    /// arm somebody is in has the same effect as its mean. Sums, squares, products and head counts each have their noise in the error; what the noise on
    /// squares and products leaves open of the sampling error counts as for the outcome's own squares.
    ///
    /// # Privacy
    ///
    /// Costs nothing: a function of released totals. Whether the covariate is used follows from errors alone: the gain
    /// must be more than twice what the noise on squares and products alone would make of nothing.
    #[must_use]
    pub fn adjusted(&self, covariate: &Covariate, confidence: Confidence) -> Option<Adjusted> {
        let plain = self.estimated()?;
        let crossed = self.crossed(covariate, [plain.t, plain.c])?;
        let coefficient = self.coefficient(covariate, &crossed, [plain.t, plain.c])?;
        let both = plain.less(coefficient, &crossed);
        let (one, other) = (Law::new(&plain), Law::new(&both));
        let reach = |law: &Law| law.quantile(MISSED) * law.standard_error;
        let length = reach(&other) / reach(&one);
        let gain =
            one.standard_error * one.standard_error - other.standard_error * other.standard_error;
        let is_clear = gain > 2.0 * both_doubt(coefficient, &crossed) && length < 1.0;
        let (found, _) = difference(&both, confidence)?;
        let adjusted =
            Adjusted { coefficient, means: [both.t.mean, both.c.mean], difference: found, length };
        (is_clear && found.interval.is_some()).then_some(adjusted)
    }

    /// What both arms have of the covariate; absent where an arm has no spread of it.
    fn crossed(&self, covariate: &Covariate, outcome: [Moments; 2]) -> Option<[Crossed; 2]> {
        let of = |at: usize| {
            let (arm, sum) = (self.arms.get(at)?, *covariate.sums.get(at)?);
            let (square, product) = (*covariate.squares.get(at)?, *covariate.products.get(at)?);
            let n = arm.users.value();
            let users = n * n * (n - 1.0);
            let centred = Figure::centred(arm.users, square, sum) + sum.noise_variance();
            let common = n * product.value() - sum.value() * arm.sum.value();
            let doubt = |total: Figure| total.noise_variance().sqrt() / (n * (n - 1.0));
            Some(Crossed {
                mean: sum.value() / n,
                of_outcome: outcome.get(at)?.mean,
                own: centred / users,
                common: common / users,
                noise: sum.noise_variance() / (n * n),
                heads: arm.users.noise_variance() / (n * n),
                doubts: [doubt(product), doubt(square)],
            })
        };
        let both = [of(0)?, of(1)?];
        (both[0].own + both[1].own > 0.0).then_some(both)
    }

    /// The coefficient with the least error, by the totals of both arms together.
    fn coefficient(
        &self,
        covariate: &Covariate,
        crossed: &[Crossed; 2],
        outcome: [Moments; 2],
    ) -> Option<f64> {
        let total = |figures: [Figure; 2]| figures[0] + figures[1];
        let people = outcome[0].users + outcome[1].users;
        let (sums, squares) = (total(covariate.sums), total(covariate.squares));
        let outcomes = total(self.arms.map(|arm| arm.sum));
        let common = total(covariate.products).value() - sums.value() * outcomes.value() / people;
        let own = squares.value() - (sums.value() * sums.value() - sums.noise_variance()) / people;
        let sampling = crossed[0].own + crossed[1].own;
        let noise: f64 =
            crossed.iter().map(|arm| arm.noise + arm.mean * arm.mean * arm.heads).sum();
        let of_heads: f64 = crossed.iter().map(|arm| arm.mean * arm.of_outcome * arm.heads).sum();
        let coefficient = (common / own * sampling + of_heads) / (sampling + noise);
        (own > 0.0 && coefficient.is_finite()).then_some(coefficient)
    }
}

/// What an arm has of the covariate, as parts of the error of a mean.
struct Crossed {
    mean: f64,
    /// Mean of the outcome.
    of_outcome: f64,
    /// Sampling variance of the covariate's mean.
    own: f64,
    /// Sampling covariance with the outcome's mean.
    common: f64,
    /// Variance of the noise on the sum.
    noise: f64,
    /// Variance of the noise on head counts, for a mean of 1.
    heads: f64,
    /// Standard deviations of the noise on `common` and on `own`.
    doubts: [f64; 2],
}

/// What the noise on products and squares does to the sampling variance, as a standard deviation.
fn both_doubt(coefficient: f64, crossed: &[Crossed; 2]) -> f64 {
    let moved = crossed.iter().map(|arm| {
        let [common, own] = arm.doubts;
        length(2.0 * coefficient * common, coefficient * coefficient * own)
    });
    moved.fold(0.0, length)
}

impl Both {
    /// The same of the outcome less so many times the covariate.
    fn less(&self, coefficient: f64, crossed: &[Crossed; 2]) -> Self {
        let people = self.t.users + self.c.users;
        let mean = (crossed[0].mean * self.t.users + crossed[1].mean * self.c.users) / people;
        let of = |arm: &Moments, crossed: &Crossed| {
            let sampling = coefficient * (coefficient * crossed.own - 2.0 * crossed.common);
            let left = arm.mean - coefficient * crossed.mean;
            let heads = (left * left - arm.mean * arm.mean) * crossed.heads;
            let estimated = arm.estimated + sampling;
            Moments {
                mean: arm.mean - coefficient * (crossed.mean - mean),
                variance: estimated.max(0.0) * arm.users,
                sampling: estimated.max(0.0),
                mechanism: arm.mechanism + coefficient * coefficient * crossed.noise + heads,
                estimated,
                ..*arm
            }
        };
        let (t, c) = (of(&self.t, &crossed[0]), of(&self.c, &crossed[1]));
        let moved = t.estimated + c.estimated - self.t.estimated - self.c.estimated;
        let known = t.mechanism + c.mechanism - self.t.mechanism - self.c.mechanism;
        let spread = Spread {
            known: self.spread.known + known,
            estimated: self.spread.estimated + moved,
            deviation: length(self.spread.deviation, both_doubt(coefficient, crossed)),
        };
        let is_noisy =
            crossed.iter().any(|arm| arm.noise > 0.0 || arm.heads > 0.0 || arm.doubts[0] > 0.0);
        Self { t, c, spread, noisy: self.noisy || is_noisy, ..*self }
    }
}

/// How often an interval of 95 % misses to one side.
const MISSED: f64 = 0.025;
