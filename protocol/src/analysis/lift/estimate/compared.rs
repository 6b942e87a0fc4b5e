//! One outcome compared between the arms, by the method that fits its figures.

use super::{figure, squares};
use crate::{
    analysis::lift::{MeasureFigures, OutcomeKind},
    released::{self, FormsOf, ProductFigure},
    tally::{Clamp, Contrast},
};
use statistics::{
    few_events::{Effect, Events, FewEvents},
    figure::Figure,
    lift::{Arm, Bounds, Confidence, Forms, Interval, Lift, Pair, Relative},
};

/// An outcome's released figures, in both arms.
#[derive(Clone, Copy)]
pub(super) struct Measured<'a> {
    kind: OutcomeKind,
    /// The ends between which a person's total counts as it is, in units of the column.
    clamp: Clamp,
    people: [released::Figure; 2],
    totals: Totals<'a>,
    exact: Option<FewEvents>,
}

/// The totals of an outcome over both arms, in the forms in which they were released.
#[derive(Clone, Copy)]
pub(super) enum Totals<'a> {
    /// Those of each arm.
    Arms([MeasureFigures; 2]),
    /// Contrasts and pooled totals.
    Contrast {
        contrast: &'a Contrast,
        sums: FormsOf<released::Figure>,
        squares: FormsOf<ProductFigure>,
    },
}

/// A comparison and what must be said about it.
pub(super) struct Compared {
    pub(super) lift: Lift,
    pub(super) method: Method,
    /// Too few people decide the totals for a p-value or an interval of them.
    pub(super) few_payers: bool,
    /// Events are so few that the estimate rests on single people.
    pub(super) few_events: bool,
    /// The relative lift has no meaning, since the control mean is not clearly above zero.
    pub(super) control_near_zero: bool,
    /// The relative lift has a meaning, but such intervals hold less often than they say.
    pub(super) control_barely_above_zero: bool,
    /// The relative lift or an end of its interval was below -100 % and was cut there, since the outcome cannot be negative.
    pub(super) less_than_nothing: bool,
}

/// How p-value and intervals were made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Method {
    Welch,
    NormalWithNoise,
    FewEvents,
}

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Welch => "welch_t",
            Self::NormalWithNoise => "normal_with_noise",
            Self::FewEvents => "few_events",
        }
    }
}

impl<'a> Measured<'a> {
    pub(super) fn new(
        kind: OutcomeKind,
        clamp: Clamp,
        people: [released::Figure; 2],
        totals: Totals<'a>,
    ) -> Self {
        let events = |people: released::Figure, measure: MeasureFigures| Events {
            people: figure(people).value(),
            people_variance: people.noise_variance,
            events: measure.sum.value,
            events_variance: measure.sum.noise_variance,
        };
        let exact = match (kind, totals) {
            (OutcomeKind::Binary, Totals::Arms([test, control])) => {
                FewEvents::new(events(people[0], test), events(people[1], control))
            }
            _ => None,
        };
        Self { kind, clamp, people, totals, exact: exact.filter(FewEvents::is_needed) }
    }

    /// The sums of both arms, with all noise in each.
    pub(super) fn sums(&self) -> [Figure; 2] {
        self.pair().sums()
    }

    /// The p-value alone, which does not depend on a level.
    pub(super) fn p(&self, confidence: Confidence) -> Option<f64> {
        let found = self.normal(confidence);
        let difference = found.difference?;
        if self.few_payers() {
            return None;
        }
        match &self.exact {
            Some(exact) => Some(exact.tails(Effect::Difference(0.0)).p(confidence.alternative)),
            None => difference.p,
        }
    }

    /// The p-value of an effect that is not within the bounds, which are in units of the column.
    pub(super) fn against(&self, bounds: Bounds, confidence: Confidence) -> Option<f64> {
        if self.normal(confidence).difference.is_none() || self.few_payers() {
            return None;
        }
        match &self.exact {
            Some(exact) => exact.against(bounds),
            None => self.pair().against(bounds),
        }
    }

