//! Random lives of a ledger, against what the outside world really holds.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What the contract allows of it, for a day and for life; in units of 10⁻¹⁵.
const SELECTION_DELTA: u64 = 1_000;

#[derive(Clone, Debug)]
enum Event {
    Grant { instance: u8, job: u8, dataset: u8, cost: u8, delta: u64 },
    Prepay { instance: u8, cost: u8, delta: u64 },
    Close { instance: u8, spent_percent: u64 },
    Crash,
    PowerLostBeforeTheAnswer,
    Backup,
    Restore,
    WriteOff,
    AccountForAll,
    Tomorrow,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0_u8..4, 0_u8..12, 0_u8..3, 0_u8..4, delta()).prop_map(
            |(instance, job, dataset, cost, delta)| {
                Event::Grant { instance, job, dataset, cost, delta }
            }
        ),
        2 => (0_u8..4, 0_u8..4, delta()).prop_map(|(instance, cost, delta)| {
            Event::Prepay { instance, cost, delta }
        }),
        3 => (0_u8..4, 0_u64..=100).prop_map(|(instance, spent_percent)| {
            Event::Close { instance, spent_percent }
        }),
        1 => Just(Event::Crash),
        1 => Just(Event::PowerLostBeforeTheAnswer),
        2 => Just(Event::Backup),
        2 => Just(Event::Restore),
        2 => Just(Event::WriteOff),
        1 => Just(Event::AccountForAll),
        1 => Just(Event::Tomorrow),
    ]
}

/// δ for groups whose values are private, or none.
fn delta() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 1 => 1..=SELECTION_DELTA]
}

/// What instances hold, which no ledger can take back.
#[derive(Default)]
struct World {
    /// By instance, dataset and period: the largest slice of each job, and of what is prepaid.
    held: BTreeMap<(u8, String, String), BTreeMap<Option<JobName>, Loss>>,
    /// What closed instances spent of it, by instance.
    closed: BTreeMap<u8, Vec<Account>>,
}

impl World {
    fn receive(&mut self, instance: u8, slices: &[Slice]) {
        for slice in slices {
            let key = (instance, slice.dataset.clone(), slice.period.clone());
            let held = self.held.entry(key).or_default().entry(slice.job);
            let held = held.or_insert_with(Loss::zero);
            *held = held.max(&slice.granted);
        }
    }

    /// Closes an instance that has spent a share of all it holds.
    fn close(&mut self, instance: u8, spent_percent: u64) -> Vec<Account> {
        let held = self.held.iter().filter(|((i, ..), _)| *i == instance);
        let accounts = held.map(|((_, dataset, period), held)| {
            let granted = all(held);
            let spent = Loss::zcdp(Rho(granted.rho().0 / 100 * spent_percent))
                .with_delta(granted.delta() * spent_percent / 100);
            let (dataset, period) = (dataset.clone(), period.clone());
            Account { dataset, purpose: "measurement".to_owned(), period, granted, spent }
        });
        self.closed.entry(instance).or_insert_with(|| accounts.collect()).clone()
    }

    /// What may have been, or may still be, learnt in a period; in all of them if none.
    fn exposure(&self, period: Option<&str>) -> Loss {
        let mut total = Loss::zero();
        for ((instance, dataset, p), held) in &self.held {
            if period.is_some_and(|period| period != p) {
                continue;
            }
            let spent = self.closed.get(instance).map(|accounts| {
                let same = |a: &&Account| a.dataset == *dataset && a.period == *p;
                accounts.iter().find(same).map_or(Loss::zero(), |a| a.spent.clone())
            });
            total = total.plus(&spent.unwrap_or_else(|| all(held)));
        }
        total
    }
}

