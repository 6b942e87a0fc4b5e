//! Trainings over small hostile tables: against what they mean, without one person, on any number of threads.

#[path = "../../../../tests/support/trained.rs"]
#[expect(unreachable_pub, reason = "shared by several tests")]
mod trained;

use std::sync::{Arc, LazyLock};

use privacy::Ask;
use proptest::prelude::*;
use protocol::identity::Identifier;
use protocol::learning::Descent;
use protocol::loss::Rho;
use protocol::proof::{self, Proven};
use protocol::tally::{
    Binned, Dense, Ends, Feature, HeldOut, Label, Learnt, Loss, Population, Program, Side, Table,
    Tally,
};

use super::*;
use crate::groups::tests::meaning;
use crate::groups::tests::room::{Row, claiming, ordered, table, tables};

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
});

fn feature(side: Side, of: Binned) -> Feature {
    Feature { side, of }
}

/// Of each kind of feature one, of both datasets, with this label.
fn training(label: Learnt, loss: Loss, cap: u32) -> Tally {
    let name = str::to_owned;
    let group = |side| feature(side, Binned::Value { column: name("group"), values: 3 });
    let total = |side| {
        feature(side, Binned::Total { column: name("number"), edges: vec![-3, 0, 10, 1 << 50] })
    };
    let rows = |side| feature(side, Binned::Rows { edges: vec![2, 3] });
    let (first, joined) = (Side::POPULATION, Side::JOINED);
    Tally {
        population: Population::First,
        tables: ["exposures", "sales"]
            .map(|dataset| Table { dataset: name(dataset), rows: Vec::new() })
            .into(),
        dimensions: Vec::new(),
        measures: Vec::new(),
        products: Vec::new(),
        cells_per_person: 1,
        ids_per_person: 1,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: Some(Program {
            features: vec![
                group(first),
                total(first),
                rows(first),
                group(joined),
                total(joined),
                rows(joined),
            ],
            label: Label { side: joined, of: label, cap },
            loss,
            people: 100,
            steps: 3,
            clip: 3000,
            rate: 1 << 30,
            momentum: 900,
            ridge: 0,
            averaged: 2,
            held_out: None,
            dense: None,
        }),
    }
}

fn labels() -> impl Strategy<Value = Tally> {
    let codes = Learnt::OneOf { column: "group".to_owned(), codes: vec![0, 2] };
    let sum = Learnt::Sum { column: "number".to_owned() };
    prop_oneof![
        Just(training(Learnt::Found, Loss::Logistic, 1)),
        Just(training(codes, Loss::Logistic, 1)),
        Just(training(Learnt::Rows, Loss::Poisson, 5)),
        Just(training(sum, Loss::Squared, 150)),
    ]
}

fn proven(tally: &Tally) -> Proven {
    let proof = tally.prove_steps(Rho(1_000_000_000_000), 10).unwrap();
    proof::check(tally.clone(), proof, 10).unwrap()
}

fn read(tally: &Tally, tables: &[Vec<Row>], threads: usize) -> Trainees {
    let tables: Vec<_> = tables.iter().take(2).map(|rows| [table(rows)]).collect();
    let tables: Vec<_> = tables.iter().map(<[_; 1]>::as_slice).collect();
    let people = RUNTIME.block_on(Trainees::read_on(&proven(tally), &ordered(&tables), threads));
    Arc::into_inner(people.unwrap()).unwrap()
}

fn meant(tally: &Tally, tables: &[Vec<Row>]) -> Vec<Vec<meaning::Row>> {
    let tables = (0..).map(Side).zip(tables).take(tally.tables.len());
    tables.map(|(side, rows)| rows.iter().map(|row| row.meant(side)).collect()).collect()
}

