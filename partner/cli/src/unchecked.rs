//! What a verdict does not say. It stands beside the verdict, so that nobody takes it for more.

use crate::{document, failure::Failure, say};
use client::trust::Trust;
use protocol::contract::Contract;

/// Prints what was not checked, and puts it into the document.
pub(crate) fn say(what: &[String]) -> Result<(), Failure> {
    document::fields(&serde_json::json!({"not_checked": what}))?;
    say::result("Not checked:")?;
    what.iter().try_for_each(|what| say::result(format_args!("  - {what}")))
}

/// Of a room that is believed.
pub(crate) fn of_a_room(contract: &Contract, trust: &Trust) -> Vec<String> {
    let mut list = of_an_instance(contract, trust);
    list.push(
        "what comes later: every command that sends something checks all of this again".to_owned(),
    );
    list.push("the host beside the enclave: it can stop the room, and sees who talks to it, when and how much".to_owned());
    list
}

/// Of a receipt that holds; `result` and `released` are whether they were given with it.
pub(crate) fn of_a_receipt(
    contract: &Contract,
    trust: &Trust,
    result: bool,
    released: bool,
) -> Vec<String> {
    let mut list = of_an_instance(contract, trust);
    list.push(match (result, released) {
        (false, _) => "the result: none was given".to_owned(),
        (true, false) => "whether the result's figures follow from what was released: released.cbor was not given".to_owned(),
        (true, true) => COUNTED.to_owned(),
    });
    list.extend([DATA, OTHERS].map(str::to_owned));
    list
}

/// Of a dispute whose answer was derived again.
pub(crate) fn of_a_dispute(contract: &Contract, trust: &Trust, own: bool) -> Vec<String> {
    let mut list = of_an_instance(contract, trust);
    if !own {
        list.insert(0, WHOSE_CONTRACT.to_owned());
    }
    list.extend([COUNTED, DATA, OTHERS].map(str::to_owned));
    list
}

/// Of two answers to one question that were compared.
pub(crate) fn of_a_comparison(contract: &Contract, trust: &Trust) -> Vec<String> {
    let mut list = of_an_instance(contract, trust);
    list.push(
        "what both answers have in common: a build that makes the same mistake twice agrees with itself".to_owned(),
    );
    list.push(
        "differences smaller than the noise: a figure that is off by less looks like any other"
            .to_owned(),
    );
    list.extend([DATA, OTHERS].map(str::to_owned));
    list
}

/// Of the exports of a room.
pub(crate) fn of_exports(contract: &Contract, trust: &Trust, own: bool) -> Vec<String> {
    let mut list = of_an_instance(contract, trust);
    if !own {
        list.insert(0, WHOSE_CONTRACT.to_owned());
    }
    list.extend([COUNTED, DATA].map(str::to_owned));
    list.push("a ledger's completeness beyond its owner's signature: an owner that keeps a second ledger shows neither here".to_owned());
    list.push(
        "whether copies of data, keys or answers are elsewhere: nobody can show that".to_owned(),
    );
    list
}

/// Of audit logs; `alone` is whether no other party's log was compared.
pub(crate) fn of_logs(alone: bool) -> Vec<String> {
    let mut list = vec![
        "what entries for others say: their hashes show that none is missing, and not what is in them".to_owned(),
        "whether each decision was right: of an answer `glovebox receipt check` says so".to_owned(),
        "what an instance did after the last head that anybody here has seen".to_owned(),
    ];
    if alone {
        list.push(
            "whether the instance showed others another log: compare with theirs (--with), or with their receipts".to_owned(),
        );
    }
    list
}

/// What is not known of any instance, however well it is attested.
fn of_an_instance(contract: &Contract, trust: &Trust) -> Vec<String> {
    let mut list = Vec::new();
    if trust.is_simulated() {
        list.push("anything about hardware: under this root, whoever has its key can pretend to be any enclave".to_owned());
    } else {
        list.push(
            "AWS: its root is believed, and no certificate was looked up in a revocation list (attestation-verifier --crl)".to_owned(),
        );
    }
    list.push(
        "what the build does: its registers are those that the contract names; that the published sources make these \
         is known to whoever built them again (eif-build/README.md)"
            .to_owned(),
    );
    list.push(match (contract.regions.is_empty(), trust.is_simulated()) {
        (true, _) => "where it runs: the contract permits every region".to_owned(),
        (false, true) => "where it runs: only AWS's certificates say so".to_owned(),
        (false, false) => {
            "where it runs, beyond the region that AWS's certificates name".to_owned()
        }
    });
    list
}

const COUNTED: &str = "whether the released figures were counted from the rows: nothing is run again; that is what the build is believed for";
const DATA: &str = "whether the data are true: what a manifest says is its owner's word";
const OTHERS: &str = "what else was asked of the same people: that is in the owners' ledgers and in the audit log (`glovebox audit check`)";
const WHOSE_CONTRACT: &str = "whose contract it is: the one in the file, which whoever wrote it chose, as long as you name no copy of your own (--contract)";

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(regions: &[&str]) -> Contract {
        let sample = include_str!("../../../protocol/src/analysis/lift/sample/contract.toml");
        let mut contract = rehearsal::with_throw_away_keys(sample).unwrap().unwrap();
        contract.regions = regions.iter().map(|name| name.parse().unwrap()).collect();
        contract
    }

    /// A list that says the same whatever was given would be false for some.
    #[test]
    fn the_list_follows_what_was_given_and_what_the_contract_says() {
        let (any, some, aws) = (contract(&[]), contract(&["eu-west-1"]), Trust::aws());
        let has = |list: &[String], words: &str| list.iter().any(|line| line.contains(words));
        let bare = of_a_receipt(&any, &aws, false, false);
        assert!(has(&bare, "the result: none was given") && !has(&bare, "counted from the rows"));
        let half = of_a_receipt(&any, &aws, true, false);
        assert!(has(&half, "released.cbor was not given") && !has(&half, "the result: none"));
        let whole = of_a_receipt(&some, &aws, true, true);
        assert!(has(&whole, "counted from the rows") && !has(&whole, "was not given"));
        assert!(has(&bare, "permits every region") && !has(&whole, "permits every region"));
        assert!(has(&whole, "beyond the region that AWS's certificates name"));
        assert!(has(&bare, "revocation list") && !has(&bare, "anything about hardware"));

        assert!(has(&of_a_dispute(&any, &aws, false), "whose contract it is"));
        assert!(!has(&of_a_dispute(&any, &aws, true), "whose contract it is"));
        assert!(has(&of_exports(&any, &aws, false), "whose contract it is"));
        assert!(has(&of_logs(true), "--with") && !has(&of_logs(false), "--with"));
    }

    #[test]
    fn no_list_is_longer_than_people_read() {
        let (contract, trust) = (contract(&[]), Trust::aws());
        for list in [
            of_a_room(&contract, &trust),
            of_a_receipt(&contract, &trust, true, true),
            of_a_dispute(&contract, &trust, false),
            of_exports(&contract, &trust, false),
            of_logs(true),
        ] {
            assert!((3..=8).contains(&list.len()), "{list:?}");
            assert!(list.iter().all(|line| !line.contains('\n') && line.len() < 200), "{list:?}");
        }
    }
}