fn all(held: &BTreeMap<Option<JobName>, Loss>) -> Loss {
    held.values().fold(Loss::zero(), |sum, loss| sum.plus(loss))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn never_is_more_learnt_than_the_budget_whatever_happens(
        events in proptest::collection::vec(event(), 1..40)
    ) {
        let costs = [0.3, 0.7, 1.1, 2.0];
        let mut retailer = Retailer::new();
        for dataset in retailer.room.contract.datasets.values_mut() {
            for budget in dataset.budgets.values_mut() {
                budget.selection_delta = SELECTION_DELTA;
            }
        }
        let mut world = World::default();
        let mut now = NOON;
        let mut backup = retailer.backup();
        // As long as nothing was restored, the ledger knows what instances hold, to the last unit, and
        // has lost nothing but slices whose answer never arrived.
        let (mut restored, mut unheard) = (false, Loss::zero());
        for event in events {
            match event {
                Event::Grant { instance, job: number, dataset, cost, delta } => {
                    if world.closed.contains_key(&instance) {
                        continue;
                    }
                    let asked = retailer.room.instance(instance);
                    let datasets: &[&str] = match dataset {
                        0 => &["sales"],
                        1 => &["visits"],
                        _ => &["sales", "visits"],
                    };
                    let cost = loss(costs[usize::from(cost)]).with_delta(delta);
                    if let Ok(slices) = retailer.grant(&asked, datasets, &cost, job(number), now) {
                        world.receive(instance, &slices);
                    }
                }
                Event::Prepay { instance, cost, delta } => {
                    if world.closed.contains_key(&instance) {
                        continue;
                    }
                    let asked = retailer.room.instance(instance);
                    let cost = loss(costs[usize::from(cost)]).with_delta(delta);
                    if let Ok(slices) = retailer.grant(&asked, &["sales"], &cost, SliceUse::Prepaid, now) {
                        world.receive(instance, &slices);
                    }
                }
                Event::Close { instance, spent_percent } => {
                    let accounts = world.close(instance, spent_percent);
                    let closed = retailer.room.instance(instance);
                    let credited = retailer.credit(&closed, accounts);
                    let unknown = matches!(credited, Err(LedgerError::UnknownInstance { .. }));
                    prop_assert!(restored || unknown || credited.is_ok(), "{credited:?}");
                }
                Event::Crash => retailer.reopen(),
                Event::PowerLostBeforeTheAnswer => {
                    // Committed, and neither the counter nor the answer written.
                    let counter = std::fs::read(retailer.file("custody.generation")).unwrap();
                    let lost = retailer.room.instance(9);
                    let before = retailer.used();
                    let _ = retailer.grant(&lost, &["sales"], &loss(0.1), job(99), now);
                    unheard = unheard.plus(&retailer.used().minus(&before));
                    std::fs::write(retailer.file("custody.generation"), counter).unwrap();
                    retailer.reopen();
                }
                Event::Backup => backup = retailer.backup(),
                Event::Restore => {
                    retailer.restore(&backup);
                    restored = true;
                }
                Event::WriteOff => {
                    if retailer.ledger.is_restored().unwrap() {
                        let Retailer { room, ledger } = &mut retailer;
                        ledger.accounted(&[], &room.contract, "retailer", Rest::WriteOff, now).unwrap();
                    }
                }
                Event::AccountForAll => {
                    let everybody = world.held.keys().map(|(i, ..)| *i).collect::<Vec<_>>();
                    if !everybody.iter().all(|i| world.closed.contains_key(i)) {
                        continue;
                    }
                    let Retailer { room, ledger } = &mut retailer;
                    let closings: Vec<_> = world
                        .closed
                        .iter()
                        .map(|(i, accounts)| room.closing(&room.instance(*i), accounts.clone()))
                        .collect();
                    let _ = ledger.accounted(&closings, &room.contract, "retailer", Rest::Nothing, now);
                }
                Event::Tomorrow => now = Time(now.0 + DAY),
            }
            let [day, life] = [2.0, 5.0].map(|epsilon| loss(epsilon).with_delta(SELECTION_DELTA));
            for name in world.held.keys().map(|(.., period)| period) {
                prop_assert!(world.exposure(Some(name)).fits(&day), "day {name}");
            }
            prop_assert!(world.exposure(None).fits(&life), "life");
            if !restored {
                prop_assert_eq!(retailer.used(), world.exposure(None).plus(&unheard));
            }
        }
    }
}
