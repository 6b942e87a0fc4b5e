//! Statistics of released figures: estimates with honest error bars.
//!
//! Pure functions of numbers, which know neither jobs nor contracts. They cost no privacy and can be wrong
//! only as statistics can; floating point is at home here.

#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "a test compares with the platform's functions")
)]

pub mod economics;
pub mod few_events;
pub mod figure;
pub mod heterogeneity;
pub mod lift;
pub mod multiplicity;
pub mod panel;
pub mod parts;
pub mod power;
pub mod rates;
pub mod sample_ratio;
pub mod shown;
pub mod special;
