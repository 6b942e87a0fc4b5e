//! Chains that a certificate authority could issue and we do not follow, and flaws of form.
#![cfg(test)]

#[path = "support/simulated.rs"]
mod simulated;

use attestation_verifier::{
    CertificateFlaw, ChainError, Document, ParseError, Root, VerifyError, danger,
};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, KeyUsagePurpose,
    SerialNumber, date_time_ymd,
};
use simulated::Enclave;

#[derive(Debug, PartialEq)]
enum Refusal {
    Form(usize, CertificateFlaw),
    Chain(ChainError),
}

/// How the chain is refused, if it is.
fn refusal(enclave: &Enclave) -> Option<Refusal> {
    let bytes = enclave.document(b"", b"");
    match Document::parse(&bytes) {
        Err(ParseError::Certificate { position, flaw }) => Some(Refusal::Form(position, flaw)),
        Err(error) => panic!("{error}"),
        Ok(document) => match document.verify_archived(&enclave.expected()) {
            Ok(_) => None,
            Err(VerifyError::Chain(error)) => Some(Refusal::Chain(error)),
            Err(error) => panic!("{error}"),
        },
    }
}

/// How a chain is refused in which the certificate at a position is changed.
fn changed(position: usize, change: impl Fn(&mut CertificateParams)) -> Option<Refusal> {
    refusal(&Enclave::with(|at, params| {
        if at == position {
            change(params);
        }
    }))
}

fn authority(path_length: u8) -> IsCa {
    IsCa::Ca(BasicConstraints::Constrained(path_length))
}

/// An extension 2.5.29.`last`.
fn extension(last: u64, content: &[u8], critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, last], content.to_vec());
    extension.set_criticality(critical);
    extension
}

#[test]
fn accepts_the_default_chain_of_rcgen() {
    assert_eq!(refusal(&Enclave::new()), None);
}

#[test]
fn path_lengths_count_the_authorities_below() {
    assert_eq!(changed(0, |root| root.is_ca = authority(1)), None);
    assert_eq!(changed(1, |middle| middle.is_ca = authority(0)), None);
    let refused = changed(0, |root| root.is_ca = authority(0));
    assert_eq!(refused, Some(Refusal::Chain(ChainError::PathLength { position: 0 })));
    // 127 has one byte, 128 a sign byte too, 1000 two bytes of value.
    for long in [127, 128, 255] {
        assert_eq!(changed(0, |root| root.is_ca = authority(long)), None, "{long}");
    }
    let thousand = [0x30, 0x07, 0x01, 0x01, 0xff, 0x02, 0x02, 0x03, 0xe8];
    let longer = changed(1, |middle| {
        middle.is_ca = IsCa::NoCa;
        middle.custom_extensions = vec![extension(19, &thousand, true)];
    });
    assert_eq!(longer, None);
}

#[test]
fn refuses_a_certificate_that_is_in_the_chain_already() {
    let enclave = Enclave::new();
    let [root, middle, leaf] = [0, 1, 2].map(|position| enclave.chain[position].clone());
    let refused = |position, chain: &[&Vec<u8>]| {
        let mut enclave = Enclave::new();
        enclave.chain = chain.iter().map(|it| (*it).clone()).collect();
        let bytes = enclave.document(b"", b"");
        let expected = enclave.expected().root(danger::root_from_der(&root).unwrap());
        let error = Document::parse(&bytes).unwrap().verify_archived(&expected);
        assert_eq!(error, Err(VerifyError::Chain(ChainError::Repeated { position })));
    };
    refused(1, &[&root, &root, &middle, &leaf]);
    refused(2, &[&root, &middle, &middle, &leaf]);
    refused(2, &[&root, &middle, &root, &leaf]);
    refused(2, &[&root, &middle, &middle]);
    let error = ChainError::Repeated { position: 1 };
    assert_eq!(
        (error.check(), error.to_string().as_str()),
        (12, "certificate 1 is in the chain already")
    );
}

