//! Bytes that come in from outside, read one way only, and what they say: digests, times, text, identifiers of
//! people, limits.

pub mod canonical;
pub(crate) mod decision;
pub mod digest;
pub mod identity;
pub(crate) mod job_name;
pub mod limits;
pub mod merkle;
pub(crate) mod sha256;
pub mod text;
pub mod time;
pub mod units;
