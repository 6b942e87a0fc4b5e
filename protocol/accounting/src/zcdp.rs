//! Zero-concentrated differential privacy: ρ to (ε, δ) and back.

use super::{AccountingError, delta_in_range, epsilon_in_range, search};

/// The ε at `delta` of a mechanism, or of several together, whose ρ sum to `rho`.
///
/// # Privacy
///
/// The tight conversion of a zCDP bound; a Gaussian alone has a smaller ε still, see
/// [`super::gaussian`]. Rounded up.
///
/// # Errors
///
/// [`AccountingError`] unless ρ is in 0..=10⁶ and above 0, and δ between 10⁻³⁰ and 1.
///
/// # Source
///
/// Canonne, Kamath and Steinke 2020, <https://arxiv.org/abs/2004.00010>, Corollary 13: for every
/// α > 1, ε = αρ + ln(1/(αδ)) / (α-1) + ln(1-1/α).
pub fn epsilon(rho: f64, delta: f64) -> Result<f64, AccountingError> {
    let delta = delta_in_range(delta)?;
    Ok(tight(rho_in_range(rho)?, -libm::log(delta)))
}

/// The δ at `epsilon` of a mechanism, or of several together, whose ρ sum to `rho`; at most 1.
///
/// Rounded up.
///
/// # Errors
///
/// [`AccountingError`] unless ρ is in 0..=10⁶ and above 0, and ε in 0..=10⁶.
///
/// # Source
///
/// As [`epsilon`]: for every α > 1, δ = exp((α-1)(αρ-ε)) / (α-1) · (1-1/α)^α.
pub fn delta(rho: f64, epsilon: f64) -> Result<f64, AccountingError> {
    let (rho, epsilon) = (rho_in_range(rho)?, epsilon_in_range(epsilon)?);
    let log_delta = |log_beta: f64| {
        let beta = libm::exp(log_beta);
        beta * ((1.0 + beta) * rho - epsilon) - log_beta - (1.0 + beta) * libm::log1p(1.0 / beta)
    };
    let best = log_delta(search::minimum(log_delta, -25.0, 35.0, 80));
    Ok((libm::exp(best + best.abs() * ROUNDING) * (1.0 + ROUNDING)).min(1.0))
}

/// The largest ρ whose ε at `delta` is at most `epsilon`. Rounded down.
///
/// A contract prices its jobs so: `protocol::loss::Rho::from_epsilon`, in whole units.
///
/// # Errors
///
/// [`AccountingError`] unless ε is in 0..=10⁶ and above 0, and δ between 10⁻³⁰ and 1.
pub fn rho(epsilon: f64, delta: f64) -> Result<f64, AccountingError> {
    let (epsilon, delta) = (epsilon_in_range(epsilon)?, delta_in_range(delta)?);
    let log = -libm::log(delta);
    let mut low = 0.0;
    // Too large, unless δ is near 1.
    let mut high = 2.0 * (epsilon + log + 10.0);
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if tight(middle, log) <= epsilon {
            low = middle;
        } else {
            high = middle;
        }
    }
    if low > 0.0 { Ok(low) } else { Err(AccountingError::Epsilon { found: epsilon }) }
}

/// The ε of `rho` at the δ of this ln(1/δ), rounded up. Terminates and is not negative for any ρ above 0.
#[must_use]
pub fn tight(rho: f64, log_of_inverse_delta: f64) -> f64 {
    let at = |log_beta: f64| {
        let beta = libm::exp(log_beta);
        (1.0 + beta) * rho + (log_of_inverse_delta - libm::log1p(beta)) / beta
            - libm::log1p(1.0 / beta)
    };
    // √(ln(1/δ)/ρ) is the best α - 1 of the untightened bound.
    let near = libm::log(log_of_inverse_delta.max(1e-3) / rho) / 2.0;
    let best = search::minimum(at, near - 12.0, near + 4.0, 60);
    let beta = libm::exp(best);
    let parts = (1.0 + beta) * rho + (log_of_inverse_delta + libm::log1p(beta)) / beta;
    (at(best) + parts * ROUNDING).max(0.0)
}

fn rho_in_range(rho: f64) -> Result<f64, AccountingError> {
    let sane = rho > 0.0 && rho <= 1e6;
    if sane { Ok(rho) } else { Err(AccountingError::Rho { found: rho }) }
}

/// More than the relative rounding of a dozen floating-point operations.
const ROUNDING: f64 = 1e-14;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_loss() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            epsilon(bad, 1e-6).unwrap_err();
        }
        for bad in [0.0, 1.0, -1e-6, f64::NAN] {
            epsilon(0.5, bad).unwrap_err();
            rho(1.0, bad).unwrap_err();
        }
        rho(-1.0, 1e-6).unwrap_err();
    }

    proptest! {
        #[test]
        fn is_tighter_than_the_simple_conversion_and_above_the_gaussian(
            log_rho in -9.0..4.0_f64,
            log_delta in -30.0..-2.0_f64,
        ) {
            let (rho, delta) = (log_rho.exp(), log_delta.exp());
            let tight = epsilon(rho, delta).unwrap();
            prop_assert!(tight <= rho + 2.0 * (-rho * log_delta).sqrt());
            let gaussian = crate::gaussian::epsilon(1.0 / (2.0 * rho).sqrt(), delta);
            prop_assert!(tight >= gaussian.unwrap());
        }

        #[test]
        fn the_way_back_gives_no_more_than_was_asked(
            log_rho in -9.0..4.0_f64,
            log_delta in -30.0..-2.0_f64,
        ) {
            let (asked, delta) = (log_rho.exp(), log_delta.exp());
            let epsilon_asked = epsilon(asked, delta).unwrap();
            prop_assume!(epsilon_asked > 1e-3);
            let back = rho(epsilon_asked, delta).unwrap();
            prop_assert!(epsilon(back, delta).unwrap() <= epsilon_asked);
            prop_assert!((back / asked - 1.0).abs() < 1e-6, "{back} for {asked}");
            let same = super::delta(asked, epsilon_asked).unwrap();
            prop_assert!((same / delta - 1.0).abs() < 1e-6, "{same} for {delta}");
        }
    }
}
