use super::*;
use crate::pld;
use proptest::prelude::*;

/// ∫ of the definition by mpmath with 40 digits, or the binomial sum for whole orders.
#[test]
fn subsampled_gaussians_agree_with_mpmath() {
    for (rate, sigma, order, expected) in MPMATH {
        let it = Mechanism::subsampled_gaussian(sigma, rate).unwrap();
        let found = divergence(&it, order);
        assert!(found >= expected, "{rate} {sigma} {order}: {found} is below {expected}");
        assert!(found <= expected * (1.0 + 1e-8), "{rate} {sigma} {order}: {found}, {expected}");
    }
}

/// Two ways to compute one number: the sum over k and the trapezoidal rule.
#[test]
fn the_rule_for_fractions_agrees_with_the_sum_at_whole_orders() {
    for (rate, sigma) in [(1e-5, 0.6), (0.001, 1.0), (0.1, 2.0), (0.5, 0.4), (0.99, 30.0)] {
        for order in [2.0, 3.0, 8.0, 30.0] {
            let (sum, rule) = (whole(sigma, rate, order), fraction(sigma, rate, order).unwrap());
            assert!((rule / sum - 1.0).abs() < 1e-9, "{rate} {sigma} {order}: {rule}, {sum}");
        }
    }
}

/// Where the rule would take too long, a chord stands in for it: above, and at most by this much.
#[test]
fn the_chord_is_above_the_curve() {
    let exact = divergence(&Mechanism::subsampled_gaussian(0.02, 0.1).unwrap(), 2.0);
    let chord = divergence(&Mechanism::subsampled_gaussian(0.02, 0.1).unwrap(), 1.9);
    assert!(chord <= exact && chord >= 0.9 * exact);
    // A fraction above 33, between whole orders.
    let steps = Mechanism::subsampled_gaussian(4.0, 0.5).unwrap();
    let [below, between, above] = [39.0, 39.5, 40.0].map(|order| divergence(&steps, order));
    assert!(below < between && between < above, "{below} {between} {above}");
}

/// Mironov 2017, Table II, and sums over all outcomes.
#[test]
fn laplaces_agree_with_the_definition() {
    for (scale, order) in [(0.3, 1.25), (1.0, 2.0), (10.0, 64.0), (1_000.0, 1_024.0)] {
        let it = Mechanism::laplace(scale).unwrap();
        let (a, t) = (order, 1.0 / scale);
        let sum = a / (2.0 * a - 1.0) * ((a - 1.0) * t).exp()
            + (a - 1.0) / (2.0 * a - 1.0) * (-a * t).exp();
        let expected: f64 = sum.ln() / (a - 1.0);
        let found = divergence(&it, order);
        assert!(found >= expected * (1.0 - 1e-12) && found <= expected * (1.0 + 1e-6));
    }
    for (scale, sensitivity, order) in
        [(0.5, 1_u32, 2.0), (3.0, 1, 1.5), (3.0, 7, 12.0), (50.0, 20, 3.0), (1e4, 3, 64.0)]
    {
        let p = |x: f64| (-x.abs() / scale).exp();
        let reach = i32::try_from(sensitivity).unwrap() + 200 * i32::max(1, scale_of(scale));
        let points = || (-reach..=reach).map(f64::from);
        let total: f64 = points().map(p).sum();
        let loss = |x: f64| ((x - f64::from(sensitivity)).abs() - x.abs()) / scale;
        let sum: f64 = points().map(|x| p(x) / total * (loss(x) * (order - 1.0)).exp()).sum();
        let expected = sum.ln() / (order - 1.0);
        let found = divergence(&Mechanism::discrete_laplace(scale, sensitivity).unwrap(), order);
        let close = expected * 1e-6 + 1e-12;
        assert!((found - expected).abs() < close, "{scale} {sensitivity}: {found}, {expected}");
    }
}

fn scale_of(scale: f64) -> i32 {
    (1..=14).map(|k| 1 << k).find(|it| f64::from(*it) >= scale).unwrap()
}

