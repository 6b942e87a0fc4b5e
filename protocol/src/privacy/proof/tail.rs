//! How far discrete Gaussian noise reaches: what private selection of cells rests on.

use super::Sigma;

/// Whether `cells` draws of noise all stay below `least`, but for a probability of `delta` (in units of
/// 10⁻¹⁵).
///
/// Enclave and partner decide alike on every machine: sums, products, quotients and roots alone.
///
/// # Proof
///
/// With w(x) = exp(-x²/2σ²) and t = `least`, P\[N ≥ t\] = Σ_{x ≥ t} w(x) / Σ w(x).
///
/// Above: for d ≥ 0, (t + d)² ≥ t² + d(2t + 1), as d² ≥ d for integers. The sum is hence at most
/// w(t) / (1 - exp(-b)), b = (2t + 1)/2σ², and exp(b) ≥ 1 + b + b²/2.
/// Below: Σ w(x) ≥ w(0) = 1, and Σ w(x) ≥ σ√(2π) by Poisson's summation, all of whose terms are
/// positive. The union bound multiplies by `cells`.
///
/// For large σ this is Mills' bound φ(z)/z, z = t/σ, which the tail itself nears: thresholds are 5 to 10 %
/// lower than by the subgaussian exp(-z²/2). Canonne, Kamath and Steinke 2020,
/// <https://arxiv.org/abs/2004.00010>, bound the same sums.
pub(super) fn stays_below(sigma: Sigma, cells: u64, delta: u64, least: u64) -> bool {
    if sigma.0 == 0 || delta == 0 || cells == 0 {
        return false;
    }
    let (sigma, t) = (sigma.value(), real(least));
    let twice_variance = 2.0 * sigma * sigma;
    let b = (2.0 * t + 1.0) / twice_variance;
    let gain = b + b * b / 2.0;
    let all = f64::max(1.0, ROOT_OF_TWO_PI * sigma);
    let wanted = real(cells) * 1e15 / real(delta) * (1.0 + gain) / (gain * all);
    // Relative errors above are below 10⁻¹⁴, and that of the logarithm is an absolute one.
    t * t / twice_variance * (1.0 - 1e-12) >= ln(wanted) + 1e-12
}

/// The smallest such `least`.
pub(super) fn tail(sigma: Sigma, cells: u64, delta: u64) -> Option<u64> {
    let (mut fails, mut holds) = (0, FARTHEST);
    if !stays_below(sigma, cells, delta, holds) {
        return None;
    }
    while holds - fails > 1 {
        let middle = fails.midpoint(holds);
        if stays_below(sigma, cells, delta, middle) { holds = middle } else { fails = middle }
    }
    Some(holds)
}

/// The natural logarithm of a normal number above 0; see `Delta::log_of_inverse` for why not the library's.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = i32::try_from(bits >> 52).unwrap_or(0) - 1023;
    let mantissa = f64::from_bits(bits & MANTISSA | ONE);
    // ln m = 2 artanh((m - 1) / (m + 1)), and the argument is below 1/3.
    let y = (mantissa - 1.0) / (mantissa + 1.0);
    let series = (0..40_u32).rev().fold(0.0, |sum, k| sum * y * y + 1.0 / f64::from(2 * k + 1));
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * y * series
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "the margin covers it")]
fn real(number: u64) -> f64 {
    number as f64
}

/// Rounded down.
const ROOT_OF_TWO_PI: f64 = 2.506_628_274;
/// Farther than noise that can be drawn reaches.
const FARTHEST: u64 = 1 << 52;
/// Bits of a float: those of its mantissa, and those of the number 1.
const MANTISSA: u64 = (1 << 52) - 1;
const ONE: u64 = 1023 << 52;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// P[N ≥ t], by adding up.
    fn exact(sigma: f64, t: u64) -> f64 {
        let weight = |x: f64| (-x * x / (2.0 * sigma * sigma)).exp();
        let all = 1.0 + 2.0 * (1..4000_u32).map(|x| weight(f64::from(x))).sum::<f64>();
        let t = u32::try_from(t).unwrap();
        (t..t + 4000).map(|x| weight(f64::from(x))).sum::<f64>() / all
    }

    proptest! {
        /// Noise passes with at most δ, and with more than half of it three steps or 2 % earlier.
        #[test]
        fn the_tail_is_at_most_delta_and_nearly_as_much(
            units in 100_u64..100_000, cells in 1_u64..100, delta in 1_u64..1_000_000_000_000,
        ) {
            let sigma = Sigma(units);
            let least = tail(sigma, cells, delta).unwrap();
            let chance = |t| real(cells) * exact(sigma.value(), t) * 1e15 / real(delta);
            prop_assert!(chance(least) <= 1.0, "{} at {least}", chance(least));
            prop_assert!(!stays_below(sigma, cells, delta, least - 1));
            let earlier = least.saturating_sub((least / 50).max(1));
            prop_assert!(chance(earlier) > 0.5, "{} at {earlier}", chance(earlier));
        }

        #[test]
        fn the_logarithm_agrees_with_the_library(x in 1e-9_f64..1e40) {
            prop_assert!((ln(x) - x.ln()).abs() < 1e-13 * x.ln().abs().max(1.0));
        }
    }

    /// σ² = 10: P[N ≥ 10] = 0.00127773374854 by mpmath (dp_accounting's cases).
    #[test]
    fn agrees_with_a_published_tail() {
        assert!((exact(10_f64.sqrt(), 10) / 0.001_277_733_748_54 - 1.0).abs() < 1e-10);
    }

    #[test]
    fn no_delta_or_no_noise_has_no_tail() {
        assert_eq!(tail(Sigma(1024), 1, 0), None);
        assert_eq!(tail(Sigma(0), 1, 1_000), None);
    }

    /// The least δ, in its units, that the bound above allows with its margins: in 60 digits, by Python's decimal.
    /// Without the margins it is 3 to 35 units lower.
    #[test]
    fn the_bound_is_as_written_to_the_last_unit() {
        for (units, cells, t, delta) in [
            (512, 1, 2, 272_121_459_127),
            (10_240, 3, 40, 122_588_569_273),
            (102_400, 1, 320, 755_973_726_843),
            (1_024_000, 16, 3_600, 2_724_090_481_974),
        ] {
            let stays = |delta| stays_below(Sigma(units), cells, delta, t);
            assert!(stays(delta) && !stays(delta - 1), "{units} {cells} {t}");
        }
    }

    /// σ = 2⁴¹ and δ = 10⁻¹⁵ for 64 cells: the normal quantile is 8.44 (scipy), the bound 8.5.
    #[test]
    fn the_widest_noise_has_a_tail() {
        let least = tail(Sigma(1 << 51), 64, 1).unwrap();
        assert!((8.4..8.5).contains(&(real(least) / 2_f64.powi(41))), "{least}");
    }
}
