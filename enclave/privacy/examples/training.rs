//! Measures training: `cargo run --release -p privacy --example training BINS SIZES SPLITS EPSILON ..`.
//!
//! BINS has a line for each person: a bin for each feature and the label, with commas. SIZES has a line for each feature: how many
//! bins, and 1 if they are in an order. SPLITS has a line for each split: who is judged by, by line from 0, with commas; everybody else is
//! trained on. For each ε at δ = 10⁻⁶ it prints the mean AUC of the rule's models, its deviation over splits, and of the last training
//! the seconds of steps and of noise, on one thread.
#![expect(clippy::print_stdout, reason = "figures for people are this program's purpose")]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use privacy::sampler::{Exact, Noise, Variance};
use protocol::learning::{Adding, Descent, Feature, Link, People, label_quanta, rule};
use protocol::loss::{Delta, Epsilon, Rho};
use protocol::tally::{Binned, Label, Learnt, Loss, Population, Program, Side, Table, Tally};

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let read = |at: usize| -> Vec<Vec<usize>> {
        let text = std::fs::read_to_string(&given[at]).unwrap();
        let numbers = |line: &str| line.split(',').map(|number| number.parse().unwrap()).collect();
        text.lines().map(numbers).collect()
    };
    let (rows, sizes, splits) = (read(0), read(1), read(2));
    let features: Vec<_> = sizes
        .iter()
        .map(|feature| Feature {
            bins: u32::try_from(feature[0]).unwrap(),
            is_ordered: feature[1] == 1,
        })
        .collect();
    for epsilon in &given[3..] {
        let rho = Rho::from_epsilon(
            Epsilon::new(epsilon.parse().unwrap()).unwrap(),
            Delta::new(1e-6).unwrap(),
        );
        let mut all = Vec::new();
        let mut took = (Duration::ZERO, Duration::ZERO);
        for (seed, split) in (0_u8..).zip(&splits) {
            let (found, own) = auc_of(&rows, &features, split, rho, seed);
            all.push(found);
            took = own;
        }
        let count = f64::from(u32::try_from(all.len()).unwrap());
        let mean = all.iter().sum::<f64>() / count;
        let spread =
            (all.iter().map(|figure| (figure - mean).powi(2)).sum::<f64>() / count.max(2.0)).sqrt();
        println!(
            "epsilon {epsilon}: rho {:.6}, AUC {mean:.4} ({spread:.4}) over {count} splits; steps {:.3} s, noise {:.3} s",
            rho.value(),
            took.0.as_secs_f64(),
            took.1.as_secs_f64()
        );
    }
}

/// The AUC of a model of everybody else on the people of `split`, and how long steps and noise took.
fn auc_of(
    rows: &[Vec<usize>],
    features: &[Feature],
    split: &[usize],
    rho: Rho,
    seed: u8,
) -> (f64, (Duration, Duration)) {
    let held: BTreeSet<_> = split.iter().collect();
    let (mut people, mut judges) =
        (People::with_room(features, rows.len()), People::with_room(features, split.len()));
    let mut label_sum = 0;
    for (at, row) in rows.iter().enumerate() {
        let (label, bins) = row.split_last().unwrap();
        let bins: Vec<u8> = bins.iter().map(|bin| u8::try_from(*bin).unwrap()).collect();
        let label = u32::try_from(*label).unwrap();
        if held.contains(&at) {
            judges.add(&bins, label_quanta(label, 1));
        } else {
            people.add(&bins, label_quanta(label, 1));
            label_sum += i64::from(label);
        }
    }
    let tally = tally(features, u64::try_from(people.len()).unwrap(), rho);
    let steps = tally.prove_steps(rho, 1).unwrap().steps().unwrap();
    let [of_label, of_step] = steps.everybody().unwrap();
    let plan = tally.program.as_ref().unwrap().plan().additive().unwrap();
    let plan = protocol::learning::Plan { features: features.to_vec(), ..plan };
    let width = |figure: protocol::proof::Figure| {
        let (numerator, denominator) = figure.sigma.variance();
        Variance::new(numerator, denominator).unwrap()
    };
    let mut noise = Exact::from_seed([seed; 32]);
    let mut label = [label_sum];
    noise.add_gaussian(width(of_label), &mut label);
    let link = Link::new(plan.loss, plan.cap);
    let mut descent = Descent::start(plan.clone(), label[0]);
    let mut took = (Duration::ZERO, Duration::ZERO);
    for _ in 0..plan.steps {
        let (begun, grid) = (Instant::now(), descent.grid());
        let mut sums = Adding::new(&plan, &link, &grid).sums(&people, 0..people.len());
        took.0 += begun.elapsed();
        let begun = Instant::now();
        noise.add_gaussian(width(of_step), &mut sums);
        took.1 += begun.elapsed();
        descent.step(&sums);
    }
    let grid = descent.model().unwrap().grid();
    let mut scored = Vec::new();
    judges.scores(&grid, 0..judges.len(), &mut |score, label| scored.push((score, label > 0)));
    (auc(scored), took)
}

/// Ties count half.
fn auc(mut scored: Vec<(i32, bool)>) -> f64 {
    scored.sort_unstable();
    let (mut below, mut sum, mut positive) = (0.0, 0.0, 0.0);
    for same in scored.chunk_by(|a, b| a.0 == b.0) {
        let with = f64::from(u32::try_from(same.iter().filter(|person| person.1).count()).unwrap());
        let without = f64::from(u32::try_from(same.len()).unwrap()) - with;
        sum += with * (below + without / 2.0);
        below += without;
        positive += with;
    }
    sum / positive / below
}

/// The training of as many features by the rule. How many bins they have plays no part in its noise.
fn tally(features: &[Feature], people: u64, rho: Rho) -> Tally {
    let settings = rule(people, features.len(), rho.value());
    let feature =
        protocol::tally::Feature { side: Side::POPULATION, of: Binned::Rows { edges: vec![1] } };
    Tally {
        population: Population::First,
        tables: vec![Table { dataset: "people".to_owned(), rows: Vec::new() }],
        dimensions: Vec::new(),
        measures: Vec::new(),
        products: Vec::new(),
        cells_per_person: 1,
        ids_per_person: 1,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: Some(Program {
            features: vec![feature; features.len()],
            label: Label { side: Side::POPULATION, of: Learnt::Found, cap: 1 },
            loss: Loss::Logistic,
            people,
            steps: settings.steps,
            clip: settings.clip,
            rate: Program::rate_of(settings.rate).unwrap(),
            momentum: 900,
            ridge: 0,
            averaged: settings.averaged,
            held_out: None,
            dense: None,
        }),
    }
}
