//! Additive models of features in public bins, by full-batch gradient steps that are sums of whole numbers.
//!
//! Every person is in one bin of each feature. The score of a person is an intercept and one weight for each of
//! these bins; a step adds up, for every feature and bin, the clamped residuals of the people in it. What a person
//! adds is whole: scores are on a grid of 2⁻¹⁶, residuals in quanta of 2⁻¹² and clamped after rounding. So the sums do
//! not depend on the order of people or on threads, and one person moves one step by at most clamp · √features,
//! exactly. Everything else ([`Descent`]) is a function of sums that were released and of public figures.
//!
//! This crate knows no contract and no noise, and no row but as codes of bins.

pub mod dense;
mod descent;
mod link;
mod pace;
mod people;
mod plan;
mod rule;

pub use descent::{Descent, Grid, Model};
pub use link::{Link, label_quanta};
pub use people::{Adding, People};
pub use plan::{Feature, Loss, Plan};
pub use rule::{Settings, rule};

/// Bits of a residual: a quantum is 2⁻¹² of the cap.
pub const QUANTA: u32 = 1 << 12;
/// The most features that one model has: scores of so many fit into 32 bits.
pub const FEATURES: usize = 64;
/// The most bins of one feature: a code is one byte.
pub const BINS: u32 = 256;
/// The most steps.
pub const STEPS: u32 = 1000;
