//! How wide the noise is: positive rationals small enough for exact 128-bit arithmetic.

/// The parameter σ² of a discrete Gaussian: a fraction in lowest terms, above 0 and at most 2⁸².
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Variance {
    ratio: Ratio,
    /// max(1, ⌊2σ⌋), kept here because a draw needs it and a root is slow.
    twice_sigma: u64,
}

impl Variance {
    /// Exactly `numerator / denominator`.
    ///
    /// # Errors
    ///
    /// [`ScaleError`] if the fraction is not positive, above 2⁸², or needs a denominator above 2³⁰.
    pub fn new(numerator: u128, denominator: u128) -> Result<Self, ScaleError> {
        Self::of(Ratio::new(numerator, denominator, LARGEST_VARIANCE)?)
    }

    /// The smallest representable σ² that is at least `numerator / denominator`: the fraction
    /// itself, or rounded up to a multiple of 2⁻³⁰.
    ///
    /// # Errors
    ///
    /// [`ScaleError`] if the fraction is not positive or above 2⁸².
    pub fn at_least(numerator: u128, denominator: u128) -> Result<Self, ScaleError> {
        Self::of(Ratio::at_least(numerator, denominator, LARGEST_VARIANCE)?)
    }

    /// The smallest multiple of 2⁻³⁰ that is at least `sigma_squared`.
    ///
    /// # Errors
    ///
    /// [`ScaleError`] if `sigma_squared` is not positive, not a number, or above 2⁸².
    pub fn rounded_up(sigma_squared: f64) -> Result<Self, ScaleError> {
        Self::of(Ratio::rounded_up(sigma_squared, LARGEST_VARIANCE)?)
    }

    /// Numerator in lowest terms, at most 2¹¹².
    #[must_use]
    pub fn numerator(self) -> u128 {
        self.ratio.numerator
    }

    /// Denominator in lowest terms, at most 2³⁰.
    #[must_use]
    pub fn denominator(self) -> u64 {
        self.ratio.denominator
    }

    /// The nearest floating-point number or one beside it, for estimates.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.ratio.as_f64()
    }

    pub(super) fn twice_sigma(self) -> u64 {
        self.twice_sigma
    }

    fn of(ratio: Ratio) -> Result<Self, ScaleError> {
        let root = (4 * ratio.numerator / u128::from(ratio.denominator)).isqrt();
        let twice_sigma = u64::try_from(root).map_err(|_| ScaleError::TooLarge)?.max(1);
        Ok(Self { ratio, twice_sigma })
    }
}

/// The scale t of a discrete Laplace: a fraction in lowest terms, above 0 and at most 2⁴⁸.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scale {
    ratio: Ratio,
}

impl Scale {
    /// Exactly `numerator / denominator`.
    ///
    /// # Errors
    ///
    /// [`ScaleError`] if the fraction is not positive, above 2⁴⁸, or needs a denominator above 2³⁰.
    pub fn new(numerator: u128, denominator: u128) -> Result<Self, ScaleError> {
        Ok(Self { ratio: Ratio::new(numerator, denominator, LARGEST_SCALE)? })
    }

    /// The smallest representable t that is at least `numerator / denominator`: the fraction
    /// itself, or rounded up to a multiple of 2⁻³⁰.
    ///
    /// # Errors
    ///
    /// [`ScaleError`] if the fraction is not positive or above 2⁴⁸.
    pub fn at_least(numerator: u128, denominator: u128) -> Result<Self, ScaleError> {
        Ok(Self { ratio: Ratio::at_least(numerator, denominator, LARGEST_SCALE)? })
    }

    /// The smallest multiple of 2⁻³⁰ that is at least `scale`.
    ///
    /// # Errors
    ///
    /// [`ScaleError`] if `scale` is not positive, not a number, or above 2⁴⁸.
    pub fn rounded_up(scale: f64) -> Result<Self, ScaleError> {
        Ok(Self { ratio: Ratio::rounded_up(scale, LARGEST_SCALE)? })
    }

    /// Numerator in lowest terms, at most 2⁷⁸.
    #[must_use]
    pub fn numerator(self) -> u128 {
        self.ratio.numerator
    }

