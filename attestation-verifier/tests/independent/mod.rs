//! Whatever parses is read to the same by other people's code.

use std::collections::BTreeMap;

use attestation_verifier::explain::Claims;
use coset::{CborSerializable as _, CoseSign1, cbor::Value, iana};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Reads a document with other people's code; `None` where that refuses or differs.
pub(super) fn agrees(bytes: &[u8], claims: &Claims<'_>) -> Option<()> {
    let sign1 = CoseSign1::from_slice(bytes).ok()?;
    let es384 = coset::Algorithm::Assigned(iana::Algorithm::ES384);
    let headers = sign1.protected.header.alg == Some(es384) && sign1.unprotected.is_empty();
    let payload: Value = coset::cbor::de::from_reader(sign1.payload?.as_slice()).ok()?;
    let fields = payload.as_map()?.iter().map(|(key, value)| Some((key.as_text()?, value)));
    let fields = fields.collect::<Option<BTreeMap<_, _>>>()?;
    let bytes_or_null = |name: &str, ours: Option<&[u8]>| match fields.get(name) {
        None | Some(Value::Null) => ours.is_none(),
        Some(theirs) => theirs.as_bytes().map(Vec::as_slice) == ours,
    };
    let pcrs = fields.get("pcrs")?.as_map()?.iter().map(|(index, value)| {
        let value = <[u8; 48]>::try_from(value.as_bytes()?.as_slice()).ok()?;
        Some((u8::try_from(index.as_integer()?).ok()?, value))
    });
    let pcrs = pcrs.collect::<Option<BTreeMap<_, _>>>()?;
    let ours: BTreeMap<_, _> = claims.pcrs.iter().map(|(at, pcr)| (*at, *pcr.as_bytes())).collect();
    let mut certificates = fields.get("cabundle")?.as_array()?.clone();
    certificates.push((*fields.get("certificate")?).clone());
    for der in &certificates {
        let (rest, certificate) = X509Certificate::from_der(der.as_bytes()?).ok()?;
        let p384 = certificate.public_key().algorithm.parameters.as_ref()?.as_oid().ok()?;
        let form = certificate.version.0 == 2
            && certificate.signature_algorithm.algorithm.to_id_string() == "1.2.840.10045.4.3.3"
            && p384.to_id_string() == "1.3.132.0.34"
            && certificate.extensions_map().is_ok();
        (rest.is_empty() && form).then_some(())?;
    }
    let same = headers
        && fields.len() == payload.as_map()?.len()
        && fields.get("module_id")?.as_text()? == claims.module_id
        && fields.get("digest")?.as_text()? == "SHA384"
        && fields.get("timestamp")?.as_integer()? == claims.timestamp.as_millis().into()
        && pcrs == ours
        && bytes_or_null("public_key", claims.public_key)
        && bytes_or_null("user_data", claims.user_data)
        && bytes_or_null("nonce", claims.nonce);
    same.then_some(())
}
