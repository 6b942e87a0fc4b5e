//! The only door through which figures leave: what may be spent, and what noise each figure gets.
//!
//! `Admitted -> Ledger::pay -> Paid`, then `Raw::release(paid) -> Release`. Each step consumes the
//! last, so a figure leaves once, with the noise that was paid for. If the proof says that one
//! chosen place leaves, only that place leaves and no figure does. A training is paid for whole, and
//! `Steps::begin(paid)` releases its steps one after another: exactly those, and all at once.

pub mod ledger;
pub mod release;
pub mod sampler;
pub mod steps;

pub use ledger::{Charged, Ledger, Paid};
pub use release::{Mismatch, Names, Raw, Release, Totals};
pub use steps::{Ask, Next, RawStep, Scoring, Steps};
