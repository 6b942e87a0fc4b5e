//! From a question about people to its totals: a [`Proven`](protocol::proof::Proven) tally is run over
//! the sealed tables of its datasets, and its answer is a [`Raw`](privacy::Raw).

mod engine;
mod fault;
mod groups;
mod table;

pub use engine::run;
pub use fault::Fault;
