//! The effect on people who were reached because of the arm that they are in.

use super::{Arm, Confidence, Difference, Interval, Pair};
use crate::{figure::Figure, special::normal_upper_quantile};

/// Who was reached of both arms: first the test arm, then the control arm.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever tells who was reached tells all of it")]
pub struct Reached {
    /// People who were reached.
    pub people: [Figure; 2],
    /// The outcome's total over the people who were reached.
    pub totals: [Figure; 2],
}

/// How much more of the test arm was reached, and the effect on those whom that is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Local {
    /// Shares of the test and of the control arm that were reached.
    pub shares: [f64; 2],
    /// The one less the other.
    pub first_stage: Difference,
    /// The effect; absent where the first stage is not clearly above zero.
    pub effect: Option<LocalEffect>,
}

/// An effect on people who were reached because they are in the test arm.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LocalEffect {
    /// Difference in means over the first stage.
    pub estimate: f64,
    /// Standard error by the delta method.
    pub standard_error: f64,
    /// Part of the error that is due to the choice of people.
    pub sampling_error: f64,
    /// Part of the error that is due to the noise.
    pub mechanism_error: f64,
    /// Fieller's interval; absent where the difference in means has none.
    pub interval: Option<Interval>,
    /// The estimate give or take as many standard errors as a normal distribution has, for comparison with what others compute.
    pub delta: Option<Interval>,
}

impl Pair {
    /// The average effect on people who are reached in the test arm and would not be in the control arm: Wald's ratio of two differences.
    ///
    /// `difference` is that of the outcome, with the interval that is shown of it. Absent with fewer than two users in an arm.
    ///
    /// # Source
    ///
    /// Imbens and Angrist 1994. The set of all θ for which Δy - θΔd is no further from zero than its error reaches is Fieller's. Its ends are
    /// made of the ends of both intervals (MOVER-R: Donner and Zou 2012, *Statistical Methods in Medical Research* 21), which
    /// is the same for normal ones: so it leaves out zero exactly where the interval of the difference does, however that was made. What
    /// the errors of both have in common is that of sampling, from the outcome's total over people who were reached, and the noise on head
    /// counts. The standard error is that of the mean of y - θd, as in `lift.json` of the references.
    #[must_use]
    pub fn local(
        &self,
        reached: Reached,
        difference: &Difference,
        confidence: Confidence,
    ) -> Option<Local> {
        let users = self.arms.map(|arm| arm.users);
        let [of_test, of_control] = reached.people;
        let stage = Self::new(Arm::binary(users[0], of_test), Arm::binary(users[1], of_control));
        let two_sided = Confidence::two_sided(confidence.level);
        let found = stage.lift(two_sided);
        let first_stage = found.difference?;
        let shares = [found.test.mean()?, found.control.mean()?];
        let z = normal_upper_quantile(confidence.tail());
        let clear = first_stage.estimate > CLEAR.max(z) * first_stage.standard_error;
        let common = self.in_common(reached);
        let effect = clear.then(|| effect(difference, &first_stage, common, z, two_sided));
        let effect = effect.filter(LocalEffect::is_finite);
        Some(Local { shares, first_stage, effect })
    }

    /// Covariances of the difference in means and of the first stage: by sampling, and by the noise on head counts.
    fn in_common(&self, reached: Reached) -> [f64; 2] {
        let arms = self.arms.iter().zip(reached.people).zip(reached.totals);
        arms.fold([0.0; 2], |[sampling, mechanism], ((arm, people), total)| {
            let (n, sum) = (arm.users.value(), arm.sum.value());
            let centred = n * total.value() - sum * people.value();
            let means = sum * people.value() / (n * n);
            [
                sampling + centred / (n * n * (n - 1.0)),
                mechanism + means * arm.users.noise_variance() / (n * n),
            ]
        })
    }
}

impl LocalEffect {
    fn is_finite(&self) -> bool {
        [self.estimate, self.standard_error].iter().all(|number| number.is_finite())
    }
}

fn effect(
    of_outcome: &Difference,
    first_stage: &Difference,
    common: [f64; 2],
    z: f64,
    two_sided: Confidence,
) -> LocalEffect {
    let estimate = of_outcome.estimate / first_stage.estimate;
    let part = |outcome: f64, stage: f64, common: f64| {
        let square = outcome * outcome + estimate * (estimate * stage * stage - 2.0 * common);
        square.max(0.0).sqrt() / first_stage.estimate
    };
    let sampling_error = part(of_outcome.sampling_error, first_stage.sampling_error, common[0]);
    let mechanism_error = part(of_outcome.mechanism_error, first_stage.mechanism_error, common[1]);
    let standard_error =
        (sampling_error * sampling_error + mechanism_error * mechanism_error).sqrt();
    let reach = normal_upper_quantile(two_sided.tail()) * standard_error;
    LocalEffect {
        estimate,
        standard_error,
        sampling_error,
        mechanism_error,
        interval: of_outcome.interval.and_then(|interval| {
            fieller(of_outcome, interval, first_stage, common.iter().sum(), z)
        }),
        delta: two_sided.interval(estimate - reach, estimate + reach),
    }
}

/// Fieller's interval, made of the ends of the difference's own. The first stage is further above zero than `z` of its errors.
fn fieller(
    of_outcome: &Difference,
    ends: Interval,
    first_stage: &Difference,
    common: f64,
    z: f64,
) -> Option<Interval> {
    let (outcome, stage) = (of_outcome.estimate, first_stage.estimate);
    let errors = of_outcome.standard_error * first_stage.standard_error;
    let common = common.clamp(-errors, errors);
    let reach = z * first_stage.standard_error;
    let leading = (stage - reach) * (stage + reach);
    let end = |end: f64, sign: f64| {
        // How far the end is from the estimate; as a multiple of the standard error where it is a quantile of it.
        let own = (outcome - end).abs();
        let quantile =
            if of_outcome.standard_error > 0.0 { own / of_outcome.standard_error } else { 0.0 };
        let middle = outcome * stage - common * quantile * z;
        let rest = (outcome - own) * (outcome + own) * leading;
        (middle + sign * (middle * middle - rest).max(0.0).sqrt()) / leading
    };
    let interval = Interval {
        lower: ends.lower.map(|lower| end(lower, -1.0)),
        upper: ends.upper.map(|upper| end(upper, 1.0)),
    };
    let finite = [interval.lower, interval.upper].iter().flatten().all(|end| end.is_finite());
    (finite && leading > 0.0).then_some(interval)
}

/// Standard errors above zero from which a first stage is strong enough to be divided by.
const CLEAR: f64 = 4.0;
