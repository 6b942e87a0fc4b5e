//! The ledger of one instance.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use crate::support::room::{self, NOW};
use privacy::Ledger;
use proptest::prelude::*;
use protocol::contract::Contract;
use protocol::digest::Digest;
use protocol::job::{JobName, OutcomeKind};
use protocol::loss::{Loss, Rho};
use protocol::policy::{Admitted, danger};
use protocol::refusal::Refusal;
use protocol::slice::Slice;
use protocol::time::Time;

const NEXT_MONTH: Time = Time(1_796_083_200_000);

fn a_job() -> JobName {
    JobName::from([1; 32])
}

/// Prepaid.
fn slice(contract: &Contract, dataset: &str, granted: Loss) -> Slice {
    Slice { not_after: NEXT_MONTH, ..room::slice(contract, dataset, granted) }
}

fn admitted(contract: &Contract) -> Admitted {
    let outcome = room::outcome("visit", OutcomeKind::Binary, 1, 0);
    room::admitted(contract, room::lift(vec![outcome]), 1024)
}

/// A ledger that can pay for `times` jobs on both datasets.
fn funded(contract: &Contract, times: u64) -> Ledger {
    let mut ledger = Ledger::new();
    let rho = admitted(contract).cost().rho();
    for dataset in ["exposures", "sales"] {
        let granted = Loss::zcdp(Rho(rho.0 * times));
        ledger.accept(&slice(contract, dataset, granted), contract, NOW).unwrap();
    }
    ledger
}

#[test]
fn charges_every_dataset_the_whole_cost() {
    let contract = room::contract();
    let mut ledger = funded(&contract, 3);
    let paid = ledger.pay(admitted(&contract), &contract, NOW).unwrap();
    let rho = paid.admitted().cost().rho();
    let charges: Vec<_> = paid.charges().iter().collect();
    let names: Vec<_> = charges.iter().map(|it| it.charge.dataset.as_str()).collect();
    assert_eq!(names, ["exposures", "sales"]);
    let owners: Vec<_> = charges.iter().map(|it| it.charge.owner.as_str()).collect();
    assert_eq!(owners, ["publisher", "retailer"]);
    for charged in charges {
        assert_eq!(charged.charge.loss, Loss::zcdp(rho));
        assert_eq!(charged.remaining, Loss::zcdp(Rho(rho.0 * 2)));
    }
    for account in ledger.accounts() {
        assert_eq!((account.spent.rho(), account.granted.rho()), (rho, Rho(rho.0 * 3)));
        assert_eq!(account.period, "2026-11");
    }
}

#[test]
fn charges_none_if_one_cannot_pay() {
    let contract = room::contract();
    let mut ledger = Ledger::new();
    let cost = admitted(&contract).cost().clone();
    ledger.accept(&slice(&contract, "exposures", cost.clone()), &contract, NOW).unwrap();
    let refusal = ledger.pay(admitted(&contract), &contract, NOW).unwrap_err();
    let (dataset, owner) = ("sales".to_owned(), "retailer".to_owned());
    assert_eq!(
        refusal,
        Refusal::NeedsSlice {
            dataset,
            owner,
            cost: cost.clone(),
            left: Loss::zero(),
            others: vec![]
        }
    );
    assert_eq!(ledger.remaining(&contract, "exposures", "measurement", NOW), cost);
}

#[test]
fn names_every_owner_who_must_countersign() {
    let contract = room::contract();
    let refusal = Ledger::new().pay(admitted(&contract), &contract, NOW).unwrap_err();
    let Refusal::NeedsSlice { owner, others, .. } = &refusal else { panic!("{refusal}") };
    assert_eq!((owner.as_str(), others.as_slice()), ("publisher", &["retailer".to_owned()][..]));
    let said = refusal.to_string();
    assert!(said.ends_with("its custody must countersign, and that of retailer"), "{said}");
}

