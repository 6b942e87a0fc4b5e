//! The tail of the normal distribution, with relative accuracy however far out.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// P(Z > t).
#[must_use]
pub fn upper_tail(t: f64) -> f64 {
    0.5 * libm::erfc(t * FRAC_1_SQRT_2)
}

/// Density of the standard normal.
pub(super) fn density(t: f64) -> f64 {
    libm::exp(-t * t / 2.0) / (2.0 * PI).sqrt()
}

/// Mills' ratio P(Z > t) / density(t) and 1 - t · ratio, for t above -8.
///
/// The second is minus the derivative of the first, and positive.
///
/// # Source
///
/// Continued fraction DLMF 7.9.1: 1 / ratio = t + 1/(t + 2/(t + 3/(t + …))).
pub(super) fn mills(t: f64) -> (f64, f64) {
    if t < 8.0 {
        let ratio = (PI / 2.0).sqrt() * libm::erfc(t * FRAC_1_SQRT_2) * libm::exp(t * t / 2.0);
        (ratio, 1.0 - t * ratio)
    } else {
        let beyond = (1..=60_u32).rev().fold(0.0, |tail, n| f64::from(n) / (t + tail));
        let ratio = 1.0 / (t + beyond);
        (ratio, beyond * ratio)
    }
}

/// A z with P(Z > z) at most `probability`, by P(Z > z) ≤ exp(-z²/2) / 2.
pub(super) fn beyond(probability: f64) -> f64 {
    (-2.0 * libm::log(2.0 * probability.min(0.25))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mpmath with 40 digits.
    #[test]
    fn tails_agree_with_mpmath_to_twelve_digits() {
        for (t, expected) in [
            (-7.0, 0.999_999_999_998_720_2),
            (0.0, 0.5),
            (3.0, 1.349_898_031_630_094_6e-3),
            (7.9, 1.394_517_146_659_268_5e-15),
            (8.1, 2.747_959_392_398_220_5e-16),
            (37.0, 5.725_571_222_524_576e-300),
        ] {
            let (ratio, slope) = mills(t);
            assert!((ratio * density(t) / expected - 1.0).abs() < 1e-12, "{t}");
            assert!((upper_tail(t) / expected - 1.0).abs() < 1e-12, "{t}");
            assert!(slope > 0.0 && (slope - (1.0 - t * ratio)).abs() < 1e-13, "{t}");
        }
    }

    #[test]
    fn beyond_is_far_enough_out() {
        for probability in [0.2, 1e-5, 1e-20, 1e-300] {
            assert!(upper_tail(beyond(probability)) <= probability);
        }
    }
}
