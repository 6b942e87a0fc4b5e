//! Where an enclave runs, by the names of the authorities of its chain.
#![cfg(test)]

#[path = "support/simulated.rs"]
mod simulated;
mod support;

use attestation_verifier::{
    Believed, Document, Region, VerifyError,
    check::{self, Outcome},
};
use rcgen::DnType;
use simulated::Enclave;
use support::{Vector, vector, vectors};

fn regions(names: &[&str]) -> Vec<Region> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn verify(vector: &Vector, permitted: &[&str]) -> Result<Believed, VerifyError> {
    let expected = vector.expected().regions(regions(permitted));
    Document::parse(&vector.bytes).unwrap().verify_archived(&expected)
}

/// A chain of root, one authority of this name, and leaf.
fn named(name: &str) -> Enclave {
    Enclave::with(|position, params| {
        if position == 1 {
            params.distinguished_name.push(DnType::CommonName, name);
        }
    })
}

fn verify_made(enclave: &Enclave, permitted: &[&str]) -> Result<Believed, VerifyError> {
    let bytes = enclave.document(b"", b"");
    let expected = enclave.expected().regions(regions(permitted));
    Document::parse(&bytes).unwrap().verify_archived(&expected)
}

#[test]
fn every_real_document_names_the_region_that_stands_in_all_of_its_authorities() {
    let real: Vec<_> = vectors().into_iter().filter(Vector::is_real).collect();
    assert!(real.len() >= 21);
    let mut found = Vec::new();
    for vector in real.iter().filter(|vector| vector.accepted) {
        let region = verify(vector, &[]).unwrap().region();
        found.push(region.unwrap_or_else(|| panic!("{} names none", vector.name)).to_string());
    }
    found.sort();
    found.dedup();
    assert_eq!(found, ["ap-south-1", "ap-southeast-1", "eu-west-1", "us-east-1", "us-east-2"]);
}

#[test]
fn a_real_document_is_accepted_in_its_own_region_and_in_no_other() {
    let vector = vector("2022-11-09-veracruz-prod.bin");
    let believed = verify(&vector, &["eu-central-1", "eu-west-1"]).unwrap();
    let last = believed.checks().last().unwrap();
    assert_eq!((last.number, last.outcome), (36, Outcome::Passed));
    assert_eq!(last.words, "found eu-west-1, permitted eu-central-1, eu-west-1");
    assert_eq!(verify(&vector, &[]).unwrap().checks().len(), 22, "nobody asked");

    let found = "eu-west-1".parse().unwrap();
    for elsewhere in [&["eu-central-1"][..], &["eu-west-2", "us-east-1"], &["eu-west-11"]] {
        let error = verify(&vector, elsewhere).unwrap_err();
        assert_eq!(error, VerifyError::Region { found });
        assert_eq!(error.check(), 36);
    }
    let checks = check::failed(36, "why");
    assert!(checks[..22].iter().all(|check| check.outcome == Outcome::Passed));
    assert_eq!(
        checks.last().unwrap().to_string(),
        format!("36  failed       {}: why", check::REGION_TITLE)
    );
}

/// Whoever has that root's key could name any region; what its certificates name is compared all the same.
#[test]
fn under_another_root_a_region_is_compared_if_one_is_named_and_else_not_asked() {
    let nowhere = verify_made(&Enclave::new(), &["eu-central-1"]).unwrap();
    assert_eq!(nowhere.region(), None);
    let last = nowhere.checks().last().unwrap();
    assert_eq!((last.number, last.outcome), (36, Outcome::NotAsked));
    let words = "no region is named under this root, which is not AWS's; permitted eu-central-1";
    assert_eq!(last.words, words);

    let there = named("x.eu-west-1.aws.nitro-enclaves");
    let found = "eu-west-1".parse().unwrap();
    assert_eq!(verify_made(&there, &["eu-central-1"]), Err(VerifyError::Region { found }));
    assert_eq!(verify_made(&there, &["eu-west-1"]).unwrap().region(), Some(found));
    assert_eq!(verify_made(&named("x.eu-west-1.aws"), &["eu-west-1"]).unwrap().region(), None);
}
