//! Runs of standing orders: each is debited once for each instance that gets its slices, and no more than the order says.

use super::*;
use crate::decision::{Bringing, Owner, decide_run};
use protocol::{
    delegation::Authority,
    job::JobId,
    loss::Loss,
    manifest::{Manifest, SignedManifest},
    order::{Acceptance, Order, OrderFile, Run, RunName, Window, question_digest},
    refusal::RunFlaw,
    slice::SliceReply,
};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

const HOUR: u64 = 3_600_000;

/// The retailer with an order of the publisher: six runs, one each day at noon, six hours each.
struct Ordered {
    party: Retailer,
    file: OrderFile,
    /// The list of opt-outs that the retailer's manifest names.
    list: Option<NamedOptOuts>,
}

impl Ordered {
    fn new(attempts: u8) -> Self {
        let party = Retailer::new();
        let file = signed(&party, attempts, 7);
        Self { party, file, list: None }
    }

    fn accepted(attempts: u8) -> Self {
        let mut ordered = Self::new(attempts);
        assert!(ordered.accept().unwrap());
        ordered
    }

    fn accept(&mut self) -> Result<bool, LedgerError> {
        let root = self.party.room.retailer.root().unwrap();
        let contract = self.party.room.contract.clone();
        let order = self.file.signed().name();
        let acceptance = root.sign(&Acceptance { contract: contract.digest, order });
        self.party.ledger.accept_order(&contract, "retailer", &self.file, &acceptance, NOON)
    }

    /// The manifests of both datasets, `sales` with the list.
    fn manifests(&self) -> [SignedManifest; 2] {
        let room = &self.party.room;
        let sales = room.manifest("sales");
        let with = Manifest { opt_outs: self.list, ..sales.manifest().clone() };
        let bytes = room.retailer.sign(&with).unwrap();
        let known = Authority::at_any_time(&room.contract);
        let sales = SignedManifest::open(bytes, &known, "retailer").unwrap();
        [room.manifest("exposures"), sales]
    }

    fn run(&self, number: u32, instance: &Instance) -> Run {
        let question = self.file.question(number).or(self.file.question(1)).unwrap();
        let manifests = self.manifests();
        let named = ["exposures", "sales"].into_iter().zip(&manifests);
        Run {
            order: self.file.signed().as_bytes().to_vec(),
            number,
            question: question.clone(),
            instance: instance.digest(),
            datasets: named.map(|(name, m)| (name.to_owned(), m.digest())).collect(),
        }
    }

    fn asks(
        &mut self,
        run: &Run,
        instance: &Instance,
        only: bool,
        now: Time,
    ) -> Result<usize, Refusal> {
        let newest = BTreeMap::from([("sales".to_owned(), self.manifests()[1].digest())]);
        self.asks_with(run, instance, &newest, only, now)
    }

    fn asks_with(
        &mut self,
        run: &Run,
        instance: &Instance,
        newest: &BTreeMap<String, Digest>,
        only: bool,
        now: Time,
    ) -> Result<usize, Refusal> {
        let manifests = self.manifests();
        let (room, ledger) = (&self.party.room, &mut self.party.ledger);
        let manifests: Vec<_> =
            manifests.iter().map(|m| ByteBuf::from(m.as_bytes().to_vec())).collect();
        let withdrawn = Withdrawn::default();
        let owner = Owner {
            party: "retailer",
            key: room.retailer.service().unwrap(),
            withdrawn: &withdrawn,
            contract: &room.contract,
        };
        let bytes = run.to_bytes();
        let bringing = Bringing { bytes: &bytes, manifests: &manifests, newest };
        match decide_run(ledger, &owner, instance, &bringing, only, now).unwrap() {
            SliceReply::Granted { slices } => Ok(slices.len()),
            SliceReply::WouldGrant {} => Ok(0),
            SliceReply::Refused(refusal) => Err(refusal),
            _ => unreachable!(),
        }
    }

    /// Asks for the slices of run `number` in an instance, in its time.
    fn cut(&mut self, number: u32, instance: u8) -> Result<usize, RunFlaw> {
        let instance = self.party.room.instance(instance);
        let (run, now) = (self.run(number, &instance), at(number));
        self.asks(&run, &instance, false, now).map_err(flaw)
    }

    fn price(&self) -> Loss {
        self.file.order().price.clone()
    }

    fn used(&self) -> Loss {
        self.party.used()
    }

    fn close(&mut self, instance: u8, number: u32, spent: &Loss) {
        let instance = self.party.room.instance(instance);
        let granted = self.price();
        let period = self.party.room.contract.datasets["sales"].budgets["measurement"].period;
        let account = Account {
            dataset: "sales".to_owned(),
            purpose: "measurement".to_owned(),
            period: period.of(at(number)),
            granted,
            spent: spent.clone(),
        };
        let closing = self.party.room.closing(&instance, vec![account]);
        let contract = self.party.room.contract.clone();
        self.party.ledger.credit(&closing, &contract, "retailer", at(number)).unwrap();
    }
}

