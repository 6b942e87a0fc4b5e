//! What closings give back of a ledger that was restored.

use super::*;
use protocol::contract::Contract;

fn is_written_off<T: std::fmt::Debug>(refused: Result<T, LedgerError>) {
    let refused = refused.unwrap_err();
    assert!(matches!(refused, LedgerError::WrittenOff { .. }), "{refused}");
}

/// Each contract is accounted for by itself, and the first of them writes off what every instance has.
#[test]
fn a_closing_of_what_another_contract_wrote_off_gives_nothing_back_and_stops_nothing() {
    let mut retailer = Retailer::new();
    let other = retailer.room.other_contract();
    let [first, second] = [1, 2].map(|number| retailer.room.instance(number));
    let theirs = retailer.room.instance_of(&other, 3);
    let ask = |ledger: &mut Ledger, contract: &Contract, instance: &Instance, number, now| {
        let (datasets, purpose, cost) = (&["sales"][..], "measurement", &loss(0.1));
        let slice_use = job(number);
        ledger.grant(&Demand { contract, instance, datasets, purpose, cost, slice_use }, now)
    };
    let slices = ask(&mut retailer.ledger, &other, &theirs, 1, NOON).unwrap();
    let mut answers = Answers::default();
    assert!(answers.add(None, PeopleAnswer::New));
    let Retailer { room, ledger } = &mut retailer;
    ledger.acknowledge(&room.contract, "retailer", &answers, NOON).unwrap();
    let closing = [room.closing(&theirs, vec![account(&slices[0], Loss::zero())])];
    let backup = retailer.backup();
    let Retailer { room, ledger } = &mut retailer;
    ask(ledger, &room.contract, &first, 2, NOON).unwrap();
    retailer.restore(&backup);
    let Retailer { room, ledger } = &mut retailer;
    ledger.accounted(&[], &room.contract, "retailer", Rest::WriteOff, NOON).unwrap();
    ledger.accounted(&closing, &other, "retailer", Rest::Nothing, NOON).unwrap();
    is_written_off(ledger.credit(&closing[0], &other, "retailer", NOON));
    // Of a backup that is accounted for first by the other contract, its closings must be open.
    let backup = retailer.backup();
    let tomorrow = Time(NOON.0 + DAY);
    let Retailer { room, ledger } = &mut retailer;
    ask(ledger, &room.contract, &second, 3, tomorrow).unwrap();
    retailer.restore(&backup);
    let ledger = &mut retailer.ledger;
    is_written_off(ledger.accounted(&closing, &other, "retailer", Rest::Nothing, tomorrow));
}

#[test]
fn a_ledger_says_which_file_it_is() {
    let mut retailer = Retailer::new();
    assert_eq!(retailer.ledger.path(), retailer.file("custody.sqlite"));
    retailer.reopen();
    assert_eq!(retailer.ledger.path(), retailer.file("custody.sqlite"));
}
