//! What people write or read as text: contracts, jobs, results.

use super::room;
use protocol::{
    contract::{Contract, TAG},
    digest::Digest,
    job::question_from_toml,
    policy,
    result::JobResult,
    sealed,
};
use std::sync::LazyLock;

static CONTRACT: LazyLock<Contract> = LazyLock::new(room::contract);

/// A contract that holds together has a layout for each dataset, and the digest of its bytes.
pub(super) fn contract(bytes: &[u8]) {
    if let Err(error) = Contract::open(bytes) {
        let _words = error.to_string();
    }
    match Contract::parse(bytes) {
        Ok(contract) => {
            assert_eq!(contract.digest, Digest::of(TAG, bytes));
            for (name, dataset) in &contract.datasets {
                let used = contract.used_columns(name).len();
                assert!(used <= sealed::layout(dataset).len());
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
}

/// A job that is a question of the vectors' contract has a price, or is refused in words.
pub(super) fn job(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match question_from_toml(text, &CONTRACT) {
        Ok((analysis, question)) => {
            if let Err(refusal) = policy::price(&CONTRACT, &analysis, &question) {
                let _words = refusal.to_string();
            }
        }
        Err(error) => {
            let _words = error.to_string();
        }
    }
}

/// A result that is read is written again to the same.
pub(super) fn result(bytes: &[u8]) {
    let Ok(result) = JobResult::from_json(bytes) else { return };
    let again = result.to_json().expect("what was read can be written");
    assert_eq!(JobResult::from_json(&again), Ok(result));
}
