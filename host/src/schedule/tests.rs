use super::*;
use protocol::{
    contract::draft,
    delegation::{Delegate, Delegation, KeyKind},
    digest::Digest,
    hpke::RecipientSecret,
    order::OrderName,
    salt::BucketSalt,
    sign::SigningKey,
};
use zeroize::Zeroizing;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
}

fn contract() -> Contract {
    let (root, recipient) =
        (key(1).public(), RecipientSecret::from_bytes(&[2; 32]).unwrap().public());
    let head = draft::Head {
        name: "alone",
        expires: "2099-01-01T00:00:00Z",
        purposes: &["measurement"],
        bucket_salt: BucketSalt::take(&mut [0x5a; BucketSalt::LEN]).digest(),
    };
    let party =
        draft::Party { name: "one", root_key: &root, recipient_key: &recipient, custody: None };
    let budget = draft::Budget {
        purpose: "measurement",
        legal_basis: "consent",
        period: "month",
        epsilon: 1.0,
        lifetime_epsilon: 1.0,
    };
    let pcr = "ab".repeat(48);
    let build = draft::Build("none", [&pcr; 3]);
    let email = "[[dataset.column]]\nname = \"email\"\nrole = \"match_key\"\nkind = \"email\"\n";
    let text = format!(
        "{head}{party}[[dataset]]\nname = \"seen\"\nowner = \"one\"\n{email}[[dataset.column]]\nname = \"arm\"\n\
         role = \"group\"\ndomain = [\"a\", \"b\"]\n{budget}[[dataset]]\nname = \"done\"\nowner = \"one\"\n{email}\
         [[dataset.column]]\nname = \"spend\"\nrole = \"measure\"\n{budget}[[analysis]]\nname = \"lift\"\n\
         kind = \"lift\"\npurpose = \"measurement\"\nassignment = \"seen\"\narm = \"arm\"\noutcome = \"done\"\n\
         measures = [\"spend\"]\nanalysts = [\"one\"]\nreceivers = [\"one\"]\n{build}"
    );
    Contract::parse(text.as_bytes()).unwrap()
}

fn analyst(seed: u8) -> Delegate {
    let own = key(seed + 100);
    let delegation = Delegation {
        kind: KeyKind::Analyst,
        name: "analyst".to_owned(),
        key: own.public(),
        from: Time(0),
        until: Time(u64::MAX),
    };
    Delegate::by(&key(seed), own, &delegation).unwrap()
}

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
    schedules.put(&signed(1, &[[100, 200], [300, 400]], 1)).unwrap();
    schedules.put(&signed(2, &[[150, 500]], 1)).unwrap();
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
    schedules.put(&signed(1, &[[100, 200]], 5)).unwrap();
    schedules.put(&signed(1, &[], 6)).unwrap();
    // Whoever has seen the first one shows it again.
    schedules.put(&signed(1, &[[100, 200]], 5)).unwrap();
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
    let far = u64::MAX - 1;
    for number in 0..u8::try_from(MOST).unwrap() {
        schedules.put(&signed(number, &[[far, u64::MAX]], 1)).unwrap();
    }
    assert!(matches!(schedules.put(&signed(200, &[[far, u64::MAX]], 1)), Err(Declined::Full)));
}
