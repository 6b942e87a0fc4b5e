//! Documents that must be accepted, and documents that must be refused for one reason.
#![cfg(test)]

mod support;

use std::{collections::BTreeMap, time::Duration};

use attestation_verifier::{
    CborError, ChainError, Document, Expected, Flaw, ParseError, Pcr, Root, Timestamp, VerifyError,
    Warning,
    check::{self, Outcome},
    explain::Claims,
};
use support::{Vector, test_root, vector, vectors};

/// The exact error of a vector, as `Debug` prints it.
fn error(vector: &Vector) -> Option<String> {
    match Document::parse(&vector.bytes) {
        Err(error) => Some(format!("{error:?}")),
        Ok(document) => {
            document.verify_archived(&vector.expected()).err().map(|error| format!("{error:?}"))
        }
    }
}

#[test]
fn accepts_what_must_be_accepted() {
    let accepted = vectors().into_iter().filter(|vector| vector.accepted);
    for vector in accepted {
        assert_eq!(error(&vector), None, "{}", vector.name);
    }
}

#[test]
fn refuses_what_must_be_refused_for_the_reason_in_the_manifest() {
    let mut different = Vec::new();
    for vector in vectors().into_iter().filter(|vector| !vector.accepted) {
        let found = error(&vector).unwrap_or_else(|| "accepted".to_owned());
        if vector.entry["error"] != found.as_str() {
            different.push(format!("{:?}: {found:?}", vector.name));
        }
    }
    assert!(different.is_empty(), "{}", different.join(",\n"));
}

#[test]
fn the_vectors_are_those_of_the_manifest() {
    for vector in vectors() {
        let hash = ring::digest::digest(&ring::digest::SHA256, &vector.bytes);
        assert_eq!(vector.entry["sha256"], hex::encode(hash), "{}", vector.name);
    }
    let count = |is: fn(&Vector) -> bool| vectors().iter().filter(|vector| is(vector)).count();
    assert!(count(Vector::is_real) >= 21);
    assert!(count(|vector| vector.root != Root::AWS) >= 50);
    for (folder, named) in
        [("accept", count(|it| it.accepted)), ("reject", count(|it| !it.accepted))]
    {
        let files = std::fs::read_dir(support::home().join(folder)).unwrap().count();
        assert_eq!(files, named, "files of {folder}, and those that the manifest names");
    }
}

#[test]
fn reads_what_the_manifest_says_of_real_documents() {
    for vector in vectors().into_iter().filter(Vector::is_real) {
        let document = Document::parse(&vector.bytes).unwrap();
        let believed = document.verify_archived(&vector.expected()).unwrap();
        assert_eq!(vector.entry["module_id"], believed.module_id());
        assert_eq!(vector.entry["timestamp_ms"], believed.timestamp().as_millis());
        assert_eq!(vector.entry["public_key"], believed.public_key().is_some());
        for (index, value) in vector.entry["pcrs"].as_object().unwrap() {
            assert_eq!(*value, believed.pcrs()[&index.parse().unwrap()].to_string());
        }
        let warnings = believed.warnings();
        assert_eq!(warnings.contains(&Warning::Debug), vector.is_debug(), "{}", vector.name);
        assert!(!warnings.contains(&Warning::InstanceIdMismatch), "{}", vector.name);
        assert!(!warnings.contains(&Warning::UntrustedRoot) && believed.root().is_aws());
    }
}

#[test]
fn refuses_real_documents_under_each_wrong_expectation() {
    for vector in vectors().into_iter().filter(Vector::is_real) {
        let document = Document::parse(&vector.bytes).unwrap();
        let claims = Claims::of(&document);
        let right = vector.expected();
        let refused = |expected: Expected| document.verify_archived(&expected).unwrap_err();

        for (&index, &found) in &claims.pcrs {
            let mut value = *found.as_bytes();
            value[47] ^= 1;
            let expected = Pcr::from(value);
            let wrong = Expected::build([(0, claims.pcrs[&0]), (index, expected)]).allow_debug();
            assert_eq!(refused(wrong), VerifyError::WrongPcr { index, expected, found });
        }
        let absent =
            Expected::build([(0, claims.pcrs[&0]), (31, Pcr::from([1; 48]))]).allow_debug();
        assert_eq!(refused(absent), VerifyError::MissingPcr { index: 31 });

        let wrong = [claims.nonce.unwrap_or_default(), &[0]].concat();
        let found = claims.nonce.map(<[u8]>::len);
        assert_eq!(refused(right.clone().nonce(wrong)), VerifyError::Nonce { found });
        let wrong = [claims.user_data.unwrap_or_default(), &[0]].concat();
        let found = claims.user_data.map(<[u8]>::len);
        assert_eq!(refused(right.clone().user_data(wrong)), VerifyError::UserData { found });

        let another_root = VerifyError::Chain(ChainError::AnotherRoot);
        assert_eq!(refused(right.clone().root(test_root())), another_root);
        if vector.is_debug() {
            assert_eq!(refused(Expected::build(claims.pcrs.clone())), VerifyError::Debug);
        }
    }
}

