//! Exact noise: the discrete Gaussian and the discrete Laplace, drawn in integers only; and who is in a batch.
//!
//! No floating-point number takes part in a draw, so the distribution released is the one that was
//! proven and paid for; rounding cannot leak through the low bits (Mironov 2012).
//!
//! Where a loop or a product would have no bound, the draw is cut off, which changes the
//! distribution by less than 2⁻⁷⁰⁰ in total variation. How long a draw takes depends on its value:
//! whoever could time single draws would learn about the noise. A reply comes after hundreds of
//! other steps, and is not padded in time (SECURITY.md says so).
//!
//! # Source
//!
//! Canonne, Kamath and Steinke 2020, *The Discrete Gaussian for Differential Privacy*,
//! <https://arxiv.org/abs/2004.00010>, Algorithms 1 to 3. One change in Algorithm 3, for exact
//! 128-bit arithmetic and a higher acceptance for small σ, is proven at [`DiscreteGaussian`].

use std::fmt;
use std::hint::black_box;

use rand_chacha::ChaCha20Rng;
use rand_core::{Infallible, Rng, SeedableRng, TryRng};

pub use batch::Chance;
pub use scale::{Scale, ScaleError, Variance};

mod batch;
mod scale;
#[cfg(test)]
mod tests;

/// A source of noise for releases, and of who is in a batch.
///
/// The enclave links [`Exact`] only. Rehearsals on a laptop may bring a source of their own.
pub trait Noise {
    /// One draw from the discrete Gaussian with mean 0 and parameter σ².
    fn gaussian(&mut self, sigma_squared: Variance) -> i64;

    /// One draw from the discrete Laplace with mean 0 and scale t: P(x) ∝ exp(-|x| / t).
    fn laplace(&mut self, scale: Scale) -> i64;

    /// Adds one draw from the discrete Gaussian to each of `totals`, which stay at the ends of `i64`
    /// rather than wrap.
    fn add_gaussian(&mut self, sigma_squared: Variance, totals: &mut [i64]) {
        for total in totals {
            *total = total.saturating_add(self.gaussian(sigma_squared));
        }
    }

    /// Who of so many people is in a batch: their places, ascending. Each is in it with this chance exactly, whoever else is.
    ///
    /// # Privacy
    ///
    /// Nobody may learn who was drawn: what a step costs under Poisson sampling rests on it.
    fn batch(&mut self, chance: Chance, people: u32) -> Vec<u32>;

    /// The variance of what [`Noise::gaussian`] draws, for estimates. It differs from σ² only if a
    /// source draws something else than it is asked for.
    fn variance_of(&self, sigma_squared: Variance) -> f64 {
        sigma_squared.as_f64()
    }
}

impl<N: Noise + ?Sized> Noise for &mut N {
    fn gaussian(&mut self, sigma_squared: Variance) -> i64 {
        (**self).gaussian(sigma_squared)
    }

    fn laplace(&mut self, scale: Scale) -> i64 {
        (**self).laplace(scale)
    }

    fn add_gaussian(&mut self, sigma_squared: Variance, totals: &mut [i64]) {
        (**self).add_gaussian(sigma_squared, totals);
    }

    fn batch(&mut self, chance: Chance, people: u32) -> Vec<u32> {
        (**self).batch(chance, people)
    }

    fn variance_of(&self, sigma_squared: Variance) -> f64 {
        (**self).variance_of(sigma_squared)
    }
}

/// Exact noise from a cryptographic generator; in the product ChaCha20, seeded by the NSM.
///
/// Whoever knows the seed can take the noise off again, so nothing of the state is printed, and the
/// generator is overwritten when dropped.
pub struct Exact<R = Generator> {
    generator: R,
}

impl Exact {
    /// Noise that is a function of `seed` alone. A seed must never serve twice.
    ///
    /// The caller erases its seed. Erasing the argument here would be worse than useless: called
    /// through closures, rustc 1.95 may pass one copy to two calls, and the second would find
    /// zeros (<https://github.com/rust-lang/rust/issues/155241>).
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { generator: Generator(ChaCha20Rng::from_seed(seed)) }
    }
}

