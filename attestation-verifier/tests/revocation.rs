//! Revocation lists: those that clear a chain, those that refuse it, and those that are no use.
#![cfg(test)]

#[path = "support/simulated.rs"]
mod simulated;

use std::time::Duration;

use attestation_verifier::{
    Believed, CertificateFlaw, Document, RevocationError, RevocationList, Timestamp, VerifyError,
    check::{self, Outcome},
};
use rcgen::{
    CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, DnType, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, RevocationReason, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use simulated::{Enclave, NOON, serial};

type Key = Issuer<'static, KeyPair>;

/// A list of 2026-06-01 that is current until the next day.
fn list(issuer: &Key, serials: &[SerialNumber]) -> Vec<u8> {
    changed(issuer, serials, |_| ())
}

fn changed(
    issuer: &Key,
    serials: &[SerialNumber],
    change: impl FnOnce(&mut CertificateRevocationListParams),
) -> Vec<u8> {
    let revoked = |serial: &SerialNumber| RevokedCertParams {
        serial_number: serial.clone(),
        revocation_time: date_time_ymd(2026, 5, 1),
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: None,
    };
    let mut params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 6, 1),
        next_update: date_time_ymd(2026, 6, 2),
        crl_number: SerialNumber::from(7),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    change(&mut params);
    params.signed_by(issuer).unwrap().der().to_vec()
}

fn verify(enclave: &Enclave, lists: &[Vec<u8>]) -> Result<Believed, VerifyError> {
    let bytes = enclave.document(b"", b"");
    let lists = lists.iter().map(|list| RevocationList::parse(list).unwrap());
    let expected = enclave.expected().revocation_lists(lists);
    Document::parse(&bytes).unwrap().verify_archived(&expected)
}

#[track_caller]
fn refuses(enclave: &Enclave, lists: &[Vec<u8>], error: RevocationError) {
    assert_eq!(verify(enclave, lists), Err(VerifyError::Revocation(error)));
}

#[test]
fn lists_that_name_no_certificate_of_the_chain_clear_it() {
    let enclave = Enclave::new();
    let [root, middle] = &enclave.issuers;
    assert_eq!(verify(&enclave, &[]).unwrap().checks().len(), 22);
    // The serial number of the leaf on a list that is not about the leaf.
    let lists = [list(root, &[serial(2), serial(0)]), list(middle, &[serial(1)])];
    let believed = verify(&enclave, &lists).unwrap();
    let numbers: Vec<_> = believed.checks().iter().map(|check| check.number).collect();
    assert_eq!(numbers, (1..=22).chain(31..=35).collect::<Vec<_>>());
    assert!(believed.checks()[22..].iter().all(|check| check.outcome == Outcome::Passed));
    assert!(verify(&enclave, &[list(root, &[])]).is_ok(), "an empty list");
}

#[test]
fn refuses_a_revoked_certificate_by_its_position() {
    let enclave = Enclave::new();
    let [root, middle] = &enclave.issuers;
    let leaf = RevocationError::Revoked { position: 2 };
    refuses(&enclave, &[list(middle, &[serial(2)])], leaf);
    refuses(&enclave, &[list(root, &[]), list(middle, &[serial(9), serial(2)])], leaf);
    refuses(&enclave, &[list(root, &[serial(1)])], RevocationError::Revoked { position: 1 });
    assert_eq!(VerifyError::Revocation(leaf).check(), 35);
    assert_eq!(leaf.to_string(), "certificate 2 is revoked");
}

#[test]
fn refuses_a_list_that_is_of_no_authority_of_the_chain() {
    let enclave = Enclave::new();
    let named = |name: &str| {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        Issuer::new(params, KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap())
    };
    refuses(&enclave, &[list(&named("elsewhere"), &[])], RevocationError::Foreign);
    // The leaf's name: it has issued nothing.
    refuses(&enclave, &[list(&named("simulated 2"), &[])], RevocationError::Foreign);
    // A useless list among useful ones is an error too.
    let lists = [list(&enclave.issuers[0], &[]), list(&named("elsewhere"), &[])];
    refuses(&enclave, &lists, RevocationError::Foreign);
    assert_eq!(RevocationError::Foreign.check(), 32);
}