#[test]
fn nonce_and_user_data_must_be_equal_and_present() {
    let vector = vector("2022-11-09-veracruz-prod.bin");
    let document = Document::parse(&vector.bytes).unwrap();
    let claims = Claims::of(&document);
    let (nonce, user_data) = (claims.nonce.unwrap(), claims.user_data.unwrap());
    let right = vector.expected().nonce(nonce).user_data(user_data);
    let believed = document.verify_archived(&right).unwrap();
    assert_eq!((believed.nonce(), believed.user_data()), (Some(nonce), Some(user_data)));
    for wrong in [&nonce[1..], &[], &[0; 32]] {
        let wrong = right.clone().nonce(wrong);
        let error = VerifyError::Nonce { found: Some(32) };
        assert_eq!(document.verify_archived(&wrong), Err(error));
    }
    let vector = support::vector("2021-03-17-anjuna-prod.bin");
    let document = Document::parse(&vector.bytes).unwrap();
    let none_is_not_empty = document.verify_archived(&vector.expected().nonce([]));
    assert_eq!(none_is_not_empty, Err(VerifyError::Nonce { found: None }));
}

#[test]
fn an_expectation_that_anybody_meets_is_an_error() {
    let vector = vector("2025-11-10-fastcrypto-prod.bin");
    let document = Document::parse(&vector.bytes).unwrap();
    let pcr0 = BTreeMap::from([(0, Claims::of(&document).pcrs[&0])]);
    for empty in [
        Expected::any_of([]),
        Expected::build([]),
        Expected::any_of([pcr0.clone(), BTreeMap::new()]),
        Expected::build([(9, Pcr::DEBUG)]),
        Expected::build([(9, Pcr::DEBUG)]).allow_debug(),
    ] {
        assert!(empty.is_empty());
        assert_eq!(document.verify_archived(&empty), Err(VerifyError::EmptyExpectation));
    }
    assert!(document.verify_archived(&Expected::any_of([pcr0])).is_ok());
}

#[test]
fn any_of_several_builds_will_do_and_all_of_its_registers_must_match() {
    let vector = vector("2025-11-10-fastcrypto-prod.bin");
    let document = Document::parse(&vector.bytes).unwrap();
    let pcrs = Claims::of(&document).pcrs.clone();
    let other = BTreeMap::from([(0, pcrs[&0]), (1, Pcr::from([7; 48]))]);
    let believed =
        document.verify_archived(&Expected::any_of([other.clone(), pcrs.clone()])).unwrap();
    assert_eq!(believed.build(), 1);
    let neither = document.verify_archived(&Expected::any_of([other.clone(), other]));
    assert_eq!(neither, Err(VerifyError::NoBuildMatches { builds: 2 }));
    let only_pcr4 = Expected::build([(4, pcrs[&4])]);
    let warnings = document.verify_archived(&only_pcr4).unwrap().warnings().to_vec();
    assert_eq!(warnings, [Warning::ImageNotPinned]);
}

