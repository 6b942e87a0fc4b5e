//! The mechanisms that can be accounted for.

use super::AccountingError;

/// A mechanism and its noise, relative to its sensitivity: how far one person can move the figure.
///
/// Neighbours differ by one person added or removed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mechanism(pub(super) Kind);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// The Gaussian itself at rate 1.
    SubsampledGaussian {
        sigma: f64,
        rate: f64,
    },
    DiscreteGaussian {
        sigma: f64,
        sensitivity: f64,
    },
    Laplace {
        scale: f64,
    },
    DiscreteLaplace {
        scale: f64,
        sensitivity: u32,
    },
}

impl Mechanism {
    /// Gaussian noise on the real line, σ being `noise_multiplier` times the L2 sensitivity.
    ///
    /// # Errors
    ///
    /// [`AccountingError::Noise`] unless the multiplier is in 0.01..=10⁶.
    pub fn gaussian(noise_multiplier: f64) -> Result<Self, AccountingError> {
        Self::subsampled_gaussian(noise_multiplier, 1.0)
    }

    /// One step of DP-SGD: each person is in the batch with probability `sample_rate`, on their
    /// own (Poisson sampling), and the sum gets Gaussian noise of `noise_multiplier` clips.
    ///
    /// # Privacy
    ///
    /// Shuffled or fixed-size batches are *not* covered.
    ///
    /// # Errors
    ///
    /// [`AccountingError`] unless the multiplier is in 0.01..=10⁶ and the rate in 10⁻¹²..=1.
    pub fn subsampled_gaussian(
        noise_multiplier: f64,
        sample_rate: f64,
    ) -> Result<Self, AccountingError> {
        let sigma = noise_in_range(noise_multiplier)?;
        if !(1e-12..=1.0).contains(&sample_rate) {
            return Err(AccountingError::SampleRate { found: sample_rate });
        }
        Ok(Self(Kind::SubsampledGaussian { sigma, rate: sample_rate }))
    }

    /// The discrete Gaussian with parameter σ on whole numbers that move by at most `sensitivity`.
    ///
    /// # Errors
    ///
    /// [`AccountingError`] unless `sensitivity` is in 1..=10⁶ and σ / `sensitivity` in 0.01..=10⁶.
    pub fn discrete_gaussian(sigma: f64, sensitivity: u32) -> Result<Self, AccountingError> {
        let sensitivity = f64::from(steps_in_range(sensitivity)?);
        noise_in_range(sigma / sensitivity)?;
        Ok(Self(Kind::DiscreteGaussian { sigma, sensitivity }))
    }

    /// Laplace noise on the real line, its scale being `scale` times the L1 sensitivity.
    ///
    /// # Errors
    ///
    /// [`AccountingError::Noise`] unless the scale is in 0.01..=10⁶.
    pub fn laplace(scale: f64) -> Result<Self, AccountingError> {
        Ok(Self(Kind::Laplace { scale: noise_in_range(scale)? }))
    }

    /// The discrete Laplace with this scale on whole numbers that move by at most `sensitivity`.
    ///
    /// It loses a little more than its namesake on the real line, most where `sensitivity` is 1.
    ///
    /// # Errors
    ///
    /// [`AccountingError`] unless `sensitivity` is in 1..=10⁶ and the ratio in 0.01..=10⁶.
    pub fn discrete_laplace(scale: f64, sensitivity: u32) -> Result<Self, AccountingError> {
        let sensitivity = steps_in_range(sensitivity)?;
        noise_in_range(scale / f64::from(sensitivity))?;
        Ok(Self(Kind::DiscreteLaplace { scale, sensitivity }))
    }

    /// σ, if this is the Gaussian itself.
    pub(super) fn plain_gaussian(&self) -> Option<f64> {
        match self.0 {
            Kind::SubsampledGaussian { sigma, rate } if rate >= 1.0 => Some(sigma),
            _ => None,
        }
    }
}

/// ln of the density ratio between the mixture (1-q) N(0,1) + q N(1/σ,1) and N(0,1) at z.
pub(super) fn log_ratio(sigma: f64, rate: f64, z: f64) -> f64 {
    let log = (z - 0.5 / sigma) / sigma;
    if log < 30.0 {
        libm::log1p(rate * libm::expm1(log))
    } else {
        log + libm::log(rate) + libm::log1p((1.0 - rate) / rate * libm::exp(-log))
    }
}

/// The z at which [`log_ratio`] is `loss`; minus infinity where it never is.
pub(super) fn at_log_ratio(sigma: f64, rate: f64, loss: f64) -> f64 {
    let log = if loss < 30.0 {
        let excess = libm::expm1(loss) / rate;
        if excess > -1.0 { libm::log1p(excess) } else { f64::NEG_INFINITY }
    } else {
        loss - libm::log(rate) + libm::log1p((rate - 1.0) * libm::exp(-loss))
    };
    sigma * log + 0.5 / sigma
}

fn noise_in_range(found: f64) -> Result<f64, AccountingError> {
    let sane = (0.01..=1e6).contains(&found);
    if sane { Ok(found) } else { Err(AccountingError::Noise { found }) }
}

fn steps_in_range(found: u32) -> Result<u32, AccountingError> {
    let sane = (1..=1_000_000).contains(&found);
    if sane { Ok(found) } else { Err(AccountingError::Steps { found }) }
}
