//! The Gaussian mechanism alone, exactly: how much noise an (ε, δ) takes, and back.

use super::{AccountingError, delta_in_range, epsilon_in_range, normal, search};

/// The smallest standard deviation that gives (ε, δ) to a figure of this L2 sensitivity.
///
/// # Shapes and units
///
/// In the unit of `sensitivity`. To 10⁻¹¹ relative, rounded up.
///
/// # Privacy
///
/// Neighbours are any two inputs whose figures differ by at most `sensitivity` in L2. The bound is
/// necessary and sufficient for real-valued noise.
///
/// # Errors
///
/// [`AccountingError`] unless ε is in 0..=10⁶, δ between 10⁻³⁰ and 1 and `sensitivity` positive;
/// [`AccountingError::Unresolved`] if the answer is outside of 10⁻⁹..10³⁰ sensitivities.
///
/// # Source
///
/// Balle and Wang 2018, <https://arxiv.org/abs/1805.06530>, Theorem 8.
pub fn sigma(epsilon: f64, delta: f64, sensitivity: f64) -> Result<f64, AccountingError> {
    let (epsilon, delta) = (epsilon_in_range(epsilon)?, delta_in_range(delta)?);
    if !(sensitivity > 0.0 && sensitivity <= 1e300) {
        return Err(AccountingError::Sensitivity { found: sensitivity });
    }
    let quiet = |sigma: f64| holds(epsilon, delta, 1.0 / sigma);
    let mut high = 1.0;
    while !quiet(high) {
        high *= 4.0;
        if high > 1e30 {
            return Err(AccountingError::Unresolved);
        }
    }
    let mut low = high;
    while quiet(low) {
        low /= 4.0;
        if low < 1e-9 {
            return Err(AccountingError::Unresolved);
        }
    }
    Ok(search::first_true(quiet, low, high) * sensitivity * (1.0 + ROUNDING))
}

/// The exact δ at `epsilon` of one release with this noise multiplier (σ over L2 sensitivity).
///
/// To 10⁻¹¹ relative, rounded up. T releases together are one with a multiplier smaller by √T.
///
/// # Errors
///
/// [`AccountingError`] unless ε is in 0..=10⁶ and the multiplier in 10⁻⁹..10³⁰.
///
/// # Source
///
/// Balle and Wang 2018, Theorem 8: δ = Φ(μ/2 - ε/μ) - exp(ε) Φ(-μ/2 - ε/μ), with μ one over the
/// multiplier.
pub fn delta(noise_multiplier: f64, epsilon: f64) -> Result<f64, AccountingError> {
    let mu = 1.0 / multiplier_in_range(noise_multiplier)?;
    Ok(divergence(epsilon_in_range(epsilon)?, mu))
}

/// The exact ε at `delta` of one release with this noise multiplier (σ over L2 sensitivity).
///
/// To 10⁻¹¹ relative, rounded up. T releases together are one with a multiplier smaller by √T.
///
/// # Errors
///
/// [`AccountingError`] unless δ is between 10⁻³⁰ and 1 and the multiplier in 10⁻⁹..10³⁰.
pub fn epsilon(noise_multiplier: f64, delta: f64) -> Result<f64, AccountingError> {
    let mu = 1.0 / multiplier_in_range(noise_multiplier)?;
    let delta = delta_in_range(delta)?;
    let enough = |epsilon: f64| holds(epsilon, delta, mu);
    if enough(0.0) {
        return Ok(0.0);
    }
    // Chernoff: δ(μ²/2 + μ√(2 ln(1/δ))) ≤ δ; the factor is for rounding.
    let high = (mu * mu / 2.0 + mu * (-2.0 * libm::log(delta)).sqrt()) * 1.001;
    Ok(search::first_true(enough, 0.0, high) * (1.0 + ROUNDING))
}

/// Whether N(0, 1) and N(μ, 1) are (ε, δ)-close; no if rounding leaves a doubt.
///
/// A δ near 1 is told by what it leaves, 1 - δ(ε) = Φ(a) + φ(a) m(b), a sum of positive terms.
fn holds(epsilon: f64, delta: f64, mu: f64) -> bool {
    if delta <= 0.5 {
        return divergence(epsilon, mu) <= delta;
    }
    let a = epsilon / mu - mu / 2.0;
    let left = normal::upper_tail(-a) + normal::density(a) * normal::mills(a + mu).0;
    left * (1.0 - ROUNDING - a * a * f64::EPSILON) >= 1.0 - delta
}