/// The chain of this document: the leaf from 17:20:07 to 20:20:10, the others longer.
#[test]
fn a_live_document_must_be_fresh_and_its_certificates_valid_now() {
    let vector = vector("2025-11-10-fastcrypto-prod.bin");
    let document = Document::parse(&vector.bytes).unwrap();
    let signed = Claims::of(&document).timestamp.as_millis();
    assert_eq!(signed, 1_762_795_210_812);
    let at = |milliseconds, expected: &Expected| {
        document.verify(expected, Timestamp::from_millis(milliseconds)).map(|_| ())
    };
    let five_minutes = vector.expected();
    assert_eq!(at(signed, &five_minutes), Ok(()));
    assert_eq!(at(signed + 300_000, &five_minutes), Ok(()));
    let too_old = |milliseconds, max_age| VerifyError::TooOld {
        age: Duration::from_millis(milliseconds),
        max_age,
    };
    assert_eq!(
        at(signed + 300_001, &five_minutes),
        Err(too_old(300_001, Duration::from_secs(300)))
    );
    assert_eq!(at(signed - 60_000, &five_minutes), Ok(()));
    let ahead = Duration::from_millis(60_001);
    assert_eq!(at(signed - 60_001, &five_minutes), Err(VerifyError::FromTheFuture { ahead }));

    let any_age = five_minutes.max_age(Duration::MAX);
    // 2025-11-10T20:20:10.999Z is within the leaf's last second.
    assert_eq!(at(1_762_806_010_999, &any_age), Ok(()));
    let time = Timestamp::from_millis(1_762_806_011_000);
    let expired = VerifyError::NotValidNow(ChainError::Expired { position: 4, time });
    assert_eq!(at(1_762_806_011_000, &any_age), Err(expired));
    assert_eq!(at(u64::MAX, &any_age).unwrap_err().check(), 17);
    let ahead = Duration::from_millis(signed);
    assert_eq!(at(0, &any_age), Err(VerifyError::FromTheFuture { ahead }));
}

#[test]
fn reports_every_check_by_number() {
    let vector = vector("2025-11-10-fastcrypto-prod.bin");
    let document = Document::parse(&vector.bytes).unwrap();
    let archived = document.verify_archived(&vector.expected()).unwrap();
    let numbers: Vec<_> = archived.checks().iter().map(|check| check.number).collect();
    assert_eq!(numbers, (1..=22).collect::<Vec<_>>());
    let not_asked = |checks: &[check::Check]| {
        let not_asked = checks.iter().filter(|check| check.outcome == Outcome::NotAsked);
        not_asked.map(|check| check.number).collect::<Vec<_>>()
    };
    assert_eq!(not_asked(archived.checks()), [17, 18, 21, 22]);
    let asked = vector.expected().user_data([]);
    let live = document.verify(&asked, archived.timestamp()).unwrap();
    assert_eq!(not_asked(live.checks()), [21]);
}

#[test]
fn no_test_document_is_believed_under_the_root_of_aws() {
    for vector in vectors().into_iter().filter(|vector| vector.root != Root::AWS) {
        let expected = vector.expected().root(Root::AWS);
        let verdict =
            Document::parse(&vector.bytes).map(|it| it.verify_archived(&expected).is_ok());
        assert_ne!(verdict, Ok(true), "{}", vector.name);
    }
}

#[test]
fn names_the_check_of_the_specification_that_fails() {
    for (name, check) in [
        ("nest-bomb.bin", 1),
        ("tag18.bin", 2),
        ("trailing-second-doc.bin", 2),
        ("qemu-unsigned.bin", 3),
        ("unprotected-alg-es256.bin", 4),
        ("sig-der.bin", 5),
        ("dup-user_data.bin", 6),
        ("both-pcrs-and-nitrotpm.bin", 6),
        ("payload-trailing-byte.bin", 6),
        ("missing-pcrs.bin", 6),
        ("module_id-empty.bin", 7),
        ("user_data-len-1025.bin", 7),
        ("null-digest.bin", 7),
        ("digest-sha256.bin", 8),
        ("dup-pcr-index.bin", 8),
        ("pcr-len-47.bin", 8),
        ("pcrs-33.bin", 8),
        ("leaf-signed-sha256.bin", 9),
        ("attack-own-root-same-dn.bin", 11),
        ("cabundle-shuffled.bin", 12),
        ("pathlen-exceeded.bin", 13),
        ("leaf-no-keyusage.bin", 13),
        ("intermediate-not-ca.bin", 13),
        ("cose-signed-by-instance-ca.bin", 13),
        ("leaf-expired.bin", 14),
        ("leaf-not-yet-valid.bin", 14),
        ("attack-aws-root-unlinked-intermediate.bin", 15),
        ("attack-real-chain-own-signature.bin", 16),
        ("debug-all-zero.bin", 19),
        ("pcr0-missing.bin", 19),
    ] {
        let vector = vector(name);
        let found = match Document::parse(&vector.bytes) {
            Err(error) => error.check(),
            Ok(document) => document.verify_archived(&vector.expected()).unwrap_err().check(),
        };
        assert_eq!(found, check, "{name}");
    }
    let vector = vector("2025-11-10-fastcrypto-prod.bin");
    let document = Document::parse(&vector.bytes).unwrap();
    let check = |expected: Expected| document.verify_archived(&expected).unwrap_err().check();
    let right = vector.expected();
    assert_eq!(check(Expected::build([])), 20);
    assert_eq!(check(Expected::build([(0, Pcr::from([1; 48]))])), 20);
    assert_eq!(check(Expected::build([(31, Pcr::from([1; 48]))])), 20);
    assert_eq!(check(Expected::any_of([])), 20);
    assert_eq!(check(right.clone().nonce([])), 21);
    assert_eq!(check(right.clone().user_data([0])), 22);
    let signed = Claims::of(&document).timestamp.as_millis();
    let at = |time| document.verify(&right, Timestamp::from_millis(time)).unwrap_err().check();
    assert_eq!((at(signed + 300_001), at(signed - 60_001), at(u64::MAX)), (18, 18, 17));
}

