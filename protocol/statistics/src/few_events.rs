//! Two arms with few events: a test and intervals that know the noise exactly.

use crate::lift::{Alternative, Bounds, Confidence, EffectScale, Interval};
use counted::Counted;
use search::{Ends, Tested, boundary, halved};

pub(crate) mod counted;
mod search;

/// Two arms in which something happened to few people, or to nearly all.
///
/// The normal distribution errs here: in a holdout of 2 % with five events a one-sided 5 % test by it
/// finds a lift in 11 % of trials of nothing.
///
/// # Shapes and units
///
/// Rates are events per person. Probabilities hold for people who are drawn independently.
///
/// # Privacy
///
/// Costs nothing: a function of released counts and of the known variances of their noise.
///
/// # Source
///
/// The events of an arm are binomial, released with discrete Gaussian noise. For a supposed effect δ the
/// statistic is the score statistic (Miettinen and Nurminen 1985, with the rates estimated by moments)
/// with the noise in its variance. Its tail probability is that of the exact convolution, largest over a
/// confidence set for the control arm's rate that misses it with probability γ = 10⁻⁶ at most, and γ is
/// added (Berger and Boos 1994); the set is Bernstein's bound on the events of both arms together, and
/// the largest is sought over [`RATES`] rates in it. Every interval is the set of effects that the same
/// test does not reject, so none contradicts the p-value. The noise in a head count stands as noise in
/// the events that its people are expected to have.
#[derive(Clone, Copy, Debug)]
pub struct FewEvents {
    test: Events,
    control: Events,
}

/// What was released of one arm.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "built by callers, who must see a new field")]
pub struct Events {
    /// People, with noise.
    pub people: f64,
    /// Variance of the noise on them.
    pub people_variance: f64,
    /// People to whom it happened, with noise.
    pub events: i64,
    /// Variance of the noise on them.
    pub events_variance: f64,
}

/// An effect that is supposed, and tested.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an effect is a difference or a ratio")]
pub enum Effect {
    /// Rate of the test arm less that of the control arm.
    Difference(f64),
    /// Rate of the test arm over that of the control arm.
    Ratio(f64),
}

/// Probabilities of counts at least as extreme as these, if the effect were as supposed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tails {
    /// Of more in the test arm.
    pub greater: f64,
    /// Of less in the test arm.
    pub less: f64,
}

impl Tails {
    /// The p-value against `alternative`.
    #[must_use]
    pub fn p(self, alternative: Alternative) -> f64 {
        match alternative {
            Alternative::TwoSided => (2.0 * self.greater.min(self.less)).min(1.0),
            Alternative::Greater => self.greater,
            Alternative::Less => self.less,
        }
    }
}

impl FewEvents {
    /// These arms; none if one has nobody in it.
    #[must_use]
    pub fn new(test: Events, control: Events) -> Option<Self> {
        let sound = |arm: &Events| {
            let variances = [arm.people_variance, arm.events_variance];
            (1.0..MOST_PEOPLE).contains(&arm.people)
                && variances.iter().all(|variance| (0.0..MOST_VARIANCE).contains(variance))
                && arm.events.unsigned_abs() < MOST_EVENTS
        };
        (sound(&test) && sound(&control)).then_some(Self { test, control })
    }

