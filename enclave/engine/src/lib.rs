//! From a question about people to its totals: a [`Tally`](protocol::tally::Tally) becomes a
//! DataFusion plan over the sealed tables of its two datasets, and its answer a
//! [`Raw`](privacy::Raw).
//!
//! The only crate that names DataFusion.

mod engine;
mod plan;
mod table;

pub use engine::{Engine, Fault};
