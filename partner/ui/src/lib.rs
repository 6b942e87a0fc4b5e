//! The page of a party on its own machine, for a browser there: what its folder holds, and what it may ask.
//!
//! A browser is a place of its own to distrust: other pages run in it, and other people's names are shown in it. So this
//! crate holds no key and no ledger and names no crate that does. All that it shows comes from a [`Desk`], and all that it
//! can do is to ask the desk to prepare something; whether that is done, a person says at the terminal.
//!
//! Every page is whole without scripts, and none has any. Nothing is loaded from elsewhere.

mod desk;
mod door;
mod form;
mod frame;
mod manual;
mod serve;

pub use desk::{Desk, Link, Prepared, Priced, Screen, Standing, State, Wish};
pub use door::Secret;
pub use serve::{Links, Ui};
