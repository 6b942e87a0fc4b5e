//! Seeds are fixed; every threshold is set so that a fresh seed would fail with probability under
//! 10⁻⁹.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use super::*;

#[test]
fn variance_over_a_million_draws_is_within_two_percent() {
    // The relative standard error is √(2 / 10⁶) = 0.14 %, so 2 % is 14 of them.
    let mut noise = Exact::from_seed([1; 32]);
    let sigma_squared = Variance::new(1_000_000, 1).unwrap();
    let (mean, variance) = moments(1_000_000, || noise.gaussian(sigma_squared));
    assert!((variance / 1e6 - 1.0).abs() < 0.02, "variance {variance}");
    assert!(mean.abs() < 6.2, "mean {mean}, standard error 1");
}

#[test]
fn widest_and_fractional_scales_keep_their_variance() {
    let mut noise = Exact::from_seed([2; 32]);
    for sigma_squared in [
        Variance::new(1 << 80, 1).unwrap(),
        Variance::new(1_000_000_007 * 1_000_003, 1_000_000_009).unwrap(),
        Variance::new((1 << 112) - 1, 1 << 30).unwrap(),
    ] {
        let (mean, variance) = moments(50_000, || noise.gaussian(sigma_squared));
        let expected = sigma_squared.as_f64();
        assert!((variance / expected - 1.0).abs() < 6.2 * (4e-5_f64).sqrt());
        assert!(mean.abs() < 6.2 * (expected / 5e4).sqrt());
    }
    let scale = Scale::new(1 << 48, 1).unwrap();
    let (_, variance) = moments(50_000, || noise.laplace(scale));
    // Kurtosis 6, so the variance of the sample variance is 5 σ⁴ / n.
    assert!((variance / (2.0 * (48_f64 * 2.0).exp2()) - 1.0).abs() < 6.2 * (1e-4_f64).sqrt());
}

#[test]
fn small_gaussians_have_the_exact_probabilities() {
    let mut noise = Exact::from_seed([3; 32]);
    for (numerator, denominator) in [(1, 10), (1, 4), (1, 1), (9, 4), (10, 1), (355, 113)] {
        let sigma_squared = Variance::new(numerator, denominator).unwrap();
        let weight = |x: f64| (-x * x / (2.0 * sigma_squared.as_f64())).exp();
        follows(weight, || noise.gaussian(sigma_squared));
    }
}

#[test]
fn small_laplaces_have_the_exact_probabilities() {
    let mut noise = Exact::from_seed([4; 32]);
    for (numerator, denominator) in [(1, 5), (1, 1), (5, 1), (22, 7)] {
        let scale = Scale::new(numerator, denominator).unwrap();
        follows(|x: f64| (-x.abs() / scale.as_f64()).exp(), || noise.laplace(scale));
    }
}

/// Probabilities by mpmath: σ² = 0.25, 2.25, 10 and t = 0.2, 1, 10 at x = 0; σ² = 10 beyond 9.
#[test]
fn frequencies_agree_with_published_probabilities() {
    let mut noise = Exact::from_seed([5; 32]);
    for (numerator, denominator, at_zero) in
        [(1, 4, 0.786_570_707_041_947_9), (9, 4, 0.265_961_520_267_621_8), (10, 1, 0.126_156_626)]
    {
        let sigma_squared = Variance::new(numerator, denominator).unwrap();
        happens(at_zero, || noise.gaussian(sigma_squared) == 0);
    }
    for (numerator, denominator, at_zero) in
        [(1, 5, 0.986_614_298_151_430_3), (1, 1, 0.462_117_157_260_009_8), (10, 1, 0.049_958_374_9)]
    {
        let scale = Scale::new(numerator, denominator).unwrap();
        happens(at_zero, || noise.laplace(scale) == 0);
    }
    let ten = Variance::new(10, 1).unwrap();
    happens(0.001_277_733_748_54, || noise.gaussian(ten) >= 10);
}

