//! Do effects on different people differ by more than their errors?

use crate::special::chi_square_sf;

/// An effect on some people, none of whom is among those of another one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "built by callers, who must see a new field")]
pub struct Effect {
    /// The effect.
    pub estimate: f64,
    /// Its standard error, noise included.
    pub standard_error: f64,
}

/// Cochran's test of whether all effects are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Heterogeneity {
    /// Σ (d - d̄)² / v, with the effects' mean d̄ weighted by 1 / v.
    pub q: f64,
    /// Effects less one.
    pub degrees_of_freedom: u32,
    /// Probability of a q as large, if all effects are the same.
    pub p: f64,
}

/// Tests whether effects on different people are the same. `None` with fewer than two, or if one has no error.
///
/// # Privacy
///
/// Costs nothing: a function of released figures.
///
/// # Source
///
/// Cochran 1954, "The combination of estimates from different experiments", Biometrics 10; Q has the χ² distribution with one
/// degree less than effects.
#[must_use]
pub fn heterogeneity(effects: &[Effect]) -> Option<Heterogeneity> {
    let degrees_of_freedom =
        u32::try_from(effects.len()).ok()?.checked_sub(1).filter(|freedom| *freedom > 0)?;
    let weight = |effect: &Effect| 1.0 / (effect.standard_error * effect.standard_error);
    let all: f64 = effects.iter().map(weight).sum();
    let weighted: f64 = effects.iter().map(|effect| weight(effect) * effect.estimate).sum();
    let mean = weighted / all;
    let square = |effect: &Effect| (effect.estimate - mean) * (effect.estimate - mean);
    let q: f64 = effects.iter().map(|effect| weight(effect) * square(effect)).sum();
    let p = chi_square_sf(q, degrees_of_freedom);
    q.is_finite().then_some(Heterogeneity { q, degrees_of_freedom, p })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(estimate: f64, standard_error: f64) -> Effect {
        Effect { estimate, standard_error }
    }

    #[test]
    fn q_is_that_of_cochran() {
        let found =
            heterogeneity(&[effect(0.1, 0.1), effect(0.3, 0.2), effect(0.38, 0.2)]).unwrap();
        let mean = (100.0 * 0.1 + 25.0 * 0.3 + 25.0 * 0.38) / 150.0_f64;
        let q = 100.0 * (0.1 - mean).powi(2)
            + 25.0 * (0.3 - mean).powi(2)
            + 25.0 * (0.38 - mean).powi(2);
        assert!((found.q - q).abs() < 1e-12, "{found:?} {q}");
        // With two degrees of freedom the χ² distribution is the exponential one.
        assert!((found.p - (-q / 2.0).exp()).abs() < 1e-12, "{found:?}");
        assert_eq!(found.degrees_of_freedom, 2);
    }

    #[test]
    fn one_effect_or_one_without_an_error_differs_from_nothing() {
        assert_eq!(heterogeneity(&[]), None);
        assert_eq!(heterogeneity(&[effect(1.0, 1.0)]), None);
        assert_eq!(heterogeneity(&[effect(1.0, 0.0), effect(2.0, 1.0)]), None);
    }
}