    /// Whether the counts are so few that this test is to be used and not the normal distribution: an
    /// arm has fewer than 100 events, or people without one; 400 where one arm has more than four times
    /// the people of the other, since the errors of unequal arms do not cancel.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        let sizes = [self.test.people, self.control.people];
        let unequal = sizes[0] > 4.0 * sizes[1] || sizes[1] > 4.0 * sizes[0];
        self.fewest() < if unequal { 400.0 } else { 100.0 }
    }

    /// The fewest events of an arm, or people without one.
    #[must_use]
    pub fn fewest(&self) -> f64 {
        [self.test, self.control]
            .map(|arm| real(arm.events).min(arm.people - real(arm.events)))
            .into_iter()
            .fold(f64::INFINITY, f64::min)
    }

    /// The tails if `effect` were true.
    #[must_use]
    pub fn tails(&self, effect: Effect) -> Tails {
        let [first, last] = self.rates(effect);
        let rates = (0..RATES).map(|at| {
            // Even in the square root, on which scale a rate has the same error everywhere.
            let share = f64::from(at) / f64::from(RATES - 1);
            let root = first.sqrt() + (last.sqrt() - first.sqrt()) * share;
            (root * root).clamp(first, last)
        });
        let pairs: Vec<_> = rates.map(|rate| self.counted(effect, rate)).collect();
        let region = Region::new(self, effect, &pairs);
        let worst = pairs.iter().fold([0.0_f64; 2], |[greater, less], pair| {
            let [more, fewer] = region.probabilities(pair);
            [greater.max(more), less.max(fewer)]
        });
        let [greater, less] = worst.map(|tail| (tail + MISSED).min(1.0));
        Tails { greater, less }
    }

    /// Differences in rates that the test does not reject.
    #[must_use]
    pub fn difference(&self, confidence: Confidence) -> Interval {
        self.of_differences(Ends::of(confidence), [0.0; 2])
    }

    /// Ratios of rates, less one, that the test does not reject; an end that is absent is infinite. Over
    /// no events there is no ratio.
    #[must_use]
    pub fn relative(&self, confidence: Confidence) -> Interval {
        self.of_ratios(Ends::of(confidence), [1.0; 2])
    }

    /// The p-value of an effect that is not within the bounds; absent for a ratio over no events.
    #[must_use]
    pub fn against(&self, bounds: Bounds) -> Option<f64> {
        let is_ratio = bounds.scale == EffectScale::Relative;
        if is_ratio && self.control.events <= 0 {
            return None;
        }
        let effect = |bound: f64| match bounds.scale {
            EffectScale::Relative if bound.abs() > 0.0 => Effect::Ratio(1.0 + bound),
            _ => Effect::Difference(bound),
        };
        let above = bounds.above.map(|bound| self.tails(effect(bound)).greater);
        let below = bounds.below.map(|bound| self.tails(effect(bound)).less);
        above.into_iter().chain(below).reduce(f64::max)
    }

    /// The interval that goes with [`FewEvents::against`]: it lies within the bounds exactly where that p is at most `missed`, which is
    /// how often it misses at each end.
    #[must_use]
    pub fn interval_within(&self, bounds: Bounds, missed: f64) -> Interval {
        let ends = Ends { missed, lower: true, upper: true };
        let [above, below] = [bounds.above, bounds.below].map(|bound| bound.unwrap_or(0.0));
        match bounds.scale {
            EffectScale::Absolute => self.of_differences(ends, [above, below]),
            EffectScale::Relative => self.of_ratios(ends, [1.0 + above, 1.0 + below]),
        }
    }

    fn of_differences(&self, ends: Ends, tested: [f64; 2]) -> Interval {
        let estimate = (self.test.rate() - self.control.rate()).clamp(-1.0, 1.0);
        let tested = tested.map(|at| Tested { at, tails: self.tails(Effect::Difference(at)) });
        self.interval(ends, &Effect::Difference, [-1.0, 1.0], tested, estimate)
    }

    fn of_ratios(&self, ends: Ends, tested: [f64; 2]) -> Interval {
        if self.control.events <= 0 {
            return Interval::default();
        }
        // From 0 to infinity, as shares of themselves and one.
        let effect = |share: f64| Effect::Ratio(share / (1.0 - share));
        let tested = tested.map(|ratio| {
            let no_effect = ratio.total_cmp(&1.0).is_eq();
            let effect = if no_effect { Effect::Difference(0.0) } else { Effect::Ratio(ratio) };
            Tested { at: ratio / (1.0 + ratio), tails: self.tails(effect) }
        });
        let ratio = (self.test.rate() / self.control.rate()).max(0.0);
        let estimate = (ratio / (1.0 + ratio)).min(LARGEST_SHARE);
        let found = self.interval(ends, &effect, [0.0, LARGEST_SHARE], tested, estimate);
        let end = |share: f64| share / (1.0 - share) - 1.0;
        Interval {
            lower: found.lower.map(end),
            upper: found.upper.filter(|share| *share < LARGEST_SHARE).map(end),
        }
    }

    /// Between the smallest effect that there is and the largest. The effects that were `tested` come first, the one for the lower end
    /// and the one for the upper, so that the interval leaves them out exactly where their p-values say so.
    fn interval(
        &self,
        ends: Ends,
        effect: &dyn Fn(f64) -> Effect,
        [smallest, largest]: [f64; 2],
        [low, high]: [Tested; 2],
        estimate: f64,
    ) -> Interval {
        let end = |tested: Tested, last: f64, estimate: f64, pick: fn(Tails) -> f64| {
            // Above zero where the effect at `at` is not rejected.
            let excess = |at: f64| libm::log(pick(self.tails(effect(at))) / ends.missed);
            let rejected = libm::log(pick(tested.tails) / ends.missed);
            if rejected <= 0.0 {
                return boundary([tested.at, rejected], estimate, excess);
            }
            match excess(last) {
                excess_at_last if excess_at_last > 0.0 => last,
                excess_at_last => boundary([last, excess_at_last], estimate, excess),
            }
        };
        let lower = || {
            let is_rejected = low.tails.greater <= ends.missed;
            let inside = if is_rejected { estimate.max(low.at) } else { estimate.min(low.at) };
            end(low, smallest, inside, |tails| tails.greater)
        };
        let upper = || {
            let is_rejected = high.tails.less <= ends.missed;
            let inside = if is_rejected { estimate.min(high.at) } else { estimate.max(high.at) };
            end(high, largest, inside, |tails| tails.less)
        };
        Interval { lower: ends.lower.then(lower), upper: ends.upper.then(upper) }
    }

    fn counted(&self, effect: Effect, control: f64) -> [Counted; 2] {
        let test = effect.test_rate(control);
        [Counted::new(&self.test, test), Counted::new(&self.control, control)]
    }

    /// Ends of the confidence set for the control arm's rate.
    fn rates(&self, effect: Effect) -> [f64; 2] {
        let [first, last] = effect.control_rates();
        let total = real(self.test.events) + real(self.control.events);
        let centre = effect.pooled(self, total);
        let within = |rate: f64| {
            let other = effect.test_rate(rate);
            let mean = self.test.people * other + self.control.people * rate;
            let variance = self.test.variance(other) + self.control.variance(rate);
            let third = LOG_MISSED / 3.0;
            (total - mean).abs() <= third + (third * third + 2.0 * LOG_MISSED * variance).sqrt()
        };
        [first, last].map(|end| if within(end) { end } else { halved(end, centre, within) })
    }

    /// The score statistic for counts of the test and of the control arm.
    fn statistic(&self, effect: Effect, test: f64, control: f64) -> f64 {
        let rate = effect.pooled(self, test.max(0.0) + control.max(0.0));
        let other = effect.test_rate(rate);
        let weight = effect.weight();
        let (n_t, n_c) = (self.test.people, self.control.people);
        let gap = test / n_t - weight * control / n_c - effect.offset();
        let variance = self.test.variance(other) / (n_t * n_t)
            + weight * weight * self.control.variance(rate) / (n_c * n_c);
        gap / (variance + f64::MIN_POSITIVE).sqrt()
    }
}

