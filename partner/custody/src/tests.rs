//! What the ledger must hold, whatever happens to it.

mod door;
mod entries;
mod explained;
mod moving;
mod opt_outs;
mod orders;
mod people;
mod property;
mod record;
mod restored;
mod service;

use super::*;
use crate::fixture::Fixture;
use client::{keys::Identity, room::Instance};
use protocol::{
    delegation::Withdrawn,
    digest::Digest,
    job::JobName,
    loss::{Delta, Epsilon, Loss, Rho},
    opt_outs::NamedOptOuts,
    policy::Admitted,
    receipt::Account,
    refusal::{Refusal, WhichBudget},
    slice::Slice,
    time::Time,
};
use std::{collections::BTreeMap, sync::LazyLock};

const DAY: u64 = 86_400_000;
const NOON: Time = Time(20_000 * DAY + DAY / 2);

fn loss(epsilon: f64) -> Loss {
    Loss::zcdp(Rho::from_epsilon(Epsilon::new(epsilon).unwrap(), Delta::new(1e-6).unwrap()))
}

fn named(number: u8) -> JobName {
    JobName::from([number; 32])
}

/// No dataset has a list of opt-outs.
static NO_LISTS: BTreeMap<String, NamedOptOuts> = BTreeMap::new();

/// A job with a name of its own; what it asks does not matter to the ledger.
fn job(number: u8) -> SliceUse<'static> {
    static ADMITTED: LazyLock<Admitted> = LazyLock::new(|| fixture().admitted());
    SliceUse::Job(DerivedJob {
        name: named(number),
        analyst: "publisher",
        admitted: &ADMITTED,
        opt_outs: &NO_LISTS,
    })
}

/// The fixture, with a ledger beside the keys of each party.
fn fixture() -> Fixture {
    let room = Fixture::new();
    for party in [&room.publisher, &room.retailer] {
        Ledger::begin(party.directory(), &party.root_key()).unwrap();
    }
    room
}

struct Retailer {
    room: Fixture,
    ledger: Ledger,
}

impl Retailer {
    fn new() -> Self {
        let room = fixture();
        let ledger = Ledger::open(&room.retailer).unwrap();
        Self { room, ledger }
    }

    fn grant(
        &mut self,
        instance: &Instance,
        datasets: &[&str],
        cost: &Loss,
        slice_use: SliceUse<'_>,
        now: Time,
    ) -> Result<Vec<Slice>, LedgerError> {
        let contract = &self.room.contract;
        let purpose = "measurement";
        let asked = Demand { contract, instance, datasets, purpose, cost, slice_use };
        self.ledger.grant(&asked, now)
    }

    fn reopen(&mut self) {
        self.ledger = Ledger::open(&self.room.retailer).unwrap();
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.room.retailer.directory().join(name)
    }

    fn backup(&mut self) -> Vec<u8> {
        // All of it: nothing that a crash would leave beside it belongs to it.
        assert!(!self.file("custody.sqlite-wal").exists());
        std::fs::read(self.file("custody.sqlite")).unwrap()
    }

    fn restore(&mut self, backup: &[u8]) {
        let elsewhere = tempfile::tempdir().unwrap();
        let key = self.room.retailer.root_key();
        self.ledger = Ledger::begin(elsewhere.path(), &key).unwrap();
        std::fs::write(self.file("custody.sqlite"), backup).unwrap();
        self.reopen();
    }

    /// For life, of the people whom both datasets are about.
    fn used(&self) -> Loss {
        let report = self.ledger.report(&self.room.contract, "retailer", NOON).unwrap();
        let mut lines = report.budgets.into_iter();
        let line = lines.find(|line| line.dataset == "sales" && line.purpose == "measurement");
        line.unwrap().lifetime_used
    }

    fn credit(
        &mut self,
        instance: &Instance,
        accounts: Vec<Account>,
    ) -> Result<Credited, LedgerError> {
        let closing = self.room.closing(instance, accounts);
        self.ledger.credit(&closing, &self.room.contract, "retailer", NOON)
    }
}

fn exhausted(error: LedgerError) -> (WhichBudget, Loss) {
    match error {
        LedgerError::Refused(refusal) => match *refusal {
            Refusal::BudgetExhausted { budget, left, .. } => (budget, left),
            other => panic!("{other}"),
        },
        other => panic!("{other}"),
    }
}

