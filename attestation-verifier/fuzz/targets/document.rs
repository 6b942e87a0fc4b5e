//! Parses and verifies whatever comes; nothing may crash, and little may be believed.
#![no_main]

use attestation_verifier::{Document, Expected, Root, danger, explain::Claims};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::parse(bytes) else { return };
    let test_root = include_bytes!("../../../tests/vectors/attestation-v1/test-root.der");
    for root in [Root::AWS, danger::root_from_der(test_root).expect("a certificate")] {
        let pcrs = Claims::of(&document).pcrs.clone();
        let expected = Expected::build(pcrs).root(root).allow_debug();
        if let Ok(believed) = document.verify_archived(&expected) {
            // The keys are not ours, so the payload is one that was signed before.
            assert!(SIGNED.contains(&believed.timestamp().as_millis()));
        }
        let _ = document.verify(&expected, Claims::of(&document).timestamp);
    }
});

/// Times of the vectors that are accepted.
const SIGNED: &[u64] = &include!("signed.in");
