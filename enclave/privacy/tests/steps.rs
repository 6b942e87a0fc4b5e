//! The door of trainings: exactly the steps that were paid for, each with noise of its own, all of them at the end.
#![expect(clippy::panic, reason = "a test may fail loudly")]

use crate::silent::Silent;
use crate::support::{Payer, table};
use privacy::sampler::{Noise, Scale, Variance};
use privacy::{Ask, Mismatch, Next, RawStep, Release, Steps};
use protocol::loss::Rho;
use protocol::proof::{self, Proven};
use protocol::released::{Released, Trained};
use protocol::tally::{
    Binned, Feature, HeldOut, Label, Learnt, Loss, Population, Program, Side, Tally,
};

/// Draws 1000, 1001, 1002, .. and remembers how wide the noise was to be.
#[derive(Default)]
struct Counter(Vec<f64>);

impl Noise for Counter {
    fn gaussian(&mut self, sigma_squared: Variance) -> i64 {
        self.0.push(sigma_squared.as_f64());
        999 + i64::try_from(self.0.len()).unwrap()
    }

    fn laplace(&mut self, _: Scale) -> i64 {
        panic!("no step has such noise")
    }
}

/// Two features of three and four bins, in so many steps.
fn training(steps: u32, held_out: bool) -> Tally {
    let feature = |edges: &[i64]| Feature {
        side: Side::POPULATION,
        of: Binned::Rows { edges: edges.to_vec() },
    };
    Tally {
        population: Population::First,
        dimensions: Vec::new(),
        measures: Vec::new(),
        products: Vec::new(),
        program: Some(Program {
            features: vec![feature(&[2]), feature(&[2, 3])],
            label: Label { side: Side::JOINED, of: Learnt::Found, cap: 1 },
            loss: Loss::Logistic,
            people: 1000,
            steps,
            clip: 2000,
            rate: 1 << 30,
            momentum: 900,
            ridge: 0,
            averaged: 1,
            held_out: held_out.then(|| HeldOut { share: 200, edges: vec![0, 1000] }),
        }),
        ..table(Vec::new())
    }
}

fn proven(tally: Tally, rho: u64) -> Proven {
    let proof = tally.prove_steps(Rho(rho), 50).unwrap();
    proof::check(tally, proof, 50).unwrap()
}

const RHO: u64 = 100_000_000_000;

/// What the engine would hand over.
fn raw(proven: &Proven, steps: &Steps) -> RawStep {
    let entries = match steps.ask() {
        Ask::Label => 1,
        Ask::Step(_) => 7,
        Ask::Scores(_) => 6,
    };
    RawStep::new(proven.clone(), steps.place(), vec![10; entries])
}

fn run(proven: &Proven, noise: &mut impl Noise) -> (Release, u32) {
    let mut steps = Steps::begin(Payer::new(proven).pay()).unwrap();
    let mut draws = 0;
    loop {
        draws += 1;
        let raw = raw(proven, &steps);
        match steps.draw(raw, noise).unwrap() {
            Next::More(left) => steps = left,
            Next::All(release) => return (release, draws),
        }
    }
}

fn trained(release: &Release) -> &Trained {
    match release.released() {
        Released::Steps(trained) => trained,
        other => panic!("{other:?}"),
    }
}

#[test]
fn exactly_the_releases_that_were_paid_for_are_drawn_each_entry_with_noise_of_its_own() {
    for (steps, held_out) in [(1, false), (5, false), (5, true)] {
        let proven = proven(training(steps, held_out), RHO);
        let proof = proven.proof().steps().unwrap();
        let mut noise = Counter::default();
        let (release, draws) = run(&proven, &mut noise);
        assert_eq!(draws, proof.releases());
        assert_eq!(draws, steps + 1 + u32::from(held_out));
        let square = |figure: &proof::Figure| figure.sigma.value().powi(2);
        let mut expected = vec![square(&proof.label)];
        expected.extend(vec![square(&proof.step); 7 * usize::try_from(steps).unwrap()]);
        expected.extend(proof.scores.iter().flat_map(|scores| vec![square(scores); 6]));
        assert_eq!(noise.0, expected);
        // 10 of each, and what was drawn: nothing twice.
        let trained = trained(&release);
        let all = trained.steps.iter().chain(&trained.scores).flat_map(|sums| &sums.0);
        let all: Vec<_> = std::iter::once(&trained.label).chain(all).copied().collect();
        let drawn: Vec<i64> = (1010..).take(noise.0.len()).collect();
        assert_eq!(all, drawn);
        assert!(trained.noise);
        assert_eq!(trained.scores.is_some(), held_out);
    }
}

