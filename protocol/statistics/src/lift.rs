//! Intention-to-treat lift: mean outcome of the test arm against that of the control arm.

mod covariate;
mod law;
mod local;
mod margin;
mod pair;
mod spread;

pub use covariate::{Adjusted, Covariate};
pub use local::{Local, LocalEffect, Reached};
pub use margin::{Bounds, EffectScale};
pub use pair::{Forms, Pair};

use crate::figure::Figure;
use crate::special::normal_upper_quantile;
use law::Law;
use pair::Both;

/// Compares two arms; everyone counts in the arm they were assigned to.
///
/// A total function: what cannot be estimated is absent and flagged, since an empty arm depends on
/// rows and must not be an error. No figure in the result is infinite or not a number.
///
/// # Shapes and units
///
/// Difference, standard errors and interval are in the outcome's unit per user (minor units of
/// currency, or conversions). Relative lift is a plain fraction: 0.1 is ten percent.
///
/// # Privacy
///
/// Costs nothing: a function of released totals. The noise on them widens every error, so that
/// intervals keep their coverage. Rows were clipped before, so the estimand is the lift in outcome
/// capped per user; what the cap cuts off is not in the interval.
///
/// # Source
///
/// Without noise Welch's t: unpooled variances with n - 1, Satterthwaite's degrees of freedom. With
/// noise in any total the normal distribution, and per arm (mean m, noise variances v)
/// s² = max(0, (nQ - S² + v_S) / n(n - 1)) and V = s²/n + (v_S + m² v_n) / n². The interval of the
/// relative lift is Fieller's (1954) with the normal quantile. The vectors in `tests/vectors` come
/// from numpy, scipy and R.
#[must_use]
pub fn lift(test: &Arm, control: &Arm, confidence: Confidence) -> Lift {
    Pair::undoubted(*test, *control).lift(confidence)
}

fn compare(both: &Both, confidence: Confidence) -> Option<(Difference, Relative)> {
    let (found, quantile) = difference(both, confidence)?;
    Some((found, relative(both, confidence, &found, quantile)?))
}

/// The released totals of one arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    users: Figure,
    sum: Figure,
    sum_of_squares: Figure,
}

impl Arm {
    /// An outcome that is 0 or 1 per user: people, and people with the outcome.
    #[must_use]
    pub fn binary(users: Figure, converters: Figure) -> Self {
        Self { users, sum: converters, sum_of_squares: converters }
    }

    /// An outcome that is a number per user: people, Σy and Σy².
    #[must_use]
    pub fn value(users: Figure, sum: Figure, sum_of_squares: Figure) -> Self {
        Self { users, sum, sum_of_squares }
    }

    fn is_noisy(&self) -> bool {
        [self.users, self.sum, self.sum_of_squares].iter().any(|total| total.noise_variance() > 0.0)
    }

    /// Whether so few people may be nothing but noise: a ratio to them has no useful error.
    fn is_noise(&self) -> bool {
        let noise = self.users.noise_variance().sqrt();
        noise > 0.0 && self.users.value() < CLEAR_OF_NOISE * noise
    }

    /// What the noise on the squares does to the sampling variance of the mean, as a standard deviation.
    fn doubt(&self, n: f64, mean: f64) -> f64 {
        let moved = if self.is_binary() { 1.0 - 2.0 * mean } else { 1.0 };
        moved.abs() * self.sum_of_squares.noise_variance().sqrt() / (n * (n - 1.0))
    }

    fn is_binary(&self) -> bool {
        self.sum == self.sum_of_squares
    }

    fn estimate(&self) -> ArmEstimate {
        let n = self.users.value();
        let moments = (n >= FEWEST_USERS && !self.is_noise()).then(|| {
            let mean = self.sum.value() / n;
            let noise = self.sum.noise_variance();
            // What noise can hide of the variance, two deviations of it.
            let hidden = 2.0 * self.sum_of_squares.noise_variance().sqrt() / (n * n);
            let centred = Figure::centred(self.users, self.sum_of_squares, self.sum) + noise;
            let variance = (centred / (n * (n - 1.0))).max(0.0);
            let sampling = variance / n;
            let mechanism = (noise + mean * mean * self.users.noise_variance()) / (n * n);
            let hidden = if centred < 0.0 { hidden } else { 0.0 };
            let estimated = centred / (n * n * (n - 1.0));
            Moments {
                users: n,
                mean,
                variance,
                sampling,
                mechanism,
                hidden,
                estimated,
                doubt: self.doubt(n, mean),
            }
        });
        let users_deviation = self.users.noise_variance().sqrt();
        ArmEstimate { users: n, users_deviation, moments: moments.filter(Moments::is_finite) }
    }
}

/// One arm, described.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmEstimate {
    users: f64,
    users_deviation: f64,
    moments: Option<Moments>,
}

impl ArmEstimate {
    /// Whether the mean is above zero by more than its error at `confidence`.
    #[must_use]
    pub fn is_above_zero(&self, confidence: Confidence) -> bool {
        let quantile = normal_upper_quantile(confidence.tail());
        self.moments
            .is_some_and(|moments| moments.mean > quantile * moments.variance_of_mean().sqrt())
    }

