//! What a noisy head count says of the people behind it, given that it was shown because it passed a
//! threshold.
//!
//! A group is shown if its noisy count Y is at least T. Of those that are shown, noise has lifted more
//! than it has lowered, so that Y ± zσ holds the people too seldom: never, for a small group that is far below
//! T. The interval here is that of the count's distribution *given* that it passed, inverted:
//!
//! ```text
//! {n ≥ 0 : α/2 ≤ P[Y ≥ y | Y ≥ T; n]  and  α/2 ≤ P[Y ≤ y | Y ≥ T; n]},
//! ```
//!
//! which holds the n people with probability 1 - α or more among all runs in which the group is shown,
//! whatever n is. Y is a whole number, hence both tails contain y itself. P[Y ≥ y | Y ≥ T; n] grows with n (the
//! density of the noise is log-concave), so both ends are found by bisection.
//!
//! # Source
//!
//! Conditional inference after selection by truncation: Cohen 1959, *Technometrics* 1; Lee, Sun, Sun and
//! Taylor 2016, <https://arxiv.org/abs/1311.6238>, Section 5 (truncated normal, inverted; monotone).

use libm::{exp, expm1, log, log1p};
use std::f64::consts::PI;

use crate::special::{normal_sf, normal_upper_quantile};

/// Noise on a count, and the least noisy count that is shown.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    noise: Noise,
    from: i64,
}

impl Passing {
    /// Of one draw of discrete Gaussian noise.
    pub fn one_draw(noise_variance: f64, from: i64) -> Self {
        let sigma = noise_variance.sqrt();
        // From here on sums and integrals agree in the ratio of two tails to a thousandth.
        let noise =
            if sigma < EXACT_BELOW { Noise::discrete(sigma) } else { Noise::Normal { sigma } };
        Self { noise, from }
    }

    /// Of the noise in a sum over many counts.
    pub fn of_sum(noise_variance: f64, from: i64) -> Self {
        Self { noise: Noise::Normal { sigma: noise_variance.sqrt() }, from }
    }

    /// The people who may be behind a noisy `count` that was shown, and the count itself: where it has hardly
    /// passed, noise explains it by itself, and even 0 people may be too many for the rule above.
    pub fn interval(self, count: i64, alpha: f64) -> [i64; 2] {
        if self.noise.sigma() <= 0.0 {
            return [count, count];
        }
        [self.at_least(count, alpha / 2.0), self.at_most(count, alpha / 2.0).max(count)]
    }

    /// The fewest people for whom a noisy count of `count` or more, given that it is shown, has a probability of
    /// at least `tail`.
    pub fn at_least(self, count: i64, tail: f64) -> i64 {
        if self.noise.sigma() <= 0.0 {
            return count.max(0);
        }
        let explains = |people: i64| self.ln_reaching(count, people) >= log(tail);
        let far = self.nearby(count, tail).map_or(0, |reach| count.saturating_sub(reach)).max(0);
        if count <= 0 || explains(far) {
            return far;
        }
        // With as many people as counted, noise need not do anything.
        bisect(far, count, |people| !explains(people)).1
    }

    /// The most people for whom a noisy count of `count` or less, given that it is shown, has a probability of
    /// at least `tail`; 0 if it is smaller for any number of people.
    fn at_most(self, count: i64, tail: f64) -> i64 {
        let next = count.saturating_add(1);
        let explains = |people: i64| -expm1(self.ln_reaching(next, people)) >= tail;
        let least = self.nearby(count, tail).map_or(0, |_| count);
        let most = count.saturating_add(self.reach(tail)).max(1);
        if explains(least) { bisect(least, most, explains).0 } else { 0 }
    }

    /// ln P\[Y ≥ count | Y ≥ T; people\].
    fn ln_reaching(self, count: i64, people: i64) -> f64 {
        let beyond = |least: i64| self.noise.ln_tail(least.saturating_sub(people));
        beyond(count.max(self.from)) - beyond(self.from)
    }

