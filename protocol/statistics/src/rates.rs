//! Rates and means of the people of one group, from noisy totals.
//!
//! People are taken as a sample of people like them: an interval covers chance as well as noise, as that of a
//! comparison of arms does. It holds the rate or the mean at the level that is asked for whatever the number of
//! people is, of which a range is given (Bonferroni: a tenth of the error is for the people, and of a mean another
//! one for how much people differ).
//!
//! # Source
//!
//! Rate: the score interval with continuity correction (Wilson 1927, *JASA* 22; Newcombe 1998, *Statistics in
//! Medicine* 17, method 4), with the variance of the noise added to that of the events. Mean: Student's interval,
//! with the variance of the noise added; between people the variance is the most that noise leaves possible, and no
//! more than values between two ends can have (Bhatia and Davis 2000, *Amer. Math. Monthly* 107).

use crate::special::{normal_upper_quantile, student_upper_quantile};

/// From and to, both included.
pub type Range = [f64; 2];

/// A total with noise in it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a value and its noise")]
pub struct Noisy {
    /// The total.
    pub value: f64,
    /// Variance of its noise.
    pub variance: f64,
}

/// What is shared by the people of a group, as an estimate and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "an estimate and its interval")]
pub struct Estimated {
    /// The estimate.
    pub value: f64,
    /// Its interval.
    pub ends: Range,
}

impl Noisy {
    fn reach(self, tail: f64) -> f64 {
        if self.variance > 0.0 { normal_upper_quantile(tail) * self.variance.sqrt() } else { 0.0 }
    }
}

/// The share of people of whom something is true, as it is of `events` of about `people` people; `between`
/// is the range of people at a given error.
pub fn rate(events: Noisy, people: f64, between: impl Fn(f64) -> Range, alpha: f64) -> Estimated {
    let [fewest, most] = positive(between(alpha * PART));
    let rest = if fewest < most { alpha * (1.0 - PART) } else { alpha };
    let z = normal_upper_quantile(rest / 2.0);
    // The more people, the lower the rate that is as far off.
    let low = roots(events.value - 0.5, most, events.variance, z)[0];
    let high = [fewest, most].map(|n| roots(events.value + 0.5, n, events.variance, z)[1]);
    let ends = [low, high[0].max(high[1])].map(|end| end.clamp(0.0, 1.0));
    let ends = if events.value <= 0.0 && events.variance <= 0.0 { [0.0, ends[1]] } else { ends };
    let all = events.variance <= 0.0 && events.value >= people;
    let ends = if all { [ends[0], 1.0] } else { ends };
    Estimated { value: within(events.value / people.max(1.0), ends), ends }
}

/// Both rates p at which `events` is z standard deviations from pn: (a - pn)² = z²(p(1-p)n + v).
fn roots(events: f64, n: f64, variance: f64, z: f64) -> Range {
    let square = z * z;
    let (a, b) = (n * n + square * n, 2.0 * events * n + square * n);
    let c = events * events - square * variance;
    let discriminant = b * b - 4.0 * a * c;
    if discriminant < 0.0 {
        // No rate explains so few or so many: the nearest is the end.
        let end = if events < 0.0 { 0.0 } else { 1.0 };
        return [end, end];
    }
    let root = discriminant.sqrt();
    [(b - root) / (2.0 * a), (b + root) / (2.0 * a)]
}

/// What people have on average, of a `sum` and a sum of `squares` over about `people` people, each of whom has
/// what is `possible`; `between` is the range of people at a given error.
pub fn mean(
    sum: Noisy,
    squares: Noisy,
    people: f64,
    between: impl Fn(f64) -> Range,
    possible: Range,
    alpha: f64,
) -> Estimated {
    let range = positive(between(alpha * PART));
    let is_exact = sum.variance <= 0.0 && squares.variance <= 0.0;
    let parts = f64::from(u8::from(range[0] < range[1])) + f64::from(u8::from(!is_exact));
    let rest = alpha * (1.0 - parts * PART);
    let ends = range.map(|n| {
        let variance = most_variance(sum, squares, n, possible, alpha * PART);
        let t = student_upper_quantile(rest / 2.0, (n - 1.0).max(1.0));
        let reach = t * (n * variance + sum.variance).sqrt();
        [(sum.value - reach) / n, (sum.value + reach) / n]
    });
    let ends = [ends[0][0].min(ends[1][0]), ends[0][1].max(ends[1][1])];
    let ends = ends.map(|end| within(end, possible));
    Estimated { value: within(sum.value / people.max(1.0), ends), ends }
}

