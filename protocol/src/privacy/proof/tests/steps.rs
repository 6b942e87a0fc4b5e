//! One payment for exactly so many steps.

use super::*;
use crate::learning::dense::CERTAIN;
use crate::tally::{Binned, Dense, Feature, HeldOut, Label, Learnt, Program};

fn training(features: usize, steps: u32, ids: u32, held_out: bool) -> Tally {
    let feature = Feature { side: Side::POPULATION, of: Binned::Rows { edges: vec![2, 5] } };
    Tally {
        dimensions: Vec::new(),
        measures: Vec::new(),
        spread: Vec::new(),
        program: Some(Program {
            features: vec![feature; features],
            label: Label { side: Side::JOINED, of: Learnt::Found, cap: 1 },
            loss: crate::tally::Loss::Logistic,
            people: 1000,
            steps,
            clip: 2000,
            rate: 1 << 30,
            momentum: 900,
            ridge: 0,
            averaged: 1,
            held_out: held_out.then(|| HeldOut { share: 200, edges: vec![0] }),
            dense: None,
        }),
        ..tally(1, false, ids, 1, false)
    }
}

proptest! {
    #[test]
    fn all_steps_together_never_cost_more_than_they_are_priced(
        features in 1_usize..65, steps in 1_u32..1001, ids in 1_u32..4, held: bool,
        rho in 10_000_000_u64..1_000_000_000_000,
    ) {
        let tally = training(features, steps, ids, held);
        let proof = tally.prove_steps(Rho(rho), 50).unwrap();
        let found = proof.steps().unwrap();
        let root = f64::from(u32::try_from(features).unwrap()).sqrt();
        let [label, step] = found.everybody().unwrap();
        let training = true_cost(&label, ids.into())
            + f64::from(steps) * true_cost(&step, f64::from(ids) * 2000.0 * root);
        let judging = found.scores.map_or(0.0, |figure| true_cost(&figure, ids.into()));
        let cost = if ids == 1 { training.max(judging) } else { training + judging };
        prop_assert!(cost <= proof.cost.rho().value());
        prop_assert!(cost >= proof.cost.rho().value() * 0.99, "wasted: {cost}");
        prop_assert_eq!(found.releases(), steps + 1 + u32::from(held));
        check(tally, proof, 50).unwrap();
    }
}

fn both_of(steps: &mut Steps) -> [&mut Figure; 2] {
    match &mut steps.sums {
        Sums::Everybody { label, step } => [label, step],
        Sums::Drawn(_) => panic!("everybody is in a step"),
    }
}

fn label_of(steps: &mut Steps) -> &mut Figure {
    let [label, _] = both_of(steps);
    label
}

fn step_of(steps: &mut Steps) -> &mut Figure {
    let [_, step] = both_of(steps);
    step
}

#[test]
fn refuses_more_steps_less_noise_or_a_lower_price_than_the_proof_allows() {
    let rho = Rho(100_000_000_000);
    for ids in [1, 2] {
        let tally = training(4, 100, ids, true);
        let honest = tally.prove_steps(rho, 50).unwrap();
        let changed = |change: &dyn Fn(&mut Steps)| {
            let mut proof = honest.clone();
            let Leaves::Steps(steps) = &mut proof.leaves else { panic!("steps leave") };
            change(steps);
            check(tally.clone(), proof, 50).unwrap_err()
        };
        let moved = |cells, linf| Flaw::Sensitivity { cells, linf };
        assert_eq!(changed(&|steps| steps.count = 101), Flaw::Figures);
        assert_eq!(changed(&|steps| steps.count = 99), Flaw::Figures);
        assert_eq!(changed(&|steps| steps.scores = None), Flaw::Figures);
        assert_eq!(changed(&|steps| step_of(steps).sigma.0 -= 1), Flaw::Noise);
        assert_eq!(changed(&|steps| label_of(steps).sigma.0 /= 2), Flaw::Noise);
        assert_eq!(changed(&|steps| step_of(steps).cells = 3), moved(4, 2000 * u64::from(ids)));
        assert_eq!(changed(&|steps| step_of(steps).linf -= 1), moved(4, 2000 * u64::from(ids)));
        assert_eq!(changed(&|it| label_of(it).linf = 0), moved(1, ids.into()));
        let scores =
            |change: fn(&mut Figure)| changed(&|steps| steps.scores.iter_mut().for_each(change));
        assert_eq!(scores(|figure| figure.linf = 0), moved(1, ids.into()));
        assert_eq!(scores(|figure| figure.sigma.0 -= 1), Flaw::Noise);
        // A share of each is in the price.
        assert_eq!(changed(&|steps| step_of(steps).rho.0 += 1_000_000_000), Flaw::Cost);
        assert_eq!(changed(&|steps| label_of(steps).rho.0 += 10_000_000_000), Flaw::Cost);
        let scored = scores(|figure| figure.rho.0 += 10_000_000_000);
        assert_eq!(scored, Flaw::Cost);
        let mut cheaper = honest.clone();
        cheaper.cost = Loss::zcdp(Rho(rho.0 / 2));
        assert_eq!(check(tally.clone(), cheaper, 50).unwrap_err(), Flaw::Cost);
    }
}