    /// How far noise reaches but for a probability below `tail`.
    fn reach(self, tail: f64) -> i64 {
        whole((normal_upper_quantile(tail) + 2.0) * self.noise.sigma()).saturating_add(2)
    }

    /// The same where the threshold is so far below the count that it plays no part.
    fn nearby(self, count: i64, tail: f64) -> Option<i64> {
        let above = real(count.saturating_sub(self.from));
        (above > 20.0 * self.noise.sigma() + 20.0).then(|| self.reach(tail))
    }
}

/// Where `holds` ends: the last whole number at which it does, and the first at which it does not. It does
/// at the first of the two ends and not at the second.
fn bisect(mut yes: i64, mut no: i64, holds: impl Fn(i64) -> bool) -> (i64, i64) {
    while no - yes > 1 {
        let middle = yes.midpoint(no);
        if holds(middle) { yes = middle } else { no = middle }
    }
    (yes, no)
}

/// A distribution of whole numbers around 0.
#[derive(Clone, Copy, Debug)]
enum Noise {
    /// Discrete Gaussian, added up term by term.
    Discrete { sigma: f64, ln_all: f64 },
    /// Normal, cut at halves. Of noise as wide as this the sum is an integral for all purposes, and could not
    /// be added up.
    Normal { sigma: f64 },
}

impl Noise {
    fn discrete(sigma: f64) -> Self {
        let ln_all = log(1.0 + 2.0 * series(sigma, 1.0) * exp(ln_weight(sigma, 1.0)));
        Self::Discrete { sigma, ln_all }
    }

    fn sigma(self) -> f64 {
        let (Self::Discrete { sigma, .. } | Self::Normal { sigma }) = self;
        sigma
    }

    /// ln P\[N ≥ least\], accurate however far out.
    fn ln_tail(self, least: i64) -> f64 {
        match self {
            Self::Discrete { .. } if least <= 0 => {
                log1p(-exp(self.ln_tail(1_i64.saturating_sub(least))))
            }
            Self::Discrete { sigma, ln_all } => {
                let least = real(least);
                ln_weight(sigma, least) + log(series(sigma, least)) - ln_all
            }
            Self::Normal { sigma } => ln_normal_tail((real(least) - 0.5) / sigma),
        }
    }
}

/// ln exp(-x²/2σ²).
fn ln_weight(sigma: f64, x: f64) -> f64 {
    -x * x / (2.0 * sigma * sigma)
}

/// Σ_{j ≥ 0} exp(-((t + j)² - t²)/2σ²) for t ≥ 0: the tail from t on, over its first term.
fn series(sigma: f64, t: f64) -> f64 {
    let mut sum = 0.0;
    for j in 0..MOST_TERMS {
        let j = f64::from(j);
        let term = exp(-j * (2.0 * t + j) / (2.0 * sigma * sigma));
        sum += term;
        if term < 1e-18 {
            break;
        }
    }
    sum
}

/// ln P\[Z ≥ u\]; far out by the asymptotic series of Mills' ratio (DLMF 7.12.1).
fn ln_normal_tail(u: f64) -> f64 {
    if u < 0.0 {
        log1p(-normal_sf(-u))
    } else if u < 30.0 {
        log(normal_sf(u))
    } else {
        let square = 1.0 / (u * u);
        let series = -square * (1.0 - 3.0 * square * (1.0 - 5.0 * square));
        -u * u / 2.0 - log(u * (2.0 * PI).sqrt()) + log1p(series)
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "saturates")]
fn whole(number: f64) -> i64 {
    number.ceil() as i64
}