/// A step that was drawn is past: its sums are refused, whoever hands them over again.
#[test]
fn no_step_is_drawn_twice_out_of_turn_or_for_another_question() {
    let proven = proven(training(3, false), RHO);
    let other = self::proven(training(4, false), RHO);
    let dearer = self::proven(training(3, false), 2 * RHO);
    let begun = || {
        let steps = Steps::begin(Payer::new(&proven).pay()).unwrap();
        let label = raw(&proven, &steps);
        let Next::More(steps) = steps.draw(label, &mut Counter::default()).unwrap() else {
            panic!("three steps are left")
        };
        assert_eq!(steps.place(), 1);
        steps
    };
    let refused = |proven: &Proven, place: u32, entries: usize| {
        let raw = RawStep::new(proven.clone(), place, vec![0; entries]);
        let mut noise = Counter::default();
        let refused = begun().draw(raw, &mut noise).map(drop).unwrap_err();
        assert!(noise.0.is_empty(), "something was drawn");
        refused
    };
    assert_eq!(refused(&proven, 0, 1), Mismatch::OtherQuestion);
    assert_eq!(refused(&proven, 2, 7), Mismatch::OtherQuestion);
    assert_eq!(refused(&other, 1, 7), Mismatch::OtherQuestion);
    assert_eq!(refused(&dearer, 1, 7), Mismatch::OtherQuestion);
    assert_eq!(refused(&proven, 1, 6), Mismatch::Shape);
    assert_eq!(refused(&proven, 1, 8), Mismatch::Shape);
}

#[test]
fn what_was_paid_as_a_training_releases_no_figures_and_the_other_way_round() {
    let proven = proven(training(3, false), RHO);
    let totals = privacy::Totals {
        cells: privacy::Names::Public,
        people: vec![1, 2],
        sums: Vec::new(),
        products: Vec::new(),
    };
    let raw = privacy::Raw::new(proven.clone(), totals);
    let refused = raw.release(Payer::new(&proven).pay(), &mut Counter::default());
    assert_eq!(refused.map(drop), Err(Mismatch::OtherQuestion));
    let counted = crate::support::proven(table(Vec::new()), Rho(RHO), 0);
    let refused = Steps::begin(Payer::new(&counted).pay());
    assert_eq!(refused.map(drop), Err(Mismatch::OtherQuestion));
}

/// The next weights follow from what was drawn, so a training that goes on is the one that was begun.
#[test]
fn weights_follow_from_what_was_drawn_and_from_nothing_else() {
    let proven = proven(training(4, false), RHO);
    let (release, _) = run(&proven, &mut Silent);
    let trained = trained(&release);
    assert!(!trained.noise);
    let program = proven.tally().program.as_ref().unwrap();
    let mut descent = protocol::learning::Descent::start(program.plan(), trained.label);
    let mut steps = Steps::begin(Payer::new(&proven).pay()).unwrap();
    let Next::More(left) = steps.draw(raw(&proven, &steps_at(&proven, 0)), &mut Silent).unwrap()
    else {
        panic!("four steps are left")
    };
    steps = left;
    for sums in &trained.steps {
        let Ask::Step(grid) = steps.ask() else { panic!("a step is next") };
        assert_eq!(grid, descent.grid());
        descent.step(&sums.0);
        let place = steps.place();
        match steps.draw(RawStep::new(proven.clone(), place, sums.0.clone()), &mut Silent) {
            Ok(Next::More(left)) => steps = left,
            Ok(Next::All(again)) => {
                assert_eq!(again.released(), release.released());
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("all steps were drawn");
}

fn steps_at(proven: &Proven, place: u32) -> Steps {
    let steps = Steps::begin(Payer::new(proven).pay()).unwrap();
    assert_eq!(steps.place(), place);
    steps
}
