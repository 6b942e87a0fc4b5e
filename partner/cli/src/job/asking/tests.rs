use super::*;
use client::keys::{delegation_file, key_file};
use protocol::{contract::draft, delegation::KeyKind, digest::Digest};
use std::fs;

/// The sample contract of an overlap with parties of its own; `custody` is the retailer's.
fn contract(parties: [&Identity; 2], custody: Option<&str>) -> Contract {
    let sample = include_str!("../../../../../protocol/src/analysis/overlap/sample/contract.toml");
    let head = draft::Head {
        name: "audiences",
        expires: "2099-01-01T00:00:00Z",
        purposes: &["measurement"],
        bucket_salt: Digest::of("test", b""),
    };
    let [publisher, retailer] = parties;
    let datasets = sample.get(sample.find("[[dataset]]").unwrap()..).unwrap();
    let text = [
        head.to_string(),
        publisher.party_toml("publisher", None).unwrap(),
        retailer.party_toml("retailer", custody).unwrap(),
        datasets.to_owned(),
        format!("\n{}", draft::Build("v1", ["01", "02", "03"].map(|byte| byte.repeat(48)))),
    ];
    Contract::parse(text.concat().as_bytes()).unwrap()
}

#[test]
fn a_ledger_is_needed_only_where_a_job_is_paid_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let [publisher, retailer] = ["publisher", "retailer"]
        .map(|name| Identity::create(&dir.path().join(name), name, None).unwrap());
    let known = contract([&publisher, &retailer], Some("http://localhost:7501"));
    let offline = contract([&publisher, &retailer], None);
    let of_both = include_str!("../../../../../protocol/src/analysis/overlap/sample/job.toml");
    let all = "datasets = [\"customers\", \"members\", \"viewers\"]";
    let own = of_both.replacen(all, "datasets = [\"customers\", \"members\"]", 1);
    let none = BTreeMap::new();
    let pays = |who: &Identity, contract: &Contract, job: &str, addresses: &BTreeMap<_, _>| {
        pays_here(who, contract, &Wanted::Template(job.to_owned()), addresses).unwrap()
    };
    assert!(pays(&retailer, &offline, of_both, &none));
    assert!(pays(&retailer, &offline, &own, &none));
    assert!(pays(&publisher, &offline, of_both, &none));
    assert!(!pays(&publisher, &offline, &own, &none), "it charges nothing of the publisher");
    assert!(!pays(&retailer, &known, of_both, &none), "its custody pays");
    let named = BTreeMap::from([("retailer".to_owned(), "http://127.0.0.1:7501".to_owned())]);
    assert!(!pays(&retailer, &offline, of_both, &named), "its custody pays");

    // An analyst's folder: the service key and the ledger lie elsewhere.
    let ana = dir.path().join("ana");
    fs::create_dir(&ana).unwrap();
    let files =
        [key_file(KeyKind::Analyst), delegation_file(KeyKind::Analyst), "recipient.key".into()];
    for file in files {
        fs::copy(retailer.directory().join(&file), ana.join(&file)).unwrap();
    }
    let ana = Identity::load(&ana).unwrap();
    assert!(!pays(&ana, &offline, of_both, &none));
}