#[test]
fn delta_is_the_way_back_and_falls_with_epsilon() {
    let parts = [(Mechanism::subsampled_gaussian(1.0, 0.01).unwrap(), 1_000)];
    let there = epsilon(&parts, 1e-6).unwrap();
    let back = delta(&parts, there).unwrap();
    assert!((back / 1e-6 - 1.0).abs() < 1e-6, "{back}");
    let tight = pld::delta(&parts, there).unwrap();
    assert!(tight < back && pld::delta(&parts, 100.0).unwrap() < pld::delta(&parts, 5.0).unwrap());
}

#[test]
fn refuses_what_cannot_be_accounted_for() {
    let it = Mechanism::gaussian(1.0).unwrap();
    for count in [0, 1_000_000_001] {
        assert_eq!(
            epsilon(&[(it, count)], 1e-6).unwrap_err(),
            AccountingError::Count { found: count }
        );
    }
    for delta in [0.0, 1.0, -1.0, f64::NAN] {
        epsilon(&[(it, 1)], delta).unwrap_err();
        pld::epsilon(&[(it, 1)], delta).unwrap_err();
    }
    for rate in [0.0, -0.1, 1.1, f64::NAN] {
        Mechanism::subsampled_gaussian(1.0, rate).unwrap_err();
    }
    for noise in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        Mechanism::gaussian(noise).unwrap_err();
        Mechanism::laplace(noise).unwrap_err();
    }
    Mechanism::discrete_gaussian(1.0, 0).unwrap_err();
}

proptest! {
    #[test]
    fn divergence_grows_with_the_order_and_falls_with_the_noise(
        log_rate in -12.0..0.0_f64,
        sigma in 0.3..20.0_f64,
        order in 1.01..60.0_f64,
    ) {
        let it = Mechanism::subsampled_gaussian(sigma, log_rate.exp()).unwrap();
        let here = divergence(&it, order) * (1.0 - 1e-9);
        prop_assert!(here <= divergence(&it, order * 1.1));
        let louder = Mechanism::subsampled_gaussian(sigma * 0.95, log_rate.exp()).unwrap();
        prop_assert!(here <= divergence(&louder, order));
        let rarer = Mechanism::subsampled_gaussian(sigma, log_rate.exp() * 0.9).unwrap();
        prop_assert!(divergence(&rarer, order) * (1.0 - 1e-9) <= here);
    }

    #[test]
    fn discrete_laplace_loses_no_less_than_the_continuous_and_no_more_than_its_epsilon(
        epsilon in 0.01..3.0_f64,
        sensitivity in 1_u32..100,
        order in 1.1..60.0_f64,
    ) {
        let scale = f64::from(sensitivity) / epsilon;
        let whole = divergence(&Mechanism::discrete_laplace(scale, sensitivity).unwrap(), order);
        let real = divergence(&Mechanism::laplace(1.0 / epsilon).unwrap(), order);
        prop_assert!(whole >= real * (1.0 - 1e-8), "{whole}, {real}");
        prop_assert!(whole <= epsilon * (1.0 + 1e-9));
    }
}

/// Rate, σ, order, divergence.
const MPMATH: [(f64, f64, f64, f64); 10] = [
    (0.01, 1.0, 1.25, 0.000_105_398_005_098_176_23),
    (1e-5, 0.6, 1.5, 1.130_735_719_570_870_8e-9),
    (0.001, 1.0, 2.5, 2.150_742_432_314_732_4e-6),
    (0.5, 0.45, 1.75, 2.800_045_298_621_625_5),
    (0.9, 10.0, 7.3, 0.029_732_388_592_296_19),
    (0.02, 0.3, 2.5, 7.368_865_474_588_985),
    (0.01, 1.1, 32.0, 8.469_416_433_675_928),
    (0.001, 0.8, 64.0, 42.982_597_811_827_67),
    (1e-5, 4.0, 1_024.0, 20.475_820_453_441_335),
    (0.3, 1_000.0, 512.0, 2.304_247_838_419_123_5e-5),
];
