//! Draws a [`Page`](protocol::page::Page): for a terminal, as a page of HTML, as JSON.
//!
//! The only place with layout and escaping. It knows no kind of question and says no words of its own, so
//! that whatever draws pages (a command line, a dashboard, a notebook) says the same.

mod escape;
pub mod html;
pub mod json;
mod plot;
pub mod terminal;

#[cfg(test)]
mod tests;
