//! Containers on disk: `tests/vectors/receipt-v1`, which other implementations can read too.
#![cfg(test)]

#[path = "support/container.rs"]
mod container;
#[path = "support/simulated.rs"]
mod simulated;

use std::{fs, path::PathBuf};

use attestation_verifier::{
    Expected, danger,
    receipt::{self, Attested, BodyKind, Statement, contract_digest, nonce_for, user_data_for},
};
use container::{CONTRACT, RESULT, body, bytes, sign, statement};
use coset::cbor::{Value, cbor};
use ring::signature::Ed25519KeyPair;
use serde_json::{Value as Json, json};
use simulated::{Enclave, PCRS, encoded};

fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/receipt-v1")
}

/// The exact error, as `Debug` prints it, if the container is not believed.
fn error(container: &[u8], expected: &Expected) -> Option<String> {
    match Attested::parse(container) {
        Err(error) => Some(format!("{error:?}")),
        Ok(attested) => attested
            .verify(expected, &contract_digest(CONTRACT))
            .err()
            .map(|error| format!("{error:?}")),
    }
}

fn expected(root: &[u8]) -> Expected {
    Expected::build(PCRS.map(|(index, value)| (index, value.into())))
        .root(danger::root_from_der(root).unwrap())
}

#[test]
fn accepts_and_refuses_what_the_manifest_says_for_the_reason_it_gives() {
    let read = |file: &str| fs::read(home().join(file)).unwrap();
    let manifest: Json = serde_json::from_slice(&read("manifest.json")).unwrap();
    assert_eq!(manifest["contract"].as_str().unwrap().as_bytes(), CONTRACT);
    for (index, value) in PCRS {
        assert_eq!(manifest["pcrs"][index.to_string()], hex::encode(value));
    }
    let expected = expected(&read("simulated-root.der"));
    let vectors = manifest["vectors"].as_object().unwrap();
    for (file, why) in vectors {
        assert_eq!(error(&read(file), &expected).as_deref(), why.as_str(), "{file}");
        assert_eq!(file.starts_with("accept/"), why.is_null(), "{file}");
    }
    let believed = read("accept/receipt.cbor");
    let believed = Attested::parse(&believed).unwrap();
    let believed = believed.verify(&expected, &contract_digest(CONTRACT)).unwrap();
    assert!(believed.matches_output(manifest["result"].as_str().unwrap().as_bytes()));
    let files =
        ["accept", "reject"].map(|folder| fs::read_dir(home().join(folder)).unwrap().count());
    assert_eq!(
        files.iter().sum::<usize>(),
        vectors.len(),
        "a file that the manifest does not name"
    );
}

/// Makes the vectors anew, under a root of its own: `GLOVEBOX_WRITE_VECTORS=1 cargo test -p
/// attestation-verifier --test receipt_vectors`. Review the errors in the manifest by hand.
#[test]
fn every_vector_can_be_made_again() {
    let enclave = Enclave::new();
    let expected = expected(&enclave.chain[0]);
    let vectors = vectors(&enclave);
    let reasons =
        vectors.iter().map(|(file, bytes)| (file.clone(), json!(error(bytes, &expected))));
    let reasons: serde_json::Map<_, _> = reasons.collect();
    let pcrs = PCRS.iter().map(|(index, value)| (index.to_string(), json!(hex::encode(value))));
    let manifest = json!({
        "contract": String::from_utf8(CONTRACT.to_vec()).unwrap(),
        "result": String::from_utf8(RESULT.to_vec()).unwrap(),
        "pcrs": pcrs.collect::<serde_json::Map<_, _>>(),
        "made_by": "tests/receipt_vectors.rs",
        "vectors": reasons,
    });
    if std::env::var_os("GLOVEBOX_WRITE_VECTORS").is_some() {
        for folder in ["accept", "reject"] {
            let _absent = fs::remove_dir_all(home().join(folder));
            fs::create_dir_all(home().join(folder)).unwrap();
        }
        fs::write(home().join("simulated-root.der"), &enclave.chain[0]).unwrap();
        for (file, bytes) in &vectors {
            fs::write(home().join(file), bytes).unwrap();
        }
        let text = serde_json::to_string_pretty(&manifest).unwrap();
        fs::write(home().join("manifest.json"), text + "\n").unwrap();
    }
    let committed = fs::read(home().join("manifest.json")).unwrap();
    let committed: Json = serde_json::from_slice(&committed).unwrap();
    assert_eq!(without_offsets(&committed), without_offsets(&manifest));
}

