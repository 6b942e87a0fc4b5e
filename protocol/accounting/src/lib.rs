//! What a mechanism costs: conversions between the ways to count privacy loss.
//!
//! Neighbours differ by adding or removing one person. Every answer is an upper bound on the loss,
//! or a lower bound on the noise it takes: rounding, truncation and discretisation all go against
//! whoever asks. PROOFS.md states for each accountant what is bounded, by whose theorem, and which
//! error terms are added.
//!
//! All functions that are not rational come from the `libm` crate, not from the platform, so that
//! enclave and partner compute the same figures to the last bit.

#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "a test compares with the platform's functions")
)]

pub mod gaussian;
mod mechanism;
mod normal;
pub mod pld;
pub mod rdp;
mod search;
pub mod zcdp;

pub use mechanism::Mechanism;
pub use normal::upper_tail;

/// Why there is no answer.
///
/// Remedy: give numbers within the ranges that are named.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountingError {
    /// The standard deviation or scale over the sensitivity is not valid.
    #[error("found noise {found:?}, expected a number between 0.01 and 1e6 sensitivities")]
    Noise {
        /// The number that was given.
        found: f64,
    },
    /// The share of people in a batch is not valid.
    #[error("found sample rate {found:?}, expected a number between 1e-12 and 1")]
    SampleRate {
        /// The number that was given.
        found: f64,
    },
    /// The number of times is not valid.
    #[error("found count {found}, expected a whole number between 1 and 1e9")]
    Count {
        /// The number that was given.
        found: u64,
    },
    /// δ is not valid.
    #[error("found delta {found:?}, expected a number between 1e-30 and 1, both excluded")]
    Delta {
        /// The number that was given.
        found: f64,
    },
    /// ε is not valid.
    #[error("found epsilon {found:?}, expected a number between 0 and 1e6")]
    Epsilon {
        /// The number that was given.
        found: f64,
    },
    /// ρ is not valid.
    #[error("found rho {found:?}, expected a number above 0 and up to 1e6")]
    Rho {
        /// The number that was given.
        found: f64,
    },
    /// The sensitivity is not valid.
    #[error("found sensitivity {found:?}, expected a number above 0 and up to 1e300")]
    Sensitivity {
        /// The number that was given.
        found: f64,
    },
    /// The sensitivity is not a positive whole number, or costs too much to account for.
    #[error("found sensitivity {found}, expected a whole number between 1 and 1e6")]
    Steps {
        /// The number that was given.
        found: u32,
    },
    /// The loss is so large or so small that no grid of bounded size resolves it.
    #[error("a loss of this size cannot be resolved on a grid of bounded size")]
    Unresolved,
}

/// Checks a δ from a caller.
fn delta_in_range(delta: f64) -> Result<f64, AccountingError> {
    let sane = delta > 1e-30 && delta < 1.0;
    if sane { Ok(delta) } else { Err(AccountingError::Delta { found: delta }) }
}

/// Checks an ε from a caller.
fn epsilon_in_range(epsilon: f64) -> Result<f64, AccountingError> {
    let sane = (0.0..=1e6).contains(&epsilon);
    if sane { Ok(epsilon) } else { Err(AccountingError::Epsilon { found: epsilon }) }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "exact below 2^53, and every count here is at most 10^9"
)]
fn real(count: u64) -> f64 {
    count as f64
}