    /// The interval that goes with that p, in the same units. It misses so often at each end.
    pub(super) fn interval_within(&self, bounds: Bounds, missed: f64) -> Option<Interval> {
        match &self.exact {
            Some(exact) => Some(exact.interval_within(bounds, missed)),
            None => self.pair().interval_of(bounds.scale, missed),
        }
    }

    /// The comparison, with intervals at the level of `confidence`.
    pub(super) fn compare(&self, confidence: Confidence) -> Compared {
        let mut lift = self.normal(confidence);
        let p = self.p(confidence);
        let few_payers = lift.difference.is_some() && self.few_payers();
        let mut method = Method::Welch;
        if let Some(difference) = &mut lift.difference {
            if self.is_noisy() {
                method = Method::NormalWithNoise;
            }
            if let Some(exact) = &self.exact {
                method = Method::FewEvents;
                difference.p = p;
                difference.interval = Some(exact.difference(confidence));
                difference.degrees_of_freedom = None;
                difference.statistic = None;
                lift.flags.degenerate = false;
                lift.flags.variance_floored = false;
            }
            if few_payers {
                difference.p = None;
                difference.interval = None;
                difference.statistic = None;
            }
        }
        let is_estimated = lift.difference.is_some();
        let mut is_clear = lift.control.is_above_zero(confidence);
        if let (Some(relative), Some(exact)) = (&mut lift.relative, &self.exact) {
            relative.interval = exact.relative(confidence);
            // If the control rate may be zero, the ratio has no upper end.
            let one_sided =
                lift.difference.and_then(|difference| difference.interval?.upper).is_none();
            is_clear &= one_sided || relative.interval.upper.is_some();
        }
        let barely =
            lift.relative.and_then(|relative| relative.fieller_g).is_some_and(|g| g > BARELY);
        if !is_clear || few_payers {
            lift.relative = None;
        }
        let less_than_nothing = lift.relative.as_mut().is_some_and(|relative| self.cut(relative));
        Compared {
            less_than_nothing,
            few_payers,
            few_events: is_estimated && self.few_events(),
            control_near_zero: is_estimated && !is_clear,
            control_barely_above_zero: lift.relative.is_some() && barely,
            lift,
            method,
        }
    }

    /// Cuts a relative lift and its interval where nothing would be left of an outcome that cannot be negative, and says whether
    /// anything was below.
    fn cut(&self, relative: &mut Relative) -> bool {
        let Some(least) = self.least_lift() else { return false };
        let Interval { lower, upper } = &mut relative.interval;
        let mut is_cut = false;
        for lift in [&mut relative.estimate, lower, upper].into_iter().flatten() {
            is_cut |= *lift < least;
            *lift = lift.max(least);
        }
        is_cut
    }

    /// The least that a relative lift can be; `None` if the outcome can be negative.
    pub(super) fn least_lift(&self) -> Option<f64> {
        (!self.clamp.is_signed()).then_some(NOTHING_LEFT)
    }

    fn normal(&self, confidence: Confidence) -> Lift {
        self.pair().lift(confidence)
    }

    pub(super) fn pair(&self) -> Pair {
        let [test, control] = self.people.map(figure);
        let arm = |users: Figure, measure: MeasureFigures| match measure.sum_sq {
            Some(sum_sq) => Arm::value(users, figure(measure.sum), squares(sum_sq)),
            None => Arm::binary(users, figure(measure.sum)),
        };
        match self.totals {
            Totals::Arms([of_test, of_control]) => {
                Pair::new(arm(test, of_test), arm(control, of_control))
            }
            Totals::Contrast { contrast, sums, squares } => {
                let weights = [contrast.test, contrast.control].map(i128::from);
                let sums = Forms {
                    weights,
                    contrast: sums.contrast.value.into(),
                    contrast_variance: sums.contrast.noise_variance,
                    pooled: sums.pooled.value.into(),
                    pooled_variance: sums.pooled.noise_variance,
                };
                let squares = Forms {
                    weights: weights.map(|weight| weight * weight),
                    contrast: squares.contrast.value,
                    contrast_variance: squares.contrast.noise_variance,
                    pooled: squares.pooled.value,
                    pooled_variance: squares.pooled.noise_variance,
                };
                Pair::of_forms([test, control], sums, squares)
            }
        }
    }

