//! Documents, receipts and revocation lists.

use super::independent::agrees;
use attestation_verifier::{
    Document, Expected, RevocationList, Root, danger,
    explain::Claims,
    receipt::{Attested, Statement},
};

/// Nothing is believed, under either root, that is not a vector's twin.
pub(super) fn document(bytes: &[u8]) {
    let Ok(document) = Document::parse(bytes) else { return };
    let test_root = include_bytes!("../../vectors/attestation-v1/test-root.der");
    for root in [Root::AWS, danger::root_from_der(test_root).expect("a certificate")] {
        let pcrs = Claims::of(&document).pcrs.clone();
        let expected = Expected::build(pcrs).root(root).allow_debug();
        if let Ok(believed) = document.verify_archived(&expected) {
            // The keys are not ours, so the payload is one that was signed before.
            assert!(SIGNED.contains(&believed.timestamp().as_millis()));
        }
        let _ = document.verify(&expected, Claims::of(&document).timestamp);
    }
}

/// Whatever parses is read to the same by coset, ciborium and x509-parser.
pub(super) fn independent(bytes: &[u8]) {
    if let Ok(document) = Document::parse(bytes) {
        assert!(agrees(bytes, &Claims::of(&document)).is_some());
    }
}

/// No container is believed; a statement that parses is encoded to the same bytes.
pub(super) fn receipt(bytes: &[u8]) {
    if let Ok(statement) = Statement::parse(bytes) {
        assert_eq!(statement.encode(), bytes);
    }
    let Ok(attested) = Attested::parse(bytes) else { return };
    let expected = Expected::build([(0, [1; 48].into())]);
    assert!(attested.verify(&expected, &[0; 48]).is_err());
}

/// No list clears a real chain, since the keys of its authorities are not ours.
pub(super) fn revocation(bytes: &[u8]) {
    let Ok(list) = RevocationList::parse(bytes) else { return };
    let document =
        include_bytes!("../../vectors/attestation-v1/accept/2025-11-10-fastcrypto-prod.bin");
    let document = Document::parse(document).expect("a genuine document");
    let expected = Expected::build(Claims::of(&document).pcrs.clone()).revocation_lists([list]);
    assert!(document.verify_archived(&expected).is_err());
}

/// Times of the vectors that are accepted.
const SIGNED: &[u64] = &include!("signed.in");