impl Effect {
    fn test_rate(self, control: f64) -> f64 {
        match self {
            Self::Difference(difference) => (control + difference).clamp(0.0, 1.0),
            Self::Ratio(ratio) => (control * ratio).clamp(0.0, 1.0),
        }
    }

    /// Rates of the control arm that leave the test arm one.
    fn control_rates(self) -> [f64; 2] {
        match self {
            Self::Difference(difference) => {
                [(-difference).clamp(0.0, 1.0), (1.0 - difference).clamp(0.0, 1.0)]
            }
            Self::Ratio(ratio) => [0.0, if ratio > 1.0 { 1.0 / ratio } else { 1.0 }],
        }
    }

    /// Rate of the control arm at which both arms are expected to have `total` events.
    fn pooled(self, arms: &FewEvents, total: f64) -> f64 {
        let (n_t, n_c) = (arms.test.people, arms.control.people);
        let rate = match self {
            Self::Difference(difference) => (total - n_t * difference) / (n_t + n_c),
            Self::Ratio(ratio) => total / (n_t * ratio + n_c),
        };
        let [first, last] = self.control_rates();
        rate.clamp(first, last)
    }

    fn weight(self) -> f64 {
        match self {
            Self::Difference(_) => 1.0,
            Self::Ratio(ratio) => ratio,
        }
    }

