//! No length field decides how much is allocated: what parsing holds at any moment, and so every
//! single allocation, is at most twice its input; with verifying too, but for the smallest documents.
#![cfg(test)]

#[path = "support/simulated.rs"]
mod simulated;
mod support;

use allocation_counter::{AllocationInfo, measure};
use attestation_verifier::{
    Document, Expected, Pcr, RevocationList, Timestamp,
    check::Check,
    explain::Claims,
    receipt::{Attested, Statement},
};
use simulated::{Enclave, NOON, PCRS};
use support::vectors;

#[track_caller]
fn bounded(input: &[u8], name: &str, call: impl FnOnce()) -> AllocationInfo {
    let spent = measure(call);
    let most = 2 * u64::try_from(input.len()).unwrap();
    assert!(spent.bytes_max <= most, "{name}: {spent:?} for {} bytes", input.len());
    spent
}

/// Every parser on the same bytes.
fn parse(input: &[u8], name: &str) {
    bounded(input, name, || drop(Document::parse(input)));
    bounded(input, name, || drop(Attested::parse(input)));
    bounded(input, name, || drop(Statement::parse(input)));
    bounded(input, name, || drop(RevocationList::parse(input)));
}

#[test]
fn documents_cost_at_most_twice_their_length_to_parse_and_to_verify() {
    for vector in vectors() {
        parse(&vector.bytes, &vector.name);
        let expected = vector.expected();
        // The document is held while it is verified.
        let spent = bounded(&vector.bytes, &vector.name, || {
            if let Ok(document) = Document::parse(&vector.bytes) {
                drop(document.verify_archived(&expected));
            }
        });
        assert!(spent.bytes_total > 0 || !vector.accepted, "{}: it is measured", vector.name);
        let Ok(document) = Document::parse(&vector.bytes) else { continue };
        let now = Claims::of(&document).timestamp;
        bounded(&vector.bytes, &vector.name, || {
            let document = Document::parse(&vector.bytes).unwrap();
            drop(document.verify(&expected, now));
        });
    }
}

/// What verifying keeps for people, the report above all, does not shrink with the document. It is
/// made of many allocations; the largest that does not depend on the input is that of the checks.
#[test]
fn the_smallest_documents_cost_at_most_three_times_their_length_to_parse_and_verify() {
    let mut enclave = Enclave::new();
    enclave.chain.remove(0);
    for pcrs in [&PCRS[..1], &PCRS] {
        let bytes = enclave.document_of(pcrs, b"", b"");
        let name = format!("{} registers in {} bytes", pcrs.len(), bytes.len());
        parse(&bytes, &name);
        assert!(27 * size_of::<Check>() <= 2 * bytes.len(), "{name}: 22 checks, and 5 of lists");
        let (index, value) = pcrs[0];
        let expected = Expected::build([(index, Pcr::from(value))]).root(enclave.root());
        let spent = measure(|| {
            let document = Document::parse(&bytes).unwrap();
            let _believed = document.verify(&expected, Timestamp::from_millis(NOON)).unwrap();
        });
        assert!(spent.bytes_max <= 3 * u64::try_from(bytes.len()).unwrap(), "{name}: {spent:?}");
    }
}

/// A head that announces up to 2^64 - 1 bytes or items, at every place of a document and of a
/// certificate where a length may stand.
#[test]
fn announced_lengths_cost_nothing() {
    let real = support::vector("2025-11-10-fastcrypto-prod.bin").bytes;
    for head in [0x1b, 0x5b, 0x7b, 0x9b, 0xbb, 0xdb] {
        for announced in [u64::MAX, 1 << 62, 1 << 40, 1 << 32] {
            let bomb = [&[head][..], &announced.to_be_bytes()].concat();
            parse(&bomb, "alone");
            for place in (0..real.len()).step_by(7) {
                let bytes = [&real[..place], &bomb, &real[place..]].concat();
                let name = format!("{head:#x} {announced} at {place}");
                bounded(&bytes, &name, || drop(Document::parse(&bytes)));
            }
        }
    }
    for length in
        [&[0x84, 0xff, 0xff, 0xff, 0xff][..], &[0x83, 0xff, 0xff, 0xff], &[0x82, 0xff, 0xff]]
    {
        for tag in [0x02, 0x03, 0x04, 0x06, 0x17, 0x30, 0x31, 0xa0, 0xa3] {
            let bomb = [&[tag][..], length].concat();
            parse(&bomb, "alone");
            for place in (0..real.len()).step_by(7).filter(|place| place + bomb.len() < real.len())
            {
                let mut bytes = real.clone();
                bytes[place..place + bomb.len()].copy_from_slice(&bomb);
                bounded(&bytes, "overwritten", || drop(Document::parse(&bytes)));
            }
        }
    }
}

/// As many small items as fit, where each is kept.
#[test]
fn many_small_items_cost_at_most_twice_their_length() {
    let envelope = |payload: &[u8]| {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&[0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0, 0x59][..], &length].concat();
        [&head[..], payload, &[0x58, 96], &[0; 96]].concat()
    };
    let registers = (0..32_u8).map(|index| {
        let key = if index < 24 { vec![index] } else { vec![0x18, index] };
        [&key[..], &[0x58, 48], &[7; 48]].concat()
    });
    let pcrs =
        [&[0xbf, 0x64][..], b"pcrs", &[0xb8, 32], &registers.collect::<Vec<_>>().concat(), &[0xff]];
    parse(&envelope(&pcrs.concat()), "registers");
    // 256 certificates of one byte.
    let bundle =
        [&[0xbf, 0x68][..], b"cabundle", &[0x99, 1, 0], &[0x41, 0x30].repeat(256), &[0xff]];
    parse(&envelope(&bundle.concat()), "certificates");
}

#[test]
fn lists_cost_at_most_twice_their_length() {
    let revoked = (0..3000_u16).map(|nth| rcgen::RevokedCertParams {
        serial_number: rcgen::SerialNumber::from(nth.to_be_bytes().to_vec()),
        revocation_time: rcgen::date_time_ymd(2026, 5, 1),
        reason_code: None,
        invalidity_date: None,
    });
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 6, 1),
        next_update: rcgen::date_time_ymd(2026, 6, 2),
        crl_number: rcgen::SerialNumber::from(7),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&Enclave::new().issuers[0]).unwrap();
    let spent = bounded(list.der(), "list", || drop(RevocationList::parse(list.der())));
    assert!(spent.bytes_total > 0);
}
