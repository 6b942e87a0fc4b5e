//! A party's side of a room: its keys, its rooms, its jobs, and the results and receipts that it
//! checks.
//!
//! Everything here runs on the party's own machine and is trusted by that party only.

pub mod address;
pub mod audit;
pub mod check;
pub mod clock;
pub mod close;
pub mod files;
// The fixture names this crate as others do, since the tests of custody use it too.
#[cfg(test)]
extern crate self as client;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of custody use more of it")]
mod fixture;
pub mod grant;
pub mod http;
pub mod job;
pub mod keys;
pub mod kms;
pub mod open;
pub mod opt_outs;
pub mod people;
pub mod receipt_check;
pub mod room;
pub mod salts;
pub mod saved;
pub mod store;
mod tls;
pub mod trust;
pub mod view;
pub mod withdrawals;
pub mod withdrawn;
