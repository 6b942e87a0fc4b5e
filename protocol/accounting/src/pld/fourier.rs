//! The discrete Fourier transform, with an error bound that is a theorem.

use std::f64::consts::PI;

/// A complex number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) const ZERO: Self = Self { re: 0.0, im: 0.0 };
    pub(super) const ONE: Self = Self { re: 1.0, im: 0.0 };

    pub(super) fn times(self, other: Self) -> Self {
        Self {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    fn minus(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }

    pub(super) fn modulus_squared(self) -> f64 {
        self.re * self.re + self.im * self.im
    }

    pub(super) fn modulus(self) -> f64 {
        self.modulus_squared().sqrt()
    }

    pub(super) fn power(self, exponent: u64) -> Self {
        by_squaring(self, Self::ONE, Self::times, exponent)
    }
}

/// `base` to this power.
pub(super) fn power(base: f64, exponent: u64) -> f64 {
    by_squaring(base, 1.0, |a, b| a * b, exponent)
}

fn by_squaring<T: Copy>(base: T, one: T, times: impl Fn(T, T) -> T, mut exponent: u64) -> T {
    let (mut result, mut square) = (one, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, square);
        }
        square = times(square, square);
        exponent >>= 1;
    }
    result
}

/// Transforms of one length, a power of two.
///
/// Forward leaves the coefficients in bit-reversed order and inverse takes them so: between the two
/// only what is done to each coefficient alone makes sense, which is all that convolving takes.
///
/// # Source
///
/// Cooley and Tukey. The result errs by less than [`ERROR`] · log₂ n of its Euclidean norm: Higham
/// 2002, *Accuracy and Stability of Numerical Algorithms*, Theorem 24.2, with twiddle factors that
/// are right to their last bit but one. By the same steps each coefficient errs by less than this
/// times Σ|x|: at each of log₂ n levels, a value is a sum of inputs turned by twiddle factors.
pub(super) struct Fourier {
    twiddles: Vec<Complex>,
}

impl Fourier {
    /// For vectors of 2^`bits` numbers.
    pub(super) fn new(bits: u32) -> Self {
        let half = 1_u32 << (bits - 1);
        let unit = -PI / f64::from(half);
        let twiddle = |k| {
            let (im, re) = libm::sincos(unit * f64::from(k));
            Complex { re, im }
        };
        Self { twiddles: (0..half).map(twiddle).collect() }
    }

    /// Σ_j x_j exp(-2πijk/n).
    pub(super) fn forward(&self, data: &mut [Complex]) {
        descend(data, &self.twiddles, 1);
    }

    /// n times the inverse.
    pub(super) fn inverse(&self, data: &mut [Complex]) {
        ascend(data, &self.twiddles, 1);
    }
}

/// Halves first, so that what is worked on soon fits the cache.
fn descend(data: &mut [Complex], twiddles: &[Complex], stride: usize) {
    let half = data.len() / 2;
    if half == 0 {
        return;
    }
    if let [a, b] = data {
        (*a, *b) = (a.plus(*b), a.minus(*b));
        return;
    }
    let (low, high) = data.split_at_mut(half);
    for ((a, b), w) in low.iter_mut().zip(high.iter_mut()).zip(twiddles.iter().step_by(stride)) {
        let difference = a.minus(*b);
        *a = a.plus(*b);
        *b = difference.times(*w);
    }
    descend(low, twiddles, stride * 2);
    descend(high, twiddles, stride * 2);
}

fn ascend(data: &mut [Complex], twiddles: &[Complex], stride: usize) {
    let half = data.len() / 2;
    if half == 0 {
        return;
    }
    if let [a, b] = data {
        (*a, *b) = (a.plus(*b), a.minus(*b));
        return;
    }
    let (low, high) = data.split_at_mut(half);
    ascend(low, twiddles, stride * 2);
    ascend(high, twiddles, stride * 2);
    for ((a, b), w) in low.iter_mut().zip(high.iter_mut()).zip(twiddles.iter().step_by(stride)) {
        let turned = b.times(Complex { re: w.re, im: -w.im });
        *b = a.minus(turned);
        *a = a.plus(turned);
    }
}

/// μ + γ₄(√2 + μ) of the theorem is below 8u, with u = 2⁻⁵³ and μ = 2u.
pub(super) const ERROR: f64 = 4.0 * f64::EPSILON;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convolves_as_the_definition_does() {
        let fourier = Fourier::new(4);
        let a: Vec<f64> = (0..16_u32).map(|k| f64::from(k * k % 7) / 7.0).collect();
        let mut data: Vec<Complex> = a.iter().map(|&re| Complex { re, im: 0.0 }).collect();
        fourier.forward(&mut data);
        data.iter_mut().for_each(|data| *data = data.power(3));
        fourier.inverse(&mut data);
        for (k, found) in data.iter().enumerate() {
            let mut expected = 0.0;
            for i in 0..16 {
                for j in 0..16 {
                    expected += a[i] * a[j] * a[(32 + k - i - j) % 16];
                }
            }
            assert!((found.re / 16.0 - expected).abs() < 1e-13 * expected.max(1.0));
            assert!(found.im.abs() < 1e-11);
        }
    }
}