fn account(slice: &Slice, spent: Loss) -> Account {
    Account {
        dataset: slice.dataset.clone(),
        purpose: slice.purpose.clone(),
        period: slice.period.clone(),
        granted: slice.granted.clone(),
        spent,
    }
}

#[test]
fn the_same_job_gets_the_same_slice_and_is_debited_once() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let first = retailer.grant(&instance, &["sales"], &loss(1.0), job(1), NOON).unwrap();
    retailer.grant(&instance, &["sales"], &loss(0.25), job(2), NOON).unwrap();
    retailer.reopen();
    let again = retailer.grant(&instance, &["sales"], &loss(1.0), job(1), NOON).unwrap();
    assert_eq!(again, first);
    let report = retailer.ledger.report(&retailer.room.contract, "retailer", NOON).unwrap();
    let sales = report.budgets.iter().find(|b| b.dataset == "sales" && b.purpose == "measurement");
    assert_eq!(sales.unwrap().used, loss(1.0).plus(&loss(0.25)));
}

/// Whoever has seen a job, in a receipt or on the wire, can show it to a custody as long as it may wait.
#[test]
fn a_job_that_was_paid_in_a_period_that_is_over_is_not_paid_again() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let month = |months: u64| Time(NOON.0 + months * 31 * DAY);
    retailer.grant(&instance, &["sales"], &loss(0.5), job(1), NOON).unwrap();
    let used = retailer.used();
    for later in [month(1), month(2)] {
        let refused = retailer.grant(&instance, &["sales"], &loss(0.5), job(1), later);
        let LedgerError::Refused(refusal) = refused.unwrap_err() else { panic!("refused") };
        let Refusal::CountersignedBefore { dataset, owner, period } = *refusal else {
            panic!("{refusal}")
        };
        assert_eq!((dataset.as_str(), owner.as_str()), ("sales", "retailer"));
        let sales = &retailer.room.contract.datasets["sales"];
        assert_eq!(period, sales.budgets["measurement"].period.of(NOON));
    }
    assert_eq!(retailer.used(), used);
    // In its own period it gets what it had.
    retailer.grant(&instance, &["sales"], &loss(0.5), job(1), NOON).unwrap();
    assert_eq!(retailer.used(), used);
    // Another job is another's.
    retailer.grant(&instance, &["sales"], &loss(0.5), job(2), month(1)).unwrap();
}

#[test]
fn a_slice_is_for_its_job_and_what_is_prepaid_for_any() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let mut ask = |epsilon, slice_use| {
        let slices = retailer.grant(&instance, &["sales"], &loss(epsilon), slice_use, NOON);
        let slice = slices.unwrap().remove(0);
        (slice.job, slice.granted)
    };
    let name = |number: u8| Some(named(number));
    assert_eq!(ask(0.5, job(1)), (name(1), loss(0.5)));
    assert_eq!(ask(0.25, SliceUse::Prepaid), (None, loss(0.25)));
    assert_eq!(ask(0.5, job(2)), (name(2), loss(0.5)));
    assert_eq!(retailer.used(), loss(0.5).plus(&loss(0.5)).plus(&loss(0.25)));
}

/// Before any owner hands out loss, all are asked whether they would.
#[test]
fn asking_whether_a_slice_would_be_granted_leaves_no_trace() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    for (epsilon, would) in [(1.5, true), (1.5, true), (2.5, false)] {
        let Retailer { room, ledger } = &mut retailer;
        let (datasets, purpose, cost) = (&["sales"], "measurement", &loss(epsilon));
        let (contract, instance, slice_use) = (&room.contract, &instance, job(1));
        let asked = Demand { contract, instance, datasets, purpose, cost, slice_use };
        assert_eq!(ledger.would_grant(&asked, NOON).is_ok(), would, "{epsilon}");
    }
    let report = retailer.ledger.report(&retailer.room.contract, "retailer", NOON).unwrap();
    assert!(report.instances.is_empty() && retailer.used().is_zero());
    assert!(report.budgets.iter().all(|line| line.jobs.is_empty()));
}

