//! The entries of a budget, and what they add up to.

use super::*;

fn sum<'e>(entries: impl Iterator<Item = &'e EntryLine>) -> Loss {
    let (mut taken, mut back) = (Loss::zero(), Loss::zero());
    for entry in entries {
        let sum = if entry.kind.is_return() { &mut back } else { &mut taken };
        *sum = sum.plus(&entry.loss);
    }
    taken.minus(&back)
}

#[test]
fn entries_add_up_to_what_the_ledger_says_was_used_in_the_period_and_for_life() {
    let mut retailer = Retailer::new();
    let first = retailer.room.instance(1);
    let slices = retailer.grant(&first, &["sales"], &loss(1.0), job(1), NOON).unwrap();
    retailer.credit(&first, vec![account(&slices[0], loss(0.25))]).unwrap();
    let tomorrow = Time(NOON.0 + DAY);
    let second = retailer.room.instance(2);
    retailer.grant(&second, &["sales"], &loss(0.75), job(2), tomorrow).unwrap();
    for now in [NOON, tomorrow] {
        let contract = &retailer.room.contract;
        let report = retailer.ledger.report(contract, "retailer", now).unwrap();
        let mut met = 0;
        for line in &report.budgets {
            let entries = retailer.ledger.entries(contract, line).unwrap();
            met += entries.len();
            assert_eq!(sum(entries.iter().filter(|entry| entry.in_period)), line.used);
            assert_eq!(sum(entries.iter()), line.lifetime_used);
            assert!(entries.is_sorted_by_key(|entry| entry.time));
        }
        assert!(met >= 3, "only {met} entries");
    }
    let report = retailer.ledger.report(&retailer.room.contract, "retailer", tomorrow).unwrap();
    let sales = |line: &&BudgetLine| line.dataset == "sales" && line.purpose == "measurement";
    let line = report.budgets.iter().find(sales).unwrap();
    let entries = retailer.ledger.entries(&retailer.room.contract, line).unwrap();
    let kinds: Vec<_> = entries.iter().map(|entry| &entry.kind).collect();
    assert!(
        matches!(kinds[..], [EntryKind::Job { .. }, EntryKind::Returned, EntryKind::Job { .. }]),
        "{kinds:?}"
    );
    let EntryKind::Job { name, .. } = kinds[2] else { panic!("{kinds:?}") };
    assert_eq!(*name, named(2));
}
