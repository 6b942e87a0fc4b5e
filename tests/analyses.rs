//! What every kind of analysis must hold to, run on the worked sample in its folder and written for none of them.
//!
//! A kind provides `protocol/src/analysis/KIND/README.md` and `sample/`; CONTRIBUTING.md, "Adding a kind of
//! analysis", says what is in them. `GLOVEBOX_KIND=KIND` runs the suite on one kind alone, and `GLOVEBOX_BLESS=1`
//! writes what a sample's answer is into `tests/vectors/analyses/KIND/` and into the README.

mod agreement;
mod answers;
mod counted;
mod documentation;
mod engine;
mod exported;
mod fields;
mod forged;
mod format;
mod malicious;
mod pages;
mod proof;
mod readings;
mod receipt;
mod sample;
mod trained;
mod words;
mod wrong_uses;
