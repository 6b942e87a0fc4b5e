//! The ledger for reading.

use super::*;
use crate::record::LedgerRecord;

#[test]
fn a_record_has_every_entry_of_its_contract_and_of_others_only_sums() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let slices = retailer.grant(&instance, &["sales"], &loss(1.0), job(1), NOON).unwrap();
    retailer.grant(&instance, &["sales"], &loss(0.5), SliceUse::Prepaid, NOON).unwrap();
    let other = retailer.room.edited("name = \"spring\"", "name = \"autumn\"");
    let theirs = retailer.room.instance_of(&other, 2);
    let (datasets, purpose, cost) = (&["sales"][..], "measurement", &loss(0.25));
    let asked =
        Demand { contract: &other, instance: &theirs, datasets, purpose, cost, slice_use: job(2) };
    retailer.ledger.grant(&asked, NOON).unwrap();
    let record = |retailer: &Retailer| -> LedgerRecord {
        retailer.ledger.record(&retailer.room.contract, "retailer").unwrap()
    };
    let before = record(&retailer);
    let kinds: Vec<_> = before.slices.iter().map(|slice| slice.kind.as_str()).collect();
    assert_eq!(kinds, ["job", "prepaid"]);
    assert_eq!(before.slices[0].analyst.as_deref(), Some("publisher"));
    assert_eq!(before.paid_for(named(1), instance.digest(), "sales"), Some(&loss(1.0)));
    assert_eq!(before.paid_for(named(1), instance.digest(), "visits"), None);
    assert_eq!(before.paid_for(named(2), theirs.digest(), "sales"), None, "of another contract");
    assert_eq!((before.credits.len(), before.instances.len(), before.restored), (0, 1, false));
    let elsewhere = |record: &LedgerRecord| {
        let mut sums = record.elsewhere.iter();
        let sum = sums.find(|sum| sum.dataset == "sales" && sum.purpose == "measurement");
        sum.unwrap().rho.clone()
    };
    let units = loss(0.25).rho().0;
    assert_eq!(elsewhere(&before), format!("0.{units:012}"));
    assert!(before.is_consistent());

    retailer.credit(&instance, vec![account(&slices[0], loss(0.25))]).unwrap();
    let after = record(&retailer);
    assert_eq!((after.credits.len(), after.instances[0].settled), (1, true));
    assert_eq!(after.credits[0].loss, loss(1.0).plus(&loss(0.5)).minus(&loss(0.25)));
    assert_eq!(elsewhere(&after), elsewhere(&before));
    let mut cheaper = after;
    cheaper.slices[0].rho = "0.000000000001".to_owned();
    assert!(!cheaper.is_consistent());
}
