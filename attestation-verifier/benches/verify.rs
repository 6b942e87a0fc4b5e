//! One verification against its five P-384 signature checks done bare with the same library.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench reports on stdout and stops at the first surprise"
)]

mod support;

use std::{hint::black_box, path::Path};

use attestation_verifier::{Document, Expected, explain::Claims};

fn main() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/attestation-v1/accept");
    let document = std::fs::read(home.join("2025-11-10-fastcrypto-prod.bin")).unwrap();
    let expected = {
        let document = Document::parse(&document).unwrap();
        Expected::build(Claims::of(&document).pcrs.clone())
    };
    let ours = || {
        let document = Document::parse(black_box(&document)).unwrap();
        let believed = document.verify_archived(&expected);
        assert!(black_box(believed).is_ok());
    };
    let parsing = || {
        black_box(Document::parse(black_box(&document)).unwrap());
    };
    let [ours, bare, parsing] = support::least([&ours, &support::bare(&document), &parsing]);
    println!("parse and verify        {ours:8.1} us");
    println!("five bare signatures    {bare:8.1} us");
    println!("parse alone             {parsing:8.1} us");
    println!("ratio                   {:8.3}  (at most 1.2)", ours / bare);
    assert!(ours / bare <= 1.2, "verification costs too much beyond its signatures");
}
