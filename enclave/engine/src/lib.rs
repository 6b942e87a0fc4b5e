//! From a question about people to its totals: a [`Proven`](protocol::proof::Proven) tally is run over
//! its datasets, each [`Ordered`] by people, and its answer is a [`Raw`](privacy::Raw); of a training, each step is a
//! [`RawStep`](privacy::RawStep).

mod engine;
mod fault;
mod groups;
mod mix;
mod ordered;
mod training;

pub use engine::run;
pub use fault::Fault;
pub use ordered::{Intake, Need, Ordered, need_of_cells};
pub use training::Trainees;

#[cfg(test)]
#[path = "../../../tests/support/room.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared by several tests")]
mod room;
