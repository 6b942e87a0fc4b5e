//! Jobs, standing orders, the policy that decides whether the contract permits them, and the results that answer them.

mod answer;
pub mod job;
mod likeness;
pub mod order;
pub mod policy;
