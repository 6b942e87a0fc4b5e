//! A job, and whether the contract permits it.

pub mod job;
pub mod policy;
pub mod refusal;
