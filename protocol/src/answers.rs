//! What leaves a room: released figures, the result they answer with, and the page that people read.

pub(crate) mod answered;
pub mod page;
pub mod released;
pub mod result;