/// What an owner countersigned for one job is that job's, in whatever order jobs come.
#[test]
fn no_job_takes_what_was_handed_over_for_another() {
    let contract = room::contract();
    let cost = admitted(&contract).cost().clone();
    let another = JobName::from([2; 32]);
    let mut ledger = Ledger::new();
    for dataset in ["exposures", "sales"] {
        let slice = Slice { job: Some(a_job()), ..slice(&contract, dataset, cost.clone()) };
        ledger.accept(&slice, &contract, NOW).unwrap();
    }
    let pay = |ledger: &mut Ledger, job| {
        ledger.pay(danger::with_name(admitted(&contract), job), &contract, NOW)
    };
    assert!(pay(&mut ledger, another).is_err());
    assert!(pay(&mut ledger, a_job()).is_ok());
    assert!(pay(&mut ledger, a_job()).is_err(), "spent");
    // A replay adds nothing to it.
    for dataset in ["exposures", "sales"] {
        let slice = Slice { job: Some(a_job()), ..slice(&contract, dataset, cost.clone()) };
        ledger.accept(&slice, &contract, NOW).unwrap();
        ledger.accept(&self::slice(&contract, dataset, cost.clone()), &contract, NOW).unwrap();
    }
    for account in ledger.accounts() {
        assert_eq!((account.granted, account.spent), (cost.plus(&cost), cost.clone()));
    }
    // What is prepaid is for any, once.
    assert!(pay(&mut ledger, another).is_ok());
    assert!(pay(&mut ledger, a_job()).is_err());
}

/// A hostile owner could fill the enclave with them, and each costs the others time.
#[test]
fn refuses_slices_of_nothing_and_for_more_jobs_than_are_answered() {
    let contract = room::contract();
    let mut ledger = Ledger::new();
    let of = |number: u32, granted: Loss| {
        let mut name = [0; 32];
        name[..4].copy_from_slice(&number.to_be_bytes());
        let job = Some(JobName::from(name));
        Slice { job, ..slice(&contract, "sales", granted) }
    };
    let nothing = ledger.accept(&of(0, Loss::zero()), &contract, NOW).unwrap_err();
    assert_eq!(nothing, Refusal::BadSlice);
    assert!(ledger.accounts().is_empty());
    for number in 0..1 << 13 {
        ledger.accept(&of(number, Loss::zcdp(Rho(1))), &contract, NOW).unwrap();
    }
    let more = ledger.accept(&of(1 << 13, Loss::zcdp(Rho(1))), &contract, NOW).unwrap_err();
    assert_eq!(more, Refusal::BadSlice);
    // One that is known may still grow.
    let larger = of(7, Loss::zcdp(Rho(3)));
    assert_eq!(ledger.granted_with(&larger).rho(), Rho((1 << 13) + 2));
    ledger.accept(&larger, &contract, NOW).unwrap();
    assert_eq!(ledger.accounts()[0].granted.rho(), Rho((1 << 13) + 2));
}

#[test]
fn refuses_when_one_order_lacks_one_unit() {
    let contract = room::contract();
    let cost = admitted(&contract).cost().clone();
    // A slice that lacks 10⁻¹⁴ at the last order only; behind it comes δ.
    let mut orders: Vec<u64> = serde_orders(&cost);
    *orders.iter_mut().nth_back(1).unwrap() -= 1;
    let mut ledger = funded(&contract, 1);
    let mut short = Ledger::new();
    short.accept(&slice(&contract, "exposures", cost), &contract, NOW).unwrap();
    short.accept(&slice(&contract, "sales", from_orders(&orders)), &contract, NOW).unwrap();
    assert!(ledger.pay(admitted(&contract), &contract, NOW).is_ok());
    assert!(ledger.pay(admitted(&contract), &contract, NOW).is_err());
    assert!(short.pay(admitted(&contract), &contract, NOW).is_err());
}

/// At the price of a question that selects cells: a δ of 5 units.
fn selecting(contract: &Contract) -> Admitted {
    let admitted = admitted(contract);
    let mut proof = admitted.proven().proof().clone();
    proof.cost = proof.cost.with_delta(5);
    let tally = admitted.proven().tally().clone();
    danger::with_proof(admitted, protocol::proof::check(tally, proof, 50).unwrap())
}

#[test]
fn refuses_when_delta_lacks_one_unit() {
    let contract = room::contract();
    let selecting = selecting(&contract);
    let pays = |delta: u64| {
        let mut ledger = Ledger::new();
        let granted = admitted(&contract).cost().clone().with_delta(delta);
        for dataset in ["exposures", "sales"] {
            ledger.accept(&slice(&contract, dataset, granted.clone()), &contract, NOW).unwrap();
        }
        ledger
            .pay(selecting.clone(), &contract, NOW)
            .map(|paid| paid.charges()[0].charge.loss.delta())
    };
    assert!(pays(4).is_err());
    assert_eq!(pays(5), Ok(5));
}

fn serde_orders(loss: &Loss) -> Vec<u64> {
    protocol::canonical::from_slice(&protocol::canonical::to_vec(loss)).unwrap()
}

fn from_orders(orders: &[u64]) -> Loss {
    protocol::canonical::from_slice(&protocol::canonical::to_vec(&orders)).unwrap()
}

