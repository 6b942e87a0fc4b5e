//! A party's side of a room: its keys, its sealed data, its ledger, and the connection it believes.
//!
//! Everything here runs on the party's own machine and is trusted by that party only.

pub mod address;
pub mod check;
pub mod clock;
pub mod close;
pub mod custody;
pub mod files;
#[cfg(test)]
mod fixture;
pub mod grant;
mod http;
pub mod job;
pub mod keys;
pub mod open;
pub mod people;
pub mod receipt_check;
pub mod room;
pub mod seal;
pub mod store;
pub mod trust;
pub mod view;
pub mod withdrawn;
