//! What a question may reveal: what is added up for each person, the proof of its noise, and what it costs.

pub mod loss;
pub mod proof;
pub mod tally;
