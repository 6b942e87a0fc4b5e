//! The five signature checks of a document alone, and how long things take.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use coset::{CborSerializable as _, CoseSign1, cbor::Value};
use ring::signature::{ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Least time of each side in microseconds, over interleaved rounds: the least is the least
/// disturbed.
pub(crate) fn least<const N: usize>(sides: [&dyn Fn(); N]) -> [f64; N] {
    let mut least = [Duration::MAX; N];
    for _ in 0..ROUNDS {
        for (least, side) in least.iter_mut().zip(sides) {
            let start = Instant::now();
            side();
            *least = start.elapsed().min(*least);
        }
    }
    least.map(|least| least.as_secs_f64() * 1e6)
}

/// The five signature checks, everything else done beforehand by other people's code.
pub(crate) fn bare(document: &[u8]) -> impl Fn() {
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

const ROUNDS: usize = 400;