/// Standard deviation from which on noise counts as normal.
const EXACT_BELOW: f64 = 16.0;
/// Nine deviations of the widest noise that is added up.
const MOST_TERMS: u32 = 160;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Probabilities of a discrete Gaussian by adding up, given that n people and noise are at least T.
    fn given_shown(sigma: f64, from: i64, people: i64) -> Vec<(i64, f64)> {
        let weight = |count: i64| ln_weight(sigma, real(count - people)).exp();
        let reach = whole(10.0 * sigma) + 2;
        let counts = from.max(people - reach)..=from.max(people) + reach;
        // Relative to the likeliest, so that a threshold far out is none too far.
        let top = ln_weight(sigma, real((from - people).max(0)));
        let weight = |count| if top < -600.0 { 0.0 } else { weight(count) };
        let all: f64 = counts.clone().map(weight).sum();
        counts.map(|count| (count, weight(count) / all)).collect()
    }

    #[test]
    fn holds_the_people_as_often_as_it_says_whatever_the_threshold() {
        for sigma in [0.4, 1.0, 3.3, 15.9, 17.6] {
            for from in [1, 50, whole(4.6 * sigma)] {
                for people in
                    [0, 20, from - 1, from, from + whole(2.0 * sigma), from + whole(8.0 * sigma)]
                {
                    let all = given_shown(sigma, from, people.max(0));
                    if all.iter().any(|(_, chance)| chance.is_nan()) {
                        continue;
                    }
                    let passing = Passing::one_draw(sigma * sigma, from);
                    let holds = |count: i64| {
                        let [low, high] = passing.interval(count, 0.05);
                        (low..=high).contains(&people.max(0))
                    };
                    let covered: f64 = all
                        .iter()
                        .filter(|(count, _)| holds(*count))
                        .map(|(_, chance)| chance)
                        .sum();
                    assert!(covered >= 0.9499, "{sigma} {from} {people}: {covered}");
                }
            }
        }
    }

    /// Where the threshold plays no part, y ± 1.96 σ.
    #[test]
    fn far_above_the_threshold_it_is_the_plain_interval() {
        for sigma in [2.0, 20.0, 200.0] {
            for count in [20_000, 1_000_000] {
                let [low, high] = Passing::one_draw(sigma * sigma, 50).interval(count, 0.05);
                let half = 1.959_964 * sigma;
                assert!((real(count - low) - half).abs() <= 1.0, "{sigma} {low}");
                assert!((real(high - count) - half).abs() <= 1.0, "{sigma} {high}");
            }
        }
    }

    #[test]
    fn a_count_that_has_hardly_passed_may_be_nobody() {
        // 120 is 4.6 deviations: noise shows such a group in one of 400,000 tables.
        assert_eq!(Passing::one_draw(26.0 * 26.0, 120).interval(121, 0.05)[0], 0);
        assert_eq!(Passing::one_draw(0.0, 120).interval(121, 0.05), [121, 121]);
    }

    #[test]
    fn sums_and_integrals_agree_where_one_gives_way_to_the_other() {
        let (sigma, from) = (15.99, 75);
        for count in 75..400 {
            let exact = Passing { noise: Noise::discrete(sigma), from }.interval(count, 0.05);
            let normal = Passing { noise: Noise::Normal { sigma }, from }.interval(count, 0.05);
            for (exact, normal) in exact.into_iter().zip(normal) {
                assert!((exact - normal).abs() <= 1, "{count}: {exact} {normal}");
            }
        }
    }

    proptest! {
        #[test]
        fn ends_rise_with_the_count_and_hold_it(
            sigma in 0.05_f64..1e6, from in 1_i64..1_000_000, above in 0_i64..10_000_000, more in 1_i64..1_000,
        ) {
            let passing = Passing::one_draw(sigma * sigma, from);
            let [low, high] = passing.interval(from + above, 0.05);
            let [next_low, next_high] = passing.interval(from + above + more, 0.05);
            prop_assert!(0 <= low && low <= from + above && from + above <= high);
            // Rounding of the logarithms moves an end by no more than one.
            prop_assert!(low <= next_low + 1 && high <= next_high + 1, "{low} {next_low} {high} {next_high}");
        }

        #[test]
        fn no_count_is_too_much(sigma in 0.0_f64..2e12, from: i64, count: i64, alpha in 1e-6_f64..0.5) {
            let [low, high] = Passing::one_draw(sigma * sigma, from).interval(count, alpha);
            prop_assert!(low <= high || count < 0);
        }
    }
}