/// The loss between neighbours, ln P(x) / P(x - 1), is what the accountant charges for.
#[test]
fn neighbours_differ_by_the_loss_that_is_paid_for() {
    let mut noise = Exact::from_seed([6; 32]);
    let sigma_squared = Variance::new(9, 4).unwrap();
    let counts = histogram(100_000, || noise.gaussian(sigma_squared));
    for x in -3..=4_i32 {
        let here = f64::from(counts[&i64::from(x)]);
        let beside = f64::from(counts[&i64::from(x - 1)]);
        let loss = (here / beside).ln();
        let expected = f64::from(1 - 2 * x) / 4.5;
        let standard_error = (1.0 / here + 1.0 / beside).sqrt();
        assert!((loss - expected).abs() < 6.5 * standard_error, "at {x}: {loss}, {expected}");
    }
}

#[test]
fn same_seed_gives_the_same_noise_and_another_seed_does_not() {
    let sigma_squared = Variance::new(1_000_000, 1).unwrap();
    let draws = |seed| {
        let mut noise = Exact::from_seed(seed);
        std::array::from_fn::<_, 8, _>(|_| noise.gaussian(sigma_squared))
    };
    assert_eq!(draws([9; 32]), draws([9; 32]));
    assert_ne!(draws([9; 32]), draws([10; 32]));
}

#[test]
fn prints_nothing_of_its_state() {
    assert_eq!(format!("{:?}", Exact::from_seed([1; 32])), "Exact(..)");
    assert_eq!(format!("{:?}", Exact::from_seed([1; 32]).generator), "Generator(..)");
}

/// One third is 0.0101… in binary, that is words of 0x5555_5555 for ever.
#[test]
fn draws_digits_until_the_comparison_is_decided() {
    for (words, expected) in [
        (vec![0x5555_5554], true),
        (vec![0x5555_5556], false),
        (vec![0x5555_5555, 0x5555_5555, 0x5555_5555, 0x5555_5554], true),
        (vec![0x5555_5555, 0x5555_5555, 0x5555_5555, 0x5555_5556], false),
    ] {
        // 2¹¹⁸ leaves 8 digits at a time, 2⁹⁰ leaves 32.
        for unit in [1_u128, 1 << 90] {
            let mut script = Script(words.clone().into());
            assert_eq!(bernoulli(&mut script, unit, 3 * unit), expected);
            assert!(script.0.is_empty());
        }
    }
    let mut bytes = Script(vec![0x5555_5555, 0x5555_5555, 0x5400_0000].into());
    assert!(bernoulli(&mut bytes, 1 << 118, 3 << 118));
}

#[test]
fn certain_and_impossible_coins_are_certain() {
    let mut empty = Script(VecDeque::new());
    assert!(bernoulli(&mut empty, 7, 7));
    let mut lowest = Script(vec![0].into());
    assert!(!bernoulli(&mut lowest, 0, 7));
}

#[test]
fn uniform_draws_beyond_64_bits_reach_every_third_alike() {
    let mut generator = Generator(ChaCha20Rng::from_seed([11; 32]));
    for third in 0..3 {
        happens(1.0 / 3.0, || {
            let drawn = uniform_below(&mut generator, 3 << 90);
            assert!(drawn < 3 << 90);
            drawn >> 90 == third
        });
    }
}

#[test]
fn equal_fractions_are_equal_scales() {
    assert_eq!(Variance::new(8, 6).unwrap(), Variance::new(4, 3).unwrap());
    assert_eq!(Scale::new(1 << 100, 1 << 99).unwrap(), Scale::new(2, 1).unwrap());
}

#[test]
fn refuses_a_scale_without_noise() {
    for refused in [
        Variance::new(0, 1),
        Variance::new(1, 0),
        Variance::at_least(0, 5),
        Variance::at_least(5, 0),
    ] {
        assert_eq!(refused.unwrap_err(), ScaleError::NotPositive);
    }
    for real in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        assert_eq!(Variance::rounded_up(real).unwrap_err(), ScaleError::NotPositive);
        assert_eq!(Scale::rounded_up(real).unwrap_err(), ScaleError::NotPositive);
    }
}

