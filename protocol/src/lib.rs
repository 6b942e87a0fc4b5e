//! What the parties of a room, its enclave and its host say to each other.
//!
//! Pure: no I/O, no clock, no randomness. Randomness comes in as a generator, time as a number.
//! Every signed thing has a domain tag with its version, is encoded canonically, and is refused
//! in any other encoding.

pub mod accounting;
pub mod analysis;
pub mod canonical;
pub mod contract;
pub mod digest;

#[cfg(test)]
mod golden;
pub mod grant;
pub mod hpke;
pub mod identity;
pub mod job;
pub mod key;
pub mod limits;
pub mod loss;
pub mod manifest;
pub mod merkle;
pub mod message;
pub mod page;
pub mod policy;
pub mod proof;
pub mod receipt;
pub mod refusal;
pub mod released;
pub mod result;
pub mod sealed;
pub mod sign;
pub mod slice;
pub mod storage;
pub mod tally;
pub mod text;
pub mod time;