fn at(number: u32) -> Time {
    Time(NOON.0 + u64::from(number - 1) * DAY)
}

fn signed(party: &Retailer, attempts: u8, id: u8) -> OrderFile {
    let room = &party.room;
    let job = room.job(&room.instance(1), 1, 0.25, NOON);
    let question = question_digest(&job.question);
    let price = protocol::policy::price(&room.contract, &job.analysis, &job.question).unwrap();
    let window = |number| {
        let at = at(number);
        Window { at, until: Time(at.0 + 6 * HOUR), question }
    };
    let order = Order {
        contract: room.contract.digest,
        id: JobId([id; 16]),
        name: "daily".to_owned(),
        analysis: job.analysis.clone(),
        purpose: "measurement".to_owned(),
        receivers: job.receivers.clone(),
        attempts,
        price: price.proof().cost.clone(),
        runs: (1..=6).map(window).collect(),
        decision: None,
    };
    let authority = Authority::at(&room.contract, NOON);
    let key = room.publisher.analyst().unwrap();
    OrderFile::sign(&authority, key, &order, &[job.question]).unwrap()
}

fn flaw(refusal: Refusal) -> RunFlaw {
    match refusal {
        Refusal::Run { why, .. } => why,
        other => panic!("{other}"),
    }
}

#[test]
fn a_run_is_debited_once_for_an_instance_however_often_it_is_asked_for() {
    let mut ordered = Ordered::accepted(2);
    for _ in 0..3 {
        assert_eq!(ordered.cut(1, 1), Ok(1));
        assert_eq!(ordered.used(), ordered.price());
        ordered.party.reopen();
    }
    let attempts = ordered.party.ledger.attempts(ordered.file.signed().name()).unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(
        (attempts[0].number, attempts[0].instance),
        (1, ordered.party.room.instance(1).digest())
    );
}

#[test]
fn forks_get_as_many_slices_as_the_order_says_and_each_is_debited() {
    for attempts in 1..=3 {
        let mut ordered = Ordered::accepted(attempts);
        for instance in 1..=attempts {
            assert_eq!(ordered.cut(1, instance), Ok(1), "{attempts}");
        }
        for fork in 10..15 {
            assert_eq!(ordered.cut(1, fork), Err(RunFlaw::Attempts { most: attempts }));
        }
        let all = (0..attempts).fold(Loss::zero(), |sum, _| sum.plus(&ordered.price()));
        assert_eq!(ordered.used(), all);
        // Another run is another one.
        assert_eq!(ordered.cut(2, 20), Ok(1));
    }
}

#[test]
fn an_attempt_whose_closing_shows_it_unspent_counts_no_more_and_another_does() {
    let mut ordered = Ordered::accepted(1);
    assert_eq!(ordered.cut(1, 1), Ok(1));
    assert_eq!(ordered.cut(1, 2), Err(RunFlaw::Attempts { most: 1 }));
    ordered.close(1, 1, &Loss::zero());
    assert!(ordered.used().is_zero());
    assert_eq!(ordered.cut(1, 2), Ok(1));
    assert_eq!(ordered.used(), ordered.price());
    // What was spent is an attempt for ever.
    let price = ordered.price();
    ordered.close(2, 1, &price);
    assert_eq!(ordered.cut(1, 3), Err(RunFlaw::Attempts { most: 1 }));
    assert_eq!(ordered.used(), price);
}

#[test]
fn a_run_that_is_not_accepted_or_not_wanted_any_more_is_refused_by_name() {
    let owner = || "retailer".to_owned();
    let mut ordered = Ordered::new(2);
    assert_eq!(ordered.cut(1, 1), Err(RunFlaw::NotAccepted { owner: owner() }));
    // The service key accepts nothing, and another order's acceptance neither.
    let contract = ordered.party.room.contract.clone();
    let root = ordered.party.room.retailer.root().unwrap();
    let other = signed(&ordered.party, 2, 8).signed().name();
    let forged = root.sign(&Acceptance { contract: contract.digest, order: other });
    let file = ordered.file.clone();
    let refused = ordered.party.ledger.accept_order(&contract, "retailer", &file, &forged, NOON);
    assert!(matches!(refused, Err(LedgerError::Refused(why)) if *why == Refusal::Stranger));
    assert!(ordered.accept().unwrap());
    assert!(!ordered.accept().unwrap(), "an order that is shown again orders nothing more");
    assert_eq!(ordered.cut(1, 1), Ok(1));
    let name = ordered.file.signed().name();
    ordered.party.ledger.suspend_order(name, true).unwrap();
    assert_eq!(ordered.cut(2, 2), Err(RunFlaw::Suspended { owner: owner() }));
    ordered.party.ledger.suspend_order(name, false).unwrap();
    assert_eq!(ordered.cut(2, 2), Ok(1));
    assert!(ordered.party.ledger.cancel_order(name, "retailer").unwrap());
    assert!(!ordered.party.ledger.cancel_order(name, "publisher").unwrap());
    assert_eq!(ordered.cut(3, 3), Err(RunFlaw::Cancelled { by: owner() }));
    let again = ordered.accept();
    assert!(matches!(again, Err(LedgerError::CancelledOrder { by }) if by == "retailer"));
    let two = ordered.price().plus(&ordered.price());
    assert_eq!(ordered.used(), two);
}

