//! What every kind of analysis must hold to, run on the worked sample in its folder and written for none of them.
//!
//! A kind provides `protocol/src/analysis/KIND/README.md` and `sample/`; CONTRIBUTING.md, "Adding a kind of
//! analysis", says what is in them. `GLOVEBOX_KIND=KIND` runs the suite on one kind alone, and `GLOVEBOX_BLESS=1`
//! writes what a sample's answer is into `tests/vectors/analyses/KIND/` and into the README.

#![cfg(test)]

#[path = "analyses/counted.rs"]
mod counted;
#[path = "analyses/documentation.rs"]
mod documentation;
#[path = "analyses/engine.rs"]
mod engine;
#[path = "analyses/fields.rs"]
mod fields;
#[path = "analyses/format.rs"]
mod format;
#[path = "analyses/malicious.rs"]
mod malicious;
#[path = "support/meaning.rs"]
#[expect(unreachable_pub, reason = "shared by several tests")]
mod meaning;
#[path = "analyses/pages.rs"]
mod pages;
#[path = "analyses/proof.rs"]
mod proof;
#[path = "analyses/readings.rs"]
mod readings;
#[path = "analyses/receipt.rs"]
mod receipt;
#[path = "analyses/sample.rs"]
mod sample;
#[path = "analyses/words.rs"]
mod words;
#[path = "analyses/wrong_uses.rs"]
mod wrong_uses;