impl<R: Rng> Exact<R> {
    /// Noise from any generator, for tests; the caller answers for its quality.
    #[must_use]
    pub fn new(generator: R) -> Self {
        Self { generator }
    }
}

impl<R: Rng> Noise for Exact<R> {
    fn gaussian(&mut self, sigma_squared: Variance) -> i64 {
        DiscreteGaussian::new(sigma_squared).sample(&mut self.generator)
    }

    fn laplace(&mut self, scale: Scale) -> i64 {
        DiscreteLaplace::new(scale).sample(&mut self.generator)
    }

    fn batch(&mut self, chance: Chance, people: u32) -> Vec<u32> {
        batch::batch(&mut self.generator, chance, people)
    }
}

impl<R> fmt::Debug for Exact<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Exact(..)")
    }
}

/// ChaCha20 that prints nothing of its state and overwrites it when dropped.
///
/// Copies that the compiler left behind when the value was moved are out of its reach.
pub struct Generator(ChaCha20Rng);

impl TryRng for Generator {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

impl fmt::Debug for Generator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Generator(..)")
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.0 = ChaCha20Rng::from_seed([0; 32]);
        black_box(&self.0);
    }
}

/// The discrete Gaussian: P(x) ∝ exp(-x² / 2σ²) over all integers x.
///
/// Its variance is at most σ², and equal to it in double precision from σ² = 4 on.
///
/// # Proof
///
/// With m = max(1, ⌊2σ⌋), propose x from the discrete Laplace of scale 2σ²/m and accept it with
/// probability exp(-(x² - m|x| + ⌊m²/4⌋) / 2σ²). The product of the two is exp(-x² / 2σ²) times a
/// constant, as wanted, and the probability is at most 1, since y² - my ≥ -⌊m²/4⌋ for integers y.
/// (Algorithm 3 proposes at scale ⌊σ⌋ + 1, whose exponent has the square of the scale in its
/// denominator.) About three of four proposals are accepted for σ ≥ 1, and more below.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DiscreteGaussian {
    variance: Variance,
}

impl DiscreteGaussian {
    /// The distribution with parameter σ² = `sigma_squared`.
    #[must_use]
    pub fn new(sigma_squared: Variance) -> Self {
        Self { variance: sigma_squared }
    }

    /// One draw.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> i64 {
        let twice_numerator = 2 * self.variance.numerator();
        let denominator = u128::from(self.variance.denominator());
        let slope = u128::from(self.variance.twice_sigma());
        loop {
            let magnitude = laplace_magnitude(rng, twice_numerator, denominator * slope);
            let Some(signed) = with_random_sign(rng, magnitude) else { continue };
            let exponent = magnitude
                .checked_mul(magnitude)
                .and_then(|square| square.checked_add(slope * slope / 4))
                .and_then(|sum| sum.checked_sub(slope * magnitude))
                .and_then(|excess| excess.checked_mul(denominator));
            // An exponent beyond 128 bits means an acceptance below exp(-2¹⁴), which never happens.
            if exponent.is_some_and(|exponent| bernoulli_exp(rng, exponent, twice_numerator)) {
                return signed;
            }
        }
    }
}

/// The discrete Laplace: P(x) ∝ exp(-|x| / t) over all integers x.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DiscreteLaplace {
    scale: Scale,
}

impl DiscreteLaplace {
    /// The distribution with scale t = `scale`.
    #[must_use]
    pub fn new(scale: Scale) -> Self {
        Self { scale }
    }

    /// One draw.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> i64 {
        loop {
            let magnitude = laplace_magnitude(
                rng,
                self.scale.numerator(),
                u128::from(self.scale.denominator()),
            );
            if let Some(signed) = with_random_sign(rng, magnitude) {
                return signed;
            }
        }
    }
}