    fn offset(self) -> f64 {
        match self {
            Self::Difference(difference) => difference,
            Self::Ratio(_) => 0.0,
        }
    }
}

impl Events {
    fn rate(&self) -> f64 {
        real(self.events) / self.people
    }

    /// Variance of the noise at this rate: on the events, and on the people who are expected to have one.
    fn noise(&self, rate: f64) -> f64 {
        self.events_variance + rate * rate * self.people_variance
    }

    /// Variance of the released events at this rate.
    fn variance(&self, rate: f64) -> f64 {
        self.people * rate * (1.0 - rate) + self.noise(rate)
    }
}

/// Which counts are at least as extreme as those that were released: for counts of the control arm in
/// steps, the test arm's count from which it is more, and up to which it is less.
struct Region {
    first: i64,
    step: i64,
    bounds: Vec<[i64; 2]>,
}

impl Region {
    fn new(arms: &FewEvents, effect: Effect, pairs: &[[Counted; 2]]) -> Self {
        let reach = |arm: usize| {
            let ends = pairs.iter().filter_map(|pair| pair.get(arm)).map(Counted::reach);
            ends.fold([arms.control.events; 2], |[first, last], [low, high]| {
                [first.min(low), last.max(high)]
            })
        };
        let [lowest, highest] = reach(0);
        let [first, last] = reach(1);
        let step = pairs.iter().map(|[_, control]| control.step()).min().unwrap_or(1).max(1);
        // Among the steps is the count that was released.
        let first = arms.control.events - (arms.control.events - first) / step * step;
        let released = arms.statistic(effect, real(arms.test.events), real(arms.control.events));
        let margin = TIE * (1.0 + released.abs());
        let count = (last - first) / step + 1;
        let bounds = (0..count).map(|at| {
            let control = real(first + at * step);
            let from = |least: f64| {
                // The smallest count with this statistic; it rises with the count.
                let (mut below, mut above) = (lowest - 1, highest + 1);
                while above - below > 1 {
                    let middle = below + (above - below) / 2;
                    if arms.statistic(effect, real(middle), control) >= least {
                        above = middle;
                    } else {
                        below = middle;
                    }
                }
                above
            };
            [from(released - margin), from(released + margin)]
        });
        Self { first, step, bounds: bounds.collect() }
    }

    /// Of more than was released, and of less, with what was released in both.
    fn probabilities(&self, [test, control]: &[Counted; 2]) -> [f64; 2] {
        let mut totals = [0.0_f64; 3];
        for (at, [more, not_less]) in (0_i64..).zip(&self.bounds) {
            let weight = control.probability(self.first + at * self.step, self.step);
            if weight < NEGLIGIBLE {
                continue;
            }
            let greater = test.at_least(*more);
            let above = if more == not_less { greater } else { test.at_least(*not_less) };
            let [all, up, down] = totals;
            totals = [all + weight, up + weight * greater, down + weight * (1.0 - above)];
        }
        let [all, up, down] = totals;
        // What is left out is negligible; the steps may not add up to one exactly.
        if all > 0.0 {
            [(up / all).clamp(0.0, 1.0), (down / all).clamp(0.0, 1.0)]
        } else {
            [1.0; 2]
        }
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts below 2^53")]
fn real(count: i64) -> f64 {
    count as f64
}

/// Rates that are tried in the confidence set.
pub const RATES: u32 = 16;
/// Probability that the confidence set misses the rate.
const MISSED: f64 = 1e-6;
/// ln(2 / 10⁻⁶).
const LOG_MISSED: f64 = 14.508_657_738_524_219;
const TIE: f64 = 1e-12;
const NEGLIGIBLE: f64 = 1e-16;
/// A ratio of ten thousand is as good as infinite.
const LARGEST_SHARE: f64 = 0.9999;
const MOST_PEOPLE: f64 = 1e12;
const MOST_VARIANCE: f64 = 1e12;
const MOST_EVENTS: u64 = 1 << 40;
