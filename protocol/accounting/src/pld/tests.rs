use super::*;
use proptest::prelude::*;

fn sampled(sigma: f64, rate: f64) -> Mechanism {
    Mechanism::subsampled_gaussian(sigma, rate).unwrap()
}

/// What the grid says where [`epsilon`] uses the closed form.
fn on_a_grid(parts: &[(Mechanism, u64)], delta: f64) -> f64 {
    worst(parts, Goal::Epsilon { delta }, 0.0).unwrap()
}

#[test]
fn gaussians_together_are_never_below_one_gaussian_and_close_to_it() {
    for (sigma, count, delta) in
        [(1.0, 1, 1e-5), (0.5, 3, 1e-12), (5.0, 100, 1e-6), (80.0, 1_000, 1e-9), (3.0, 1, 0.1)]
    {
        let one = sigma / f64::sqrt(real(count));
        let exact = gaussian::epsilon(one, delta).unwrap() / (1.0 + 1e-11);
        let found = on_a_grid(&[(Mechanism::gaussian(sigma).unwrap(), count)], delta);
        assert!(found >= exact && found <= exact * 1.001, "{sigma} {count}: {found}, {exact}");
        let two = [(Mechanism::gaussian(sigma).unwrap(), count), (sampled(1e3, 1.0), 1)];
        assert!(epsilon(&two, delta).unwrap() >= exact);
    }
}

/// δ(ε) = Σ of the positive part of p(x) - exp(ε) p(x - s), over all whole numbers.
#[test]
fn one_discrete_gaussian_agrees_with_the_sum_over_its_outcomes() {
    for (sigma, sensitivity, epsilon) in
        [(0.5, 1_u32, 1.0), (1.0, 1, 0.3), (4.0, 3, 1.5), (20.0, 10, 0.1)]
    {
        let p = |x: f64| (-x * x / (2.0 * sigma * sigma)).exp();
        let points = || (-900..=900_i32).map(f64::from);
        let total: f64 = points().map(p).sum();
        let shift = f64::from(sensitivity);
        let gain = |x: f64| (p(x) - f64::exp(epsilon) * p(x - shift)).max(0.0);
        let exact: f64 = points().map(gain).sum::<f64>() / total;
        let parts = [(Mechanism::discrete_gaussian(sigma, sensitivity).unwrap(), 1)];
        let found = delta(&parts, epsilon).unwrap();
        assert!(found >= exact && found <= exact * 1.01 + 1e-15, "{sigma}: {found}, {exact}");
        let back = super::epsilon(&parts, exact).unwrap();
        assert!(back >= epsilon * (1.0 - 1e-12) && back <= epsilon * 1.001, "{back}, {epsilon}");
    }
}

/// δ(ε) = P(L > ε) - exp(ε) Q(L > ε), each a normal tail.
#[test]
fn one_step_of_training_agrees_with_the_closed_form() {
    for (sigma, rate, epsilon) in [(1.0, 0.01, 0.5), (0.7, 0.3, 2.0), (4.0, 0.9, 0.2)] {
        let cut = super::super::mechanism::at_log_ratio(sigma, rate, epsilon);
        let (far, near) =
            (libm::erfc(cut / 2_f64.sqrt()), libm::erfc((cut - 1.0 / sigma) / 2_f64.sqrt()));
        let exact = 0.5 * ((1.0 - rate) * far + rate * near - epsilon.exp() * far);
        let found = delta(&[(sampled(sigma, rate), 1)], epsilon).unwrap();
        assert!(found >= exact && found <= exact * 1.01, "{sigma} {rate}: {found}, {exact}");
    }
}

/// Source of the formula: Balle et al. 2018, <https://arxiv.org/abs/1807.01647>, Theorem 3.
#[test]
fn one_laplace_agrees_with_the_closed_form() {
    for (scale, epsilon) in [(1.0, 0.5_f64), (0.25, 3.9), (40.0, 0.001)] {
        let exact = -f64::exp_m1((epsilon - 1.0 / scale) / 2.0);
        let found = delta(&[(Mechanism::laplace(scale).unwrap(), 1)], epsilon).unwrap();
        assert!(found >= exact * (1.0 - 1e-12) && found <= exact * 1.01, "{found}, {exact}");
    }
}

/// With sensitivity 1 the loss is ε or -ε only: randomised response, whose composition is binomial.
#[test]
fn discrete_laplaces_agree_with_the_binomial_sum() {
    let (scale, count, delta) = (2.0_f64, 20_u32, 1e-6);
    let yes = 1.0 / (1.0 + (-1.0 / scale).exp());
    let curve = |epsilon: f64| {
        let (mut ways, mut sum) = (1.0, 0.0);
        for k in 0..=count {
            let probability =
                ways * yes.powf(f64::from(count - k)) * (1.0 - yes).powf(f64::from(k));
            let loss = f64::from(count - k) / scale - f64::from(k) / scale;
            sum += probability * (-(epsilon - loss).exp_m1()).max(0.0);
            ways = ways * f64::from(count - k) / f64::from(k + 1);
        }
        sum
    };
    let parts = [(Mechanism::discrete_laplace(scale, 1).unwrap(), u64::from(count))];
    let found = epsilon(&parts, delta).unwrap();
    assert!(curve(found) <= delta && curve(found * 0.999) > delta, "{found}");
}

