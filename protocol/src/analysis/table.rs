//! Counts and sums by group.

pub mod uses;
