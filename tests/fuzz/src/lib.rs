//! What must hold of every parser, whatever bytes come: it does not panic, and what it takes it writes
//! again as it was.
//!
//! `make fuzz` tries bytes for as long as one likes; `tests/parsers.rs` tries the seeds, and pieces of
//! them, with every test run.

mod image;
#[path = "../../../attestation-verifier/tests/independent/mod.rs"]
mod independent;
mod intake;
mod kms;
mod network;
mod text;
mod values;
mod verifier;

#[path = "../../../protocol/src/golden/room.rs"]
#[allow(dead_code, reason = "of the room of the vectors, not everything is needed")]
mod room;
#[path = "../../../protocol/src/golden/sealed/writer.rs"]
#[allow(dead_code, reason = "one kind of module is never replaced")]
mod writer;

use std::{fs, path::PathBuf};

/// A parser, or a few of the same bytes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// Fails if something does not hold that must.
    pub check: fn(&[u8]),
    /// Files and folders below the repository; a name that ends in `.txt` has lines of hex digits.
    seeds: &'static [&'static str],
    /// Longest input in bytes.
    pub longest: usize,
    /// No single allocation may be larger, in megabytes.
    #[allow(dead_code, reason = "for the fuzzer")]
    pub allocation_mb: usize,
}

/// Every parser of bytes that somebody hostile may have made.
pub const TARGETS: &[Target] = &[
    of("document", verifier::document, DOCUMENTS, 20_480, 1),
    of("independent", verifier::independent, DOCUMENTS, 20_480, 1),
    of("receipt", verifier::receipt, RECEIPTS, 20_480, 1),
    of("revocation", verifier::revocation, &["tests/fuzz/seeds/revocation"], 20_480, 1),
    of("contract", text::contract, &["tests/vectors/contract-v2"], 16_384, 4),
    of("job", text::job, &["tests/vectors/job-v1"], 8_192, 4),
    of("result", text::result, &["tests/vectors/result-v2"], 16_384, 4),
    of("message", values::message, MESSAGES, 16_384, 16),
    of("envelope", values::envelope, ENVELOPES, 16_384, 16),
    of("frame", values::frame, &["tests/vectors/storage-v1"], 8_192, 4),
    of("sealed", values::sealed, &["tests/vectors/sealed-v2/sales.sealed"], 1 << 17, 16),
    of("image", image::image, &["eif-build/tests/vectors"], 65_536, 16),
    of("intake", intake::intake, &["tests/fuzz/seeds/intake"], 8_192, 256),
    of("kms", kms::envelope, &["tests/vectors/kms-envelopes"], 8_192, 1),
    of("kms-grant", kms::grant, &["tests/vectors/kms-v1"], 16_384, 4),
    of("front", network::front, &["tests/fuzz/seeds/http"], 4_096, 4),
    of("http", network::http, &["tests/fuzz/seeds/http"], 4_096, 64),
];

const DOCUMENTS: &[&str] =
    &["tests/vectors/attestation-v1/accept", "tests/vectors/attestation-v1/reject"];
const RECEIPTS: &[&str] = &[
    "attestation-verifier/tests/vectors/receipt-v1/accept",
    "attestation-verifier/tests/vectors/receipt-v1/reject",
    "tests/vectors/messages-v1",
];
const MESSAGES: &[&str] = &["tests/vectors/messages-v1", "tests/vectors/logs-v1/opening.cbor"];
const ENVELOPES: &[&str] =
    &["tests/vectors/messages-v1", "tests/vectors/job-v1", "tests/vectors/contract-v2"];

const fn of(
    name: &'static str,
    check: fn(&[u8]),
    seeds: &'static [&'static str],
    longest: usize,
    allocation_mb: usize,
) -> Target {
    Target { name, check, seeds, longest, allocation_mb }
}

impl Target {
    /// What to begin with; never nothing.
    ///
    /// # Panics
    ///
    /// If a seed is missing.
    #[must_use]
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = Vec::new();
        for name in self.seeds {
            let path = repository().join(name);
            let files = if path.is_dir() {
                let entries = fs::read_dir(&path).expect("a folder of seeds");
                let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
                files.sort();
                files
            } else {
                vec![path]
            };
            let before = seeds.len();
            for file in files {
                let bytes = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
                let lines = if file.extension().is_some_and(|end| end == "txt") {
                    from_hex(&bytes)
                } else {
                    None
                };
                seeds.extend(lines.unwrap_or_else(|| vec![bytes]));
            }
            assert!(seeds.len() > before, "{name} has no seeds");
        }
        seeds.extend(values::derived(self.name, &seeds));
        seeds.retain(|seed| seed.len() <= self.longest);
        assert!(!seeds.is_empty(), "{} has no seeds", self.name);
        seeds
    }
}

/// Vectors that are lines of a name and hex digits.
fn from_hex(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = std::str::from_utf8(text).ok()?;
    text.lines().map(|line| hex::decode(line.split_once(' ')?.1).ok()).collect()
}

fn repository() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().find(|folder| folder.join("attestation-verifier").is_dir());
    root.expect("within the repository").to_owned()
}
