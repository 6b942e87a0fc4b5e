//! The only door out: what may be spent, and what noise a figure gets before it leaves.
//!
//! `Admitted -> Ledger::pay -> Paid`, then `Raw::release(paid) -> Release`. Each step consumes the
//! last, so a figure leaves once, with the noise that was paid for. Where the proof says that only a
//! place leaves, that leaves and no figure does.

pub mod ledger;
pub mod release;
pub mod sampler;

pub use ledger::{Charged, Ledger, Paid};
pub use release::{Mismatch, Names, Raw, Release, Totals};
