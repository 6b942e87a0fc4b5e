//! What is set aside, and for whom.

use super::*;
use crate::room;
use protocol::{
    merkle,
    sealed::Declared,
    tally::{Dimension, Population, Side, Table},
};

/// Of a file with so many bytes for each of its rows.
fn manifest(rows: u64, bytes: u64) -> Manifest {
    let declared = Declared::of(rows);
    Manifest {
        lineage: "sales".to_owned(),
        version: 1,
        root: merkle::root_of(b""),
        size: declared.shape().rows() * bytes,
        declared,
        columns: Vec::new(),
        opt_outs: None,
        aad_prefix: Vec::new(),
    }
}

fn small() -> Manifest {
    manifest(1024, 64)
}

#[test]
fn what_is_revoked_while_it_is_fetched_does_not_open() {
    let (mut vault, contract) = (Vault::new(1 << 30), room::contract());
    vault.reserve("sales", &small(), &contract).unwrap();
    vault.revoke("exposures");
    vault.revoke("sales");
    assert!(vault.release("sales"), "revoked");
    vault.reserve("sales", &small(), &contract).unwrap();
    assert!(!vault.release("sales"), "the next one is another grant");
    vault.revoke("sales");
    vault.reserve("sales", &small(), &contract).unwrap();
    assert!(!vault.release("sales"), "nothing was being fetched");
}

/// As the keys that it may rest on until then: a receipt of that very time would have a manifest of no good key.
#[test]
fn a_grant_is_over_at_its_end_and_not_after_it() {
    assert!(!is_over(Time(10), Time(9)));
    assert!(is_over(Time(10), Time(10)) && is_over(Time(10), Time(11)));
}

#[test]
fn fetches_one_file_at_a_time_for_each_dataset() {
    let (mut vault, contract) = (Vault::new(1 << 30), room::contract());
    vault.reserve("sales", &small(), &contract).unwrap();
    let second = vault.reserve("sales", &small(), &contract);
    assert_eq!(second, Err(Refusal::Opening { dataset: "sales".to_owned() }));
    vault.reserve("exposures", &small(), &contract).unwrap();
    vault.release("sales");
    vault.reserve("sales", &small(), &contract).unwrap();
}

/// Of 8 GiB each of two owners has half.
#[test]
fn no_dataset_takes_more_than_its_share_of_the_memory() {
    let (mut vault, contract) = (Vault::new(8 << 30), room::contract());
    // Two tags, three amounts, a day and consent.
    let refused = vault.reserve("sales", &manifest(40 << 20, 64), &contract).unwrap_err();
    assert!(matches!(refused, Refusal::OverLimit { limit: Limit::Memory, .. }), "{refused:?}");
    vault.reserve("sales", &manifest(28 << 20, 64), &contract).unwrap();
}

/// A job whose labels nobody shares ended the instance in the middle, so that whether it ended depended on labels.
#[test]
fn no_label_decides_whether_a_job_has_memory() {
    let (vault, contract) = (Vault::new(1 << 20), room::contract());
    let label = Dimension::Label { side: Side::POPULATION, column: "shop".to_owned() };
    let table = Table { dataset: "exposures".to_owned(), rows: Vec::new() };
    let mut tally = Tally {
        population: Population::First,
        tables: vec![table],
        dimensions: vec![label],
        measures: Vec::new(),
        products: Vec::new(),
        cells_per_person: 16,
        ids_per_person: 1,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    };
    let of_rows = |tally: &Tally, rows| vault.check_cells_of(&contract, tally, rows);
    // 16 cells of some 380 bytes for each of 1,024 people do not fit into a mebibyte; those of 128 do.
    let refused = of_rows(&tally, 1024).unwrap_err();
    assert!(matches!(refused, Refusal::OverLimit { limit: Limit::Memory, .. }), "{refused:?}");
    of_rows(&tally, 128).unwrap();
    tally.dimensions.clear();
    of_rows(&tally, u64::MAX).unwrap();
}

/// A table of ten million exposures with one key was refused on 24 GiB.
#[test]
fn ten_million_rows_fit_into_a_gibibyte_and_a_half() {
    let contract = room::contract();
    let found = opening(&contract, "exposures", &manifest(10_000_000, 40)).unwrap();
    assert!(found < 3 << 29, "{found}");
}