#[test]
fn refuses_a_list_that_its_issuer_did_not_sign_or_may_not_sign() {
    let enclave = Enclave::new();
    let twin = Enclave::new();
    let error = |issuer| RevocationError::Signature { issuer };
    refuses(&enclave, &[list(&twin.issuers[0], &[])], error(0));
    refuses(&enclave, &[list(&twin.issuers[1], &[])], error(1));
    let no_list_signer = Enclave::with(|position, params| {
        if position == 1 {
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        }
    });
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "simulated 1");
    let key = KeyPair::try_from(no_list_signer.issuers[1].key().serialize_der()).unwrap();
    refuses(&no_list_signer, &[list(&Issuer::new(params, key), &[])], error(1));
    assert_eq!(error(0).check(), 33);
}

#[test]
fn a_list_must_be_current_at_the_time_of_the_verdict() {
    let enclave = Enclave::new();
    let root = &enclave.issuers[0];
    let time = Timestamp::from_millis(NOON);
    let error = RevocationError::NotCurrent { issuer: 0, time };
    let stale = changed(root, &[], |list| {
        list.this_update = date_time_ymd(2026, 5, 1);
        list.next_update = date_time_ymd(2026, 6, 1);
    });
    let noon = date_time_ymd(2026, 6, 1) + Duration::from_hours(12);
    let early = changed(root, &[], |list| list.this_update = noon + Duration::from_secs(1));
    let just = changed(root, &[], |list| list.this_update = noon);
    assert!(verify(&enclave, &[just]).is_ok());
    refuses(&enclave, &[stale], error);
    refuses(&enclave, &[early], error);
    assert_eq!(error.check(), 34);

    // Live, it is the verifier's clock that counts, or the document's if that is later.
    let bytes = enclave.document(b"", b"");
    let document = Document::parse(&bytes).unwrap();
    let list = RevocationList::parse(&list(root, &[])).unwrap();
    let expected = enclave.expected().max_age(Duration::MAX).revocation_lists([list]);
    let at = |now| document.verify(&expected, Timestamp::from_millis(now)).map(|_| ());
    // 2026-06-02T00:00:00.999Z is within the last second.
    assert_eq!(at(1_780_358_400_999), Ok(()));
    let time = Timestamp::from_millis(1_780_358_401_000);
    let error = VerifyError::Revocation(RevocationError::NotCurrent { issuer: 0, time });
    assert_eq!(at(1_780_358_401_000), Err(error));
    assert_eq!(at(NOON - 60_000), Ok(()));
}

/// Each bit and each truncation; nothing that was changed may clear the chain.
#[test]
fn refuses_damaged_lists() {
    let enclave = Enclave::new();
    let right = list(&enclave.issuers[1], &[serial(9)]);
    let bytes = enclave.document(b"", b"");
    let document = Document::parse(&bytes).unwrap();
    for length in 0..right.len() {
        assert!(RevocationList::parse(&right[..length]).is_err(), "truncated to {length}");
    }
    let trailing = [&right[..], &[0]].concat();
    assert_eq!(RevocationList::parse(&trailing), Err(CertificateFlaw::NotDer));
    for bit in (0..8 * right.len()).step_by(3) {
        let mut damaged = right.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let cleared = RevocationList::parse(&damaged).is_ok_and(|list| {
            document.verify_archived(&enclave.expected().revocation_lists([list])).is_ok()
        });
        assert!(!cleared, "bit {bit}");
    }
}

#[test]
fn reads_lists_of_thousands() {
    let enclave = Enclave::new();
    let mut serials: Vec<_> = (0..3000_u16)
        .map(|nth| SerialNumber::from([&[0x11], &nth.to_be_bytes()[..]].concat()))
        .collect();
    let middle = &enclave.issuers[1];
    let long = list(middle, &serials);
    assert!(long.len() > 0x1_0000, "a length of three bytes");
    assert!(verify(&enclave, &[long]).is_ok());
    serials.push(serial(2));
    let revoked = RevocationError::Revoked { position: 2 };
    refuses(&enclave, &[list(middle, &serials)], revoked);
    let endless = vec![0x30; RevocationList::MAX_LEN + 1];
    assert_eq!(RevocationList::parse(&endless), Err(CertificateFlaw::LongList));
}