#[test]
fn the_analyst_alone_takes_its_order_back() {
    use protocol::order::Cancellation;
    let mut ordered = Ordered::accepted(2);
    let contract = ordered.party.room.contract.clone();
    let order = ordered.file.signed().name();
    let cancellation = Cancellation { contract: contract.digest, order };
    let authority = Authority::at(&contract, NOON);
    let [retailer, publisher] = [&ordered.party.room.retailer, &ordered.party.room.publisher]
        .map(|party| party.analyst().unwrap().sign(&cancellation));
    let refused = ordered.party.ledger.cancelled_by_analyst(&authority, &retailer);
    assert!(matches!(refused, Err(LedgerError::Refused(why)) if *why == Refusal::Stranger));
    ordered.party.ledger.cancelled_by_analyst(&authority, &publisher).unwrap();
    assert_eq!(ordered.cut(1, 1), Err(RunFlaw::Cancelled { by: "publisher".to_owned() }));
}

#[test]
fn a_run_out_of_its_time_or_out_of_the_order_is_refused_by_name() {
    let mut ordered = Ordered::accepted(2);
    let instance = ordered.party.room.instance(1);
    let run = ordered.run(2, &instance);
    let mut asks = |now: u64| ordered.asks(&run, &instance, false, Time(now)).map_err(flaw);
    let (from, until) = (at(2), Time(at(2).0 + 6 * HOUR));
    assert_eq!(asks(from.0 - 1), Err(RunFlaw::Early { at: from }));
    assert_eq!(asks(until.0), Err(RunFlaw::Late { until }));
    assert_eq!(asks(until.0 - 1), Ok(1));
    for number in [0, 7] {
        let run = ordered.run(number, &instance);
        let refused = ordered.asks(&run, &instance, false, at(2)).map_err(flaw);
        assert_eq!(refused, Err(RunFlaw::NoSuchRun { runs: 6 }), "missed runs count");
    }
}

#[test]
fn an_order_that_was_moved_or_cut_and_a_run_for_another_instance_are_refused() {
    let mut ordered = Ordered::accepted(2);
    let [one, two] = [1, 2].map(|number| ordered.party.room.instance(number));
    let run = ordered.run(1, &one);
    assert_eq!(ordered.asks(&run, &two, false, at(1)), Err(Refusal::Elsewhere));
    let mut cut = run.clone();
    cut.order.pop();
    assert!(matches!(
        ordered.asks(&cut, &one, false, at(1)),
        Err(Refusal::Malformed | Refusal::Stranger)
    ));
    // Under another contract of the same parties.
    let other = ordered.party.room.other_contract();
    let there = ordered.party.room.instance_of(&other, 1);
    let here = std::mem::replace(&mut ordered.party.room.contract, other);
    let moved = Run { instance: there.digest(), ..run.clone() };
    assert_eq!(ordered.asks(&moved, &there, false, at(1)), Err(Refusal::Elsewhere));
    ordered.party.room.contract = here;
    assert!(ordered.used().is_zero());
    assert_eq!(ordered.asks(&run, &one, false, at(1)), Ok(1));
}

#[test]
fn the_first_slice_of_a_run_fixes_its_versions_and_is_for_the_newest() {
    let mut ordered = Ordered::accepted(3);
    let [one, two] = [1, 2].map(|number| ordered.party.room.instance(number));
    let newer = BTreeMap::from([("sales".to_owned(), Digest::of("newer", b""))]);
    let run = ordered.run(1, &one);
    let refused = ordered.asks_with(&run, &one, &newer, false, at(1)).map_err(flaw);
    assert_eq!(refused, Err(RunFlaw::NotNewest { dataset: "sales".to_owned() }));
    assert_eq!(ordered.asks(&run, &one, false, at(1)), Ok(1));
    // A later attempt is on the same, whatever was sealed since.
    let again = ordered.run(1, &two);
    assert_eq!(ordered.asks_with(&again, &two, &newer, false, at(1)), Ok(1));
    // And on nothing else: the row is compared, so that a policy that let another version pass would not help.
    let name = RunName { order: ordered.file.signed().name(), number: 1 };
    let sql = "UPDATE runs SET datasets = ?1 WHERE number = 1";
    let others = BTreeMap::from([("sales".to_owned(), Digest::of("other", b""))]);
    let others = protocol::canonical::to_vec(&others);
    ordered.party.ledger.db().execute(sql, [others]).unwrap();
    assert_eq!(ordered.cut(name.number, 3), Err(RunFlaw::OtherVersions));
}

