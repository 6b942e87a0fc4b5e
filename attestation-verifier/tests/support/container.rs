//! Containers of a simulated enclave, whole or with a part swapped.
#![allow(dead_code, reason = "each test file uses its own part")]

use attestation_verifier::receipt::{
    self, Attested, BodyKind, ParseAttestedError, Statement, VerifyAttestedError, contract_digest,
    nonce_for, output_digest, user_data_for,
};
use coset::cbor::{Value, cbor};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::simulated::{Enclave, encoded};

pub(crate) const CONTRACT: &[u8] = b"parties = []\n";
pub(crate) const RESULT: &[u8] = b"42";

/// The parts of a container, each of which a test may swap.
pub(crate) struct Parts {
    pub(crate) enclave: Enclave,
    pub(crate) key: Ed25519KeyPair,
    pub(crate) kind: BodyKind,
    pub(crate) body: Vec<u8>,
    pub(crate) statement: Vec<u8>,
    pub(crate) document: Vec<u8>,
}

impl Parts {
    pub(crate) fn new() -> Self {
        let enclave = Enclave::new();
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let statement = statement(&key, CONTRACT);
        let body = body(CONTRACT, RESULT);
        let kind = BodyKind::Receipt;
        let document = enclave.document(&user_data_for(&statement), &nonce_for(kind, &body));
        Self { enclave, key, kind, body, statement, document }
    }

    pub(crate) fn container(&self) -> Vec<u8> {
        let payload = receipt::payload(self.kind, &self.body, &self.document, &self.statement);
        sign(&self.key, &payload)
    }

    /// The document that belongs to the other parts.
    pub(crate) fn redocumented(self) -> Self {
        let nonce = nonce_for(self.kind, &self.body);
        let document = self.enclave.document(&user_data_for(&self.statement), &nonce);
        Self { document, ..self }
    }

    pub(crate) fn refusal(&self) -> VerifyAttestedError {
        let bytes = self.container();
        let attested = Attested::parse(&bytes).unwrap();
        attested.verify(&self.enclave.expected(), &contract_digest(CONTRACT)).unwrap_err()
    }

    pub(crate) fn malformation(&self) -> ParseAttestedError {
        Attested::parse(&self.container()).unwrap_err()
    }
}

pub(crate) fn sign(key: &Ed25519KeyPair, payload: &[u8]) -> Vec<u8> {
    let signature = key.sign(&receipt::signing_input(payload));
    receipt::encode(payload, signature.as_ref().try_into().unwrap())
}

pub(crate) fn statement(key: &Ed25519KeyPair, contract: &[u8]) -> Vec<u8> {
    Statement {
        contract: contract_digest(contract),
        hpke: vec![9; Statement::HPKE_LEN],
        receipt: key.public_key().as_ref().try_into().unwrap(),
        tls: vec![1, 2, 3],
    }
    .encode()
}

pub(crate) fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

pub(crate) fn body(contract: &[u8], result: &[u8]) -> Vec<u8> {
    encoded(
        &cbor!({
            "job" => bytes(&[1]),
            "cost" => [1, {"rho" => 5}, null, true, -3],
            "output" => bytes(&output_digest(result)),
            "contract" => bytes(&contract_digest(contract)),
        })
        .unwrap(),
    )
}

pub(crate) fn body_of(entries: Value) -> Vec<u8> {
    encoded(&entries)
}
