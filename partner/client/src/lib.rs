//! A party's side of a room: its keys, its sealed data, its ledger, and the connection it believes.
//!
//! Everything here runs on the party's own machine and is trusted by that party only.

pub mod address;
pub mod check;
pub mod clock;
pub mod close;
pub mod files;
// The fixture names this crate as others do: the tests of custody take the same one.
#[cfg(test)]
extern crate self as client;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of custody use more of it")]
mod fixture;
pub mod grant;
pub mod http;
pub mod job;
pub mod keys;
pub mod open;
pub mod people;
pub mod receipt_check;
pub mod room;
pub mod salts;
pub mod store;
pub mod trust;
pub mod view;
pub mod withdrawals;
pub mod withdrawn;