/// A dense model of the same features, both totals as numbers.
fn dense(hidden: &[u32]) -> Tally {
    let mut tally = training(Learnt::Found, Loss::Logistic, 1);
    let program = tally.program.as_mut().unwrap();
    for side in [Side::POPULATION, Side::JOINED] {
        let ends = Ends { lower: -3, upper: 40 };
        let column = "number".to_owned();
        program.features.push(feature(side, Binned::TotalBetween { column, ends }));
        let ends = Ends { lower: 0, upper: 4 };
        program.features.push(feature(side, Binned::RowsBetween { ends }));
    }
    let delta = protocol::loss::Delta::try_from(1_000_000).unwrap();
    program.dense = Some(Dense { hidden: hidden.to_vec(), sampled: 1 << 31, seed: 5, delta });
    tally
}

/// Its weights after two steps.
fn network(tally: &Tally) -> dense::Network {
    let plan = tally.program.as_ref().unwrap().plan().dense().unwrap();
    let mut descent = dense::Descent::start(plan.clone());
    for step in 0..2 {
        let sums = (0..).take(plan.weights()).map(|at: i64| (at * 7919 + step) % 1001 * 70_000);
        descent.step(&sums.collect::<Vec<_>>());
    }
    descent.network()
}

fn trained_on(found: &Trainees) -> usize {
    match &found.found {
        Found::Additive { trained, .. } => trained.len(),
        Found::Dense { trained, .. } => trained.len(),
    }
}