#[test]
fn refuses_past_the_day_and_then_past_life_and_says_which() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let per_day = loss(2.0);
    let mut now = NOON;
    let mut days = 0;
    let last = loop {
        match retailer.grant(&instance, &["sales"], &per_day, job(days), now) {
            Ok(_) => {}
            Err(error) => break exhausted(error),
        }
        let over = retailer.grant(&instance, &["visits"], &loss(0.001), job(days), now);
        assert_eq!(exhausted(over.unwrap_err()), (WhichBudget::Day, Loss::zero()));
        days += 1;
        now = Time(now.0 + DAY);
    };
    assert_eq!(u64::from(days), loss(5.0).times(&per_day).unwrap());
    assert_eq!(last.0, WhichBudget::Lifetime);
    assert!(!last.1.is_zero());
    retailer.grant(&instance, &["sales"], &last.1, job(100), now).unwrap();
}

#[test]
fn one_of_two_datasets_past_the_budget_leaves_both_undebited() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    // Both are of the same people: 1.5 twice is more than 2.
    let both = retailer.grant(&instance, &["sales", "visits"], &loss(1.5), job(1), NOON);
    exhausted(both.unwrap_err());
    retailer.grant(&instance, &["sales"], &loss(2.0), job(2), NOON).unwrap();
}

#[test]
fn prepaying_twice_adds_nothing() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let first = retailer.grant(&instance, &["sales"], &loss(1.0), SliceUse::Prepaid, NOON).unwrap();
    let second =
        retailer.grant(&instance, &["sales"], &loss(1.0), SliceUse::Prepaid, NOON).unwrap();
    assert_eq!(first, second);
    let more = retailer.grant(&instance, &["sales"], &loss(1.5), SliceUse::Prepaid, NOON).unwrap();
    assert_eq!(more[0].granted, loss(1.5));
}

/// What pays for groups whose values are private while custody is not online.
#[test]
fn a_prepaid_slice_carries_delta_up_to_the_budget_and_never_more() {
    let mut retailer = Retailer::new();
    let (first, second) = (retailer.room.instance(1), retailer.room.instance(2));
    let sales = retailer.room.contract.datasets.get_mut("sales").unwrap();
    sales.budgets.get_mut("measurement").unwrap().selection_delta = 5;
    let mut ask = |instance: &Instance, epsilon, delta: Option<u64>| {
        let Retailer { room, ledger } = &mut retailer;
        let owner = Owner {
            party: "retailer",
            key: room.retailer.service().unwrap(),
            contract: &room.contract,
            withdrawn: Withdrawn::none(),
        };
        let epsilon = Epsilon::new(epsilon).unwrap();
        let delta = delta.map(|units| Delta::try_from(units).unwrap());
        let what = ("sales", "measurement");
        let signed = prepay(ledger, &owner, instance, what, epsilon, delta, NOON)?;
        let parts = protocol::delegation::Delegated::parse(&signed).unwrap();
        let slice: Slice = parts.of_anybody().unwrap();
        Ok::<_, LedgerError>(slice.granted)
    };
    assert_eq!(ask(&first, 0.5, None).unwrap(), loss(0.5));
    // In total, each for itself: asking again adds nothing, and less takes nothing back.
    for (epsilon, delta) in [(0.5, Some(4)), (0.5, Some(4)), (0.25, None)] {
        assert_eq!(ask(&first, epsilon, delta).unwrap(), loss(0.5).with_delta(4));
    }
    // Another instance gets the rest of it, and no more.
    let over = exhausted(ask(&second, 0.5, Some(2)).unwrap_err());
    assert_eq!((over.0, over.1.delta()), (WhichBudget::Day, 1));
    assert_eq!(ask(&second, 0.5, Some(1)).unwrap(), loss(0.5).with_delta(1));
}

#[test]
fn a_closing_gives_back_the_rest_once() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let slices = retailer.grant(&instance, &["sales"], &loss(2.0), job(1), NOON).unwrap();
    let spent = loss(0.5);
    for before in [false, true] {
        let credited =
            retailer.credit(&instance, vec![account(&slices[0], spent.clone())]).unwrap();
        assert_eq!(credited.before, before);
        assert_eq!(credited.credits[0].credited, loss(2.0).minus(&spent));
        retailer.reopen();
    }
    let other = retailer.credit(&instance, vec![account(&slices[0], Loss::zero())]).unwrap_err();
    assert!(matches!(other, LedgerError::OtherClosing { .. }), "{other}");
    let next = retailer.room.instance(2);
    let left = loss(2.0).minus(&spent);
    retailer.grant(&next, &["sales"], &left, job(2), NOON).unwrap();
    let more = retailer.grant(&next, &["sales"], &loss(0.001), job(3), NOON).unwrap_err();
    assert_eq!(exhausted(more), (WhichBudget::Day, Loss::zero()));
}