    /// Denominator in lowest terms, at most 2³⁰.
    #[must_use]
    pub fn denominator(self) -> u64 {
        self.ratio.denominator
    }

    /// The nearest floating-point number or one beside it, for estimates.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.ratio.as_f64()
    }
}

/// Why a number cannot be the width of a noise distribution.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScaleError {
    /// Zero, negative, or not a number: there would be no noise.
    #[error("the scale of noise is not a positive number")]
    NotPositive,
    /// Beyond what exact 128-bit arithmetic can draw.
    #[error("the scale of noise is too large: σ² is at most 2^82 and t at most 2^48")]
    TooLarge,
    /// Too fine a fraction; `at_least` would round it up.
    #[error("the scale of noise has denominator {found} in lowest terms, the most is 2^30")]
    TooFine {
        /// The denominator in lowest terms.
        found: u128,
    },
}

/// A positive fraction in lowest terms whose denominator is at most [`FINEST`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Ratio {
    numerator: u128,
    denominator: u64,
}

impl Ratio {
    fn new(numerator: u128, denominator: u128, largest: u128) -> Result<Self, ScaleError> {
        if numerator == 0 || denominator == 0 {
            return Err(ScaleError::NotPositive);
        }
        let common = greatest_common_divisor(numerator, denominator);
        let (numerator, denominator) = (numerator / common, denominator / common);
        let narrow = u64::try_from(denominator)
            .ok()
            .filter(|&denominator| denominator <= FINEST)
            .ok_or(ScaleError::TooFine { found: denominator })?;
        if numerator > largest * denominator {
            return Err(ScaleError::TooLarge);
        }
        Ok(Self { numerator, denominator: narrow })
    }

    fn at_least(numerator: u128, denominator: u128, largest: u128) -> Result<Self, ScaleError> {
        match Self::new(numerator, denominator, largest) {
            Err(ScaleError::TooFine { .. }) => {
                // Long division keeps the product within 128 bits wherever the result is valid.
                let whole = numerator / denominator;
                let rest = numerator % denominator;
                if whole > largest {
                    return Err(ScaleError::TooLarge);
                }
                let steps = scaled_quotient_rounded_up(rest, denominator);
                Self::new(whole * u128::from(FINEST) + steps, u128::from(FINEST), largest)
            }
            other => other,
        }
    }

    fn rounded_up(real: f64, largest: u128) -> Result<Self, ScaleError> {
        if real.is_nan() || real <= 0.0 {
            return Err(ScaleError::NotPositive);
        }
        #[expect(clippy::as_conversions, reason = "a power of two is exact in f64")]
        let steps = (real * FINEST as f64).ceil();
        #[expect(clippy::as_conversions, reason = "a whole number; above 2^128 it saturates")]
        let steps = steps as u128;
        Self::new(steps, u128::from(FINEST), largest)
    }

    fn as_f64(self) -> f64 {
        #[expect(clippy::as_conversions, reason = "rounding to nearest is meant")]
        let (numerator, denominator) = (self.numerator as f64, self.denominator as f64);
        numerator / denominator
    }
}

/// ⌈rest · [`FINEST`] / denominator⌉ for rest < denominator, one binary digit at a time.
fn scaled_quotient_rounded_up(mut rest: u128, denominator: u128) -> u128 {
    let mut quotient = 0;
    for _ in 0..FINEST.trailing_zeros() {
        // This is 2 · rest ≥ denominator, written so that it cannot overflow.
        let digit = rest >= denominator - rest;
        rest = if digit { rest - (denominator - rest) } else { rest + rest };
        quotient = quotient << 1 | u128::from(digit);
    }
    quotient + u128::from(rest > 0)
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Largest denominator, a power of two above 10⁹.
const FINEST: u64 = 1 << 30;

/// Largest σ², for σ = 2⁴¹.
const LARGEST_VARIANCE: u128 = 1 << 82;

/// Largest scale: a draw has at most 2¹⁴ whole scales, so it fits into an `i64`.
const LARGEST_SCALE: u128 = 1 << 48;
