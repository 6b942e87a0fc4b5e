//! Two arms whose totals were released one by one, or as contrasts.

use super::{Arm, Confidence, Flags, Lift, Moments, compare, spread::Spread, understated};
use crate::figure::Figure;

/// The released totals of a test and a control arm, with what their noise has in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub(super) arms: [Arm; 2],
    /// Covariance of the noise on both sums.
    of_sums: f64,
    /// The noise on the squares of both arms; `None` where each has its own.
    of_squares: Option<[Source; 2]>,
    /// How much more the test and the control arm may have of the squares than was guessed, if the one or the other had all of them.
    unguessed: [Source; 2],
    /// Whether the doubt about the variances that comes of that noise counts.
    doubts: bool,
}

/// A total over two arms in two forms: the test arm's total times its weight less the control arm's times its own, and
/// both together. Each has noise of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "built by callers, who must see a new field")]
pub struct Forms {
    /// Weights of the test and the control arm: whole numbers from 1.
    pub weights: [i128; 2],
    /// The difference.
    pub contrast: i128,
    /// Variance of its noise.
    pub contrast_variance: f64,
    /// Both together.
    pub pooled: i128,
    /// Variance of its noise.
    pub pooled_variance: f64,
}

/// How far one deviation of some noise moves a total of the test and of the control arm.
type Source = [f64; 2];

impl Pair {
    /// Arms whose totals have noise of their own.
    #[must_use]
    pub fn new(test: Arm, control: Arm) -> Self {
        let arms = [test, control];
        Self { arms, of_sums: 0.0, of_squares: None, unguessed: [[0.0; 2]; 2], doubts: true }
    }

    /// Arms whose variances are taken for what was released of them, as the reference does.
    pub(super) fn undoubted(test: Arm, control: Arm) -> Self {
        Self { doubts: false, ..Self::new(test, control) }
    }

    /// Arms whose sums and sums of squares were released in two forms each.
    ///
    /// # Source
    ///
    /// With a contrast D, a pooled total P and weights w the arms' sums are (P ± D)/2w, and their noise has the covariance
    /// (v_P - v_D) / 4wₜw꜀. Of squares P alone decides the error of a difference where the weighted arms are alike. How much of it
    /// is whose, which a ratio of means asks for, is said by D where its noise is small; where it is not, an arm has as much of the squares as
    /// it has of the sum. Where the weighted arms are not alike, as they should be, a difference asks for it, too: then its variance is
    /// the largest that what was guessed leaves possible. Of 75 % in place of 50 % with all large values in the smaller arm 5 % of
    /// intervals miss so, and up to 8 % would by the guess (numerically, with numpy).
    #[must_use]
    pub fn of_forms(users: [Figure; 2], sums: Forms, squares: Forms) -> Self {
        let of_arms = sums.shares();
        let weights = sums.weights.map(real);
        let of_sums =
            (sums.pooled_variance - sums.contrast_variance) / (4.0 * weights[0] * weights[1]);
        let (squares, sources, unguessed) = squares.divided(guess(users, of_arms));
        let test = Arm::value(users[0], of_arms[0], squares[0]);
        let control = Arm::value(users[1], of_arms[1], squares[1]);
        let of_squares = Some(sources);
        Self { arms: [test, control], of_sums, of_squares, unguessed, doubts: true }
    }

    /// The sums of the test and of the control arm, each with the variance of all noise in it.
    #[must_use]
    pub fn sums(&self) -> [Figure; 2] {
        self.arms.map(|arm| arm.sum)
    }

    /// Compares the arms, as [`lift`](super::lift()) does. The noise on the squares counts as the doubt about the variances that it
    /// is: p-values and intervals are averages over variances that it leaves possible.
    #[must_use]
    pub fn lift(&self, confidence: Confidence) -> Lift {
        let [test, control] = &self.arms;
        let mut flags = Flags::default();
        let (treated, untreated) = (test.estimate(), control.estimate());
        flags.noise_dominates = test.is_noise() || control.is_noise();
        let mut compared = None;
        if let (Some(t), Some(c)) = (treated.moments, untreated.moments) {
            flags.variance_floored = understated(&t, &c);
            compared = compare(&self.both(t, c), confidence);
            flags.degenerate = compared.as_ref().is_none_or(|(it, _)| it.interval.is_none());
            flags.unbounded = compared.as_ref().is_some_and(|(_, it)| it.is_unbounded());
        } else {
            flags.too_few = !flags.noise_dominates;
        }
        let (difference, relative) = compared.unzip();
        Lift { test: treated, control: untreated, difference, relative, confidence, flags }
    }

    /// Both arms, if each has a mean.
    pub(super) fn estimated(&self) -> Option<Both> {
        let [test, control] = &self.arms;
        Some(self.both(test.estimate().moments?, control.estimate().moments?))
    }

