//! The door of trainings: exactly the steps that were paid for, each with noise of its own, all of them at the end.
#![expect(clippy::panic, reason = "a test may fail loudly")]

use crate::silent::Silent;
use crate::support::{Payer, table};
use privacy::sampler::{Chance, Noise, Scale, Variance};
use privacy::{Ask, Mismatch, Next, RawStep, Release, Scoring, Steps};
use protocol::learning::dense::Network;
use protocol::loss::Rho;
use protocol::proof::{self, Proven};
use protocol::released::{Released, Trained};
use protocol::tally::{
    Binned, Dense, Ends, Feature, HeldOut, Label, Learnt, Loss, Population, Program, Side, Tally,
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

    fn batch(&mut self, _: Chance, people: u32) -> Vec<u32> {
        (0..people).filter(|person| person % 3 == 0).collect()
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
        spread: Vec::new(),
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
            dense: None,
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
        Ask::Step(_) | Ask::Batch(..) => 7,
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
        let [label, step] = proof.everybody().unwrap();
        let mut expected = vec![square(&label)];
        expected.extend(vec![square(&step); 7 * usize::try_from(steps).unwrap()]);
        expected.extend(proof.scores.iter().flat_map(|scores| vec![square(scores); 6]));
        assert_eq!(noise.0, expected);
        // 10 of each, and what was drawn: nothing twice.
        let trained = trained(&release);
        let all = trained.steps.iter().chain(&trained.scores).flat_map(|sums| &sums.0);
        let all: Vec<_> = trained.label.iter().chain(all).copied().collect();
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
        spread: Vec::new(),
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
    let plan = program.plan().additive().unwrap();
    let mut descent = protocol::learning::Descent::start(plan, trained.label.unwrap());
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

/// A linear model of two features as numbers.
fn dense(steps: u32, held_out: bool) -> Tally {
    let mut tally = training(steps, held_out);
    let program = tally.program.as_mut().unwrap();
    for feature in &mut program.features {
        feature.of = Binned::RowsBetween { ends: Ends { lower: 0, upper: 9 } };
    }
    let delta = protocol::loss::Delta::try_from(1_000_000).unwrap();
    program.dense = Some(Dense { hidden: Vec::new(), sampled: 1 << 31, seed: 1, delta });
    tally
}

/// No label sum, each step once at weights that follow from those before, and then the counts.
#[test]
fn steps_of_people_who_are_drawn_leave_as_they_were_paid_for_and_nothing_beside_them() {
    for held_out in [false, true] {
        let proven = proven(dense(4, held_out), RHO);
        let proof = proven.proof().steps().unwrap();
        let plan = proven.tally().program.as_ref().unwrap().plan().dense().unwrap();
        let mut descent = protocol::learning::dense::Descent::start(plan);
        let mut noise = Counter::default();
        let mut steps = Steps::begin(Payer::new(&proven).pay()).unwrap();
        let mut releases = 0;
        let release = loop {
            assert_eq!(steps.place(), releases);
            releases += 1;
            let entries = match steps.ask() {
                Ask::Batch(network, chance) => {
                    assert_eq!(Some(chance), Chance::new(1 << 31));
                    let score = |network: Network| network.score(&[7, 9]).to_bits();
                    assert_eq!(score(network), score(descent.network()));
                    let drawn = i64::try_from(noise.0.len()).unwrap() + 1010;
                    descent.step(&[drawn, drawn + 1, drawn + 2]);
                    3
                }
                Ask::Scores(Scoring::Dense(_)) => 6,
                other => panic!("{other:?}"),
            };
            let raw = RawStep::new(proven.clone(), steps.place(), vec![10; entries]);
            match steps.draw(raw, &mut noise).unwrap() {
                Next::More(left) => steps = left,
                Next::All(release) => break release,
            }
        };
        assert_eq!((releases, proof.releases()), (4 + u32::from(held_out), releases));
        let square = |sigma: proof::Sigma| sigma.value().powi(2);
        let mut expected = vec![square(proof.drawn().unwrap().sigma); 12];
        expected.extend(proof.scores.iter().flat_map(|scores| vec![square(scores.sigma); 6]));
        assert_eq!(noise.0, expected);
        let trained = trained(&release);
        assert_eq!((trained.label, trained.steps.len()), (None, 4));
    }
}
