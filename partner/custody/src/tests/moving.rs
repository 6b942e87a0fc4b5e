//! A ledger that moves: the old one hands out nothing more, and one place alone takes it, once.

use super::*;

/// Another folder with the keys of the retailer, and nothing of its ledger.
fn elsewhere(retailer: &Retailer) -> (tempfile::TempDir, Identity) {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(retailer.room.retailer.directory()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_file() && !name.to_string_lossy().starts_with("custody.") {
            std::fs::copy(entry.path(), folder.path().join(name)).unwrap();
        }
    }
    let identity = Identity::load(folder.path()).unwrap();
    (folder, identity)
}

fn is_moved<T: std::fmt::Debug>(done: Result<T, LedgerError>, place: Digest) {
    assert!(matches!(done, Err(LedgerError::Moved { to, .. }) if to == place), "{done:?}");
}

#[test]
fn a_moved_ledger_hands_out_nothing_where_it_was_and_goes_on_where_it_is() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let backup = retailer.backup();
    retailer.grant(&instance, &["sales"], &loss(1.0), job(1), NOON).unwrap();
    let (folder, identity) = elsewhere(&retailer);
    let file = folder.path().join("ledger.moved");
    let nowhere = take_ledger(&identity, &file).unwrap_err();
    assert!(matches!(nowhere, LedgerError::NotExpected), "{nowhere}");
    let place = expect_ledger(folder.path()).unwrap();
    assert_eq!(expect_ledger(folder.path()).unwrap(), place);
    retailer.ledger.move_to(place, &file, NOON).unwrap();

    // Whatever is asked of the old one, and whatever is put back there.
    is_moved(retailer.grant(&instance, &["sales"], &loss(0.5), job(2), NOON), place);
    is_moved(retailer.grant(&instance, &["sales"], &loss(1.0), job(1), NOON), place);
    retailer.reopen();
    is_moved(retailer.credit(&instance, Vec::new()), place);
    is_moved(retailer.ledger.move_to(Digest::of("x", b""), &folder.path().join("x"), NOON), place);
    retailer.restore(&backup);
    is_moved(retailer.grant(&instance, &["sales"], &loss(0.5), job(2), NOON), place);
    let contract = retailer.room.contract.clone();
    let accounted = retailer.ledger.accounted(&[], &contract, "retailer", Rest::Nothing, NOON);
    is_moved(accounted, place);

    // The new one knows all that was handed out, and goes on from there.
    let arrived = take_ledger(&identity, &file).unwrap();
    let mut ledger = arrived.ledger;
    assert_eq!((ledger.moved().unwrap(), ledger.is_restored().unwrap()), (None, false));
    let record = ledger.record(&contract, "retailer").unwrap();
    assert_eq!(record.slices.len(), 1);
    let [half, most, little] = [0.5, 1.9, 0.1].map(loss);
    let demand = |cost, number| Demand {
        contract: &contract,
        instance: &instance,
        datasets: &["sales"],
        purpose: "measurement",
        cost,
        slice_use: job(number),
    };
    ledger.grant(&demand(&half, 2), NOON).unwrap();
    let refused = ledger.grant(&demand(&most, 3), NOON).unwrap_err();
    assert!(matches!(refused, LedgerError::Refused(_)), "{refused}");
    // Nobody takes it a second time: not here, and not where the secret is another one.
    let again = take_ledger(&identity, &file).unwrap_err();
    assert!(matches!(again, LedgerError::NotExpected), "{again}");
    let (other, third) = elsewhere(&retailer);
    let wanted = expect_ledger(other.path()).unwrap();
    let refused = take_ledger(&third, &file).unwrap_err();
    assert!(
        matches!(refused, LedgerError::OtherPlace { found, expected } if (found, expected) == (place, wanted)),
        "{refused}"
    );
    // A file of it that lies beside keys as if it were the ledger is one that was moved.
    std::fs::copy(&file, other.path().join("custody.sqlite")).unwrap();
    let mut copied = Ledger::open(&third).unwrap();
    is_moved(copied.grant(&demand(&little, 4), NOON), place);
}

#[test]
fn what_was_not_moved_is_not_taken_and_a_ledger_comes_back_only_by_another_move() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    retailer.grant(&instance, &["sales"], &loss(1.0), job(1), NOON).unwrap();
    let home = retailer.room.retailer.directory().to_owned();
    let occupied = expect_ledger(&home).unwrap_err();
    assert!(matches!(occupied, LedgerError::Exists { .. }), "{occupied}");
    let (folder, identity) = elsewhere(&retailer);
    let place = expect_ledger(folder.path()).unwrap();
    let copied = folder.path().join("copy");
    std::fs::write(&copied, retailer.backup()).unwrap();
    let refused = take_ledger(&identity, &copied).unwrap_err();
    assert!(matches!(refused, LedgerError::NotMoved), "{refused}");
    let (there, back) = (folder.path().join("there"), folder.path().join("back"));
    retailer.ledger.move_to(place, &there, NOON).unwrap();
    // The same move again writes the same file again, if it was lost.
    std::fs::remove_file(&there).unwrap();
    retailer.ledger.move_to(place, &there, NOON).unwrap();
    let mut ledger = take_ledger(&identity, &there).unwrap().ledger;
    let origin = expect_ledger(&home).unwrap();
    ledger.move_to(origin, &back, NOON).unwrap();
    let older = take_ledger(&retailer.room.retailer, &there).unwrap_err();
    assert!(matches!(older, LedgerError::OtherPlace { .. }), "{older}");
    take_ledger(&retailer.room.retailer, &back).unwrap();
    retailer.reopen();
    retailer.grant(&instance, &["sales"], &loss(0.5), job(2), NOON).unwrap();
    drop(ledger);
    let mut moved = Ledger::open(&identity).unwrap();
    let again = moved.move_to(origin, &folder.path().join("third"), NOON);
    assert!(again.is_ok(), "writes what is of no use any more");
    let late = take_ledger(&retailer.room.retailer, &folder.path().join("third")).unwrap_err();
    assert!(matches!(late, LedgerError::NotExpected), "{late}");
}