#[test]
fn a_closed_instance_gets_nothing_more() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    retailer.grant(&instance, &["sales"], &loss(0.5), job(1), NOON).unwrap();
    retailer.credit(&instance, Vec::new()).unwrap();
    for what in [job(1), job(2), SliceUse::Prepaid] {
        let closed = retailer.grant(&instance, &["sales"], &loss(0.5), what, NOON).unwrap_err();
        assert!(matches!(closed, LedgerError::Refused(r) if *r == Refusal::Closed));
    }
}

#[test]
fn a_closing_that_claims_to_have_spent_too_much_gives_back_nothing() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let slices = retailer.grant(&instance, &["sales"], &loss(1.0), job(1), NOON).unwrap();
    let credited = retailer.credit(&instance, vec![account(&slices[0], loss(4.0))]).unwrap();
    assert!(credited.credits[0].credited.is_zero());
}

#[test]
fn an_unknown_instance_is_credited_nothing() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let unknown = retailer.credit(&instance, Vec::new()).unwrap_err();
    assert!(matches!(unknown, LedgerError::UnknownInstance { .. }), "{unknown}");
}

#[test]
fn a_restored_backup_grants_nothing_until_it_is_accounted_for() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    retailer.grant(&instance, &["sales"], &loss(0.5), job(1), NOON).unwrap();
    let backup = retailer.backup();
    let second = retailer.grant(&instance, &["sales"], &loss(1.0), job(2), NOON).unwrap();
    retailer.restore(&backup);
    for what in [job(1), job(2), job(3)] {
        let stale = retailer.grant(&instance, &["sales"], &loss(0.25), what, NOON).unwrap_err();
        assert!(matches!(stale, LedgerError::Restored { found: 1, expected: 2 }), "{stale}");
    }
    let all = Account { granted: loss(0.5).plus(&loss(1.0)), ..account(&second[0], loss(0.9)) };
    let closing = retailer.room.closing(&instance, vec![all]);
    let Retailer { room, ledger } = &mut retailer;
    ledger.accounted(&[closing], &room.contract, "retailer", Rest::Nothing, NOON).unwrap();
    let report = ledger.report(&room.contract, "retailer", NOON).unwrap();
    assert!(!report.restored);
    let used = &report.budgets.iter().find(|b| b.dataset == "sales").unwrap().used;
    assert_eq!(*used, loss(0.9));
}

/// Said by mistake, it would take a budget that nobody lost.
#[test]
fn a_ledger_that_was_not_restored_has_nothing_to_account_for() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    retailer.grant(&instance, &["sales"], &loss(0.5), job(1), NOON).unwrap();
    let backup = retailer.backup();
    for restored in [false, true] {
        let Retailer { room, ledger } = &mut retailer;
        let contract = &room.contract;
        for rest in [Rest::WriteOff, Rest::Nothing] {
            let refused = ledger.accounted(&[], contract, "retailer", rest, NOON).unwrap_err();
            assert!(matches!(refused, LedgerError::NotRestored { .. }), "{refused}");
        }
        ledger.would_write_off(&[], contract, "retailer", NOON).unwrap_err();
        assert_eq!(retailer.used(), if restored { loss(2.0) } else { loss(0.5) });
        if restored {
            break;
        }
        retailer.grant(&instance, &["sales"], &loss(0.25), job(2), NOON).unwrap();
        retailer.restore(&backup);
        let Retailer { room, ledger } = &mut retailer;
        // Only told, then done.
        let lost = ledger.would_write_off(&[], &room.contract, "retailer", NOON).unwrap();
        let sales = lost.iter().find(|it| it.dataset == "sales" && it.purpose == "measurement");
        assert_eq!(sales.unwrap().loss, loss(2.0).minus(&loss(0.5)));
        assert!(ledger.is_restored().unwrap());
        let done = ledger.accounted(&[], &room.contract, "retailer", Rest::WriteOff, NOON);
        assert_eq!(done.unwrap(), lost);
    }
}

