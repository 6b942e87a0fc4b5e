//! A simulated enclave: its own root, chain and documents.
#![allow(dead_code, reason = "each test file uses its own part")]

use attestation_verifier::{Expected, Pcr, Root, danger};
use coset::cbor::{Value, cbor};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384, SerialNumber, date_time_ymd,
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair},
};

pub(crate) struct Enclave {
    pub(crate) chain: Vec<Vec<u8>>,
    key: EcdsaKeyPair,
    /// Root and intermediate, with their keys.
    pub(crate) issuers: [Issuer<'static, KeyPair>; 2],
}

/// 2026-06-01T12:00:00Z.
pub(crate) const NOON: u64 = 1_780_315_200_000;
pub(crate) const PCRS: [(u8, [u8; 48]); 3] = [(0, [1; 48]), (1, [2; 48]), (2, [3; 48])];

impl Enclave {
    /// A chain of root, intermediate and leaf, as rcgen writes it by default.
    pub(crate) fn new() -> Self {
        Self::with(|_, _| ())
    }

    /// The same with certificates changed, counted from the root.
    pub(crate) fn with(change: impl Fn(usize, &mut CertificateParams)) -> Self {
        let params = |position: usize| {
            let mut params = CertificateParams::new([]).unwrap();
            params.distinguished_name.push(DnType::CommonName, format!("simulated {position}"));
            params.serial_number = Some(serial(position));
            params.not_before = date_time_ymd(2026, 1, 1);
            params.not_after = date_time_ymd(2027, 1, 1);
            (params.is_ca, params.key_usages) = if position < 2 {
                let authority = IsCa::Ca(BasicConstraints::Unconstrained);
                (authority, vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign])
            } else {
                (IsCa::NoCa, vec![KeyUsagePurpose::DigitalSignature])
            };
            change(position, &mut params);
            params
        };
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let (root_key, middle_key, leaf_key) = (key(), key(), key());
        let pkcs8 = leaf_key.serialize_der();
        let root = params(0).self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(params(0), root_key);
        let middle = params(1).signed_by(&middle_key, &root_issuer).unwrap();
        let middle_issuer = Issuer::new(params(1), middle_key);
        let leaf = params(2).signed_by(&leaf_key, &middle_issuer).unwrap();
        Self {
            chain: [root, middle, leaf].map(|certificate| certificate.der().to_vec()).to_vec(),
            key: EcdsaKeyPair::from_pkcs8(
                &ECDSA_P384_SHA384_FIXED_SIGNING,
                &pkcs8,
                &SystemRandom::new(),
            )
            .unwrap(),
            issuers: [root_issuer, middle_issuer],
        }
    }

    pub(crate) fn root(&self) -> Root {
        danger::root_from_der(&self.chain[0]).unwrap()
    }

    pub(crate) fn expected(&self) -> Expected {
        Expected::build(PCRS.map(|(index, value)| (index, Pcr::from(value)))).root(self.root())
    }

    /// A document of [`NOON`] with these user data and nonce.
    pub(crate) fn document(&self, user_data: &[u8], nonce: &[u8]) -> Vec<u8> {
        self.document_of(&PCRS, user_data, nonce)
    }

    pub(crate) fn document_of(
        &self,
        pcrs: &[(u8, [u8; 48])],
        user_data: &[u8],
        nonce: &[u8],
    ) -> Vec<u8> {
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        let pcrs = pcrs.iter().map(|(index, value)| (Value::from(*index), bytes(value)));
        let (leaf, authorities) = self.chain.split_last().unwrap();
        let payload = cbor!({
            "module_id" => "i-0-enc0",
            "digest" => "SHA384",
            "timestamp" => NOON,
            "pcrs" => Value::Map(pcrs.collect()),
            "certificate" => bytes(leaf),
            "cabundle" => Value::Array(authorities.iter().map(|it| bytes(it)).collect()),
            "public_key" => Value::Null,
            "user_data" => bytes(user_data),
            "nonce" => bytes(nonce),
        });
        let payload = encoded(&payload.unwrap());
        let signed = cbor!(["Signature1", bytes(&ES384), bytes(&[]), bytes(&payload)]).unwrap();
        let signature = self.key.sign(&SystemRandom::new(), &encoded(&signed)).unwrap();
        encoded(&cbor!([bytes(&ES384), {}, bytes(&payload), bytes(signature.as_ref())]).unwrap())
    }
}

/// Of the certificate at this position, counted from the root.
pub(crate) fn serial(position: usize) -> SerialNumber {
    SerialNumber::from(vec![0x70, u8::try_from(position).unwrap()])
}

pub(crate) fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    coset::cbor::ser::into_writer(value, &mut out).unwrap();
    out
}

const ES384: [u8; 4] = [0xa1, 0x01, 0x38, 0x22];
