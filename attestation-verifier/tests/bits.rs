//! Every damaged bit and every truncation of real documents.
#![cfg(test)]

mod support;

use std::thread;

use attestation_verifier::{Document, ParseError};
use support::{Vector, vector};

/// A definite and two indefinite documents; the last has user data.
const DOCUMENTS: [&str; 3] = [
    "2021-03-24-anjuna-prod.bin",
    "2025-11-10-fastcrypto-prod.bin",
    "2026-01-03-nitro-validator-prod.bin",
];

/// Every bit with `GLOVEBOX_TEST_FULL` set (`make test-full`, some minutes); otherwise one in 61, a
/// prime, so that every position within a byte is met.
#[test]
fn refuses_single_bit_flips() {
    let step = if std::env::var_os("GLOVEBOX_TEST_FULL").is_some() { 1 } else { 61 };
    let threads = thread::available_parallelism().unwrap().get();
    for name in DOCUMENTS {
        let vector = vector(name);
        thread::scope(|scope| {
            let vector = &vector;
            let flips = (0..threads)
                .map(|nth| scope.spawn(move || accepted_flips(vector, nth * step, threads * step)));
            for accepted in flips.collect::<Vec<_>>() {
                assert_eq!(accepted.join().unwrap(), Vec::<usize>::new(), "{name}");
            }
        });
    }
}

/// The flipped bits that do not lead to a refusal.
fn accepted_flips(vector: &Vector, start: usize, step: usize) -> Vec<usize> {
    let expected = vector.expected();
    let accepted = (start..8 * vector.bytes.len()).step_by(step).filter(|bit| {
        let mut bytes = vector.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        Document::parse(&bytes).is_ok_and(|it| it.verify_archived(&expected).is_ok())
    });
    accepted.collect()
}

#[test]
fn refuses_every_truncation() {
    for name in DOCUMENTS {
        let vector = vector(name);
        for length in 0..vector.bytes.len() {
            let error = Document::parse(&vector.bytes[..length]).unwrap_err();
            assert!(matches!(error, ParseError::Envelope { .. }), "{name} {length}: {error:?}");
        }
    }
}

#[test]
fn refuses_every_byte_appended() {
    for name in DOCUMENTS {
        let vector = vector(name);
        for byte in 0..=255 {
            let bytes = [&vector.bytes[..], &[byte]].concat();
            assert!(Document::parse(&bytes).is_err(), "{name} {byte}");
        }
    }
}
