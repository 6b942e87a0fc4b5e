//! Draws a [`Page`](protocol::page::Page): for a terminal, as a page of HTML, as a picture, as JSON; and its figures for other
//! programs.
//!
//! The only place with layout and escaping. It knows no kind of question and adds no words of its
//! own, so a command line, a dashboard and a notebook all show the same words.

mod bars;
mod course;
mod escape;
pub mod export;
pub mod html;
pub mod json;
mod lettering;
pub mod picture;
mod plot;
mod series;
pub mod terminal;

#[cfg(test)]
mod tests;