    /// People in the arm as released, so possibly negative.
    #[must_use]
    pub fn users(&self) -> f64 {
        self.users
    }

    /// Standard deviation of the noise on the people.
    #[must_use]
    pub fn users_deviation(&self) -> f64 {
        self.users_deviation
    }

    /// Mean outcome per user; absent with fewer than two users.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        self.moments.map(|moments| moments.mean)
    }

    /// Variance of the outcome between users, without the noise; absent with fewer than two users.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        self.moments.map(|moments| moments.variance)
    }

    /// Standard error of the mean, noise included; absent with fewer than two users.
    #[must_use]
    pub fn standard_error(&self) -> Option<f64> {
        self.moments.map(|moments| moments.variance_of_mean().sqrt())
    }
}

/// How sure, and against what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// Coverage of the intervals, between 0 and 1.
    pub level: f64,
    /// What the test looks for. A one-sided test has a one-sided interval, so that the interval
    /// excludes zero exactly when p is below 1 - level.
    pub alternative: Alternative,
}

impl Confidence {
    /// Both sides, at this level.
    #[must_use]
    pub fn two_sided(level: f64) -> Self {
        Self { level, alternative: Alternative::TwoSided }
    }

    /// The same test, for intervals that miss with probability `missed`.
    #[must_use]
    pub fn missing(self, missed: f64) -> Self {
        Self { level: 1.0 - missed, ..self }
    }

    /// Probability left out at each end that the interval has.
    pub(crate) fn tail(self) -> f64 {
        match self.alternative {
            Alternative::TwoSided => (1.0 - self.level) / 2.0,
            Alternative::Greater | Alternative::Less => 1.0 - self.level,
        }
    }

    fn interval(self, lower: f64, upper: f64) -> Option<Interval> {
        let interval = Interval {
            lower: (self.alternative != Alternative::Less).then_some(lower),
            upper: (self.alternative != Alternative::Greater).then_some(upper),
        };
        let finite = [interval.lower, interval.upper].iter().flatten().all(|end| end.is_finite());
        finite.then_some(interval)
    }
}

/// The claim that a small p-value speaks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Alternative {
    /// The arms differ.
    TwoSided,
    /// The test arm has more.
    Greater,
    /// The test arm has less.
    Less,
}

/// The comparison of two arms.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Lift {
    /// The test arm.
    pub test: ArmEstimate,
    /// The control arm.
    pub control: ArmEstimate,
    /// Difference in means; absent with fewer than two users in an arm.
    pub difference: Option<Difference>,
    /// Ratio of means, less one; absent with fewer than two users in an arm.
    pub relative: Option<Relative>,
    /// What intervals and p-values were asked for.
    pub confidence: Confidence,
    /// What a reader must know before believing the figures.
    pub flags: Flags,
}

/// Mean of the test arm less mean of the control arm.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// Average effect per user.
    pub estimate: f64,
    /// The two errors below, added as independent.
    pub standard_error: f64,
    /// Part of the error that is due to the choice of people.
    pub sampling_error: f64,
    /// Part of the error that is due to the noise.
    pub mechanism_error: f64,
    /// Satterthwaite's degrees of freedom; absent where the normal distribution is used.
    pub degrees_of_freedom: Option<f64>,
    /// Estimate over standard error; absent if the error is zero.
    pub statistic: Option<f64>,
    /// Probability of such a statistic without an effect; absent if the error is zero.
    pub p: Option<f64>,
    /// Confidence interval; absent if the error is zero.
    pub interval: Option<Interval>,
}

impl Difference {
    /// The effect that a test like this one, with this standard error, finds with probability
    /// `power`; absent where there is no error. It says what the design could see, not what was seen.
    #[must_use]
    pub fn detectable(&self, confidence: Confidence, power: f64) -> Option<f64> {
        let quantiles =
            normal_upper_quantile(confidence.tail()) + normal_upper_quantile(1.0 - power);
        Some(quantiles * self.standard_error).filter(|effect| effect.is_finite() && *effect > 0.0)
    }
}

/// Mean of the test arm over mean of the control arm, less one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Relative {
    /// Relative lift; absent if the control mean is zero.
    pub estimate: Option<f64>,
    /// Standard error by the delta method, for information; absent if the control mean is zero.
    pub standard_error: Option<f64>,
    /// Fieller's interval; open at both ends if the control mean cannot be told from zero.
    pub interval: Interval,
    /// Fieller's g, which is at least 1 where the interval is unbounded; absent for mean zero.
    pub fieller_g: Option<f64>,
}

impl Relative {
    fn is_unbounded(&self) -> bool {
        self.interval.lower.is_none() && self.interval.upper.is_none()
    }
}

/// A confidence interval; an end that is absent is infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "an interval has two ends and no more")]
pub struct Interval {
    /// Lower end.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
}

impl Interval {
    /// Whether no effect at all is outside.
    #[must_use]
    pub fn excludes_zero(&self) -> bool {
        self.lower.is_some_and(|end| end > 0.0) || self.upper.is_some_and(|end| end < 0.0)
    }
}

