//! Ours beside a peer: what a verification costs, and which documents each accepts.
//!
//! The peer is `nitro_attest`, the one on crates.io that takes the time as an argument and so can
//! be asked about documents of the past.

#[path = "../../benches/support/mod.rs"]
mod support;

use std::{hint::black_box, path::Path};

use attestation_verifier::{Document, Expected, explain::Claims};
use nitro_attest::UnparsedAttestationDoc;
use serde_json::Value;
use time::OffsetDateTime;

fn main() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/attestation-v1");
    let manifest = std::fs::read(home.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let read = |file: &str| std::fs::read(home.join(file)).unwrap();

    for file in ["accept/2021-03-24-anjuna-prod.bin", "accept/2025-11-10-fastcrypto-prod.bin"] {
        let document = read(file);
        let at = signed_at(&document);
        let expected = expected(&document);
        let ours = || {
            let document = Document::parse(black_box(&document)).unwrap();
            assert!(document.verify_archived(&expected).is_ok());
        };
        let peer = || {
            let _refused = black_box(peer(black_box(&document), at));
        };
        let bare = support::bare(&document);
        let [ours, bare, theirs] = support::least([&ours, &bare, &peer]);
        let verdict = if crate::peer(&document, at) { "accepts" } else { "REFUSES" };
        println!("{file}");
        println!("  five bare signatures  {bare:8.1} us   1.000");
        println!("  ours                  {ours:8.1} us  {:6.3}", ours / bare);
        println!("  nitro_attest 0.2.0    {theirs:8.1} us  {:6.3}  ({verdict})", theirs / bare);
    }

    // Under AWS's root alone, which is the only one that the peer knows.
    let entries = manifest["vectors"].as_array().unwrap();
    let mut real = [0; 3];
    println!("\ngenuine documents that the peer refuses, and refused ones that it accepts");
    for entry in entries.iter().filter(|entry| entry["root"] == "aws") {
        let file = entry["file"].as_str().unwrap();
        let document = read(file);
        let theirs = peer(&document, signed_at(&document));
        let genuine = file.starts_with("accept/");
        if genuine {
            real[0] += 1;
            real[1] += usize::from(ours(&document));
            real[2] += usize::from(theirs);
        }
        if genuine != theirs {
            println!("  {} {file}", if theirs { "accepts" } else { "refuses" });
        }
    }
    let [all, ours, theirs] = real;
    println!("of {all} genuine documents ours accepts {ours}, the peer {theirs}");
}

fn ours(document: &[u8]) -> bool {
    Document::parse(document).is_ok_and(|it| it.verify_archived(&expected(document)).is_ok())
}

/// What the document itself claims, since the peer compares nothing.
fn expected(document: &[u8]) -> Expected {
    let document = Document::parse(document);
    let pcrs = document.map(|document| Claims::of(&document).pcrs.clone());
    Expected::build(pcrs.unwrap_or_default()).allow_debug()
}

fn peer(document: &[u8], at: OffsetDateTime) -> bool {
    UnparsedAttestationDoc::from(document).parse_and_verify(at).is_ok()
}

/// The document's own time, found by its key so that malformed documents have one too.
fn signed_at(document: &[u8]) -> OffsetDateTime {
    const KEY: &[u8] = b"\x69timestamp\x1b";
    let at = document.windows(KEY.len()).position(|window| window == KEY);
    let bytes = at.and_then(|at| document.get(at + KEY.len()..)?.first_chunk::<8>());
    let milliseconds = bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let seconds = i64::try_from(milliseconds / 1000).unwrap_or_default();
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
