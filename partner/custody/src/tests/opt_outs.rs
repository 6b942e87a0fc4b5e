//! The lists of opt-outs that a ledger knows: none is followed by an older one, and no manifest alone ends them.

use super::*;

fn list(number: u64) -> NamedOptOuts {
    NamedOptOuts { number, places: 64, digest: Digest::of("test", &number.to_be_bytes()) }
}

/// Seconds of NOON, by which lists are numbered.
const NOW: u64 = NOON.0 / 1000;

#[test]
fn a_list_that_was_made_or_granted_once_is_followed_by_no_older_one_and_not_by_none() {
    let mut retailer = Retailer::new();
    let contract = retailer.room.contract.clone();
    let lineage = contract.datasets["sales"].lineage.clone();
    let note = |retailer: &mut Retailer, named: Option<&NamedOptOuts>| {
        retailer.ledger.note_opt_outs(&contract, "sales", named, NOON)
    };
    note(&mut retailer, None).unwrap();
    note(&mut retailer, Some(&list(NOW - 5))).unwrap();
    note(&mut retailer, Some(&list(NOW - 5))).unwrap();
    note(&mut retailer, Some(&list(NOW))).unwrap();
    retailer.reopen();
    for older in [None, Some(&list(NOW - 5))] {
        let refused = note(&mut retailer, older).unwrap_err();
        assert!(matches!(refused, LedgerError::OlderOptOuts { .. }), "{refused}");
    }
    assert_eq!(retailer.ledger.known_opt_outs(&lineage).unwrap(), Some(list(NOW)));
    // Nor is a job paid for that reads the dataset without it.
    let instance = retailer.room.instance(1);
    let refused = retailer.grant(&instance, &["sales"], &loss(0.1), job(1), NOON).unwrap_err();
    assert!(
        matches!(&refused, LedgerError::Refused(why) if matches!(**why, Refusal::OlderOptOuts { .. })),
        "{refused}"
    );
}

#[test]
fn a_list_that_nobody_can_have_made_yet_is_refused_and_does_not_end_later_ones() {
    let mut retailer = Retailer::new();
    let contract = retailer.room.contract.clone();
    let lineage = contract.datasets["sales"].lineage.clone();
    let day = 24 * 3600;
    for number in [u64::MAX, NOW + day + 1] {
        let named = list(number);
        let refused = retailer.ledger.note_opt_outs(&contract, "sales", Some(&named), NOON);
        let refused = refused.unwrap_err();
        assert!(matches!(refused, LedgerError::FutureOptOuts { .. }), "{refused}");
        assert_eq!(retailer.ledger.known_opt_outs(&lineage).unwrap(), None);
    }
    // The clocks of two machines differ by less than a day.
    retailer.ledger.note_opt_outs(&contract, "sales", Some(&list(NOW + day)), NOON).unwrap();
}
