//! Receipts: everything a host or another instance could swap in one.
#![cfg(test)]

#[path = "support/container.rs"]
mod container;
#[path = "support/simulated.rs"]
mod simulated;

use attestation_verifier::{
    CborError, Expected, Flaw, ParseError, Root, VerifyError,
    receipt::{
        self, Attested, BodyKind, ParseAttestedError, Part, Statement, VerifyAttestedError,
        contract_digest, nonce_for, output_digest, user_data_for,
    },
};
use container::{CONTRACT, Parts, RESULT, body, body_of, bytes, sign, statement};
use coset::cbor::cbor;
use ring::signature::Ed25519KeyPair;
use simulated::encoded;

#[test]
fn believes_a_receipt_for_its_result_and_no_other() {
    let parts = Parts::new();
    let container = parts.container();
    let attested = Attested::parse(&container).unwrap();
    let believed = attested.verify(&parts.enclave.expected(), &contract_digest(CONTRACT)).unwrap();
    assert!(believed.matches_output(RESULT));
    assert!(!believed.matches_output(b"43") && !believed.matches_output(b""));
    assert_eq!(believed.kind(), BodyKind::Receipt);
    assert_eq!(believed.body(), parts.body);
    assert_eq!(believed.statement().encode(), parts.statement);
    assert_eq!(believed.believed().timestamp().as_millis(), simulated::NOON);
    let claims = believed.claims();
    assert_eq!(claims[1], ("cost".to_owned(), r#"[1, {"rho": 5}, null, true, -3]"#.to_owned()));
    let numbers: Vec<_> = believed.checks().iter().map(|check| check.number).collect();
    assert_eq!(numbers, (1..=29).collect::<Vec<_>>());
}

#[test]
fn a_closing_has_a_contract_and_needs_no_output() {
    let closing = body_of(cbor!({"contract" => bytes(&contract_digest(CONTRACT))}).unwrap());
    let parts = Parts { kind: BodyKind::Closing, body: closing, ..Parts::new() }.redocumented();
    let container = parts.container();
    let attested = Attested::parse(&container).unwrap();
    let believed = attested.verify(&parts.enclave.expected(), &contract_digest(CONTRACT)).unwrap();
    assert!(!believed.matches_output(RESULT));
    let as_receipt = Parts { kind: BodyKind::Receipt, ..parts };
    let missing = ParseAttestedError::Missing { part: Part::Body, key: "output" };
    assert_eq!(as_receipt.malformation(), missing);
}

#[test]
fn refuses_a_receipt_passed_off_as_a_closing() {
    let parts = Parts { kind: BodyKind::Closing, ..Parts::new() };
    let error = VerifyError::Nonce { found: Some(48) };
    assert_eq!(parts.refusal(), VerifyAttestedError::Document { error });
}

#[test]
fn refuses_another_body_under_the_same_document() {
    let parts = Parts { body: body(CONTRACT, b"43"), ..Parts::new() };
    let error = VerifyError::Nonce { found: Some(48) };
    assert_eq!(parts.refusal(), VerifyAttestedError::Document { error });
}

#[test]
fn refuses_the_statement_of_another_instance() {
    let key = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let parts = Parts { statement: statement(&key, CONTRACT), key, ..Parts::new() };
    let error = VerifyError::UserData { found: Some(48) };
    assert_eq!(parts.refusal(), VerifyAttestedError::Document { error });
}

#[test]
fn refuses_a_document_fetched_for_a_partner_by_its_nonce() {
    let mut parts = Parts::new();
    parts.document = parts.enclave.document(&user_data_for(&parts.statement), &[5; 32]);
    let error = VerifyError::Nonce { found: Some(32) };
    assert_eq!(parts.refusal(), VerifyAttestedError::Document { error });
}

#[test]
fn refuses_a_contract_the_caller_did_not_name() {
    let mut parts = Parts::new();
    parts.body = body(b"another", RESULT);
    assert_eq!(parts.redocumented().refusal(), VerifyAttestedError::BodyContract);
    let mut parts = Parts::new();
    parts.statement = statement(&parts.key, b"another");
    assert_eq!(parts.redocumented().refusal(), VerifyAttestedError::StatementContract);
}

#[test]
fn refuses_a_signature_by_another_key_or_over_another_context() {
    let key = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let parts = Parts { key, ..Parts::new() };
    assert_eq!(parts.refusal(), VerifyAttestedError::Signature);

    let parts = Parts::new();
    let payload = receipt::payload(parts.kind, &parts.body, &parts.document, &parts.statement);
    let without_context = encoded(
        &cbor!(["Signature1", bytes(&[0xa1, 1, 0x27]), bytes(&[]), bytes(&payload)]).unwrap(),
    );
    let signature = parts.key.sign(&without_context);
    let container = receipt::encode(&payload, signature.as_ref().try_into().unwrap());
    let attested = Attested::parse(&container).unwrap();
    let verdict = attested.verify(&parts.enclave.expected(), &contract_digest(CONTRACT));
    assert_eq!(verdict.unwrap_err(), VerifyAttestedError::Signature);
}

#[test]
fn refuses_a_build_or_root_the_caller_did_not_name() {
    let parts = Parts::new();
    let container = parts.container();
    let attested = Attested::parse(&container).unwrap();
    let contract = contract_digest(CONTRACT);
    let aws = parts.enclave.expected().root(Root::AWS);
    assert_eq!(attested.verify(&aws, &contract).unwrap_err().check(), 11);
    let other = Expected::build([(0, [9; 48].into())]).root(parts.enclave.root());
    assert_eq!(attested.verify(&other, &contract).unwrap_err().check(), 20);
    let nothing = Expected::build([]).root(parts.enclave.root());
    let error = VerifyError::EmptyExpectation;
    let nothing = attested.verify(&nothing, &contract).unwrap_err();
    assert_eq!(nothing, VerifyAttestedError::Document { error });
}

/// One byte in 13, and all truncations.
#[test]
fn refuses_changed_bytes_and_every_truncation() {
    let parts = Parts::new();
    let (container, expected) = (parts.container(), parts.enclave.expected());
    let contract = contract_digest(CONTRACT);
    for length in 0..container.len() {
        assert!(Attested::parse(&container[..length]).is_err(), "truncated to {length}");
    }
    for position in (0..container.len()).step_by(13) {
        let mut changed = container.clone();
        changed[position] ^= 0x10;
        let believed =
            Attested::parse(&changed).is_ok_and(|it| it.verify(&expected, &contract).is_ok());
        assert!(!believed, "byte {position}");
    }
}

#[test]
fn refuses_what_is_not_deterministic_or_not_version_1() {
    let malformed = |body: Vec<u8>| Parts { body, ..Parts::new() }.malformation();
    let flaw = |error| match error {
        ParseAttestedError::Malformed { part: Part::Body, error: CborError { flaw, .. } } => flaw,
        error => panic!("{error:?}"),
    };
    let digest = |text: &[u8]| bytes(&contract_digest(text));
    let unsorted = cbor!({"contract" => digest(CONTRACT), "output" => digest(RESULT)}).unwrap();
    assert_eq!(flaw(malformed(body_of(unsorted))), Flaw::Unsorted);
    let twice = cbor!({"output" => digest(RESULT), "output" => digest(RESULT)}).unwrap();
    assert_eq!(flaw(malformed(body_of(twice))), Flaw::Unsorted);
    let nested = cbor!({"a" => {"b" => 1, "a" => 1}, "output" => 2}).unwrap();
    assert_eq!(flaw(malformed(body_of(nested))), Flaw::Unsorted);
    let trailing = [body(CONTRACT, RESULT), vec![0]].concat();
    assert_eq!(flaw(malformed(trailing)), Flaw::Trailing);
    let float = cbor!({"a" => 0.5, "output" => 2}).unwrap();
    assert!(matches!(flaw(malformed(body_of(float))), Flaw::Unexpected { .. }));
    let short = cbor!({"output" => bytes(&[0; 48]), "contract" => bytes(&[0; 47])}).unwrap();
    let length = ParseAttestedError::Length { part: Part::Body, key: "contract", found: 47 };
    assert_eq!(malformed(body_of(short)), length);

    let parts = Parts::new();
    let payload = receipt::payload(parts.kind, &parts.body, &parts.document, &parts.statement);
    let more = [&[0xa5], &payload[1..], &[0x69], b"zzzzzzzzz", &[0]].concat();
    let unknown = ParseAttestedError::UnknownField { part: Part::Container };
    assert_eq!(Attested::parse(&sign(&parts.key, &more)).unwrap_err(), unknown);
    let kind = payload.windows(8).position(|window| window == b"\x67receipt").unwrap();
    let renamed = [&payload[..=kind], b"recipes", &payload[kind + 8..]].concat();
    let kind = Attested::parse(&sign(&parts.key, &renamed)).unwrap_err();
    assert_eq!(kind, ParseAttestedError::Kind);

    let mut tagged = parts.container();
    tagged.insert(0, 0xd2);
    let tagged = Attested::parse(&tagged).unwrap_err();
    assert!(matches!(tagged, ParseAttestedError::Envelope { error: ParseError::Envelope { .. } }));
    let long = Attested::parse(&vec![0x84; Attested::MAX_LEN + 1]).unwrap_err();
    assert_eq!(long, ParseAttestedError::TooLong { found: Attested::MAX_LEN + 1 });
    let longest = Attested::parse(&vec![0x84; Attested::MAX_LEN]).unwrap_err();
    assert!(matches!(longest, ParseAttestedError::Envelope { .. }));
}

#[test]
fn refuses_statements_that_are_not_exactly_what_is_written() {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let right = statement(&key, CONTRACT);
    let parsed = Statement::parse(&right).unwrap();
    assert_eq!(parsed.encode(), right);
    let length = |key, found| ParseAttestedError::Length { part: Part::Statement, key, found };
    for (wrong, error) in [
        (Statement { hpke: vec![9; 1215], ..parsed.clone() }, length("hpke", 1215)),
        (Statement { tls: vec![], ..parsed.clone() }, length("tls", 0)),
        (Statement { tls: vec![1; 1025], ..parsed.clone() }, length("tls", 1025)),
    ] {
        assert_eq!(Statement::parse(&wrong.encode()), Err(error));
    }
    let mut version_2 = right.clone();
    *version_2.last_mut().unwrap() = 2;
    assert_eq!(Statement::parse(&version_2), Err(ParseAttestedError::Protocol { found: 2 }));
    let mut renamed = right.clone();
    renamed[2] = b's';
    let unknown = ParseAttestedError::UnknownField { part: Part::Statement };
    assert_eq!(Statement::parse(&renamed), Err(unknown));
    for length in 0..right.len() {
        assert!(Statement::parse(&right[..length]).is_err());
    }
}

/// Worked out with Python's hashlib from the definitions in SPEC.md.
#[test]
fn digests_are_those_of_the_specification() {
    let start = |digest: receipt::Digest| hex::encode(&digest[..8]);
    assert_eq!(start(contract_digest(b"abc")), CONTRACT_ABC);
    assert_eq!(start(output_digest(b"abc")), OUTPUT_ABC);
    assert_eq!(start(user_data_for(b"abc")), STATEMENT_ABC);
    assert_eq!(start(nonce_for(BodyKind::Receipt, b"abc")), RECEIPT_ABC);
    assert_eq!(start(nonce_for(BodyKind::Closing, b"abc")), CLOSING_ABC);
}

const CONTRACT_ABC: &str = "1ca60ad90ca6e591";
const OUTPUT_ABC: &str = "82eaba45f508e29a";
const STATEMENT_ABC: &str = "08248521d1202a44";
const RECEIPT_ABC: &str = "0f80547342d882df";
const CLOSING_ABC: &str = "4d9081b3b51c2037";

#[test]
fn a_failed_report_says_which_checks_passed_failed_and_were_not_reached() {
    use attestation_verifier::check::{self, Outcome};
    let checks = check::receipt(Some((26, "why".to_owned())));
    let said: Vec<_> = checks.iter().map(|check| (check.number, check.outcome)).collect();
    assert_eq!(said[..3], [23, 24, 25].map(|number| (number, Outcome::Passed)));
    assert_eq!(said[3], (26, Outcome::Failed));
    assert_eq!(said[4..], [27, 28, 29, 30].map(|number| (number, Outcome::NotReached)));
    assert_eq!(checks[3].words, "why");
}

#[test]
fn names_the_check_of_the_specification_that_fails() {
    let malformed = |body: Vec<u8>| Parts { body, ..Parts::new() }.malformation().check();
    assert_eq!(malformed(vec![0x80]), 25);
    let empty = Parts { statement: vec![0xa0], ..Parts::new() };
    assert_eq!(empty.malformation().check(), 24);
    let document = Parts { document: vec![], ..Parts::new() };
    assert_eq!(document.malformation().check(), 2);
    assert_eq!(Attested::parse(&[0x80]).unwrap_err().check(), 23);
    assert_eq!(ParseAttestedError::Protocol { found: 2 }.check(), 24);
    let key = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    assert_eq!(Parts { key, ..Parts::new() }.refusal().check(), 29);
    let body_of_another = Parts { body: body(b"another", RESULT), ..Parts::new() };
    assert_eq!(body_of_another.refusal().check(), 27);
    let mut parts = Parts::new();
    parts.statement = statement(&parts.key, b"another");
    assert_eq!(parts.refusal().check(), 26);
}