/// Warnings that follow from released figures.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Flags {
    /// An arm has fewer than two users, so nothing is estimated.
    pub too_few: bool,
    /// An arm's people are fewer than four deviations of their noise, so nothing is estimated.
    pub noise_dominates: bool,
    /// The noise made a variance negative, zero was taken, and the standard error may be too small by
    /// more than a tenth.
    pub variance_floored: bool,
    /// The control mean cannot be told from zero, so the relative lift can be anything.
    pub unbounded: bool,
    /// No arm varies, so there is no error to judge the difference by.
    pub degenerate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Moments {
    users: f64,
    mean: f64,
    variance: f64,
    sampling: f64,
    mechanism: f64,
    /// How much more `sampling` may be, where noise made the variance negative.
    hidden: f64,
    /// `sampling` as it was found, which noise can make negative.
    estimated: f64,
    /// Standard deviation of the noise on it.
    doubt: f64,
}

impl Moments {
    fn variance_of_mean(&self) -> f64 {
        self.sampling + self.mechanism
    }

    fn is_finite(&self) -> bool {
        let errors = [self.sampling, self.mechanism, self.hidden, self.estimated, self.doubt];
        [self.mean, self.variance].iter().chain(&errors).all(|number| number.is_finite())
    }
}

/// Whether the variance that noise may hide would widen the error by more than a tenth.
fn understated(t: &Moments, c: &Moments) -> bool {
    t.hidden + c.hidden > 0.21 * (t.variance_of_mean() + c.variance_of_mean())
}

/// The difference, and the quantile of its errors that the interval is made with.
fn difference(both: &Both, confidence: Confidence) -> Option<(Difference, f64)> {
    let Both { t, c, of_means, .. } = both;
    let estimate = t.mean - c.mean;
    let law = Law::new(both);
    let Law { standard_error, degrees_of_freedom, .. } = law;
    let statistic = Some(estimate / standard_error).filter(|t| t.is_finite());
    let p = statistic.map(|t| match confidence.alternative {
        Alternative::TwoSided => 2.0 * law.tail(t.abs()),
        Alternative::Greater => law.tail(t),
        Alternative::Less => law.tail(-t),
    });
    let quantile = law.quantile(confidence.tail());
    let interval = statistic.and_then(|_| {
        let margin = quantile * standard_error;
        confidence.interval(estimate - margin, estimate + margin)
    });
    let mechanism = (t.mechanism + c.mechanism - 2.0 * of_means).max(0.0);
    let found = Difference {
        estimate,
        standard_error,
        sampling_error: (t.sampling + c.sampling).sqrt(),
        mechanism_error: mechanism.sqrt(),
        degrees_of_freedom,
        statistic,
        p,
        interval,
    };
    standard_error.is_finite().then_some((found, quantile))
}

/// Fieller with the normal quantile, as the reference has it; with that of the difference where the two
/// would disagree about whether there is an effect at all, and where that counts the noise on the variances.
fn relative(
    both: &Both,
    confidence: Confidence,
    difference: &Difference,
    quantile: f64,
) -> Option<Relative> {
    let student = difference.degrees_of_freedom.is_some();
    if !student {
        return fieller(both, confidence, quantile);
    }
    let found = fieller(both, confidence, normal_upper_quantile(confidence.tail()))?;
    match difference.interval {
        Some(interval) if interval.excludes_zero() != found.interval.excludes_zero() => {
            fieller(both, confidence, quantile)
        }
        _ => Some(found),
    }
}

/// All r with (m_t - r·m_c)² ≤ z² (V_t + r² V_c - 2r·C), less one; C is the covariance of the means.
fn fieller(both: &Both, confidence: Confidence, quantile: f64) -> Option<Relative> {
    let Both { t, c, of_means, .. } = both;
    let square = c.mean * c.mean;
    let z_squared = quantile * quantile;
    let (v_t, v_c) = (t.variance_of_mean(), c.variance_of_mean());
    let leading = square - z_squared * v_c;
    // A quarter of the discriminant, multiplied out: without C positive term by term where `leading` is.
    let common = of_means * (z_squared * of_means - 2.0 * t.mean * c.mean);
    let quarter = z_squared * (t.mean * t.mean * v_c + v_t * leading + common);
    let interval = (leading > 0.0)
        .then(|| {
            let middle = (t.mean * c.mean - z_squared * of_means) / leading;
            let half = quarter.max(0.0).sqrt() / leading;
            confidence.interval(middle - half - 1.0, middle + half - 1.0)
        })
        .flatten();
    let delta = v_t / square + t.mean * t.mean * v_c / (square * square)
        - 2.0 * t.mean * of_means / (square * c.mean);
    let finite = |x: f64| Some(x).filter(|x| x.is_finite());
    Some(Relative {
        estimate: finite(t.mean / c.mean - 1.0),
        standard_error: finite(delta.max(0.0).sqrt()),
        interval: interval.unwrap_or_default(),
        fieller_g: finite(z_squared * v_c / square),
    })
}

/// A variance needs two.
const FEWEST_USERS: f64 = 2.0;
/// Deviations of its noise that a head count must have.
const CLEAR_OF_NOISE: f64 = 4.0;
