//! The only door out: what may be spent, and what noise a figure gets before it leaves.
//!
//! `Admitted -> Ledger::pay -> Paid`, then `Raw::release(paid) -> Released`. Each step consumes the
//! last, so a figure leaves once, with the noise that was paid for. Where the proof says that only a
//! place leaves, `Raw::choose(paid)` takes the payment instead and gives `Chosen`.

pub mod ledger;
pub mod release;
pub mod sampler;

pub use ledger::{Charged, Ledger, Paid};
pub use release::{
    ArmFigures, CellFigure, Chosen, Figure, GroupFigures, Groups, MeasureFigures, Mismatch, Names,
    Place, ProductFigure, Raw, Released, Thresholds, Totals,
};