#[test]
fn serial_numbers_have_at_most_20_bytes_beside_the_sign() {
    let serial = |bytes: &[u8]| {
        changed(1, |middle| middle.serial_number = Some(SerialNumber::from(bytes.to_vec())))
    };
    let refused = Some(Refusal::Form(1, CertificateFlaw::NotDer));
    assert_eq!(serial(&[0xff; 20]), None, "21 bytes with the sign");
    assert_eq!(serial(&[0x7f; 20]), None);
    assert_eq!(serial(&[0x7f; 21]), refused);
    assert_eq!(serial(&[0xff; 21]), refused);
}

#[test]
fn refuses_extensions_that_narrow_what_is_certified_even_if_not_critical() {
    // Constraints of names, of policies, and of policies in general.
    for last in [30, 36, 54] {
        for (critical, flaw) in
            [(true, CertificateFlaw::CriticalExtension), (false, CertificateFlaw::Narrowed)]
        {
            let refused = changed(1, |middle| {
                middle.custom_extensions = vec![extension(last, &[0x30, 0], critical)];
            });
            assert_eq!(refused, Some(Refusal::Form(1, flaw)), "{last}");
            assert_eq!(flaw.check(), 10);
        }
    }
}

#[test]
fn roles_must_fit() {
    let not_authority = |refused| {
        assert_eq!(refused, Some(Refusal::Chain(ChainError::NotAnAuthority { position: 1 })));
    };
    not_authority(changed(1, |middle| middle.is_ca = IsCa::NoCa));
    let key_usage = |position, refused| {
        assert_eq!(refused, Some(Refusal::Chain(ChainError::KeyUsage { position })));
    };
    key_usage(1, changed(1, |middle| middle.key_usages = vec![KeyUsagePurpose::CrlSign]));
    key_usage(1, changed(1, |middle| middle.key_usages = vec![]));
    key_usage(2, changed(2, |leaf| leaf.key_usages = vec![]));
    key_usage(2, changed(2, |leaf| leaf.key_usages = vec![KeyUsagePurpose::ContentCommitment]));
    let both = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
    key_usage(2, changed(2, |leaf| leaf.key_usages = both.clone()));
    // The ninth bit of the key usage is in a second byte.
    let nine = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::DecipherOnly];
    assert_eq!(changed(2, |leaf| leaf.key_usages = nine.clone()), None);
    let bits = |content: &[u8]| {
        changed(2, |leaf| {
            leaf.key_usages = vec![];
            leaf.custom_extensions = vec![extension(15, content, false)];
        })
    };
    assert_eq!(bits(&[3, 3, 7, 0x80, 0x80]), None);
    let malformed = Some(Refusal::Form(2, CertificateFlaw::KeyUsage));
    assert_eq!(bits(&[3, 4, 7, 0x80, 0, 0x80]), malformed, "there are nine bits");
    assert_eq!(bits(&[3, 1, 0]), malformed, "there is none");
    let refused = changed(2, |leaf| leaf.is_ca = authority(0));
    assert_eq!(refused, Some(Refusal::Chain(ChainError::LeafIsAuthority)));
}

#[test]
fn refuses_critical_extensions_it_does_not_process_and_no_others() {
    let unknown = |critical| {
        changed(2, |leaf| {
            let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
            extension.set_criticality(critical);
            leaf.custom_extensions = vec![extension];
        })
    };
    assert_eq!(unknown(false), None);
    assert_eq!(unknown(true), Some(Refusal::Form(2, CertificateFlaw::CriticalExtension)));
    let twice = changed(1, |middle| {
        let extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        middle.custom_extensions = vec![extension.clone(), extension];
    });
    assert_eq!(twice, Some(Refusal::Form(1, CertificateFlaw::RepeatedExtension)));
}

