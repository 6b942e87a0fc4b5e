//! One verification against its five P-384 signature checks done bare with the same library.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench reports on stdout and stops at the first surprise"
)]

use std::{
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use attestation_verifier::{Document, Expected, explain::Claims};
use coset::{CborSerializable as _, CoseSign1, cbor::Value};
use ring::signature::{ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Interleaved rounds; the least time of each side is compared, as the least disturbed.
const ROUNDS: usize = 400;

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
    let bare = bare(&document);
    let mut least = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        let sides: [&dyn Fn(); 3] = [&ours, &bare, &parsing];
        for (least, side) in least.iter_mut().zip(sides) {
            let start = Instant::now();
            side();
            *least = start.elapsed().min(*least);
        }
    }
    let [ours, bare, parsing] = least.map(|least| least.as_secs_f64() * 1e6);
    println!("parse and verify        {ours:8.1} us");
    println!("five bare signatures    {bare:8.1} us");
    println!("parse alone             {parsing:8.1} us");
    println!("ratio                   {:8.3}  (at most 1.2)", ours / bare);
    assert!(ours / bare <= 1.2, "verification costs too much beyond its signatures");
}

/// The five signature checks, everything else done beforehand by other people's code.
fn bare(document: &[u8]) -> impl Fn() {
    let sign1 = CoseSign1::from_slice(document).unwrap();
    let payload: Value =
        coset::cbor::de::from_reader(sign1.payload.as_deref().unwrap_or_default()).unwrap();
    let field = |name: &str| {
        let fields = payload.as_map().unwrap();
        fields.iter().find(|(key, _)| key.as_text() == Some(name)).unwrap().1.clone()
    };
    let mut chain = field("cabundle").into_array().unwrap();
    chain.push(field("certificate"));
    let read = chain.iter().map(|der| {
        let (_, certificate) = X509Certificate::from_der(der.as_bytes().unwrap()).unwrap();
        let key = certificate.public_key().subject_public_key.data.to_vec();
        let signature = certificate.signature_value.data.to_vec();
        (key, certificate.tbs_certificate.as_ref().to_vec(), signature)
    });
    let chain: Vec<_> = read.collect();
    let signed = sign1.tbs_data(b"");
    move || {
        for ((key, _, _), (_, signed, signature)) in chain.iter().zip(chain.iter().skip(1)) {
            let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, key);
            key.verify(black_box(signed), signature).unwrap();
        }
        let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &chain.last().unwrap().0);
        key.verify(black_box(&signed), &sign1.signature).unwrap();
    }
}