#[test]
fn a_further_attempt_is_on_the_same_versions_with_a_newer_list_of_opt_outs_and_on_no_older_one() {
    let mut ordered = Ordered::accepted(3);
    let list = |number| {
        let digest = Digest::of("list", &u64::to_be_bytes(number));
        Some(NamedOptOuts { number, places: 64, digest })
    };
    ordered.list = list(5);
    assert_eq!(ordered.cut(1, 1), Ok(1));
    ordered.list = list(6);
    assert_eq!(ordered.cut(1, 2), Ok(1));
    assert_eq!(ordered.cut(1, 2), Ok(1), "the same attempt");
    // In an instance that was paid for it would be another job, paid twice.
    assert_eq!(ordered.cut(1, 1), Err(RunFlaw::OtherVersions));
    for older in [list(5), None] {
        ordered.list = older;
        let instance = ordered.party.room.instance(3);
        let run = ordered.run(1, &instance);
        let refused = ordered.asks(&run, &instance, false, at(1)).unwrap_err();
        assert!(matches!(refused, Refusal::OlderOptOuts { .. }), "{refused}");
    }
    assert_eq!(ordered.used(), ordered.price().plus(&ordered.price()));
}

#[test]
fn a_run_that_was_answered_is_not_paid_in_another_instance() {
    let mut ordered = Ordered::accepted(3);
    assert_eq!(ordered.cut(1, 1), Ok(1));
    let run = RunName { order: ordered.file.signed().name(), number: 1 };
    let instance = ordered.party.room.instance(1).digest();
    let ledger = &mut ordered.party.ledger;
    assert!(ledger.end_run(run, RunEnd::Missed, at(1)).unwrap());
    assert!(!ledger.end_run(run, RunEnd::Missed, at(1)).unwrap());
    // The answer comes to light later, and stays.
    assert!(ledger.end_run(run, RunEnd::Answered { instance }, at(1)).unwrap());
    assert!(!ledger.end_run(run, RunEnd::Missed, at(1)).unwrap());
    let ends = ledger.run_ends(run.order).unwrap();
    assert_eq!(ends, BTreeMap::from([(1, RunEnd::Answered { instance })]));
    assert_eq!(ordered.cut(1, 2), Err(RunFlaw::Answered { instance: instance.short() }));
    // The instance that has it may be asked again.
    assert_eq!(ordered.cut(1, 1), Ok(1));
    assert_eq!(ordered.used(), ordered.price());
}

#[test]
fn asking_whether_a_run_would_be_paid_changes_nothing() {
    let mut ordered = Ordered::accepted(1);
    for instance in 1..4 {
        let instance = ordered.party.room.instance(instance);
        let run = ordered.run(1, &instance);
        assert_eq!(ordered.asks(&run, &instance, true, at(1)), Ok(0));
    }
    assert!(ordered.used().is_zero());
    assert!(ordered.party.ledger.attempts(ordered.file.signed().name()).unwrap().is_empty());
    assert_eq!(ordered.cut(1, 1), Ok(1));
    let fork = ordered.party.room.instance(2);
    let run = ordered.run(1, &fork);
    let refused = ordered.asks(&run, &fork, true, at(1)).map_err(flaw);
    assert_eq!(refused, Err(RunFlaw::Attempts { most: 1 }));
}

#[test]
fn an_order_past_the_budget_is_refused_by_the_budget() {
    let mut ordered = Ordered::accepted(3);
    // A day allows epsilon 2, which another job has used up before.
    let instance = ordered.party.room.instance(9);
    ordered.party.grant(&instance, &["sales"], &loss(2.0), job(9), NOON).unwrap();
    let (one, run) = (ordered.party.room.instance(1), 1);
    let run = ordered.run(run, &one);
    let before = ordered.used();
    let refused = ordered.asks(&run, &one, false, at(1)).unwrap_err();
    assert!(matches!(refused, Refusal::BudgetExhausted { .. }), "{refused}");
    assert_eq!(ordered.used(), before);
    assert!(ordered.party.ledger.attempts(ordered.file.signed().name()).unwrap().is_empty());
}