#[test]
fn names_must_link_byte_for_byte() {
    let mut swapped = Enclave::new();
    // The intermediate of another simulated enclave has the same name and another key.
    swapped.chain[1] = Enclave::new().chain[1].clone();
    let refused = Refusal::Chain(ChainError::Signature { position: 1 });
    assert_eq!(refusal(&swapped), Some(refused));
    let mut renamed = Enclave::with(|_, params| {
        params.distinguished_name.push(DnType::OrganizationName, "another");
    });
    renamed.chain[0] = Enclave::new().chain[0].clone();
    let refused = Refusal::Chain(ChainError::IssuerName { position: 1 });
    assert_eq!(refusal(&renamed), Some(refused));
}

#[test]
fn every_certificate_of_the_chain_must_be_valid() {
    for position in 0..3 {
        let time = attestation_verifier::Timestamp::from_millis(simulated::NOON);
        let expired = changed(position, |params| params.not_after = date_time_ymd(2026, 6, 1));
        assert_eq!(expired, Some(Refusal::Chain(ChainError::Expired { position, time })));
        let early = changed(position, |params| params.not_before = date_time_ymd(2026, 6, 2));
        assert_eq!(early, Some(Refusal::Chain(ChainError::NotYetValid { position, time })));
        // Two digits for the years 1950 to 2049, four for those after.
        for (not_before, not_after) in [(1950, 2049), (1999, 2050), (2000, 2999)] {
            let far = changed(position, |params| {
                params.not_before = date_time_ymd(not_before, 1, 1);
                params.not_after = date_time_ymd(not_after, 12, 31);
            });
            assert_eq!(far, None, "{not_before} to {not_after}");
        }
    }
}

#[test]
fn a_chain_may_be_a_root_alone_but_not_absent_or_endless() {
    let mut enclave = Enclave::new();
    enclave.chain = enclave.chain.split_off(1);
    let bytes = enclave.document(b"", b"");
    let document = Document::parse(&bytes).unwrap();
    assert!(document.verify_archived(&enclave.expected()).is_ok());
    let leaf = enclave.chain.pop().unwrap();
    let root = enclave.chain.pop().unwrap();
    for authorities in [8, 9] {
        enclave.chain = [vec![root.clone(); authorities], vec![leaf.clone()]].concat();
        let bytes = enclave.document(b"", b"");
        let error = Document::parse(&bytes).err();
        assert_eq!(error, (authorities > 8).then_some(ParseError::ChainTooLong));
    }
}

/// AWS's root with bytes replaced; what is changed is given as hexadecimal.
#[track_caller]
fn root_with(from: &str, to: &str) -> Result<Root, CertificateFlaw> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/roots/aws-nitro-g1.der");
    let root = hex::encode(std::fs::read(path).unwrap());
    assert!(root.contains(from), "{from}");
    danger::root_from_der(&hex::decode(root.replacen(from, to, 1)).unwrap())
}

