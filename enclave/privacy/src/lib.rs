//! The only door through which figures leave: what may be spent, and what noise each figure gets.
//!
//! `Admitted -> Ledger::pay -> Paid`, then `Raw::release(paid) -> Release`. Each step consumes the
//! last, so a figure leaves once, with the noise that was paid for. If the proof says that one
//! chosen place leaves, only that place leaves and no figure does.

pub mod ledger;
pub mod release;
pub mod sampler;

pub use ledger::{Charged, Ledger, Paid};
pub use release::{Mismatch, Names, Raw, Release, Totals};
