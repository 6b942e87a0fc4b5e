//! The tests of this crate's public face, one program: the room is compiled once, and long tests run at the same time.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod audit;
#[path = "../../../tests/support/betrayed.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared by several tests")]
mod betrayed;
mod contrasts;
mod coverage;
mod few_events;
mod groups;
mod ledger;
mod release;
mod report;
mod sampler;
mod segments;
mod silent;
mod steps;
mod support;