/// y ≥ 0 with P(y) ∝ exp(-y · denominator / numerator), for a numerator of at most 2¹¹³.
///
/// Algorithm 2: x = u + numerator · v has P(x) ∝ exp(-x / numerator), and y is a block of x's.
fn laplace_magnitude<R: Rng + ?Sized>(rng: &mut R, numerator: u128, denominator: u128) -> u128 {
    let remainder = loop {
        let candidate = uniform_below(rng, numerator);
        if bernoulli_exp_up_to_one(rng, candidate, numerator) {
            break candidate;
        }
    };
    let mut whole = 0;
    while whole < MOST_WHOLE_SCALES && bernoulli_exp_up_to_one(rng, 1, 1) {
        whole += 1;
    }
    (remainder + numerator * whole) / denominator
}

/// `magnitude` with a fair sign; nothing for "minus zero", which would count zero twice.
fn with_random_sign<R: Rng + ?Sized>(rng: &mut R, magnitude: u128) -> Option<i64> {
    let positive = i64::try_from(magnitude).unwrap_or(i64::MAX);
    if rng.next_u32() & 1 == 0 {
        Some(positive)
    } else if positive > 0 {
        Some(-positive)
    } else {
        None
    }
}

/// True with probability exp(-numerator / denominator).
fn bernoulli_exp<R: Rng + ?Sized>(rng: &mut R, mut numerator: u128, denominator: u128) -> bool {
    while numerator > denominator {
        if !bernoulli_exp_up_to_one(rng, 1, 1) {
            return false;
        }
        numerator -= denominator;
    }
    bernoulli_exp_up_to_one(rng, numerator, denominator)
}

/// Algorithm 1 for x = numerator / denominator ≤ 1: the first k at which a coin of bias x / k fails
/// is odd with probability 1 - x + x²/2! - … = exp(-x).
fn bernoulli_exp_up_to_one<R: Rng + ?Sized>(
    rng: &mut R,
    numerator: u128,
    denominator: u128,
) -> bool {
    let mut multiple = denominator;
    let mut odd = true;
    for _ in 0..MOST_COINS {
        if !bernoulli(rng, numerator, multiple) {
            break;
        }
        multiple += denominator;
        odd = !odd;
    }
    odd
}

/// True with probability numerator / denominator ≤ 1, for a denominator below 2¹²⁰.
///
/// Compares the ratio with a uniform real number, of which it draws only as many binary digits as
/// the comparison needs: nearly always the first 32.
#[inline]
fn bernoulli<R: Rng + ?Sized>(rng: &mut R, mut numerator: u128, denominator: u128) -> bool {
    if numerator >= denominator {
        return true;
    }
    let digits = denominator.leading_zeros().min(32);
    loop {
        let drawn = u128::from(rng.next_u32() >> (32 - digits)) * denominator;
        let wanted = numerator << digits;
        if drawn >= wanted {
            return false;
        }
        numerator = wanted - drawn;
        if numerator >= denominator {
            return true;
        }
    }
}

/// Uniform over 0, 1, … bound - 1.
fn uniform_below<R: Rng + ?Sized>(rng: &mut R, bound: u128) -> u128 {
    let Ok(narrow) = u64::try_from(bound) else {
        let unused = bound.leading_zeros();
        loop {
            let bits = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
            if bits >> unused < bound {
                return bits >> unused;
            }
        }
    };
    // Lemire 2019, <https://arxiv.org/abs/1805.10941>, Algorithm 5.
    loop {
        let product = u128::from(rng.next_u64()) * bound;
        let fraction = product & u128::from(u64::MAX);
        if fraction >= bound || fraction >= u128::from(narrow.wrapping_neg() % narrow) {
            return product >> 64;
        }
    }
}

/// Whole multiples of the scale in one draw; reached with probability exp(-16,383).
const MOST_WHOLE_SCALES: u128 = (1 << 14) - 1;

/// Coins in one trial of Algorithm 1; needed with probability 1/126!, under 2⁻⁷⁰⁰.
const MOST_COINS: u32 = 126;
