//! Custody: the owner's ledger of record, and the service that hands out loss from it in slices.
//!
//! What an enclave may learn about one person is decided here and nowhere else. An enclave can be
//! killed, forked and rolled back; this ledger notices if it is.

mod accounts;
mod asked;
mod begin;
mod decide;
mod error;
mod generation;
mod ledger;
mod lineages;
mod overlap;
mod people;
mod questions;
mod report;
mod requests;
mod restore;
mod serve;
mod settle;
mod whose;

pub use asked::{JobAsked, JobLine};
pub use begin::create;
pub use decide::{Owner, decide, prepay};
pub use error::LedgerError;
pub use ledger::{Asked, For, Ledger};
pub use overlap::KnownShare;
pub use people::PeopleLine;
pub use questions::Unheard;
pub use report::{BudgetLine, BudgetReport, InstanceLine, InstanceState, OutstandingLine};
pub use serve::{Believe, Event, RoomBeliever, Service, Witnessed, serve};
pub use settle::{Credit, Credited, Rest, WrittenOff};
pub use whose::{Answers, Whose};

#[cfg(test)]
#[path = "../../client/src/fixture.rs"]
mod fixture;
#[cfg(test)]
mod tests;