#[test]
fn refuses_certificates_of_another_form() {
    for (from, to, flaw) in [
        // Version 2; version 3 not minimal; no version.
        ("a003020102", "a003020101", CertificateFlaw::Version),
        ("a003020102", "a103020102", CertificateFlaw::Version),
        // ecdsa-with-SHA256, inside and outside.
        ("2a8648ce3d0403033049", "2a8648ce3d0403023049", CertificateFlaw::SignatureAlgorithm),
        ("2a8648ce3d0403030369", "2a8648ce3d0403020369", CertificateFlaw::SignatureAlgorithm),
        // secp521r1; a bit string with an unused bit.
        ("2b81040022", "2b81040023", CertificateFlaw::PublicKey),
        ("036200", "036201", CertificateFlaw::PublicKey),
        // A hybrid point, and a compressed one with a y.
        ("03620004", "03620006", CertificateFlaw::PublicKey),
        ("03620004", "03620002", CertificateFlaw::PublicKey),
        // 2019-02-30; no Z; a letter.
        ("3139313032383133", "3139303233303133", CertificateFlaw::Time),
        ("3133323830355a", "31333238303530", CertificateFlaw::Time),
        ("3139313032383133", "3139313032383a33", CertificateFlaw::Time),
        ("170d3139", "180d3139", CertificateFlaw::Time),
        // cA of 0x01; a negative serial number; key usage with a trailing zero bit, or with none.
        ("30030101ff", "3003010101", CertificateFlaw::NotDer),
        ("021100f9", "021180f9", CertificateFlaw::NotDer),
        ("021100f9", "02110079", CertificateFlaw::NotDer),
        ("03020186", "03020086", CertificateFlaw::KeyUsage),
        ("03020186", "03020187", CertificateFlaw::KeyUsage),
        ("03020186", "03020100", CertificateFlaw::KeyUsage),
        ("03020186", "03020986", CertificateFlaw::KeyUsage),
        // The subject key identifier, critical; as a second key usage.
        ("301d0603551d0e0416", "301d0603551d0f0416", CertificateFlaw::NotDer),
        // Identifiers that do not end, or begin with an empty digit.
        ("0603551d0e", "0603551d8e", CertificateFlaw::NotDer),
        ("0603551d0e", "060355800e", CertificateFlaw::NotDer),
        ("060355040a", "060355048a", CertificateFlaw::NotDer),
        // In a name: text that is no utf-8, no ascii, in utf-16, or no text at all.
        ("130255", "1302ff", CertificateFlaw::NotDer),
        ("0c06416d", "0c06ff6d", CertificateFlaw::NotDer),
        ("0c06416d", "1606ff6d", CertificateFlaw::NotDer),
        ("0c06416d", "1e06416d", CertificateFlaw::NotDer),
        ("0c06416d", "0006416d", CertificateFlaw::NotDer),
        ("0c06416d", "0406416d", CertificateFlaw::NotDer),
        // A name's set is a sequence; a signature with unused bits.
        ("310b3009", "300b3009", CertificateFlaw::NotDer),
        ("03690030", "03690130", CertificateFlaw::NotDer),
    ] {
        assert_eq!(root_with(from, to), Err(flaw), "{from} {to}");
    }
    assert!(root_with("3139313032383133", "3139313032373133").is_ok(), "the day before");
    for text in ["1306416d", "1606416d"] {
        assert!(root_with("0c06416d", text).is_ok(), "{text}");
    }
}

#[test]
fn reads_roots_as_pem_and_der() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/roots/aws-nitro-g1.der");
    let der = std::fs::read(folder).unwrap();
    assert!(danger::root_from_der(&der).unwrap().is_aws());
    let pem = pem(&der);
    assert!(danger::root_from_pem(&pem).unwrap().is_aws());
    let around = format!("\u{feff}Certificate:\n  text = x\n{pem}\nmore\n");
    for right in
        [&around, &pem.replace('\n', "\r\n"), &pem.replace("\n", ""), &pem.replace('=', "")]
    {
        assert!(danger::root_from_pem(right).unwrap().is_aws(), "{right}");
    }
    let twice = pem.repeat(2);
    let padded = pem.replace("MII", "M=II");
    let trusted = pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE");
    for wrong in ["", &pem[1..], &pem.replace('M', "!"), &twice, &pem[..200], &padded, &trusted] {
        assert_eq!(danger::root_from_pem(wrong), Err(CertificateFlaw::NotPem), "{wrong}");
    }
    assert_eq!(CertificateFlaw::NotPem.to_string(), "not exactly one certificate in pem");
    let trailing = [&der[..], &[0]].concat();
    assert_eq!(danger::root_from_der(&trailing), Err(CertificateFlaw::NotDer));
    for length in 0..der.len() {
        assert!(danger::root_from_der(&der[..length]).is_err());
    }
}

/// The published PEM, whose base64 openssl made.
fn pem(der: &[u8]) -> String {
    let pem = include_str!("aws-nitro-g1.pem").to_owned();
    assert!(der.len() * 4 / 3 < pem.len());
    pem
}
