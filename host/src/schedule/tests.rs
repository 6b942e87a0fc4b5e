use super::*;
use protocol::{
    delegation::{Delegate, KeyKind},
    digest::Digest,
    order::OrderName,
};

#[path = "../../tests/host/alone.rs"]
mod alone;

fn contract() -> Contract {
    Contract::parse(alone::contract("2099-01-01T00:00:00Z").as_bytes()).unwrap()
}

fn analyst(root: u8) -> Delegate {
    alone::delegate(root, KeyKind::Analyst)
}

/// An instant to come: only orders with runs to come are taken.
const FAR: u64 = u64::MAX - 1;

fn order(number: u8) -> OrderName {
    Digest::of("test", &[number]).to_string().parse().unwrap()
}

fn signed(number: u8, runs: &[[u64; 2]], time: u64) -> Vec<u8> {
    let runs = runs.iter().map(|run| run.map(Time)).collect();
    let schedule =
        Signed { contract: contract().digest, order: order(number), runs, time: Time(time) };
    analyst(1).sign(&schedule)
}

fn run(order_number: u8, number: u32) -> RunName {
    RunName { order: order(order_number), number }
}

#[test]
fn a_run_is_due_from_its_instant_until_it_was_answered_or_missed() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Schedules::open(dir.path(), contract()).unwrap();
    let schedules = open();
    schedules.put(&signed(1, &[[100, 200], [300, 400], [FAR - 1, FAR]], 1)).unwrap();
    schedules.put(&signed(2, &[[150, 500], [FAR - 1, FAR]], 1)).unwrap();
    assert_eq!(schedules.due(Time(99)), None);
    assert_eq!(schedules.due(Time(100)), Some(run(1, 1)));
    // It is the same after a crash at any point.
    drop(schedules);
    let schedules = open();
    assert_eq!(schedules.due(Time(160)), Some(run(1, 1)), "the earliest first");
    schedules.end(run(1, 1), "answered");
    assert_eq!(schedules.due(Time(160)), Some(run(2, 1)));
    drop(schedules);
    let schedules = open();
    assert_eq!(schedules.due(Time(160)), Some(run(2, 1)), "what was answered is not run again");
    schedules.answered(OfRun { order: order(2).digest(), number: 1 });
    assert_eq!(schedules.due(Time(299)), None);
    assert_eq!(schedules.due(Time(400)), None, "missed");
    // A clock that is set back does not bring a missed run back.
    assert_eq!(open().due(Time(350)), None);
}

#[test]
fn of_two_schedules_of_an_order_the_later_one_holds() {
    let dir = tempfile::tempdir().unwrap();
    let schedules = Schedules::open(dir.path(), contract()).unwrap();
    schedules.put(&signed(1, &[[100, FAR]], 5)).unwrap();
    schedules.put(&signed(1, &[], 6)).unwrap();
    // Whoever has seen the first one shows it again.
    assert!(matches!(schedules.put(&signed(1, &[[100, FAR]], 5)), Err(Declined::Older)));
    // And what claims to be later than anything to come would hold for ever.
    assert!(matches!(schedules.put(&signed(1, &[], u64::MAX)), Err(Declined::Refused(_))));
    assert_eq!(schedules.due(Time(150)), None);
    assert_eq!(Schedules::open(dir.path(), contract()).unwrap().due(Time(150)), None);
}

#[test]
fn what_no_analyst_of_the_contract_signed_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let schedules = Schedules::open(dir.path(), contract()).unwrap();
    let stranger = Signed {
        contract: contract().digest,
        order: order(1),
        runs: vec![[Time(1), Time(u64::MAX)]],
        time: Time(1),
    };
    let refused = |bytes: Vec<u8>| match schedules.put(&bytes) {
        Err(Declined::Refused(why)) => *why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(analyst(9).sign(&stranger)), Refusal::Stranger);
    let elsewhere = Signed { contract: Digest::of("other", b""), ..stranger };
    assert_eq!(refused(analyst(1).sign(&elsewhere)), Refusal::Elsewhere);
    assert_eq!(refused(vec![0; 1 << 20]), Refusal::Malformed);
    assert_eq!(schedules.due(Time(5)), None);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is kept of it");
}

#[test]
fn as_many_orders_are_kept_as_have_room_and_none_that_is_over_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let schedules = Schedules::open(dir.path(), contract()).unwrap();
    for runs in [&[][..], &[[100, 200]]] {
        assert!(matches!(schedules.put(&signed(1, runs, 1)), Err(Declined::Refused(_))));
    }
    let most = u8::try_from(MOST).unwrap();
    for number in 0..most {
        schedules.put(&signed(number, &[[1, 2], [FAR - 1, FAR]], 1)).unwrap();
    }
    assert!(matches!(schedules.put(&signed(most, &[[1, FAR]], 1)), Err(Declined::Full)));
    assert_eq!(schedules.due(Time(5)), None, "their first runs were missed");
    let files = || fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(files(), 2 * MOST);
    // An order that was cancelled makes room, and nothing of it stays.
    schedules.put(&signed(0, &[], 2)).unwrap();
    schedules.put(&signed(most, &[[1, FAR]], 1)).unwrap();
    assert_eq!(files(), 2 * MOST - 1);
    assert_eq!(schedules.due(Time(5)), Some(run(most, 1)));
}
