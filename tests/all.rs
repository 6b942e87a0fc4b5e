//! The tests of the whole product, one program: each program more is another linking of all that ships, and
//! tests of one program run at the same time. `cargo test … --test all kill::` runs those of a file.
//!
//! Two files are programs of their own, because they look at their whole process: what it logs
//! (`disclosure.rs`), and how much memory it takes (`hostile_partner.rs`).

#![cfg(test)]

mod amounts;
mod analyses;
mod architecture;
mod attacks;
mod audit;
mod budget;
mod checking;
mod choosing;
mod delegation;
mod end_to_end;
mod endings;
mod exports;
mod geo;
mod hostile_host;
mod kill;
mod kms;
mod left_logs;
mod memory;
mod opt_outs;
mod oracle;
mod orders;
mod parsers;
mod party;
mod paying;
mod qemu;
mod rebuilt;
mod reference;
mod refusal_page;
mod refusals;
mod release;
mod requests;
mod saturation;
mod sbom;
mod star;
mod statistics;
mod tcb;
mod transport;
mod unattended;
mod versions;
mod whose_answer;

#[path = "support/betrayed.rs"]
#[expect(unreachable_pub, reason = "shared by several tests")]
mod betrayed;
#[path = "support/booted/mod.rs"]
mod booted;
#[path = "support/flood.rs"]
mod flood;
#[path = "fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "a crate of its own when it is fuzzed")]
mod fuzz;
#[path = "support/meaning.rs"]
#[expect(unreachable_pub, reason = "shared by several tests")]
mod meaning;
#[path = "support/room.rs"]
#[expect(unreachable_pub, reason = "shared by several tests")]
mod room;
#[path = "support/trained.rs"]
#[expect(unreachable_pub, reason = "shared by several tests")]
mod trained;
