//! A released total and the noise in it.

use std::ops::Add;

/// A total that left the enclave: what it says, and the variance of the noise that was added.
///
/// # Shapes and units
///
/// A head count in people, Σy in the outcome's unit (minor units of currency, or conversions), Σy²
/// in its square; the variance in the square of the figure's unit, 0 where no noise was added.
///
/// A whole number is held exactly up to 106 bits, as the unevaluated sum of two floating-point
/// numbers, so that a sum of squares can be centred without loss.
///
/// # Privacy
///
/// Costs nothing: it has been released.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    value: f64,
    /// What rounding left of the total, at most half a unit in the last place of `value`.
    rest: f64,
    noise_variance: f64,
}

impl Figure {
    /// A total without noise: public, or fixed by the design.
    #[must_use]
    pub fn exact(total: i128) -> Self {
        Self::noisy(total, 0.0)
    }

    /// A total to which noise of this variance was added.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the rest is what the first rounding lost")]
    pub fn noisy(total: i128, noise_variance: f64) -> Self {
        let value = total as f64;
        let rest = total.saturating_sub(value as i128) as f64;
        Self { value, rest, noise_variance }
    }

    /// A figure that is not a whole number of units, with the variance of its noise.
    #[must_use]
    pub fn real(value: f64, noise_variance: f64) -> Self {
        Self { value, rest: 0.0, noise_variance }
    }

    /// The figure as released.
    #[must_use]
    pub fn value(self) -> f64 {
        self.value
    }

    /// Variance of the noise in it.
    #[must_use]
    pub fn noise_variance(self) -> f64 {
        self.noise_variance
    }

    /// The same figure with noise of another variance.
    #[must_use]
    pub fn with_noise(self, noise_variance: f64) -> Self {
        Self { noise_variance, ..self }
    }

    /// n·q - s² for a head count n, a sum of squares q and a sum s: n² times the outcome's variance
    /// around its own mean. What rounding takes from the products is carried beside them, so that the
    /// result is off by 2⁻¹⁰² of n·q and 10⁻¹⁵ of itself at most.
    pub(crate) fn centred(users: Self, sum_of_squares: Self, sum: Self) -> f64 {
        let (n, q, s) = (users, sum_of_squares, sum);
        let (minuend, subtrahend) = (n.value * q.value, s.value * s.value);
        let minuend_rest = n.value.mul_add(q.value, -minuend) + n.value * q.rest + n.rest * q.value;
        let subtrahend_rest = s.value.mul_add(s.value, -subtrahend) + 2.0 * s.value * s.rest;
        (minuend - subtrahend) + (minuend_rest - subtrahend_rest)
    }
}

/// Cells of disjoint people, each with noise of its own: the variances add.
impl Add for Figure {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let value = self.value + other.value;
        // Knuth's exact sum of two: what `value` lost to rounding.
        let shadow = value - self.value;
        let lost = (self.value - (value - shadow)) + (other.value - shadow);
        let rest = lost + self.rest + other.rest;
        let total = value + rest;
        Self {
            value: total,
            rest: rest - (total - value),
            noise_variance: self.noise_variance + other.noise_variance,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The same as whole numbers followed by one conversion, but for what is said above.
        #[test]
        fn centring_agrees_with_whole_numbers(n in 1..1_i128 << 34, s in 0..1_i128 << 57, d in 0..1_i128 << 40) {
            // Q is the least that these people and this sum can have, and a little more.
            let q = s * s / n + d;
            let found = Figure::centred(Figure::exact(n), Figure::exact(q), Figure::exact(s));
            #[expect(clippy::as_conversions, reason = "rounding to nearest is meant")]
            let (expected, minuend) = ((n * q - s * s) as f64, (n * q) as f64);
            let margin = 1e-15 * expected.abs() + minuend * 2_f64.powi(-102);
            prop_assert!((found - expected).abs() <= margin, "{found}, {expected}");
        }

        #[test]
        fn sums_of_figures_are_sums_of_whole_numbers(a in any::<i64>(), b in any::<i64>(), c in any::<i64>()) {
            let [a, b, c] = [a, b, c].map(|it| i128::from(it) << 30);
            let found = Figure::exact(a) + Figure::exact(b) + Figure::exact(c);
            prop_assert_eq!(found, Figure::exact(a + b + c));
        }
    }
}
