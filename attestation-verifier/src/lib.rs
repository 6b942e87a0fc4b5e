//! Verifies AWS Nitro attestation documents, and the receipts of a Glovebox enclave.
//!
//! Hostile bytes become a [`Document`] once; a [`Document`] becomes [`Believed`] only by passing
//! every check of `SPEC.md`, and only [`Believed`] shows what the enclave says. No I/O, clock or
//! randomness: the time is an argument. Depends on no other crate of this workspace, so that it
//! can be read and trusted by itself.
//!
//! ```
//! use attestation_verifier::{Document, Expected, Pcr, Timestamp};
//!
//! fn is_ours(bytes: &[u8], pcr0: Pcr, nonce: Vec<u8>, now: Timestamp) -> bool {
//!     let expected = Expected::build([(0, pcr0)]).nonce(nonce);
//!     Document::parse(bytes).is_ok_and(|document| document.verify(&expected, now).is_ok())
//! }
//! # assert!(!is_ours(b"", Pcr::from([1; 48]), vec![], Timestamp::from_millis(0)));
//! ```

#[macro_use]
mod tables;

mod believed;
mod cbor;
mod certificate;
mod chain;
pub mod check;
pub mod danger;
mod der;
mod document;
mod expected;
pub mod explain;
mod field;
mod pcr;
pub mod receipt;
mod region;
#[cfg(feature = "registers")]
pub mod registers;
mod revocation;
mod root;
pub mod sources;
mod timestamp;
mod verify;

pub use believed::{Believed, Warning};
pub use cbor::{CborError, Flaw, Kind};
pub use certificate::CertificateFlaw;
pub use chain::ChainError;
pub use document::{Document, ParseError};
pub use expected::Expected;
pub use field::Field;
pub use pcr::{InvalidPcr, Pcr};
pub use region::{InvalidRegion, Region};
pub use revocation::{RevocationError, RevocationList};
pub use root::Root;
pub use timestamp::Timestamp;
pub use verify::VerifyError;
