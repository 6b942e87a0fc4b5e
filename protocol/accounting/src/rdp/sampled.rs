//! Poisson sampling with noise on whole numbers.

use super::{ROUNDING, chord, whole};
use crate::{AccountingError, Mechanism, mechanism::Kind};

/// The Rényi divergence of `order` > 1 between neighbours, in nats; both ways, the larger: each person is in the batch with
/// probability `sample_rate`, on their own, and every whole number of the sum gets discrete Gaussian noise of
/// `noise_multiplier` times how far one person moves all of them in L2.
///
/// At whole orders it is that of Gaussian noise on real numbers; at fractions it is bounded from above by whole ones,
/// since the moments between are not those of the real line.
///
/// # Errors
///
/// [`AccountingError`] unless the multiplier is in 0.01..=10⁶ and the rate in 10⁻¹²..=1.
///
/// # Source
///
/// PROOFS.md, "Poisson sampling with noise on whole numbers".
pub fn sampled_whole_numbers(
    noise_multiplier: f64,
    sample_rate: f64,
    order: f64,
) -> Result<f64, AccountingError> {
    let Kind::SubsampledGaussian { sigma, rate } =
        Mechanism::subsampled_gaussian(noise_multiplier, sample_rate)?.0
    else {
        return Err(AccountingError::Noise { found: noise_multiplier });
    };
    // Sampling loses no more than none: the divergence is quasi-convex.
    let always = order / (2.0 * sigma * sigma);
    if rate >= 1.0 {
        return Ok(always * (1.0 + ROUNDING));
    }
    let (below, above) = (order.floor(), order.ceil());
    let log = if above <= below {
        whole(sigma, rate, order)
    } else if above <= 3.0 {
        series(sigma, rate, order).min(chord(sigma, rate, order))
    } else {
        chord(sigma, rate, order)
    };
    Ok((log / (order - 1.0)).min(always) * (1.0 + ROUNDING))
}

/// For α between 1 and 3, E[(1+y)^α] - 1 by the first terms of its series, whose rest is not positive; y ≥ -q.
fn series(sigma: f64, rate: f64, order: f64) -> f64 {
    let gain = 1.0 / (sigma * sigma);
    if gain > 100.0 {
        return f64::INFINITY;
    }
    // E[y²] = q²(exp(1/σ²) - 1), E[y³] = q³(exp(3/σ²) - 3·exp(1/σ²) + 2) = q³·m²(m + 3) with m = exp(1/σ²) - 1.
    let more = libm::expm1(gain);
    let square = order * (order - 1.0) / 2.0 * rate * rate * more;
    let moment = if order < 2.0 {
        square * libm::pow(1.0 - rate, order - 2.0)
    } else {
        let cube = rate * rate * rate * more * more * (more + 3.0);
        square + order * (order - 1.0) * (order - 2.0) / 6.0 * cube
    };
    libm::log1p(moment) * (1.0 + 1e-13)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdp::divergence;
    use proptest::prelude::*;

    /// The divergences of the mechanism itself: noise on whole numbers, a person who moves one of them by `moved` or is not
    /// drawn, added up over all outcomes; removing the person, and adding it.
    fn added_up(sigma: f64, rate: f64, moved: i32, order: f64) -> (f64, f64) {
        let weight = |x: i32| (-f64::from(x).powi(2) / (2.0 * sigma * sigma)).exp();
        let reach = 700;
        let total: f64 = (-reach..=reach).map(weight).sum();
        let (mut with, mut without) = (0.0, 0.0);
        for x in -reach..=reach {
            let without_it = weight(x) / total;
            let with_it = (1.0 - rate) * without_it + rate * weight(x - moved) / total;
            // Outcomes of a weight below 10⁻⁵⁹ are left out: together they add less than is compared.
            if without_it > 1e-59 {
                with += with_it.powf(order) * without_it.powf(1.0 - order);
                without += without_it.powf(order) * with_it.powf(1.0 - order);
            }
        }
        (with.ln() / (order - 1.0), without.ln() / (order - 1.0))
    }

    #[test]
    fn no_order_is_charged_less_than_the_mechanism_added_up_over_all_outcomes() {
        for (sigma, moved) in [(0.7, 1), (1.0, 1), (3.0, 2), (2.0, 3), (9.0, 5)] {
            for rate in [0.001, 0.04, 0.3, 0.9] {
                for order in [1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.7, 6.0] {
                    let multiplier = sigma / f64::from(moved);
                    let found = sampled_whole_numbers(multiplier, rate, order).unwrap();
                    let (with, without) = added_up(sigma, rate, moved, order);
                    let name = format!("{sigma} {moved} {rate} {order}: {found} {with} {without}");
                    assert!(found >= with.max(without) - 1e-12, "{name}");
                    assert!(with >= without - 1e-9, "{name}");
                    let whole = order.floor() >= order;
                    let exact = if whole { 1e-6 } else { 2.0 };
                    assert!(found <= with * (1.0 + exact) + 1e-9, "{name}");
                }
            }
        }
    }

    #[test]
    fn noise_on_whole_numbers_costs_what_it_costs_on_the_real_line_but_for_fractions() {
        for (rate, sigma) in [(1e-5, 0.6), (0.001, 1.0), (0.04, 2.0), (0.5, 4.0), (1.0, 3.0)] {
            let it = Mechanism::subsampled_gaussian(sigma, rate).unwrap();
            for order in [1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 8.0, 20.0, 64.0, 1024.0] {
                let (found, real) =
                    (sampled_whole_numbers(sigma, rate, order).unwrap(), divergence(&it, order));
                assert!(found >= real * (1.0 - 1e-8), "{rate} {sigma} {order}: {found} {real}");
                let much = if order < 3.0 && order.fract() > 0.0 { 1.7 } else { 1.0 + 1e-8 };
                // Half of all are drawn, or one loss is large: a bound by whole orders is further off.
                let much = if sigma < 1.0 { much * 1.6 } else { much };
                assert!(found <= real * much, "{rate} {sigma} {order}: {found} {real}");
            }
        }
    }

    #[test]
    fn refuses_noise_and_rates_that_are_none() {
        for (noise, rate) in [(0.0, 0.5), (f64::NAN, 0.5), (1.0, 0.0), (1.0, 1.1), (1.0, f64::NAN)]
        {
            sampled_whole_numbers(noise, rate, 2.0).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn it_grows_with_order_and_rate_and_falls_with_noise(
            log_rate in -12.0..0.0_f64,
            sigma in 0.5..20.0_f64,
            at in 0_usize..22,
        ) {
            const ORDERS: [f64; 22] = [
                1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0, 24.0, 32.0, 48.0, 64.0,
                128.0, 256.0, 512.0, 1024.0,
            ];
            let at_order = |sigma, rate, at: usize| sampled_whole_numbers(sigma, rate, ORDERS[at]).unwrap();
            let rate = log_rate.exp();
            let here = at_order(sigma, rate, at) * (1.0 - 1e-9);
            let next = (at + 1).min(ORDERS.len() - 1);
            prop_assert!(here <= at_order(sigma, rate, next));
            prop_assert!(here <= at_order(sigma * 0.95, rate, at));
            prop_assert!(at_order(sigma, rate * 0.9, at) * (1.0 - 1e-9) <= here * (1.0 + 2e-9));
        }
    }
}