#[test]
fn what_was_open_in_a_backup_is_not_credited_after_a_write_off() {
    let mut retailer = Retailer::new();
    let (first, second, third) =
        (retailer.room.instance(1), retailer.room.instance(2), retailer.room.instance(3));
    let day = loss(2.0);
    let slices = retailer.grant(&first, &["sales"], &day, job(1), NOON).unwrap();
    let backup = retailer.backup();
    // Forgotten by the backup: the first gave all of it back, and the second took it.
    let unspent = vec![account(&slices[0], Loss::zero())];
    retailer.credit(&first, unspent.clone()).unwrap();
    retailer.grant(&second, &["sales"], &day, job(2), NOON).unwrap();
    retailer.restore(&backup);
    let Retailer { room, ledger } = &mut retailer;
    ledger.accounted(&[], &room.contract, "retailer", Rest::WriteOff, NOON).unwrap();
    let late = retailer.credit(&first, unspent).unwrap_err();
    assert!(matches!(late, LedgerError::WrittenOff { .. }), "{late}");
    let more = retailer.grant(&third, &["sales"], &loss(0.001), job(3), NOON).unwrap_err();
    assert_eq!(exhausted(more), (WhichBudget::Day, Loss::zero()));
    let report = retailer.ledger.report(&retailer.room.contract, "retailer", NOON).unwrap();
    assert!(report.instances.iter().all(|i| i.state == InstanceState::WrittenOff), "{report:?}");
}

#[test]
fn a_lost_counter_or_a_lost_database_stops_the_ledger() {
    for lost in ["custody.generation", "custody.sqlite"] {
        let mut retailer = Retailer::new();
        let instance = retailer.room.instance(1);
        retailer.grant(&instance, &["sales"], &loss(0.5), job(1), NOON).unwrap();
        retailer.backup();
        std::fs::remove_file(retailer.file(lost)).unwrap();
        if lost == "custody.sqlite" {
            let missing = Ledger::open(&retailer.room.retailer).unwrap_err();
            assert!(matches!(missing, LedgerError::Missing { .. }), "{missing}");
            // Said by mistake: the counter knows better.
            let keys = &retailer.room.retailer;
            Ledger::begin(keys.directory(), &keys.root_key()).unwrap();
        }
        retailer.reopen();
        let stale = retailer.grant(&instance, &["sales"], &loss(0.5), job(2), NOON).unwrap_err();
        assert!(matches!(stale, LedgerError::Restored { .. }), "{lost}: {stale}");
        let Retailer { room, ledger } = &mut retailer;
        ledger.accounted(&[], &room.contract, "retailer", Rest::WriteOff, NOON).unwrap();
        let next = retailer.room.instance(2);
        let left = retailer.grant(&next, &["sales"], &loss(0.001), job(3), NOON).unwrap_err();
        assert_eq!(exhausted(left), (WhichBudget::Day, Loss::zero()), "{lost}");
    }
}

#[test]
fn an_instance_that_was_granted_more_than_the_ledger_knows_stops_it() {
    let mut retailer = Retailer::new();
    let instance = retailer.room.instance(1);
    let mut slices = retailer.grant(&instance, &["sales"], &loss(0.5), job(1), NOON).unwrap();
    slices[0].granted = loss(1.0);
    let accounts = [account(&slices[0], Loss::zero())];
    let Retailer { room, ledger } = &mut retailer;
    let stale = ledger.witness(&instance, &room.contract, "retailer", &accounts).unwrap_err();
    assert!(matches!(stale, LedgerError::Restored { .. }), "{stale}");
    retailer.reopen();
    retailer.grant(&instance, &["sales"], &loss(0.25), job(2), NOON).unwrap_err();
}

#[test]
fn an_instance_without_a_closing_is_named_with_what_it_took() {
    let mut retailer = Retailer::new();
    let (first, second) = (retailer.room.instance(1), retailer.room.instance(2));
    retailer.grant(&first, &["sales"], &loss(0.5), job(1), NOON).unwrap();
    retailer.grant(&second, &["sales"], &loss(0.25), job(2), NOON).unwrap();
    let report = retailer.ledger.report(&retailer.room.contract, "retailer", NOON).unwrap();
    let states: Vec<_> = report.instances.iter().map(|i| (i.instance, i.state)).collect();
    let expected =
        [(first.digest(), InstanceState::NotClosed), (second.digest(), InstanceState::Open)];
    assert_eq!(states, expected);
    assert_eq!(report.instances[0].outstanding[0].granted, loss(0.5));
}