#[test]
fn a_failed_report_says_which_checks_passed_failed_and_were_not_reached() {
    let checks = check::failed(11, "why");
    let outcomes: Vec<_> = checks.iter().map(|check| check.outcome).collect();
    assert_eq!(outcomes[..10], [Outcome::Passed; 10]);
    assert_eq!(outcomes[10], Outcome::Failed);
    assert_eq!(outcomes[11..], [Outcome::NotReached; 11]);
    let line = "11  failed       the chain starts at the pinned root: why";
    assert_eq!(checks[10].to_string(), line);
}

/// A header is looked at before the rest of its array is read, a field before the fields after it,
/// an extension before the certificates below.
#[test]
fn a_check_that_was_in_the_middle_has_not_passed() {
    let passed = |failed| {
        let passed = check::failed(failed, "").into_iter();
        let passed = passed.filter(|check| check.outcome == Outcome::Passed);
        passed.map(|check| check.number).collect::<Vec<_>>()
    };
    assert_eq!(passed(1), [0_u8; 0]);
    assert_eq!(passed(2), [1]);
    assert_eq!(passed(3), [1], "2 reads on behind the protected header");
    assert_eq!(passed(4), [1, 3]);
    assert_eq!(passed(5), [1, 2, 3, 4], "the length of the signature is looked at last");
    for failed in [6, 7, 8] {
        assert_eq!(passed(failed), [1, 2, 3, 4, 5], "{failed}");
    }
    assert_eq!(passed(9), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(passed(10), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(passed(20), (1..20).collect::<Vec<_>>());
    let receipt = |failed| {
        let passed = check::receipt(Some((failed, String::new()))).into_iter();
        passed.filter(|check| check.outcome == Outcome::Passed).count()
    };
    assert_eq!((receipt(23), receipt(25), receipt(30)), (0, 2, 7));
}

#[test]
fn an_unprotected_header_has_one_form() {
    let real = vector("2025-11-10-fastcrypto-prod.bin").bytes;
    for other in [&[0xf6][..], &[0x80], &[0xb8, 0], &[0xbf, 0xff], &[0x41, 0xa0], &[0xa1, 4, 0x40]]
    {
        let bytes = [&real[..6], other, &real[7..]].concat();
        let error = ParseError::UnprotectedHeader { offset: 6 };
        assert_eq!(Document::parse(&bytes).unwrap_err(), error, "{other:x?}");
    }
    let truncated = CborError { offset: 6, flaw: Flaw::Truncated };
    let error = Document::parse(&real[..6]).unwrap_err();
    assert_eq!(error, ParseError::Envelope { error: truncated });
}

#[test]
fn a_zero_pcr0_pins_no_image() {
    let vector = vector("2024-11-14-fastcrypto-debug.bin");
    let document = Document::parse(&vector.bytes).unwrap();
    let zero = Expected::build([(0, Pcr::DEBUG)]).allow_debug();
    let warnings = document.verify_archived(&zero).unwrap().warnings().to_vec();
    assert_eq!(warnings, [Warning::Debug, Warning::ImageNotPinned]);
}

#[test]
fn says_in_words_how_each_check_went() {
    let vector = vector("2022-11-09-veracruz-prod.bin");
    let document = Document::parse(&vector.bytes).unwrap();
    let claims = Claims::of(&document);
    let all = vector.expected().nonce(claims.nonce.unwrap()).user_data(claims.user_data.unwrap());
    let said = |expected: &Expected, number: usize| {
        let believed = document.verify(expected, claims.timestamp).unwrap();
        let check = believed.checks()[number - 1].clone();
        (check.outcome, check.words)
    };
    let passed = |words: &str| (Outcome::Passed, words.to_owned());
    let not_asked = |words: &str| (Outcome::NotAsked, words.to_owned());
    assert_eq!(said(&all, 11), passed("AWS Nitro Enclaves Root-G1"));
    assert_eq!(said(&all, 14), passed("signed at 2022-11-09T22:52:00.696Z"));
    assert_eq!(said(&all, 17), passed("now is 2022-11-09T22:52:00.696Z"));
    assert_eq!(said(&all, 18), passed("at most 300s is accepted"));
    for number in [1, 10, 19, 20, 21, 22] {
        assert_eq!(said(&all, number), passed(""), "{number}");
    }
    let pcrs = claims.pcrs.clone();
    let two = Expected::any_of([pcrs.clone(), pcrs]).allow_debug();
    assert_eq!(said(&two, 20), passed("one of 2 acceptable builds"));
    assert_eq!(document.verify_archived(&two).unwrap().build(), 0);
    let other = BTreeMap::from([(0, Pcr::from([1; 48]))]);
    let second = Expected::any_of([other, claims.pcrs.clone()]);
    assert_eq!(document.verify_archived(&second).unwrap().build(), 1);
    assert_eq!(said(&two, 19), not_asked("debug mode was allowed"), "though it does not run in it");
    assert_eq!(said(&two, 21), not_asked("no nonce was expected"));
    assert_eq!(said(&two, 22), not_asked("no user data were expected"));
    let archived = document.verify_archived(&all).unwrap();
    assert_eq!(archived.checks()[16].outcome, Outcome::NotAsked);
    let debug = support::vector("2024-11-14-fastcrypto-debug.bin");
    let document = Document::parse(&debug.bytes).unwrap();
    let believed = document.verify_archived(&debug.expected()).unwrap();
    assert_eq!(believed.checks()[18].outcome, Outcome::NotAsked);
}

#[test]
fn errors_are_words_for_people() {
    let said = |name| Document::parse(&vector(name).bytes).unwrap_err().to_string();
    assert_eq!(said("dup-user_data.bin"), "field user_data occurs twice");
    assert_eq!(said("missing-pcrs.bin"), "field pcrs is missing");
    let expected = "malformed nonce: found another item than a byte string at byte 4453";
    assert_eq!(said("flip-nonce-null-to-undef.bin"), expected);
    assert_eq!(said("pcr-len-47.bin"), "pcr 0 has 47 bytes, 48 are expected");
    assert_eq!(said("pcr-index-2pow32.bin"), "there is no pcr 4294967296, only those below 32");
    assert_eq!(said("user_data-len-1025.bin"), "user_data has length 1025, 0 to 1024 is expected");
    assert_eq!(said("certificate-empty.bin"), "certificate has length 0, 1 to 1024 is expected");
    assert_eq!(said("cabundle-empty.bin"), "cabundle has length 0, 1 to 8 is expected");
    let expected = "certificate 1 has 1025 bytes, 1 to 1024 are expected";
    assert_eq!(said("cabundle-entry-1025.bin"), expected);
    let pcr = Pcr::from([0xab; 48]);
    assert_eq!((pcr.as_bytes(), format!("{pcr:?}")), (&[0xab; 48], "ab".repeat(48)));
    assert_eq!(attestation_verifier::Field::Nonce.key(), "nonce");
}

#[test]
fn a_document_may_have_16384_bytes_and_no_more() {
    let check = |length| Document::parse(&vec![0x84; length]).unwrap_err().check();
    assert_eq!((check(Document::MAX_LEN), check(Document::MAX_LEN + 1)), (2, 1));
}

#[test]
fn warns_of_an_untrusted_root_and_of_a_pcr4_that_is_not_the_instance_id() {
    let vector = vector("ok-definite.bin");
    let document = Document::parse(&vector.bytes).unwrap();
    let believed = document.verify_archived(&vector.expected()).unwrap();
    assert_eq!(believed.warnings(), [Warning::UntrustedRoot, Warning::InstanceIdMismatch]);
    assert!(believed.root().to_string().starts_with("UNTRUSTED root 4a8e5c34"));
    assert_eq!(format!("{:?}", Root::AWS), "Root(AWS Nitro Enclaves Root-G1)");
}
