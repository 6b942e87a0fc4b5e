//! What is released: figures, the result that answers with them, and the page that people read.

pub(crate) mod answered;
pub mod page;
pub mod released;
pub mod result;
