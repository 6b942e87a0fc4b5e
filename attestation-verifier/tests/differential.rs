//! What we parse, an independent reader (coset, ciborium, x509-parser) parses too, to the same.
#![cfg(test)]

mod independent;
mod support;

use attestation_verifier::{Document, explain::Claims};
use independent::agrees;
use proptest::prelude::*;
use support::vectors;

fn assert_agreement(bytes: &[u8]) -> bool {
    let Ok(document) = Document::parse(bytes) else { return false };
    assert!(agrees(bytes, &Claims::of(&document)).is_some(), "{}", hex::encode(bytes));
    true
}

#[test]
fn agrees_on_the_vectors() {
    for vector in vectors() {
        assert!(assert_agreement(&vector.bytes) || !vector.accepted, "{}", vector.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn agrees_on_documents_with_up_to_three_bytes_changed(
        nth in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let vectors = VECTORS.with(Clone::clone);
        let mut bytes = nth.get(&vectors).clone();
        for (position, value) in changes {
            *position.get_mut(&mut bytes) = value;
        }
        assert_agreement(&bytes);
    }
}

thread_local! {
    static VECTORS: Vec<Vec<u8>> = vectors().into_iter().map(|vector| vector.bytes).collect();
}