/// Whoever is held out is in no step: with several ids, one of a person may be and another not.
#[test]
fn judging_on_others_is_free_with_one_id_a_person_and_paid_with_several() {
    let rho = Rho(100_000_000_000);
    let share = |ids: u32| {
        let steps = training(4, 100, ids, true).prove_steps(rho, 50).unwrap().steps().unwrap();
        let [label, step] = steps.everybody().unwrap();
        (label.rho.0 + 100 * step.rho.0, steps.scores.unwrap().rho.0)
    };
    let (training, judging) = share(1);
    assert!(training > rho.0 - 100 && training <= rho.0 && judging == rho.0);
    let (training, judging) = share(2);
    assert!(training + judging <= rho.0 && judging == rho.0 / 4);
}

/// No head count is drawn: a training has no cells, and a table no program.
#[test]
fn a_training_has_no_cells_and_what_has_cells_is_no_training() {
    let rho = Rho(100_000_000_000);
    let honest = training(2, 10, 1, false);
    let counted = honest.prove(&request(rho.0)).unwrap();
    assert_eq!(check(honest.clone(), counted, 50).unwrap_err(), Flaw::Figures);
    let table = tally(1, false, 1, 1, false);
    assert_eq!(table.prove_steps(rho, 50), Err(PriceError::NoChoice));
    let mut stolen = honest.prove_steps(rho, 50).unwrap();
    stolen.tally = table.prove(&request(rho.0)).unwrap().tally;
    assert_eq!(check(table, stolen, 50).unwrap_err(), Flaw::Figures);
    let broken = |change: &dyn Fn(&mut Tally)| {
        let mut tally = honest.clone();
        change(&mut tally);
        let proof = tally.prove_steps(rho, 50);
        proof.map(|proof| check(tally, proof, 50).unwrap_err())
    };
    let shape = Ok(Flaw::Shape("training"));
    let group = Dimension::Matched;
    assert_eq!(broken(&|tally| tally.dimensions.push(group.clone())), shape);
    assert_eq!(broken(&|tally| tally.cells_per_person = 2), shape);
    let program = |change: fn(&mut Program)| {
        broken(&|tally| change(tally.program.as_mut().expect("a training")))
    };
    assert_eq!(program(|program| program.label.cap = 2), shape);
    assert_eq!(program(|program| program.features[0].side = Side(2)), shape);
    assert_eq!(program(|program| program.label.side = Side(7)), shape);
    assert_eq!(program(|program| program.people = 0), shape);
    assert_eq!(program(|program| program.clip = 4097), shape);
    assert_eq!(program(|program| program.rate = 1 << 40), shape);
    assert_eq!(program(|program| program.momentum = 1000), shape);
    assert_eq!(program(|program| program.averaged = 11), shape);
    assert_eq!(program(|program| program.steps = 1001), shape);
    assert_eq!(
        program(|program| program.features.extend(vec![program.features[0].clone(); 63])),
        shape
    );
    let held = Some(HeldOut { share: 501, edges: vec![0] });
    let shapes = [held, Some(HeldOut { share: 100, edges: vec![1, 1] })];
    for held in shapes {
        let found = broken(&|tally| tally.program.as_mut().unwrap().held_out.clone_from(&held));
        assert_eq!(found, shape);
    }
    assert_eq!(program(|program| program.steps = 0), Err(PriceError::NoNoise(Wanted::Step)));
    assert_eq!(program(|program| program.clip = 0), shape);
}

