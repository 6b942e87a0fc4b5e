//! A kind that trains, on its sample: every step against what it means, in any order of rows and without somebody; and
//! that nothing else can be read.

use super::{
    counted::Counted,
    engine::{busiest, shuffled, with_rows},
    sample::Sample,
};
use crate::trained::{people, step};
use arrow::array::RecordBatch;
use protocol::{
    learning::Descent,
    loss::Rho,
    proof::{self, Proven},
    released::{Released, Trained},
    tally::Tally,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rehearsal::Silent;
use std::sync::Arc;

/// Samples of kinds that train.
fn training() -> impl Iterator<Item = (Sample, Arc<Counted>)> {
    let all = Sample::all().into_iter().map(|sample| {
        let counted = Counted::new(&sample);
        (sample, counted)
    });
    all.filter(|(_, counted)| counted.proven().tally().program.is_some())
}

/// The same training of everybody: who is held out, the engine chooses.
fn of_all(counted: &Counted) -> Proven {
    let mut tally = counted.proven().tally().clone();
    tally.program.as_mut().unwrap().held_out = None;
    prove(tally)
}

fn prove(tally: Tally) -> Proven {
    let proof = tally.prove_steps(Rho(1 << 40), 10).unwrap();
    proof::check(tally, proof, 10).unwrap()
}

fn trained(counted: &Counted, proven: &Proven, tables: &[Vec<RecordBatch>]) -> Trained {
    match counted.release(proven, tables, &mut Silent::default()).released() {
        Released::Steps(trained) => trained.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_engine_adds_up_what_every_step_means() {
    for (sample, counted) in training() {
        let (tables, proven) = (counted.in_order(), of_all(&counted));
        let found = trained(&counted, &proven, &tables);
        let tally = proven.tally();
        let everybody = people(tally, &counted.meant(&tables));
        let labels: i64 = everybody.values().map(|(_, label)| i64::from(*label)).sum();
        assert_eq!(found.label, Some(labels), "{}", sample.name());
        assert!(labels > 0, "{}: nobody has anything to learn", sample.name());
        let plan = tally.program.as_ref().unwrap().plan().additive().unwrap();
        let mut descent = Descent::start(plan, labels);
        for (at, sums) in found.steps.iter().enumerate() {
            let grid = descent.grid();
            let meant = step(tally, everybody.values(), &grid.weights, grid.intercept);
            assert_eq!(sums.0, meant, "{}: step {at}", sample.name());
            descent.step(&sums.0);
        }
    }
}

#[test]
fn a_training_does_not_depend_on_the_order_of_rows() {
    for (sample, counted) in training() {
        let tables = counted.in_order();
        let expected = trained(&counted, counted.proven(), &tables);
        for seed in 0..3 {
            let mut random = ChaCha20Rng::seed_from_u64(seed);
            let shuffled: Vec<_> =
                tables.iter().map(|tables| shuffled(&tables[0], &mut random)).collect();
            let found = trained(&counted, counted.proven(), &shuffled);
            assert_eq!(found, expected, "{}: shuffled by {seed}", sample.name());
        }
    }
}

/// At the first step, whose weights follow from public figures; the others are functions of released sums besides.
#[test]
fn one_person_moves_no_step_further_than_the_proof_says() {
    for (sample, counted) in training() {
        let tables = counted.in_order();
        let mut proven = of_all(&counted);
        let mut tally = proven.tally().clone();
        let program = tally.program.as_mut().unwrap();
        (program.steps, program.averaged) = (1, 1);
        proven = prove(tally.clone());
        let meant = counted.meant(&tables);
        let all = trained(&counted, &proven, &tables);
        let [label, step] = proven.proof().steps().unwrap().everybody().unwrap();
        let mut moved = 0;
        for who in busiest(&tally, &meant) {
            let removed = with_rows(&counted, &tables, &meant, who, None);
            let without = trained(&counted, &proven, &removed);
            let labels = all.label.unwrap().abs_diff(without.label.unwrap());
            assert!(labels <= label.linf, "{}", sample.name());
            if all.label != without.label {
                // Another intercept: other scores of everybody, as after another draw of noise.
                continue;
            }
            let both = all.steps[0].0.iter().zip(&without.steps[0].0);
            let apart: Vec<_> = both.filter(|(one, other)| one != other).collect();
            assert!(apart.len() <= usize::try_from(step.cells).unwrap(), "{}", sample.name());
            assert!(apart.iter().all(|(one, other)| one.abs_diff(**other) <= step.linf));
            moved += apart.len();
        }
        assert!(moved > 0, "{}: nobody of the sample moves anything", sample.name());
    }
}

/// The sample as a dense model, linear or a network.
fn dense(hidden: &str) -> Vec<(Sample, Arc<Counted>)> {
    let between = "column = \"members.age\"\nbetween = [18, 90]";
    let model = format!("[train]\nmodel = \"dense\"\nhidden = {hidden}\n");
    let samples = Sample::all().into_iter().filter(|sample| sample.name() == "train");
    let samples = samples.map(|mut sample| {
        sample.job = sample
            .job
            .replace("column = \"members.age\"\nedges = [25, 35, 45, 55, 65]", between)
            .replace("[train]\n", &model);
        assert!(sample.job.contains(between), "the sample's job has another feature of age");
        let counted = Arc::new(Counted::of(&sample));
        (sample, counted)
    });
    samples.collect()
}

/// Noise off: the model is one, people who were not trained on say so, and whoever has what left derives it again.
#[test]
fn a_dense_model_of_the_sample_learns_and_follows_from_what_left() {
    for hidden in ["[]", "[16]"] {
        for (sample, counted) in dense(hidden) {
            let result = counted.result();
            let protocol::analysis::Answer::Train(model) = &result.answer else {
                panic!("{}: another answer", sample.name())
            };
            let auc = model.judged.as_ref().and_then(|judged| judged.auc).expect("many judge");
            assert!(auc.value > 0.6, "{hidden}: {auc:?}");
            let tables = counted.in_order();
            let found = trained(&counted, counted.proven(), &tables);
            let plan = counted.proven().tally().program.as_ref().unwrap().plan().dense().unwrap();
            let mut descent = protocol::learning::dense::Descent::start(plan);
            found.steps.iter().for_each(|sums| descent.step(&sums.0));
            let weights = descent.model().unwrap().weights;
            assert_eq!(model.network.as_ref().unwrap().weights, weights);
            let scorer = model.scorer().expect("a whole model");
            let nothing: Vec<_> = model.features.iter().map(|feature| feature.missing()).collect();
            assert!(scorer.score(&nothing).is_some());
            let mut random = ChaCha20Rng::seed_from_u64(1);
            let shuffled: Vec<_> =
                tables.iter().map(|tables| shuffled(&tables[0], &mut random)).collect();
            assert_eq!(trained(&counted, counted.proven(), &shuffled), found, "{hidden}: shuffled");
            let page = super::counted::screen_of(&result);
            let says =
                if hidden == "[]" { "It is linear" } else { "one hidden layer, of 16 units" };
            assert!(page.contains(says), "{page}");
        }
    }
}