#[test]
fn what_was_not_spent_dies_with_its_period() {
    let contract = room::contract();
    let mut ledger = funded(&contract, 2);
    assert!(ledger.pay(admitted(&contract), &contract, NEXT_MONTH).is_err());
    assert!(ledger.remaining(&contract, "sales", "measurement", NEXT_MONTH).is_zero());
    assert!(!ledger.remaining(&contract, "sales", "measurement", NOW).is_zero());
}

#[test]
fn a_slice_that_ends_before_its_period_dies_alone() {
    let contract = room::contract();
    let mut ledger = Ledger::new();
    let not_after = NOW.plus_seconds(60);
    for dataset in ["exposures", "sales"] {
        let slice =
            Slice { not_after, ..slice(&contract, dataset, Loss::zcdp(Rho(u64::MAX >> 20))) };
        ledger.accept(&slice, &contract, NOW).unwrap();
    }
    assert!(ledger.pay(admitted(&contract), &contract, NOW).is_ok());
    assert!(ledger.pay(admitted(&contract), &contract, not_after).is_err());
}

#[test]
fn refuses_a_slice_of_something_else() {
    let contract = room::contract();
    let good = slice(&contract, "sales", Loss::zcdp(Rho(1)));
    let wrong = [
        Slice { contract: Digest::of("test", b"other"), ..good.clone() },
        Slice { dataset: "nobody's".to_owned(), ..good.clone() },
        Slice { purpose: "curiosity".to_owned(), ..good.clone() },
        Slice { period: "2026-10".to_owned(), ..good.clone() },
        Slice { period: "2026-12".to_owned(), ..good.clone() },
        Slice { not_after: NOW, ..good },
    ];
    for slice in wrong {
        let mut ledger = Ledger::new();
        assert_eq!(ledger.accept(&slice, &contract, NOW).unwrap_err(), Refusal::BadSlice);
        assert!(ledger.accounts().is_empty());
    }
}

proptest! {
    /// Whatever the host replays, in whatever order: a job spends what was handed over for it, once, and
    /// of what was prepaid no more is spent than the largest slice.
    #[test]
    fn never_spends_more_than_the_largest_slice_of_a_kind(
        events in prop::collection::vec(
            prop_oneof![
                (0_u8..4, 1_u64..5, 0_u64..20).prop_map(|(job, jobs, delta)| Ok((job, jobs, delta))),
                (1_u8..4, any::<bool>()).prop_map(Err),
            ],
            1..60,
        ),
    ) {
        let contract = room::contract();
        let (plain, selecting) = (admitted(&contract), selecting(&contract));
        let rho = plain.cost().rho().0;
        let name = |job: u8| JobName::from([job; 32]);
        let mut ledger = Ledger::new();
        // Granted and spent, in jobs and in delta; of what is prepaid, and of each job.
        let mut model = [[[0_u64; 2]; 2]; 4];
        for event in events {
            match event {
                Ok((job, jobs, delta)) => {
                    let granted = &mut model[usize::from(job)][0];
                    let largest = [granted[0].max(jobs), granted[1].max(delta)];
                    *granted = largest;
                    for dataset in ["exposures", "sales"] {
                        let granted = Loss::zcdp(Rho(rho * jobs)).with_delta(delta);
                        let job = (job > 0).then(|| name(job));
                        let slice = Slice { job, ..slice(&contract, dataset, granted) };
                        ledger.accept(&slice, &contract, NOW).unwrap();
                    }
                }
                Err((job, selects)) => {
                    let (asked, cost) = if selects { (&selecting, [1, 5]) } else { (&plain, [1, 0]) };
                    let fits = |kind: &[[u64; 2]; 2]| {
                        (0..2).all(|at| kind[1][at] + cost[at] <= kind[0][at])
                    };
                    let pays = [usize::from(job), 0].into_iter().find(|at| fits(&model[*at]));
                    let paid = ledger.pay(danger::with_name(asked.clone(), name(job)), &contract, NOW);
                    prop_assert_eq!(paid.is_ok(), pays.is_some());
                    if let Some(at) = pays {
                        (0..2).for_each(|part| model[at][1][part] += cost[part]);
                    }
                }
            }
        }
        let sum = |which: usize, part: usize| model.iter().map(|kind| kind[which][part]).sum::<u64>();
        for account in ledger.accounts() {
            prop_assert_eq!(account.spent.rho().0, rho * sum(1, 0));
            prop_assert_eq!(account.granted.rho().0, rho * sum(0, 0));
            prop_assert_eq!([account.spent.delta(), account.granted.delta()], [sum(1, 1), sum(0, 1)]);
            prop_assert!(account.spent.fits(&account.granted));
        }
    }
}