/// The same training by gradients of people who are drawn.
fn dense(steps: u32, ids: u32, held_out: bool) -> Tally {
    let mut tally = training(4, steps, ids, held_out);
    let delta = Delta::try_from(1_000_000).unwrap();
    let drawn = Dense { hidden: vec![3], sampled: CERTAIN / 25, seed: 1, delta };
    tally.program.as_mut().unwrap().dense = Some(drawn);
    tally
}

#[test]
fn refuses_drawn_steps_that_a_person_moves_further_or_oftener_than_they_are_priced() {
    let rho = Rho(100_000_000_000);
    for (ids, held_out) in [(1, false), (1, true), (2, true)] {
        let tally = dense(50, ids, held_out);
        let honest = tally.prove_steps(rho, 50).unwrap();
        check(tally.clone(), honest.clone(), 50).unwrap();
        let found = honest.steps().unwrap().drawn().unwrap();
        assert_eq!((found.l2, found.chance), (u64::from(ids) << 22, CERTAIN / 25 * u64::from(ids)));
        let changed = |change: &dyn Fn(&mut Drawn)| {
            let mut proof = honest.clone();
            let Leaves::Steps(Steps { sums: Sums::Drawn(drawn), .. }) = &mut proof.leaves else {
                panic!("people are drawn")
            };
            change(drawn);
            check(tally.clone(), proof, 50).unwrap_err()
        };
        let moved = Flaw::Sensitivity { cells: 1, linf: found.l2 };
        assert_eq!(changed(&|drawn| drawn.l2 -= 1), moved);
        assert_eq!(changed(&|drawn| drawn.chance -= 1), moved);
        assert_eq!(changed(&|drawn| drawn.delta = Delta::MAX), Flaw::Cost);
        assert_eq!(changed(&|drawn| drawn.sigma.0 -= drawn.l2), Flaw::Cost);
        assert_eq!(changed(&|drawn| drawn.sigma.0 = 1), Flaw::Noise);
        let of_steps = |change: &dyn Fn(&mut Steps)| {
            let mut proof = honest.clone();
            let Leaves::Steps(steps) = &mut proof.leaves else { panic!("steps leave") };
            change(steps);
            check(tally.clone(), proof, 50).unwrap_err()
        };
        assert_eq!(of_steps(&|steps| steps.count += 1), Flaw::Figures);
        // Everybody's steps are of another model.
        let other = training(4, 50, ids, held_out).prove_steps(rho, 50).unwrap().steps().unwrap();
        assert_eq!(of_steps(&|steps| steps.sums = other.sums), Flaw::Figures);
        let mut cheaper = honest.clone();
        cheaper.cost = Loss::zcdp(rho);
        assert_eq!(check(tally.clone(), cheaper, 50).unwrap_err(), Flaw::Cost, "without its delta");
    }
}

/// A bin is read into one byte: people beyond it would count as people without a value, and nobody would know.
#[test]
fn refuses_a_feature_of_more_values_than_a_bin_can_name() {
    for drawn in [false, true] {
        let of_values = |values: u32| {
            let mut tally = if drawn { dense(50, 1, false) } else { training(4, 50, 1, false) };
            tally.program.as_mut().unwrap().features[0].of =
                Binned::Value { column: "plan".to_owned(), values };
            tally
        };
        let rho = Rho(100_000_000_000);
        let honest = of_values(255).prove_steps(rho, 50).unwrap();
        check(of_values(255), honest.clone(), 50).unwrap();
        let refused = check(of_values(256), honest, 50).map(drop);
        assert_eq!(refused, Err(Flaw::Shape("training")), "{drawn}");
    }
}

/// Whoever has several ids is drawn with one of them oftener, and moves a step by all of them.
#[test]
fn several_ids_need_more_noise_and_no_chance_is_above_one() {
    let rho = Rho(100_000_000_000);
    let noise =
        |tally: &Tally| tally.prove_steps(rho, 50).unwrap().steps().unwrap().drawn().unwrap();
    let (one, two) = (noise(&dense(50, 1, false)), noise(&dense(50, 2, false)));
    assert!(two.multiplier() > one.multiplier() && two.sigma.0 > 2 * one.sigma.0);
    let mut all = dense(50, 2, false);
    all.program.as_mut().unwrap().dense.as_mut().unwrap().sampled = CERTAIN;
    assert_eq!(noise(&all).chance, CERTAIN);
    check(all.clone(), all.prove_steps(rho, 50).unwrap(), 50).unwrap();
}