#[test]
fn refuses_other_algorithms_and_partial_lists() {
    let params = CertificateParams::new([]).unwrap();
    let p256 = Issuer::new(params, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap());
    let flaw = RevocationList::parse(&list(&p256, &[]));
    assert_eq!(flaw, Err(CertificateFlaw::SignatureAlgorithm));
    let partial = changed(&Enclave::new().issuers[0], &[], |list| {
        list.issuing_distribution_point = Some(CrlIssuingDistributionPoint {
            distribution_point: CrlDistributionPoint { uris: vec!["http://a/".to_owned()] },
            scope: None,
        });
    });
    assert_eq!(RevocationList::parse(&partial), Err(CertificateFlaw::CriticalExtension));
}

/// An element of DER shorter than 256 bytes, all in hexadecimal.
fn element(tag: &str, parts: &[&str]) -> String {
    let content = parts.concat();
    let length = content.len() / 2;
    let long = if length < 0x80 { "" } else { "81" };
    format!("{tag}{long}{length:02x}{content}")
}

fn sequence(parts: &[&str]) -> String {
    element("30", parts)
}

/// How a list with these parts is refused: version, algorithm, issuer, times, and what follows.
fn written(parts: [&str; 4], rest: &str) -> Option<CertificateFlaw> {
    let signed = sequence(&[&parts.concat(), rest]);
    whole(&[&signed, ECDSA_WITH_SHA384, "030200ff"])
}

fn whole(parts: &[&str]) -> Option<CertificateFlaw> {
    RevocationList::parse(&hex::decode(sequence(parts)).unwrap()).err()
}

const ECDSA_WITH_SHA384: &str = "300a06082a8648ce3d040303";
const ECDSA_WITH_SHA256: &str = "300a06082a8648ce3d040302";
const VERSION_2: &str = "020101";
/// CN=a.
const ISSUER: &str = "300c310a300806035504030c0161";
/// 2026-05-01, and the list's two times: 2026-06-01 and the day after.
const MAY: &str = "170d3236303530313030303030305a";
const TIMES: &str = "170d3236303630313030303030305a170d3236303630323030303030305a";
const RIGHT: [&str; 4] = [VERSION_2, ECDSA_WITH_SHA384, ISSUER, TIMES];
/// Reason code: key compromise. List number: 5.
const REASON: [&str; 2] = ["0603551d15", "04030a0101"];
const NUMBER: [&str; 2] = ["0603551d14", "0403020105"];
const CRITICAL: &str = "0101ff";

#[test]
fn refuses_lists_of_another_form() {
    let not_der = Some(CertificateFlaw::NotDer);
    assert_eq!(written(RIGHT, ""), None);
    for version in ["", "020100", "020102"] {
        let parts = [version, ECDSA_WITH_SHA384, ISSUER, TIMES];
        assert_eq!(written(parts, ""), Some(CertificateFlaw::Version), "{version}");
    }
    let inside = [VERSION_2, ECDSA_WITH_SHA256, ISSUER, TIMES];
    assert_eq!(written(inside, ""), Some(CertificateFlaw::SignatureAlgorithm));
    let signed = sequence(&RIGHT);
    let outside = whole(&[&signed, ECDSA_WITH_SHA256, "030200ff"]);
    assert_eq!(outside, Some(CertificateFlaw::SignatureAlgorithm));
    // A signature with an unused bit; something after the signature; no name.
    assert_eq!(whole(&[&signed, ECDSA_WITH_SHA384, "030201fe"]), not_der);
    assert_eq!(whole(&[&signed, ECDSA_WITH_SHA384, "030200ff", "0500"]), not_der);
    assert_eq!(written([VERSION_2, ECDSA_WITH_SHA384, "3000", TIMES], ""), not_der);
    // Years before 2050 with four digits; no such day.
    let times = |times: &str| written([VERSION_2, ECDSA_WITH_SHA384, ISSUER, times], "");
    let four_digits = TIMES.replace("170d", "180f3230");
    assert_eq!(times(&four_digits), Some(CertificateFlaw::Time));
    assert_eq!(times(&TIMES.replace("3236303630", "3236303633")), Some(CertificateFlaw::Time));
    // No next update, or one that is no such time.
    let next = Some(CertificateFlaw::NextUpdate);
    assert_eq!(times(&TIMES[..30]), next);
    let number = element("a0", &[&sequence(&[&sequence(&NUMBER)])]);
    assert_eq!(written([VERSION_2, ECDSA_WITH_SHA384, ISSUER, &TIMES[..30]], &number), next);
    assert_eq!(times(&TIMES.replace("3236303630323030", "3236303633323030")), next);
    let words = "the list does not say to the second, in UTC, when the next one comes";
    assert_eq!(CertificateFlaw::NextUpdate.to_string(), words);
}