/// Signatures differ in length from run to run, and with them where a flaw is.
fn without_offsets(manifest: &Json) -> Vec<(String, String)> {
    let reasons = manifest["vectors"].as_object().unwrap().iter().map(|(file, why)| {
        let why = why.as_str().unwrap_or_default();
        let (before, after) = why.split_once("offset: ").unwrap_or((why, ""));
        let after = after.trim_start_matches(|it: char| it.is_ascii_digit());
        (file.clone(), format!("{before}{after}"))
    });
    reasons.collect()
}

/// File name, after its flaw, and content.
fn vectors(enclave: &Enclave) -> Vec<(String, Vec<u8>)> {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let (body, statement) = (body(CONTRACT, RESULT), statement(&key, CONTRACT));
    let parts = |kind, body: &[u8], statement: &[u8]| {
        let document = enclave.document(&user_data_for(statement), &nonce_for(kind, body));
        receipt::payload(kind, body, &document, statement)
    };
    let payload = parts(BodyKind::Receipt, &body, &statement);
    let right = sign(&key, &payload);
    let mut vectors = vec![
        ("accept/receipt", right.clone()),
        ("accept/closing-with-output", sign(&key, &parts(BodyKind::Closing, &body, &statement))),
    ];
    let closing = encoded(&cbor!({"contract" => digest(CONTRACT)}).unwrap());
    vectors.push(("accept/closing", sign(&key, &parts(BodyKind::Closing, &closing, &statement))));

    let envelope = |protected: &[u8], unprotected: &[u8], signature: &[u8]| {
        let bytes = |content: &[u8]| encoded(&bytes(content));
        [&[0x84][..], &bytes(protected), unprotected, &bytes(&payload), &bytes(signature)].concat()
    };
    let (ed25519, signature) = (&[0xa1, 1, 0x27][..], &right[right.len() - 64..]);
    assert_eq!(envelope(ed25519, &[0xa0], signature), right);
    vectors.extend([
        ("reject/tag18", [&[0xd2][..], &right].concat()),
        ("reject/trailing-byte", [&right[..], &[0]].concat()),
        ("reject/truncated-1", right[..right.len() - 1].to_vec()),
        ("reject/protected-es384", envelope(&[0xa1, 1, 0x38, 0x22], &[0xa0], signature)),
        ("reject/protected-empty", envelope(&[], &[0xa0], signature)),
        ("reject/unprotected-not-empty", envelope(ed25519, &[0xa1, 1, 0x27], signature)),
        ("reject/signature-63", envelope(ed25519, &[0xa0], &signature[1..])),
        ("reject/signature-zero", envelope(ed25519, &[0xa0], &[0; 64])),
    ]);
    let other_key = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let bare = cbor!(["Signature1", bytes(ed25519), bytes(&[]), bytes(&payload)]).unwrap();
    let bare = other_context(&key, &payload, &encoded(&bare));
    vectors.extend([
        ("reject/signed-by-another-key", sign(&other_key, &payload)),
        ("reject/signed-without-context", bare),
    ]);

    let document =
        enclave.document(&user_data_for(&statement), &nonce_for(BodyKind::Receipt, &body));
    let partner = enclave.document(&user_data_for(&statement), &[5; 32]);
    let (receipt, other) = (BodyKind::Receipt, container::body(CONTRACT, b"43"));
    let stranger = container::statement(&key, b"another");
    let elsewhere = container::body(b"another", RESULT);
    let twin = container::statement(&other_key, CONTRACT);
    let swapped = |kind, body: &[u8], document: &[u8], statement: &[u8]| {
        sign(&key, &receipt::payload(kind, body, document, statement))
    };
    vectors.extend([
        (
            "reject/closing-that-is-a-receipt",
            swapped(BodyKind::Closing, &body, &document, &statement),
        ),
        ("reject/body-of-another-result", swapped(receipt, &other, &document, &statement)),
        ("reject/document-for-a-partner", swapped(receipt, &body, &partner, &statement)),
        ("reject/document-truncated", swapped(receipt, &body, &document[..1000], &statement)),
        (
            "reject/statement-of-another-instance",
            sign(&other_key, &receipt::payload(receipt, &body, &document, &twin)),
        ),
        ("reject/statement-of-another-contract", sign(&key, &parts(receipt, &body, &stranger))),
        ("reject/body-of-another-contract", sign(&key, &parts(receipt, &elsewhere, &statement))),
        ("reject/document-of-another-root", {
            let elsewhere = Enclave::new();
            let nonce = nonce_for(receipt, &body);
            let document = elsewhere.document(&user_data_for(&statement), &nonce);
            swapped(receipt, &body, &document, &statement)
        }),
    ]);

    let with_body = |body: &[u8]| swapped(receipt, body, &document, &statement);
    let of = |body: Value| with_body(&encoded(&body));
    let (contract, output) = (digest(CONTRACT), digest(RESULT));
    let nested = [&[0xa1, 0x61, b'a'][..], &[0x81; 17], &[0]].concat();
    vectors.extend([
        ("reject/body-not-a-map", of(cbor!([1]).unwrap())),
        ("reject/body-empty", with_body(&[])),
        ("reject/body-trailing-byte", with_body(&[&body[..], &[0]].concat())),
        ("reject/body-indefinite", with_body(&[0xbf, 0xff])),
        ("reject/body-tagged", with_body(&[&[0xd9, 0xd9, 0xf7][..], &body].concat())),
        ("reject/body-nested-too-deeply", with_body(&nested)),
        ("reject/body-text-not-utf8", with_body(&[0xa1, 0x61, 0xff, 0])),
        ("reject/body-integer-not-shortest", with_body(&[0xa1, 0x61, b'a', 0x18, 5])),
        ("reject/body-integer-key", of(cbor!({1 => 2}).unwrap())),
        ("reject/body-float", of(cbor!({"a" => 0.5}).unwrap())),
        ("reject/body-undefined", with_body(&[0xa1, 0x61, b'a', 0xf7])),
        (
            "reject/body-keys-unsorted",
            of(cbor!({"contract" => contract.clone(), "output" => output.clone()}).unwrap()),
        ),
        (
            "reject/body-key-twice",
            of(cbor!({"output" => output.clone(), "output" => output.clone()}).unwrap()),
        ),
        ("reject/body-nested-keys-unsorted", of(cbor!({"a" => {"c" => 1, "b" => 1}}).unwrap())),
        ("reject/body-without-contract", of(cbor!({"output" => output.clone()}).unwrap())),
        ("reject/receipt-without-output", of(cbor!({"contract" => contract.clone()}).unwrap())),
        (
            "reject/body-contract-47",
            of(cbor!({"output" => output, "contract" => bytes(&[0; 47])}).unwrap()),
        ),
        ("reject/body-output-text", of(cbor!({"output" => "42", "contract" => contract}).unwrap())),
    ]);

    let with_statement = |statement: Vec<u8>| swapped(receipt, &body, &document, &statement);
    let parsed = Statement::parse(&statement).unwrap();
    let mut version_2 = statement.clone();
    *version_2.last_mut().unwrap() = 2;
    let mut renamed = statement.clone();
    renamed[2] = b's';
    vectors.extend([
        ("reject/statement-protocol-2", with_statement(version_2)),
        ("reject/statement-unknown-field", with_statement(renamed)),
        ("reject/statement-trailing-byte", with_statement([&statement[..], &[0]].concat())),
        ("reject/statement-empty", with_statement(vec![0xa0])),
        (
            "reject/statement-hpke-1215",
            with_statement(Statement { hpke: vec![9; 1215], ..parsed.clone() }.encode()),
        ),
        (
            "reject/statement-tls-empty",
            with_statement(Statement { tls: vec![], ..parsed.clone() }.encode()),
        ),
        (
            "reject/statement-tls-1025",
            with_statement(Statement { tls: vec![1; 1025], ..parsed }.encode()),
        ),
    ]);

    let more = [&[0xa5], &payload[1..], &[0x69], b"zzzzzzzzz", &[0]].concat();
    let replaced = |from: &[u8], to: &[u8]| {
        let at = payload.windows(from.len()).position(|window| window == from).unwrap();
        sign(&key, &[&payload[..at], to, &payload[at + from.len()..]].concat())
    };
    vectors.extend([
        ("reject/container-unknown-field", sign(&key, &more)),
        ("reject/container-kind-unknown", replaced(b"\x67receipt", b"\x67recipes")),
        ("reject/container-kind-bytes", replaced(b"\x67receipt", b"\x47receipt")),
        ("reject/container-empty", sign(&key, &[0xa0])),
        ("reject/container-key-not-shortest", replaced(b"\x64body", b"\x78\x04body")),
        ("reject/container-keys-unsorted", replaced(b"\x64body", b"\x64kinx")),
    ]);
    vectors.into_iter().map(|(name, bytes)| (format!("{name}.cbor"), bytes)).collect()
}

fn digest(text: &[u8]) -> Value {
    bytes(&contract_digest(text))
}

/// A container whose signature covers other bytes than it should.
fn other_context(key: &Ed25519KeyPair, payload: &[u8], signed: &[u8]) -> Vec<u8> {
    receipt::encode(payload, key.sign(signed).as_ref().try_into().unwrap())
}
