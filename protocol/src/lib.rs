//! The messages, formats and rules that the parties of a room, its enclave and its host share.
//!
//! The crate is pure: no I/O, no clock, no randomness. Randomness is passed in as a generator, and
//! time as a number. Every signed thing has a domain tag with its version, is encoded canonically,
//! and is refused in any other encoding.

#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "a test compares with the platform's functions")
)]

pub mod analysis;
mod answers;
mod asking;
mod bytes;
pub mod contract;
mod data;
pub mod delegation;
mod keys;
mod messages;
mod privacy;
pub mod refusal;

// The room of the vectors names this crate as others do: what is fuzzed takes the same one.
#[cfg(test)]
extern crate self as protocol;
#[cfg(test)]
mod golden;

// A folder groups what belongs together; its modules are named without it.
pub use answers::{citation, page, released, result};
pub use asking::{job, order, policy};
use bytes::sha256;
pub use bytes::{canonical, digest, identity, limits, merkle, text, time, units};
pub use data::{manifest, opt_outs, sealed, storage};
pub use keys::{hpke, key, salt, sign};
pub use messages::{audit, deletion, grant, kms_grant, message, receipt, slice, stored_log};
pub use privacy::{loss, proof, tally};
// A crate of its own that knows nothing of this one: what it computes takes long without optimisation.
pub use accounting;
// And so is this one: what trains is the same for who adds up and for who checks.
pub use learning;