/// The largest variance between `n` people that noise leaves possible but for a probability of `tail`.
fn most_variance(sum: Noisy, squares: Noisy, n: f64, [least, most]: Range, tail: f64) -> f64 {
    let each = tail / 2.0;
    let nearest = (sum.value.abs() - sum.reach(each)).max(0.0);
    let found = squares.value + squares.reach(each) - nearest * nearest / n;
    let reach = sum.reach(each);
    let means = [(sum.value - reach) / n, (sum.value + reach) / n];
    let middle = within(within(f64::midpoint(least, most), means), [least, most]);
    let largest = n * (most - middle) * (middle - least);
    found.min(largest).max(0.0) / (n - 1.0).max(1.0)
}

/// The interval of a sum of head counts, each of which has one of its own that holds it with the same probability
/// and may lie aside of it: halves as of independent errors, and what they are aside is the same way for all.
///
/// # Source
///
/// Zou and Donner 2008, *Statistics in Medicine* 27: variances recovered from the ends of intervals.
pub fn together(counts: impl Iterator<Item = (f64, Range)>) -> Range {
    let (mut value, mut aside, mut squares) = (0.0, 0.0, 0.0);
    for (count, [low, high]) in counts {
        let half = (high - low) / 2.0;
        value += count;
        aside += f64::midpoint(low, high) - count;
        squares += half * half;
    }
    let half = f64::sqrt(squares);
    [(value + aside - half).max(0.0), value + aside + half]
}

/// Of nobody there is no rate.
fn positive(people: Range) -> Range {
    people.map(|end| end.max(1.0))
}

/// The number of the interval that is nearest.
fn within(number: f64, [low, high]: Range) -> f64 {
    number.min(high).max(low)
}

/// The part of the error that is for one nuisance.
const PART: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(value: f64) -> Noisy {
        Noisy { value, variance: 0.0 }
    }

    fn close(found: Range, expected: Range) {
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 5e-5, "{found} {expected}");
        }
    }

    /// Newcombe 1998, table I, method 4.
    #[test]
    fn without_noise_a_rate_is_as_published() {
        let found = |events: f64, n: f64| rate(exact(events), n, |_| [n, n], 0.05).ends;
        close(found(81.0, 263.0), [0.2535, 0.3682]);
        close(found(15.0, 148.0), [0.0598, 0.1644]);
        close(found(0.0, 20.0), [0.0, 0.2005]);
        close(found(1.0, 29.0), [0.0018, 0.1963]);
        close(found(29.0, 29.0), [0.8544, 1.0]);
    }

    /// 1, 2, 3, 4: mean 2.5, variance 5/3, t of three degrees 3.18245.
    #[test]
    fn without_noise_a_mean_has_students_interval() {
        let found = mean(exact(10.0), exact(30.0), 4.0, |_| [4.0, 4.0], [0.0, 9.0], 0.05);
        assert!((found.value - 2.5).abs() < 1e-12);
        close(found.ends, [2.5 - 2.054_26, 2.5 + 2.054_26]);
    }

    #[test]
    fn noise_and_unknown_people_widen_and_what_is_impossible_is_cut_off() {
        let noisy = |value, variance| Noisy { value, variance };
        let width = |it: Estimated| it.ends[1] - it.ends[0];
        let known = rate(exact(200.0), 1000.0, |_| [1000.0, 1000.0], 0.05);
        let wider = rate(noisy(200.0, 400.0), 1000.0, |_| [1000.0, 1000.0], 0.05);
        let widest = rate(noisy(200.0, 400.0), 1000.0, |_| [900.0, 1100.0], 0.05);
        assert!(width(known) < width(wider) && width(wider) < width(widest));
        for events in [-500.0, -1.0, 0.0, 30.0, 60.0, 5000.0] {
            let found = rate(noisy(events, 400.0), 50.0, |_| [30.0, 70.0], 0.05);
            assert!(found.ends[0] >= 0.0 && found.ends[1] <= 1.0, "{found:?}");
            assert!(found.ends[0] <= found.value && found.value <= found.ends[1], "{found:?}");
            let spent = mean(
                noisy(events, 9e4),
                noisy(events * 9.0, 9e6),
                50.0,
                |_| [30.0, 70.0],
                [0.0, 90.0],
                0.05,
            );
            assert!(spent.ends[0] >= 0.0 && spent.ends[1] <= 90.0, "{spent:?}");
            assert!(spent.ends[0] <= spent.value && spent.value <= spent.ends[1], "{spent:?}");
        }
    }

    #[test]
    fn counts_together_are_as_wide_as_independent_ones_and_as_far_aside_as_all_of_them() {
        close(together([(10.0, [7.0, 13.0]), (20.0, [16.0, 24.0])].into_iter()), [25.0, 35.0]);
        close(together([(10.0, [5.0, 11.0]), (20.0, [14.0, 22.0])].into_iter()), [21.0, 31.0]);
    }
}