#[test]
fn discrete_noise_of_a_large_scale_is_like_real_noise() {
    let whole = Mechanism::discrete_gaussian(3_000.0, 1_000).unwrap();
    let real = Mechanism::gaussian(3.0).unwrap();
    let (whole, real) = (epsilon(&[(whole, 30)], 1e-6).unwrap(), on_a_grid(&[(real, 30)], 1e-6));
    assert!((whole / real - 1.0).abs() < 1e-3, "{whole}, {real}");
    let whole = epsilon(&[(Mechanism::discrete_laplace(3_000.0, 1_000).unwrap(), 30)], 1e-6);
    let real = epsilon(&[(Mechanism::laplace(3.0).unwrap(), 30)], 1e-6);
    assert!((whole.unwrap() / real.unwrap() - 1.0).abs() < 1e-3);
}

#[test]
fn extreme_runs_are_answered_between_the_obvious_bounds() {
    for (rate, sigma, count, delta) in [
        (1e-6, 1.0, 1, 1e-6),
        (1e-5, 0.5, 10, 1e-12),
        (0.999, 0.5, 2, 1e-12),
        (0.5, 1e3, 1_000, 1e-6),
        (1e-3, 1e5, 100_000, 1e-9),
        (0.2, 0.05, 1, 1e-5),
    ] {
        let parts = [(sampled(sigma, rate), count)];
        let found = epsilon(&parts, delta).unwrap();
        let sampled_never = gaussian::epsilon(sigma / f64::sqrt(real(count)), delta).unwrap();
        assert!((0.0..=sampled_never * 1.001).contains(&found), "{rate} {sigma}: {found}");
        assert!(found <= rdp::epsilon(&parts, delta).unwrap() * 1.001 + 1e-9);
    }
}

/// Where everything happens near the largest loss: of 5 draws all lose 10 with probability 1/32, so
/// that ε is within 32 · 10⁻¹² of 50.
#[test]
fn the_largest_loss_is_not_overlooked() {
    for (scale, count, delta) in [(0.1, 5_u32, 1e-12), (0.01, 10, 1e-6), (1.0, 30, 1e-12)] {
        let most = f64::from(count) / scale;
        let exact = most + f64::ln_1p(-delta * 2_f64.powi(i32::try_from(count).unwrap()));
        let found = epsilon(&[(Mechanism::laplace(scale).unwrap(), u64::from(count))], delta);
        let found = found.unwrap();
        // Other outcomes add to it.
        assert!(
            found >= exact * (1.0 - 1e-13) && found <= most * (1.0 + 1e-13),
            "{found}, {exact}"
        );
    }
}

#[test]
fn a_mixture_of_mechanisms_costs_more_than_its_parts_and_less_than_their_sum() {
    let parts = [
        (sampled(1.0, 0.01), 300),
        (Mechanism::laplace(5.0).unwrap(), 2),
        (Mechanism::discrete_gaussian(10.0, 1).unwrap(), 5),
    ];
    let together = epsilon(&parts, 1e-6).unwrap();
    let alone = parts.map(|part| epsilon(&[part], 1e-6).unwrap());
    assert!(alone.iter().all(|it| *it < together));
    assert!(together < alone.iter().sum());
    assert!(together <= rdp::epsilon(&parts, 1e-6).unwrap());
}

/// ε at a δ, and the δ at that ε as a share of the first.
fn there_and_back(log_rate: f64, sigma: f64, log_delta: f64) -> (f64, f64) {
    let parts = [(sampled(sigma, log_rate.exp()), 50)];
    let there = epsilon(&parts, log_delta.exp()).unwrap();
    (there, delta(&parts, there).unwrap() / log_delta.exp())
}

/// Rare enough that Chernoff's bound asks for a longer transform than there is.
#[test]
fn a_rare_delta_is_as_close_as_its_epsilon() {
    for (log_rate, sigma, log_delta) in [(-4.848, 1.639, -24.85), (-5.738, 2.322, -24.8)] {
        let (_, share) = there_and_back(log_rate, sigma, log_delta);
        assert!((0.99..=1.005).contains(&share), "{share}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn more_of_anything_but_noise_and_delta_costs_more(
        log_rate in -6.0..-0.2_f64,
        sigma in 0.7..8.0_f64,
        log_count in 0.0..7.0_f64,
        log_delta in -25.0..-5.0_f64,
    ) {
        let rate = log_rate.exp();
        let count = u64::try_from(grid::index(log_count.exp().ceil())).unwrap();
        let at = |sigma, rate, count, log_delta: f64| {
            epsilon(&[(sampled(sigma, rate), count)], log_delta.exp()).unwrap()
        };
        // The grid may be off by a thousandth.
        let here = at(sigma, rate, count, log_delta) * 0.999 - 1e-9;
        prop_assert!(here <= at(sigma * 0.9, rate, count, log_delta));
        prop_assert!(here <= at(sigma, rate * 1.1, count, log_delta));
        prop_assert!(here <= at(sigma, rate, count + count / 4 + 1, log_delta));
        prop_assert!(here <= at(sigma, rate, count, log_delta - 0.5));
        let parts = [(sampled(sigma, rate), count)];
        prop_assert!(here <= rdp::epsilon(&parts, log_delta.exp()).unwrap());
    }

    #[test]
    fn delta_of_epsilon_of_delta_is_no_more(
        log_rate in -6.0..-0.2_f64,
        sigma in 0.7..8.0_f64,
        log_delta in -25.0..-5.0_f64,
    ) {
        let (there, share) = there_and_back(log_rate, sigma, log_delta);
        prop_assert!(share <= 1.005, "{share}");
        prop_assert!(there <= 0.0 || share >= 0.99, "{share}");
    }
}
