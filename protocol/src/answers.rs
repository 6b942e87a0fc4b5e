//! What is released: figures, the result that answers with them, the page that people read, and the same figures for
//! programs.

pub(crate) mod answered;
pub mod citation;
pub mod page;
pub mod released;
pub mod result;