    fn both(&self, t: Moments, c: Moments) -> Both {
        let of_means = self.of_sums / (t.users * c.users);
        let [of_test, of_control] = [&t, &c].map(|arm| arm.users * (arm.users - 1.0));
        let moved = |[test, control]: Source| test / of_test + control / of_control;
        let deviation = match self.of_squares {
            Some([pooled, contrast]) => length(moved(pooled), moved(contrast)),
            None => length(t.doubt, c.doubt),
        };
        let deviation = if self.doubts { deviation } else { 0.0 };
        let known = t.mechanism + c.mechanism - 2.0 * of_means;
        let unguessed = self.unguessed.map(moved).into_iter().fold(0.0, f64::max);
        let estimated = t.estimated + c.estimated + unguessed;
        let spread = Spread { known, estimated, deviation };
        Both { t, c, of_means, spread, noisy: self.arms.iter().any(Arm::is_noisy) }
    }
}

impl Forms {
    /// The totals of the test and of the control arm; the noise that they have in common is not said.
    fn shares(&self) -> [Figure; 2] {
        let variance = self.pooled_variance + self.contrast_variance;
        let share = |sum: i128, weight: i128| {
            let twice = weight.saturating_mul(2).max(1);
            let of_arm = variance / (real(twice) * real(twice));
            match sum.checked_rem(twice) {
                Some(0) => Figure::noisy(sum / twice, of_arm),
                _ => Figure::real(real(sum) / real(twice), of_arm),
            }
        };
        let [test, control] = self.weights;
        [
            share(self.pooled.saturating_add(self.contrast), test),
            share(self.pooled.saturating_sub(self.contrast), control),
        ]
    }

    /// Squares of both arms, how the noise of the pooled total and of the contrast moves them, and how they would change if what was
    /// guessed were all of the test or all of the control arm. `guess` is what each has if the contrast says nothing.
    fn divided(&self, guess: [f64; 2]) -> ([Figure; 2], [Source; 2], [Source; 2]) {
        let weights = self.weights.map(real);
        let weighted = [guess[0] * weights[0], guess[1] * weights[1]];
        let guessed = (weighted[0] - weighted[1]) / (weighted[0] + weighted[1]);
        let pooled = real(self.pooled);
        // A guess is off by half of the total, say.
        let doubt = (pooled / 2.0) * (pooled / 2.0);
        let told = if self.contrast_variance > 0.0 {
            doubt / (doubt + self.contrast_variance)
        } else {
            1.0
        };
        let own = (1.0 - told) * guessed;
        let contrast = told.mul_add(real(self.contrast), own * pooled);
        let halves = weights.map(|weight| 1.0 / (2.0 * weight));
        let of_pooled = self.pooled_variance.sqrt();
        let of_contrast = told * self.contrast_variance.sqrt();
        let sources = [
            [of_pooled * (1.0 + own) * halves[0], of_pooled * (1.0 - own) * halves[1]],
            [of_contrast * halves[0], -of_contrast * halves[1]],
        ];
        let unguessed = [1.0, -1.0].map(|all| {
            let more = (1.0 - told) * pooled.max(0.0) * (all - guessed);
            [more * halves[0], -more * halves[1]]
        });
        if self.contrast_variance <= 0.0 && self.pooled_variance <= 0.0 {
            return (self.shares(), sources, unguessed);
        }
        let variance = |at: usize| {
            sources.iter().filter_map(|source| source.get(at)).map(|part| part * part).sum()
        };
        let figures = [
            Figure::real((pooled + contrast) * halves[0], variance(0)),
            Figure::real((pooled - contrast) * halves[1], variance(1)),
        ];
        (figures, sources, unguessed)
    }
}

/// What the arms have of the squares, if a person of one with an outcome is like one of the other: as much as of the sum. Where a
/// sum is noise, or is of both signs, as much as of the people.
fn guess(users: [Figure; 2], sums: [Figure; 2]) -> [f64; 2] {
    let people = users.map(|users| users.value().max(1.0));
    let total = sums[0].value() + sums[1].value();
    let clear = sums.iter().all(|sum| sum.value() > CLEAR * sum.noise_variance().sqrt());
    match total > 0.0 {
        true if clear => sums.map(Figure::value),
        _ => people,
    }
}

/// Two arms with moments, and what they have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Both {
    pub(super) t: Moments,
    pub(super) c: Moments,
    /// Covariance of the means, which is the noise's.
    pub(super) of_means: f64,
    pub(super) spread: Spread,
    pub(super) noisy: bool,
}

pub(super) fn length(one: f64, other: f64) -> f64 {
    (one * one + other * other).sqrt()
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "rounded to 53 bits")]
fn real(number: i128) -> f64 {
    number as f64
}

/// Deviations of its noise at which a sum says more than nothing.
const CLEAR: f64 = 2.0;
