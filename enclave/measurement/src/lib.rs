//! Advertising measurement: figures with honest error bars, computed from what was released.
//!
//! Estimates cost no privacy and can be wrong only as statistics can; floating point is at home
//! here and nowhere before.

pub mod choice;
pub mod economics;
pub mod few_events;
pub mod figure;
pub mod lift;
pub mod multiplicity;
pub mod power;
pub mod report;
pub mod sample_ratio;
mod shown;
pub mod special;
pub mod table;
