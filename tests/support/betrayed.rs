//! What many runs on two neighbouring inputs betray, at least: bounds that hold with confidence 1 - 10⁻⁶.
//!
//! Crates whose own tests audit something include this file by its path.

use statistics::special::normal_upper_quantile;

/// A lower bound of the ε that outcomes on two neighbouring inputs betray at δ.
///
/// Events are "at most c" and "above c" for c in [`CUTS`]; each frequency is bounded after Clopper and
/// Pearson, each at its share of 10⁻⁶ (Bonferroni). Any (ε, δ)-private mechanism has
/// P(E) ≤ exp(ε) P'(E) + δ for every event, either way round.
#[must_use]
pub fn betrayed(with: &[i64], without: &[i64], delta: f64) -> f64 {
    let mut most = 0.0_f64;
    for [least, most_other] in events(with, without) {
        if least > delta {
            most = most.max(((least - delta) / most_other).ln());
        }
    }
    most
}

/// A lower bound of the distance between the two, in standard deviations of a normal distribution: no test of inputs that
/// noise of deviation 1 tells apart by μ is right about one of them with probability Φ(Φ⁻¹(a) + μ), and wrong about the other
/// with a, for any larger μ.
///
/// Source: Dong, Roth and Su 2022, <https://arxiv.org/abs/1905.02383>, Definition 2.6; as an audit Nasr and others 2023,
/// <https://arxiv.org/abs/2302.07956>, Section 4.
#[must_use]
pub fn apart(with: &[i64], without: &[i64]) -> f64 {
    let mut most = 0.0_f64;
    for [least, most_other] in events(with, without) {
        if least > 0.0 && most_other < 1.0 {
            most = most.max(normal_upper_quantile(most_other) - normal_upper_quantile(least));
        }
    }
    most
}

/// Of each event the least probability under one input and the most under the other, either way round.
fn events(with: &[i64], without: &[i64]) -> impl Iterator<Item = [f64; 2]> {
    let bounds = f64::from(2 * 2 * 2 * u32::try_from(CUTS.count()).unwrap());
    let alpha = 1e-6 / bounds;
    CUTS.flat_map(move |cut| {
        let below = |outcomes: &[i64]| outcomes.iter().filter(|outcome| **outcome <= cut).count();
        let counts = (below(with), below(without));
        let above = (with.len() - counts.0, without.len() - counts.1);
        let bound = |hits: usize, runs: usize, other: usize, other_runs: usize| {
            [at_least(hits, runs, alpha), 1.0 - at_least(other_runs - other, other_runs, alpha)]
        };
        let (runs, other_runs) = (with.len(), without.len());
        [
            bound(counts.0, runs, counts.1, other_runs),
            bound(counts.1, other_runs, counts.0, runs),
            bound(above.0, runs, above.1, other_runs),
            bound(above.1, other_runs, above.0, runs),
        ]
    })
}

/// Clopper and Pearson's lower bound: the p for which so many hits or more have probability `alpha`.
#[must_use]
pub fn at_least(hits: usize, runs: usize, alpha: f64) -> f64 {
    if hits == 0 {
        return 0.0;
    }
    let (a, b) = (count(hits), count(runs - hits) + 1.0);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if incomplete_beta(a, b, middle) < alpha { low = middle } else { high = middle }
    }
    low
}

/// I_x(a, b) by Lentz's continued fraction: Press et al., *Numerical Recipes* (2007), Section 6.4.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    let tiny = |it: f64| if it.abs() < 1e-300 { 1e-300 } else { it };
    let (mut c, mut d) = (1.0, 1.0 / tiny(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in (1..100_000_u32).map(f64::from) {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / tiny(1.0 + term * d);
            c = tiny(1.0 + term / c);
            change = d * c;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-13 {
            return (front.exp() * fraction / a).min(1.0);
        }
    }
    unreachable!("no convergence at {a} {b} {x}")
}

/// Stirling's series, after moving the argument beyond 10.
fn ln_gamma(x: f64) -> f64 {
    if x < 10.0 {
        return ln_gamma(x + 1.0) - x.ln();
    }
    let half_log = 0.5 * (2.0 * std::f64::consts::PI).ln();
    (x - 0.5) * x.ln() - x + half_log + 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3))
        + 1.0 / (1260.0 * x.powi(5))
}

/// 3 of 10, 0 of 10, 10 of 10 at 2.5 %: R's `binom.test`.
#[test]
fn bounds_of_a_frequency_agree_with_published_ones() {
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-7, "{found}");
    close(at_least(3, 10, 0.025), 0.066_739_51);
    close(1.0 - at_least(7, 10, 0.025), 0.652_452_85);
    close(at_least(0, 10, 0.025), 0.0);
    close(at_least(10, 10, 0.025), 0.691_502_89);
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "far below 2^53")]
pub fn count(number: usize) -> f64 {
    number as f64
}

const CUTS: std::ops::RangeInclusive<i64> = -24..=24;
