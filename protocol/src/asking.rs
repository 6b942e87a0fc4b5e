//! Jobs, and the policy that decides whether the contract permits them.

pub mod job;
pub mod policy;
pub mod refusal;
