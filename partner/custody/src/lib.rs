//! Custody: the owner's ledger of record, and the service that hands out loss from it in slices.
//!
//! What an enclave may learn about one person is decided here and nowhere else. An enclave can be
//! killed, forked and rolled back; this ledger notices if it is.

mod accounts;
mod answers;
mod creation;
mod database;
mod decision;
mod door;
mod entries;
mod error;
mod generation;
mod jobs;
mod ledger;
mod lineages;
mod moved;
mod moving;
mod noted;
mod opt_outs;
mod orders;
mod overlap;
mod people;
mod questions;
mod record;
mod report;
mod requests;
mod restore;
mod runs;
mod serve;
mod settle;

pub use answers::{Answers, PeopleAnswer};
pub use creation::create;
pub use decision::{Bringing, Owner, decide, decide_run, prepay};
pub use door::{Door, DoorError};
pub use entries::{EntryKind, EntryLine};
pub use error::LedgerError;
pub use jobs::{DecisionLine, DerivedJob, JobLine};
pub use ledger::{Demand, Ledger, SliceUse};
pub use moved::LedgerMove;
pub use moving::{Arrived, expect_ledger, take_ledger};
pub use orders::{Attempt, OrderLine, RunEnd};
pub use overlap::KnownShare;
pub use people::PeopleLine;
pub use questions::Novelty;
pub use record::{Elsewhere, LedgerRecord, RecordedCredit, RecordedInstance, RecordedSlice};
pub use report::{BudgetLine, BudgetReport, InstanceLine, InstanceState, OutstandingLine};
pub use serve::{Believe, Event, RoomBeliever, Service, Witnessed, serve};
pub use settle::{Credit, Credited, Rest, WrittenOff};

#[cfg(test)]
#[path = "../../client/src/fixture.rs"]
mod fixture;
#[cfg(test)]
mod tests;