/// δ(ε) between N(0, 1) and N(μ, 1), rounded up.
///
/// With a = ε/μ - μ/2, b = a + μ and m Mills' ratio, exp(ε) φ(b) = φ(a), so δ = φ(a) (m(a) - m(b)),
/// where nothing cancels but the two ratios; where these are close, their difference is the integral
/// of a positive function.
pub(super) fn divergence(epsilon: f64, mu: f64) -> f64 {
    let a = epsilon / mu - mu / 2.0;
    let b = a + mu;
    let delta = if a < -4.0 {
        normal::upper_tail(a) - normal::density(a) * normal::mills(b).0
    } else if mu > 0.5 {
        normal::density(a) * (normal::mills(a).0 - normal::mills(b).0)
    } else {
        let width = mu / f64::from(PIECES);
        let slopes = (0..PIECES).map(|piece| {
            let middle = a + (f64::from(piece) + 0.5) * width;
            let at = |offset: f64| normal::mills(middle + offset * width).1;
            (5.0 * at(-NODE) + 8.0 * at(0.0) + 5.0 * at(NODE)) / 18.0
        });
        normal::density(a) * width * slopes.sum::<f64>()
    };
    // The exponent of the density is off by a·u of itself.
    (delta * (1.0 + ROUNDING + a * a * f64::EPSILON)).min(1.0)
}

fn multiplier_in_range(found: f64) -> Result<f64, AccountingError> {
    let sane = (1e-9..=1e30).contains(&found);
    if sane { Ok(found) } else { Err(AccountingError::Noise { found }) }
}

/// More than the relative error of the special functions and their differences.
const ROUNDING: f64 = 2e-12;

/// Pieces of at most 1/16, on which three Gauss-Legendre nodes err by less than 10⁻¹⁴.
const PIECES: u32 = 8;

/// Half of √(3/5).
const NODE: f64 = 0.387_298_334_620_741_7;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_noise_and_no_loss() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            sigma(1.0, 1e-6, bad).unwrap_err();
            epsilon(bad, 1e-6).unwrap_err();
        }
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            sigma(bad, 1e-6, 1.0).unwrap_err();
        }
        for bad in [0.0, 1.0, 2.0, f64::NAN] {
            sigma(1.0, bad, 1.0).unwrap_err();
        }
    }

    /// mpmath with 60 digits.
    #[test]
    fn a_delta_near_one_is_as_exact_as_any() {
        for (epsilon, delta, exact) in NEAR_ONE {
            let found = sigma(epsilon, delta, 1.0).unwrap();
            assert!(found >= exact && found <= exact * (1.0 + 1e-9), "{epsilon} {delta}: {found}");
            let back = super::epsilon(exact, delta).unwrap();
            assert!((back - epsilon).abs() <= 1e-9 * (1.0 + epsilon), "{back} for {epsilon}");
        }
    }

    /// δ(0) = erf(1 / (2√2 σ)).
    #[test]
    fn without_epsilon_the_delta_is_the_total_variation() {
        for sigma in [0.1, 0.9, 1.1, 10.0, 1e6] {
            let exact = libm::erf(1.0 / (8.0_f64.sqrt() * sigma));
            let found = delta(sigma, 0.0).unwrap();
            assert!(found >= exact && found <= exact * (1.0 + 1e-11), "{sigma}: {found}, {exact}");
        }
    }

    proptest! {
        #[test]
        fn calibrated_noise_gives_its_delta_back(
            log_epsilon in -6.0..4.0_f64,
            log_delta in -60.0..-1.0_f64,
        ) {
            let (asked, delta_asked) = (log_epsilon.exp(), log_delta.exp());
            let sigma = sigma(asked, delta_asked, 1.0).unwrap();
            prop_assert!(delta(sigma, asked).unwrap() <= delta_asked);
            prop_assert!(delta(sigma * (1.0 - 1e-9), asked).unwrap() > delta_asked);
            let back = epsilon(sigma, delta_asked).unwrap();
            prop_assert!(back <= asked * (1.0 + 1e-11) && back > asked * (1.0 - 1e-8), "{back}");
        }
    }

    /// ε, δ, σ.
    const NEAR_ONE: [(f64, f64, f64); 6] = [
        (0.0, 0.999_999, 0.102_215_239_839_279_38),
        (1.0, 0.999_999, 0.100_236_133_027_561_94),
        (10.0, 0.999, 0.114_332_606_401_941_28),
        (0.1, 0.6, 0.570_489_465_140_900_9),
        (100.0, 0.999_999, 0.050_634_426_005_501_344),
        (3.0, 0.99, 0.165_227_099_030_303_46),
    ];
}