#[test]
fn two_processes_share_one_budget() {
    let mut retailer = Retailer::new();
    let keys = &retailer.room.retailer;
    let instance = retailer.room.instance(1);
    let contract = retailer.room.contract.clone();
    let mut won = 0;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4_u8)
            .map(|n| {
                let (instance, contract) = (&instance, &contract);
                scope.spawn(move || {
                    let mut ledger = Ledger::open(keys).unwrap();
                    let slice_use = job(n);
                    let (datasets, purpose, cost) = (&["sales"], "measurement", &loss(0.9));
                    let asked = Demand { contract, instance, datasets, purpose, cost, slice_use };
                    ledger.grant(&asked, NOON).is_ok()
                })
            })
            .collect();
        won = threads.into_iter().map(|t| u64::from(t.join().unwrap())).sum();
    });
    assert_eq!(won, loss(2.0).times(&loss(0.9)).unwrap());
    retailer.reopen();
    assert!(!retailer.ledger.is_restored().unwrap());
}

#[test]
fn accounting_for_one_contract_unlocks_no_other() {
    let mut retailer = Retailer::new();
    let other = retailer.room.other_contract();
    let theirs = retailer.room.instance_of(&other, 1);
    let ask = |ledger: &mut Ledger, instance: &Instance, datasets: &[&str], slice_use| {
        let (purpose, cost) = ("measurement", &loss(0.1));
        let asked = Demand { contract: &other, instance, datasets, purpose, cost, slice_use };
        ledger.grant(&asked, NOON)
    };
    let ours = retailer.room.instance(2);
    retailer.grant(&ours, &["sales"], &loss(0.5), job(1), NOON).unwrap();
    let mut answers = Answers::default();
    assert!(answers.add(None, PeopleAnswer::New));
    retailer.ledger.acknowledge(&other, "retailer", &answers, NOON).unwrap();
    let backup = retailer.backup();
    // Forgotten by the backup, which knows of no slice of such a lineage.
    let forgotten = ask(&mut retailer.ledger, &theirs, &["sales"], job(2)).unwrap();
    retailer.restore(&backup);
    for rest in [Rest::WriteOff, Rest::Nothing] {
        let Retailer { room, ledger } = &mut retailer;
        ledger.accounted(&[], &room.contract, "retailer", rest, NOON).unwrap();
        assert!(!ledger.report(&room.contract, "retailer", NOON).unwrap().restored);
        assert!(ledger.report(&other, "retailer", NOON).unwrap().restored);
        let locked = ask(ledger, &theirs, &["sales"], job(3)).unwrap_err();
        assert!(
            matches!(locked, LedgerError::Unaccounted { contract } if contract == other.digest)
        );
        let closing = room.closing(&theirs, vec![account(&forgotten[0], Loss::zero())]);
        ledger.credit(&closing, &other, "retailer", NOON).unwrap_err();
        retailer.restore(&backup);
    }
    let Retailer { room, ledger } = &mut retailer;
    let tomorrow = Time(NOON.0 + DAY);
    ledger.accounted(&[], &room.contract, "retailer", Rest::Nothing, NOON).unwrap();
    retailer.grant(&ours, &["sales"], &loss(0.1), job(4), tomorrow).unwrap();
    let Retailer { ledger, .. } = &mut retailer;
    ledger.accounted(&[], &other, "retailer", Rest::WriteOff, tomorrow).unwrap();
    // Written off for the day of the restore, though another contract's slice is newer.
    let next = retailer.room.instance_of(&other, 3);
    let none = ask(&mut retailer.ledger, &next, &["sales"], job(5)).unwrap_err();
    assert_eq!(exhausted(none), (WhichBudget::Day, Loss::zero()));
}

#[test]
fn nobody_but_its_owner_reads_a_new_ledger() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let keys = create(dir.path(), "retailer", None, None).unwrap();
    let _ledger = Ledger::open(&keys).unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        if !file.file_name().to_string_lossy().starts_with("custody.") {
            continue;
        }
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}