/// Weights as some step may have them, whatever noise there was.
fn grid(tally: &Tally, seed: i64) -> Grid {
    let plan = tally.program.as_ref().unwrap().plan().additive().unwrap();
    let mut descent = Descent::start(plan.clone(), seed);
    for step in 0..2 {
        let sums = (0..).take(plan.bins()).map(|at: i64| (at * 7919 + step + seed) % 1001 * 700);
        descent.step(&sums.collect::<Vec<_>>());
    }
    descent.grid()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_step_is_what_its_people_mean_on_any_threads_and_in_any_order(
        tally in labels(), tables in tables(), seed in -500..500_i64,
    ) {
        let people = trained::people(&tally, &meant(&tally, &tables));
        let grid = grid(&tally, seed);
        let expected = trained::step(&tally, people.values(), &grid.weights, grid.intercept);
        let labels: i64 = people.values().map(|(_, label)| i64::from(*label)).sum();
        let turned: Vec<Vec<Row>> =
            tables.iter().map(|rows| rows.iter().rev().cloned().collect()).collect();
        for (tables, threads) in [(&tables, 1), (&tables, 2), (&turned, 8)] {
            let found = read(&tally, tables, threads);
            prop_assert_eq!(found.sums(&Ask::Label, &[]).unwrap(), vec![labels]);
            prop_assert_eq!(&found.sums(&Ask::Step(grid.clone()), &[]).unwrap(), &expected);
        }
    }

    /// By at most what the proof says, and a replaced one by twice that, whatever weights there are.
    #[test]
    fn one_person_moves_one_bin_of_each_feature_by_at_most_the_clamp(
        tally in labels(), tables in tables(), seed in -500..500_i64, who in 0..7_u8,
    ) {
        let without: Vec<Vec<Row>> = (0..).map(Side).zip(&tables).map(|(side, rows)| {
            let is_other = |row: &&Row| row.id(&tally, side) != Some(('e', who));
            rows.iter().filter(is_other).cloned().collect()
        }).collect();
        let grid = grid(&tally, seed);
        let all = read(&tally, &tables, 1).sums(&Ask::Step(grid.clone()), &[]).unwrap();
        let fewer = read(&tally, &without, 1).sums(&Ask::Step(grid), &[]).unwrap();
        let moved = all.iter().zip(&fewer).filter(|(all, fewer)| all != fewer);
        let figure = proven(&tally).proof().steps().unwrap().everybody().unwrap()[1];
        prop_assert!(moved.clone().count() <= usize::try_from(figure.cells).unwrap());
        prop_assert!(moved.clone().all(|(all, fewer)| all.abs_diff(*fewer) <= figure.linf));
    }

    /// Whatever threads read and in whatever order rows come, the same places are the same people's: so one draw is one step.
    #[test]
    fn a_batch_is_the_sum_of_its_people_on_any_threads_and_in_any_order(
        tables in tables(), hidden in prop_oneof![Just(vec![]), Just(vec![3]), Just(vec![4, 2])],
        drawn in any::<u64>(),
    ) {
        let tally = dense(&hidden);
        let network = network(&tally);
        let turned: Vec<Vec<Row>> =
            tables.iter().map(|rows| rows.iter().rev().cloned().collect()).collect();
        let ask = Ask::Batch(network.clone(), privacy::sampler::Chance::new(1 << 31).unwrap());
        let first = read(&tally, &tables, 1);
        let everybody = u32::try_from(trained_on(&first)).unwrap();
        prop_assert_eq!(
            usize::try_from(everybody).unwrap(),
            trained::people(&tally, &meant(&tally, &tables)).len()
        );
        let batch: Vec<u32> = (0..everybody).filter(|place| drawn >> (place % 64) & 1 == 1).collect();
        let expected = first.sums(&ask, &batch).unwrap();
        let [mut sum, nobody] = [&batch[..0], &[]].map(|none| first.sums(&ask, none).unwrap());
        prop_assert!(nobody.iter().all(|sum| *sum == 0));
        for place in &batch {
            let own = first.sums(&ask, &[*place]).unwrap();
            sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        }
        prop_assert_eq!(&sum, &expected);
        for (tables, threads) in [(&tables, 2), (&turned, 8)] {
            let found = read(&tally, tables, threads);
            prop_assert_eq!(&found.sums(&ask, &batch).unwrap(), &expected);
        }
    }

    /// In L2 by at most what the proof says, whatever weights there are, if everybody is drawn.
    #[test]
    fn one_person_moves_a_drawn_step_by_at_most_what_the_proof_says(
        tables in tables(), hidden in prop_oneof![Just(vec![]), Just(vec![3])], who in 0..7_u8,
    ) {
        let tally = dense(&hidden);
        let without: Vec<Vec<Row>> = (0..).map(Side).zip(&tables).map(|(side, rows)| {
            let is_other = |row: &&Row| row.id(&tally, side) != Some(('e', who));
            rows.iter().filter(is_other).cloned().collect()
        }).collect();
        let ask = Ask::Batch(network(&tally), privacy::sampler::Chance::new(1 << 32).unwrap());
        let all = |tables: &[Vec<Row>]| {
            let found = read(&tally, tables, 1);
            let everybody: Vec<u32> = (0..u32::try_from(trained_on(&found)).unwrap()).collect();
            found.sums(&ask, &everybody).unwrap()
        };
        let (with, fewer) = (all(&tables), all(&without));
        let moved: u128 = with.iter().zip(&fewer).map(|(a, b)| u128::from(a.abs_diff(*b)).pow(2)).sum();
        let drawn = proven(&tally).proof().steps().unwrap().drawn().unwrap();
        prop_assert!(moved <= u128::from(drawn.l2).pow(2));
    }

    /// Whoever is held out is in no step, and nobody else in a count of scores; which of both, no other person decides.
    #[test]
    fn people_are_trained_on_or_held_out_by_their_key_alone(tables in tables(), seed in -9..9_i64) {
        let mut tally = training(Learnt::Found, Loss::Logistic, 1);
        let everybody = trained::people(&tally, &meant(&tally, &tables)).len();
        let held = HeldOut { share: 500, edges: vec![-1000, 0, 1000] };
        tally.program.as_mut().unwrap().held_out = Some(held);
        let grid = grid(&tally, seed);
        let found = read(&tally, &tables, 2);
        let counts = found.sums(&Ask::Scores(Scoring::Additive(grid.clone())), &[]).unwrap();
        prop_assert_eq!(counts.len(), 8);
        let held: i64 = counts.iter().sum();
        prop_assert_eq!(usize::try_from(held).unwrap() + trained_on(&found), everybody);
        let mut sum = vec![0; 8];
        let mut steps = vec![0; tally.program.as_ref().unwrap().plan().entries()];
        for who in 1..7_u8 {
            for kind in ['e', 'p'] {
                let own: Vec<Vec<Row>> = (0..).map(Side).zip(&tables).map(|(side, rows)| {
                    rows.iter().filter(|row| row.id(&tally, side) == Some((kind, who))).cloned().collect()
                }).collect();
                let alone = read(&tally, &own, 1);
                let add = |sum: &mut Vec<i64>, own: Vec<i64>| {
                    sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
                };
                add(&mut sum, alone.sums(&Ask::Scores(Scoring::Additive(grid.clone())), &[]).unwrap());
                add(&mut steps, alone.sums(&Ask::Step(grid.clone()), &[]).unwrap());
            }
        }
        prop_assert_eq!(sum, counts);
        prop_assert_eq!(steps, found.sums(&Ask::Step(grid), &[]).unwrap());
    }
}

