//! The tests of this crate's public face, one program: the room is compiled once, and long tests run at the same time.

mod audit;
mod coverage;
mod few_events;
mod groups;
mod ledger;
mod release;
mod report;
mod sampler;
mod silent;
mod support;
