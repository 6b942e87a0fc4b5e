//! Parses revocation lists, alone and against a real chain; nothing may crash, and no list may clear
//! a chain, since the keys of its authorities are not ours.
#![no_main]

use attestation_verifier::{Document, Expected, RevocationList, explain::Claims};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = RevocationList::parse(bytes) else { return };
    let document = include_bytes!(
        "../../../tests/vectors/attestation-v1/accept/2025-11-10-fastcrypto-prod.bin"
    );
    let document = Document::parse(document).expect("a genuine document");
    let expected = Expected::build(Claims::of(&document).pcrs.clone()).revocation_lists([list]);
    assert!(document.verify_archived(&expected).is_err());
});