    fn is_noisy(&self) -> bool {
        self.people.iter().any(|people| people.noise_variance > 0.0)
            || self.sums().iter().any(|sum| sum.noise_variance() > 0.0)
    }

    /// Whether an arm may have fewer than twenty events, or people without one: its released count less
    /// what noise may have added, 19 times in 20.
    fn few_events(&self) -> bool {
        self.exact.is_some_and(|exact| {
            let deviations = self.sums().map(|sum| sum.noise_variance().sqrt());
            exact.fewest() - 1.645 * deviations[0].max(deviations[1]) < FEW
        })
    }

    /// Whether the totals rest on so few people that the normal distribution errs.
    ///
    /// The skewness of an arm's total is that of as many equal payers as 1 over its square. Its third
    /// moment lies between (Σy²)²/Σy, if no y is negative, and cap·Σy², and noise makes the total more normal.
    /// Equal arms have skewness in common, which leaves their difference; of unequal ones also the most that
    /// there may be must be small, as a few people at the cap are hidden by many small payers.
    fn few_payers(&self) -> bool {
        if self.kind == OutcomeKind::Binary {
            return false;
        }
        let [test, control] = self.people.map(|people| figure(people).value());
        let exceeds = |times: f64| test > times * control || control > times * test;
        let (equal, at_the_cap) = match () {
            () if exceeds(4.0) => (FEW_IF_UNEQUAL, FEW),
            () if exceeds(2.0) => (FEW, FEW / 2.0),
            () => (FEW, 0.0),
        };
        self.payers().iter().any(|[most, least]| *most < equal || *least < at_the_cap)
    }

    /// The number of equal payers that each total rests on: at most, and at least. Where squares are known of both arms
    /// together, those of an arm are as many of them as it has of the weighted people.
    fn payers(&self) -> Vec<[f64; 2]> {
        match self.totals {
            Totals::Arms(measures) => {
                let of = |measure: &MeasureFigures| {
                    let Some(sum_sq) = measure.sum_sq else { return [f64::INFINITY; 2] };
                    self.payers_of(figure(measure.sum), squares(sum_sq), 1.0)
                };
                measures.iter().map(of).collect()
            }
            Totals::Contrast { contrast, sums, squares: sums_of_squares } => {
                let weight = f64::from(contrast.test.max(contrast.control));
                let both = self.payers_of(
                    figure(sums.pooled).with_noise(sums.contrast.noise_variance),
                    squares(sums_of_squares.pooled),
                    weight,
                );
                let weights = [contrast.test, contrast.control].map(f64::from);
                let people = self.people.map(|people| figure(people).value());
                let [test, control] = [people[0] * weights[0], people[1] * weights[1]];
                vec![both.map(|payers| payers * test.min(control) / (test + control))]
            }
        }
    }

    /// Of a sum and its squares, in which a person's value counts `weight` times at most.
    fn payers_of(&self, total: Figure, squares: Figure, weight: f64) -> [f64; 2] {
        let sum = total.value();
        let squares = squares.value().max(2.0 * squares.noise_variance().sqrt());
        if sum <= 0.0 && squares <= 0.0 {
            return [0.0; 2];
        }
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "at most 2^31")]
        let most = weight * self.clamp.reach() as f64 * squares;
        // If values have both signs, the sum says nothing about the third moment.
        let least = if sum > 0.0 && !self.clamp.is_signed() {
            most.min(squares * squares / sum)
        } else {
            most
        };
        let second = squares + total.noise_variance();
        [least, most].map(|third| second * second * second / (third * third))
    }
}

/// Events or payers that count as few.
const FEW: f64 = 20.0;
/// Events or payers that count as few if one arm has more than four times the people of the other.
const FEW_IF_UNEQUAL: f64 = 100.0;
/// The relative lift of an arm in which nothing happened.
const NOTHING_LEFT: f64 = -1.0;
/// Fieller's g of a control mean that is four standard errors from zero, at 95 %.
const BARELY: f64 = 0.25;
