//! Draws from the enclave's own samplers, to look at.

use nsm::{Nsm, NsmError, Simulated, SimulatedError, measure};
use privacy::sampler::{Exact, Noise, Scale, ScaleError, Variance};

/// A distribution over all whole numbers, with mean 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Distribution {
    /// P(x) ∝ exp(-x² / 2σ²), σ being the scale.
    DiscreteGaussian,
    /// P(x) ∝ exp(-|x| / t), t being the scale.
    DiscreteLaplace,
}

/// Draws without end from the sampler that the enclave links. The scale is `numerator` /
/// `denominator`.
///
/// The generator is seeded as in a room, by a simulated module. σ² and t are exact where a
/// denominator of at most 2³⁰ suffices, else rounded up to a multiple of 2⁻³⁰.
///
/// # Errors
///
/// [`DrawError`] if the scale is not positive or too large to be drawn exactly.
pub fn draws(
    distribution: Distribution,
    numerator: u64,
    denominator: u64,
) -> Result<impl Iterator<Item = i64>, DrawError> {
    let (over, under) = (u128::from(numerator), u128::from(denominator));
    let module = Simulated::throw_away(measure(b"glovebox privacy sample"))?;
    let mut noise = Exact::from_seed(*module.entropy()?);
    let draw: Box<dyn FnMut() -> i64> = match distribution {
        Distribution::DiscreteGaussian => {
            let variance = Variance::at_least(over * over, under * under)?;
            Box::new(move || noise.gaussian(variance))
        }
        Distribution::DiscreteLaplace => {
            let scale = Scale::at_least(over, under)?;
            Box::new(move || noise.laplace(scale))
        }
    };
    Ok(std::iter::repeat_with(draw))
}

/// Why no noise can be drawn.
///
/// Remedy: raise epsilon or lower the caps, so that the noise can be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrawError {
    /// The scale cannot be drawn exactly.
    #[error("the scale: {0}")]
    Scale(#[from] ScaleError),
    /// The simulated module could not be made.
    #[error("{0}")]
    Simulated(#[from] SimulatedError),
    /// The module gave no seed.
    #[error("{0}")]
    Seed(#[from] NsmError),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// σ² = 2.25 and t = 1/5 by mpmath; 6.2 standard errors are a false alarm in 10⁹.
    #[test]
    fn draws_follow_the_distribution_that_was_asked_for() {
        for (distribution, numerator, denominator, at_zero) in [
            (Distribution::DiscreteGaussian, 3, 2, 0.265_961_520_267_621_8_f64),
            (Distribution::DiscreteLaplace, 1, 5, 0.986_614_298_151_430_3),
        ] {
            let drawn = draws(distribution, numerator, denominator).unwrap().take(100_000);
            let hits = f64::from(drawn.filter(|x| *x == 0).map(|_| 1_u32).sum::<u32>());
            let deviation = (1e5 * at_zero * (1.0 - at_zero)).sqrt();
            assert!((hits - 1e5 * at_zero).abs() < 6.2 * deviation, "{distribution:?}: {hits}");
        }
    }

    #[test]
    fn refuses_a_scale_without_noise() {
        assert!(draws(Distribution::DiscreteGaussian, 0, 1).is_err());
        assert!(draws(Distribution::DiscreteLaplace, 1, 0).is_err());
    }
}