#[test]
fn refuses_a_scale_that_cannot_be_drawn_exactly() {
    assert_eq!(Variance::new((1 << 82) + 1, 1).unwrap_err(), ScaleError::TooLarge);
    assert_eq!(Scale::new((1 << 48) + 1, 1).unwrap_err(), ScaleError::TooLarge);
    assert_eq!(Variance::at_least(u128::MAX, (1 << 31) + 1).unwrap_err(), ScaleError::TooLarge);
    assert_eq!(Variance::rounded_up(f64::INFINITY).unwrap_err(), ScaleError::TooLarge);
    let found = (1 << 30) + 1;
    assert_eq!(Variance::new(1, found).unwrap_err(), ScaleError::TooFine { found });
    assert!(Variance::new(1 << 82, 1).is_ok());
    assert!(Variance::new(1, 1 << 30).is_ok());
}

#[test]
fn rounds_up_and_by_less_than_one_step() {
    let step = 2_f64.powi(-30);
    for real in [1e-300, 0.1, 1.0, 1_000.3, 123_456.789] {
        let excess = Variance::rounded_up(real).unwrap().as_f64() - real;
        assert!((0.0..=step).contains(&excess), "{real}: {excess}");
    }
    let third = Variance::at_least(1 << 80, 3 << 80).unwrap();
    assert_eq!((third.numerator(), third.denominator()), (1, 3));
    let fine = Variance::at_least(u128::MAX / 3, u128::MAX / 2).unwrap();
    assert_eq!((fine.numerator(), fine.denominator()), (715_827_883, 1 << 30));
    assert_eq!(fine, Variance::rounded_up(2.0 / 3.0).unwrap());
}

/// Words in a given order, to walk one path through a sampler.
struct Script(VecDeque<u32>);

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.pop_front().unwrap())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("coins draw 32 bits at a time")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        unreachable!("coins draw 32 bits at a time")
    }
}

fn histogram(draws: u32, mut draw: impl FnMut() -> i64) -> BTreeMap<i64, u32> {
    let mut counts = BTreeMap::new();
    for _ in 0..draws {
        *counts.entry(draw()).or_default() += 1;
    }
    counts
}

/// Sample mean and mean square.
fn moments(draws: u32, mut draw: impl FnMut() -> i64) -> (f64, f64) {
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..draws {
        #[expect(clippy::as_conversions, reason = "rounding to nearest is meant")]
        let x = draw() as f64;
        sum += x;
        squares += x * x;
    }
    (sum / f64::from(draws), squares / f64::from(draws))
}

/// Asserts that an event has this probability: 6.2 standard errors are 6 · 10⁻¹⁰, two-sided.
fn happens(probability: f64, mut event: impl FnMut() -> bool) {
    let draws = 40_000;
    let hits = f64::from((0..draws).filter(|_| event()).map(|_| 1_u32).sum::<u32>());
    let expected = f64::from(draws) * probability;
    let standard_error = (expected * (1.0 - probability)).sqrt();
    assert!((hits - expected).abs() < 6.2 * standard_error, "{hits} hits, expected {expected}");
}

/// Pearson's test of draws against a distribution on -200..=200 known up to a constant.
///
/// χ² with d degrees of freedom exceeds d + 2√(dx) + 2x with probability at most exp(-x) (Laurent
/// and Massart 2000, Lemma 1); x = 20.8 makes that 10⁻⁹. Cells with under 25 expected are pooled.
fn follows(weight: impl Fn(f64) -> f64, draw: impl FnMut() -> i64) {
    let draws = 40_000_u32;
    let total: f64 = (-200..=200).map(|x: i32| weight(f64::from(x))).sum();
    let counts = histogram(draws, draw);
    let (mut statistic, mut cells) = (0.0, 0.0);
    let (mut pooled_expected, mut pooled_seen) = (0.0, f64::from(draws));
    for x in -200..=200_i32 {
        let expected = f64::from(draws) * weight(f64::from(x)) / total;
        let seen = f64::from(counts.get(&i64::from(x)).copied().unwrap_or(0));
        if expected < 25.0 {
            pooled_expected += expected;
        } else {
            pooled_seen -= seen;
            statistic += (seen - expected).powi(2) / expected;
            cells += 1.0;
        }
    }
    statistic += (pooled_seen - pooled_expected).powi(2) / f64::max(pooled_expected, 25.0);
    let threshold = cells + 2.0 * (cells * 20.8_f64).sqrt() + 2.0 * 20.8;
    assert!(statistic < threshold, "χ² is {statistic} on {cells} degrees of freedom");
}