#[test]
fn a_list_may_have_one_mebibyte_and_no_more() {
    let signed = hex::decode(sequence(&RIGHT) + ECDSA_WITH_SHA384).unwrap();
    let long = |tag: u8, length: usize| {
        let [.., a, b, c] = length.to_be_bytes();
        [tag, 0x83, a, b, c]
    };
    let list = |length: usize| {
        // What the signature is does not matter before there is a chain.
        let signature = length - 5 - signed.len() - 5;
        let head = [&long(0x30, length - 5)[..], &signed, &long(0x03, signature)].concat();
        RevocationList::parse(&[head, vec![0; signature]].concat()).err()
    };
    assert_eq!(list(RevocationList::MAX_LEN), None);
    assert_eq!(list(RevocationList::MAX_LEN + 1), Some(CertificateFlaw::LongList));
}

#[test]
fn refuses_entries_and_extensions_of_another_form() {
    let not_der = Some(CertificateFlaw::NotDer);
    let critical = Some(CertificateFlaw::CriticalExtension);
    let entry =
        |serial: &str, more: &str| written(RIGHT, &sequence(&[&sequence(&[serial, MAY, more])]));
    let reason = sequence(&REASON);
    assert_eq!(entry("02017f", ""), None);
    assert_eq!(entry("02017f", &sequence(&[&reason])), None);
    let reason = sequence(&[REASON[0], CRITICAL, REASON[1]]);
    assert_eq!(entry("02017f", &sequence(&[&reason])), critical);
    // Negative, padded, empty and endless serial numbers; empty extensions.
    for serial in ["0201ff", "0202007f", "0200", &element("02", &["7f"; 21])] {
        assert_eq!(entry(serial, ""), not_der, "{serial}");
    }
    assert_eq!(entry(&element("02", &["7f"; 20]), ""), None);
    assert_eq!(entry(&element("02", &[&["00"][..], &["ff"; 20]].concat()), ""), None);
    assert_eq!(entry("02017f", "3000"), not_der);
    assert_eq!(written(RIGHT, "3000"), not_der, "no entries are left out");
    assert_eq!(written(RIGHT, &sequence(&[&sequence(&["02017f"])])), not_der, "no time");

    let extensions = |each: &[&str]| written(RIGHT, &element("a0", &[&sequence(each)]));
    let number = sequence(&NUMBER);
    assert_eq!(extensions(&[&number]), None);
    assert_eq!(extensions(&[&number, &number]), Some(CertificateFlaw::RepeatedExtension));
    assert_eq!(extensions(&[]), not_der);
    assert_eq!(written(RIGHT, &element("a1", &[&sequence(&[&number])])), not_der);
    // A delta, a list of some certificates, and an entry for another issuer's.
    let narrowed = Some(CertificateFlaw::Narrowed);
    for id in ["0603551d1b", "0603551d1c"] {
        assert_eq!(extensions(&[&sequence(&[id, CRITICAL, NUMBER[1]])]), critical);
        assert_eq!(extensions(&[&sequence(&[id, NUMBER[1]])]), narrowed);
    }
    let other = sequence(&["0603551d1d", NUMBER[1]]);
    assert_eq!(entry("02017f", &sequence(&[&other])), narrowed);
}

#[test]
fn a_failed_report_lists_the_checks_of_lists() {
    let checks = check::failed(34, "why");
    assert!(checks[..22].iter().all(|check| check.outcome == Outcome::Passed));
    let outcomes: Vec<_> = checks[22..].iter().map(|check| (check.number, check.outcome)).collect();
    let (passed, failed, not_reached) = (Outcome::Passed, Outcome::Failed, Outcome::NotReached);
    let all = [(31, passed), (32, passed), (33, passed), (34, failed), (35, not_reached)];
    assert_eq!(outcomes, all);
    assert_eq!((check::failed(22, "").len(), check::failed(37, "").len()), (22, 22));
}