/// Whose rows are read, and whose consent: with claims by another kind than the joined dataset's first, its people stand in
/// another order than the one that they are known by.
#[test]
fn who_claims_by_another_kind_is_read_with_the_rows_that_are_theirs() {
    let row = |email: u8, phone: u8| Row {
        row: 1,
        email,
        phone,
        group: i32::from(email % 3),
        label: 0,
        number: i64::from(email) * 3,
        day: 0,
        agreed: 1,
    };
    let population: Vec<_> = (1..=6).map(|email| row(email, 0)).collect();
    // The order by phone is not that by address, and one of the middle has two rows.
    let phones = [4, 2, 6, 1, 5, 3];
    let mut joined: Vec<_> = (1..=6).zip(phones).map(|(email, phone)| row(email, phone)).collect();
    // The refusal stands where it is joined alone.
    joined[1].agreed = 0;
    joined.push(row(3, 6));
    let known_by_address: Vec<_> =
        joined.iter().map(|row| Row { phone: 0, ..row.clone() }).collect();
    let tally = training(Learnt::Rows, Loss::Poisson, 5);
    let step = Ask::Step(grid(&tally, 7));
    let with = |claims: &[Identifier], joined: &[Row]| {
        let [population, joined] = [&population[..], joined].map(|rows| [table(rows)]);
        let tables = claiming(claims, &[&population, &joined]);
        let found = RUNTIME.block_on(Trainees::read_on(&proven(&tally), &tables, 2)).unwrap();
        [found.sums(&Ask::Label, &[]).unwrap(), found.sums(&step, &[]).unwrap()]
    };
    let expected = with(&[], &known_by_address);
    for claims in [&[Identifier::Email][..], &[Identifier::Email, Identifier::Phone]] {
        assert_eq!(with(claims, &joined), expected, "{claims:?}");
        // And one of them less is nobody else's matter.
        let fewer: Vec<_> = joined.iter().filter(|row| row.email != 5).cloned().collect();
        let known: Vec<_> = known_by_address.iter().filter(|row| row.email != 5).cloned().collect();
        assert_eq!(with(claims, &fewer), with(&[], &known), "{claims:?}");
    }
}

#[test]
fn refuses_columns_of_another_role_and_tables_in_the_place_of_others() {
    let rows = [vec![], vec![]];
    let tables: Vec<_> = rows.iter().map(|rows: &Vec<Row>| [table(rows)]).collect();
    let tables: Vec<_> = tables.iter().map(<[_; 1]>::as_slice).collect();
    let two = ordered(&tables);
    let found = |tally: &Tally, tables: &[Arc<Ordered>]| {
        RUNTIME.block_on(Trainees::read(&proven(tally), tables)).map(drop)
    };
    let mut tally = training(Learnt::Found, Loss::Logistic, 1);
    assert_eq!(found(&tally, &two), Ok(()));
    assert_eq!(found(&tally, &two[..1]), Err(Fault::Tables));
    assert_eq!(found(&tally, &[Arc::clone(&two[1]), Arc::clone(&two[0])]), Err(Fault::Tables));
    let of = Binned::Total { column: "label".to_owned(), edges: vec![1] };
    tally.program.as_mut().unwrap().features[1].of = of;
    let (dataset, column) = ("exposures".to_owned(), "label".to_owned());
    assert_eq!(found(&tally, &two), Err(Fault::Layout { dataset, column }));
}
