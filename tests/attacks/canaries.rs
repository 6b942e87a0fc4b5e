//! An audit of the trainer by canaries: made-up people, each alone in its bins, of whom a coin decides who is trained on.
//!
//! A thousand models are trained, each with 64 canaries. What was released of a canary's own bins is seen by nobody else's
//! coin: its residual is clamped at every step, which is checked, and the noise of every entry is its own. So canaries are as
//! many independent trials, and bounds after Clopper and Pearson hold for them. Of either kind, the bounds of one audit
//! are wrong in at most one of 10⁶ seeds; seeds are fixed. `GLOVEBOX_TEST_FULL=1` trains ten times as many, and a thousand by the rule.
//!
//! Many canaries in one training: Steinke, Nasr and Jagielski 2023, <https://arxiv.org/abs/2305.08846>; here they do not share
//! a coordinate, so that no term is lost to their sharing a run.

use privacy::sampler::{Noise, Variance};
use protocol::{
    accounting::{Mechanism, pld},
    job::question_from_toml,
    learning::{Adding, Descent, Link, People, Plan, QUANTA, label_quanta},
    policy::Admitted,
    proof::{self, Sigma},
    released::{Released, StepSums, Trained},
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::{
    data::Person,
    stage::{Room, Width},
};
use crate::betrayed::{apart, betrayed};

/// A training that is audited.
struct Audit {
    room: Room,
    admitted: Admitted,
    plan: Plan,
    steps: proof::Steps,
}

/// Builds that are broken, made of the public parts that the whole one is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Broken {
    Nothing,
    /// Residuals are not clamped.
    Unclamped,
    /// There is one step more than was paid for.
    OneStepMore,
}

/// What an audit found.
struct Found {
    /// A lower bound of ε at [`DELTA`], whatever the mechanism is.
    epsilon: f64,
    /// A lower bound of how far two neighbours are apart, in deviations of normal noise.
    apart: f64,
}

impl Audit {
    /// By the rule, or in so many steps, at [`EPSILON`].
    fn new(width: Width, steps: Option<u32>) -> Self {
        let room = Room::with_budget(width, EPSILON);
        let feature = |most: u32| {
            let edges: Vec<_> = (1..most).map(|edge| edge.to_string()).collect();
            let edges = edges.join(", ");
            format!("[[train.feature]]\ncolumn = \"sales.spend\"\nedges = [{edges}]\n")
        };
        // The same bins twice, but for an edge that nobody reaches: a feature that is there twice is refused.
        let features = [feature(CANARIES), feature(CANARIES + 1)].concat();
        let settings = steps.map(|steps| format!("[train.settings]\nsteps = {steps}\n"));
        let job = format!(
            "[job]\nanalysis = \"model\"\n[train]\npeople = 1000\n{features}\
             [train.label]\nfound_in = \"sales\"\n{}[train.privacy]\nepsilon = {EPSILON:?}\ndelta = 1e-6\n",
            settings.unwrap_or_default()
        );
        let (analysis, question) = question_from_toml(&job, &room.contract).unwrap();
        let mut room = room;
        let admitted = room.admit("publisher", &analysis, question).unwrap();
        let plan = admitted.proven().tally().program.as_ref().unwrap().plan().additive().unwrap();
        let steps = admitted.proven().proof().steps().unwrap();
        Self { room, admitted, plan, steps }
    }

    /// What leaves of a model of some people, none of them with the label, and of these canaries, all of them with it: by
    /// the engine, the ledger and the door that ship.
    fn shipped(&mut self, present: &[bool], noise: &mut dyn Noise) -> Trained {
        let crowd = (0..CROWD).map(|key| (key, Vec::new()));
        let canaries = (0..).zip(present).filter(|(_, present)| **present);
        let canaries = canaries.map(|(at, _)| (1000 + at, vec![(i64::from(at), 3, "harbour")]));
        let person = |(key, sales)| Person { key, exposures: vec![(0, 0)], sales };
        let people: Vec<_> = crowd.chain(canaries).map(person).collect();
        let people = self.room.trainees(&people, &self.admitted);
        let release = self.room.train(&people, &self.admitted, noise);
        match release.released() {
            Released::Steps(trained) => trained.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// The same of the same people by a build that may be broken.
    fn by_hand(&self, present: &[bool], broken: Broken, noise: &mut dyn Noise) -> Trained {
        let mut plan = self.plan.clone();
        match broken {
            Broken::Nothing => {}
            Broken::Unclamped => plan.clip = QUANTA,
            Broken::OneStepMore => plan.steps += 1,
        }
        let mut people = People::with_room(&plan.features, 0);
        (0..CROWD).for_each(|_| people.add(&[0, 0], label_quanta(0, 1)));
        for (bin, _) in (1..).zip(present).filter(|(_, present)| **present) {
            people.add(&[bin, bin], label_quanta(1, 1));
        }
        let mut label = [present.iter().map(|present| i64::from(*present)).sum()];
        noise.add_gaussian(variance(self.steps.everybody().unwrap()[0].sigma), &mut label);
        let (link, mut descent) =
            (Link::new(plan.loss, plan.cap), Descent::start(plan.clone(), label[0]));
        let steps = (0..plan.steps).map(|_| {
            let grid = descent.grid();
            let mut sums = Adding::new(&plan, &link, &grid).sums(&people, 0..people.len());
            noise.add_gaussian(variance(self.steps.everybody().unwrap()[1].sigma), &mut sums);
            descent.step(&sums);
            StepSums(sums)
        });
        Trained { noise: true, label: Some(label[0]), steps: steps.collect(), scores: None }
    }

    /// What all models of `train` betray of their canaries.
    fn of(&mut self, models: u64, mut train: impl FnMut(&mut Self, &[bool]) -> Trained) -> Found {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for model in 0..models {
            let present = coins(model);
            let trained = train(self, &present);
            for (present, seen) in present.iter().zip(self.seen(&trained)) {
                if *present { with.push(seen) } else { without.push(seen) }
            }
        }
        Found { epsilon: betrayed(&with, &without, DELTA), apart: apart(&with, &without) }
    }

    /// What was released of each canary's own bins, all together, in quarters of the deviation that it was to have.
    fn seen(&self, trained: &Trained) -> Vec<i64> {
        let starts: Vec<_> = self.plan.ranges().map(|(start, ..)| start).collect();
        let [_, step] = self.steps.everybody().unwrap();
        let sd = step.sigma.value() * f64::from(self.steps.count * step.cells).sqrt();
        let of_one = |bin: usize| {
            let own =
                trained.steps.iter().flat_map(|step| starts.iter().map(|at| step.0[at + bin]));
            // A residual of somebody with the label is negative.
            quarters(-real(own.sum::<i64>()) / sd)
        };
        (1..=usize::try_from(CANARIES).unwrap()).map(of_one).collect()
    }

    /// Whether every canary added the clamp itself to every step, or would have: then none of them tells of another.
    fn is_clamped(&self, trained: &Trained) -> bool {
        let link = Link::new(self.plan.loss, self.plan.cap);
        let clip = i32::try_from(self.plan.clip).unwrap();
        let starts: Vec<_> = self.plan.ranges().map(|(start, ..)| start).collect();
        let mut descent = Descent::start(self.plan.clone(), trained.label.unwrap());
        trained.steps.iter().all(|step| {
            let grid = descent.grid();
            descent.step(&step.0);
            (1..=usize::try_from(CANARIES).unwrap()).all(|bin| {
                let score = starts.iter().map(|at| grid.weights[at + bin]).sum::<i32>();
                link.residual(grid.intercept + score, label_quanta(1, 1), clip) == -clip
            })
        })
    }

    /// ε of the very steps and noise that were paid for, by the accountant.
    fn epsilon(&self, delta: f64) -> f64 {
        let of = |figure: &proof::Figure| {
            let moved = u32::try_from(figure.linf).unwrap();
            Mechanism::discrete_gaussian(figure.sigma.value(), moved).unwrap()
        };
        let [label, step] = self.steps.everybody().unwrap();
        let steps = u64::from(step.cells * self.steps.count);
        pld::epsilon(&[(of(&label), 1), (of(&step), steps)], delta).unwrap()
    }

    /// How far apart two neighbours are under normal noise of all that is paid for.
    fn apart(&self) -> f64 {
        (2.0 * self.admitted.proven().proof().cost.rho().value()).sqrt()
    }
}

#[test]
fn a_thousand_models_betray_no_more_of_their_canaries_than_is_claimed() {
    holds("as it ships, three steps", Some(3), models(1_000));
    if is_full() {
        // Each draws some thirty times as much noise.
        holds("as it ships, by the rule", None, 1_000);
    }
}

fn holds(what: &str, steps: Option<u32>, models: u64) {
    let mut audit = Audit::new(Width::Paid, steps);
    assert!(steps.is_some() || audit.plan.steps >= 100, "by the rule");
    let mut noise = audit.room.noise(200);
    let found = audit.of(models, |audit, present| {
        let trained = audit.shipped(present, &mut *noise);
        assert!(audit.is_clamped(&trained), "canaries tell of each other");
        trained
    });
    let claim = audit.epsilon(DELTA);
    tell(what, &found, claim, audit.apart());
    assert!(found.epsilon <= claim && found.apart <= audit.apart());
    // The audit can see: most of what is claimed.
    assert!(found.epsilon > 0.6 * claim && found.apart > 0.85 * audit.apart());
    // The accountant's figure for these very releases is within what they were sold as.
    let exact = audit.epsilon(1e-6);
    assert!((0.8 * EPSILON..=EPSILON).contains(&exact), "{exact}");
}

#[test]
fn an_audit_catches_half_the_noise_residuals_that_are_not_clamped_and_one_step_more() {
    let caught = |what: &str, audit: &Audit, found: &Found| {
        let claim = audit.epsilon(DELTA);
        tell(what, found, claim, audit.apart());
        assert!(found.apart > audit.apart(), "{what} is not caught");
        found.epsilon > claim
    };
    let mut audit = Audit::new(Width::Halved, Some(3));
    let mut noise = audit.room.noise(201);
    let found = audit.of(models(300), |audit, present| audit.shipped(present, &mut *noise));
    assert!(caught("half the noise", &audit, &found));

    let by_hand = |broken: Broken, steps: u32, models: u64, seed: u64| {
        let mut audit = Audit::new(Width::Paid, Some(steps));
        let mut noise = audit.room.noise(seed);
        let found = audit.of(models, |audit, present| audit.by_hand(present, broken, &mut *noise));
        (audit, found)
    };
    let (audit, found) = by_hand(Broken::Unclamped, 3, models(300), 202);
    assert!(caught("residuals that are not clamped", &audit, &found));
    // A step more of a hundred costs a hundredth more, which no audit sees: whoever derives the model again refuses it.
    let (audit, found) = by_hand(Broken::OneStepMore, 3, models(1_200), 203);
    caught("one step more than three", &audit, &found);
    let (audit, found) = by_hand(Broken::OneStepMore, 1, models(600), 204);
    assert!(caught("one step more than one", &audit, &found));
}

/// Broken builds are what they are because of what is broken: without that they are the one that ships.
#[test]
fn a_build_that_is_put_together_by_hand_is_the_one_that_ships() {
    for steps in [None, Some(3)] {
        let mut audit = Audit::new(Width::Paid, steps);
        let (mut one, mut other) = (audit.room.noise(205), audit.room.noise(205));
        let shipped = audit.shipped(&coins(1), &mut *one);
        assert_eq!(audit.by_hand(&coins(1), Broken::Nothing, &mut *other), shipped);
        for broken in [Broken::Unclamped, Broken::OneStepMore] {
            let mut noise = audit.room.noise(205);
            assert_ne!(audit.by_hand(&coins(1), broken, &mut *noise), shipped, "{broken:?}");
        }
    }
}

/// Who is trained on in a model: each canary or not, as likely.
fn coins(model: u64) -> Vec<bool> {
    let mut random = ChaCha20Rng::seed_from_u64(model);
    (0..CANARIES).map(|_| random.next_u32() & 1 == 1).collect()
}

fn variance(sigma: Sigma) -> Variance {
    let (numerator, denominator) = sigma.variance();
    Variance::new(numerator, denominator).unwrap()
}

/// How many models, given what the quick suite can afford.
fn models(quick: u64) -> u64 {
    if is_full() { 10 * quick } else { quick }
}

fn is_full() -> bool {
    std::env::var_os("GLOVEBOX_TEST_FULL").is_some()
}

#[expect(clippy::print_stderr, reason = "the figure that was found is the point of an audit")]
fn tell(what: &str, found: &Found, claim: f64, apart: f64) {
    let Found { epsilon, apart: least } = found;
    eprintln!(
        "{what}: betrayed at least epsilon {epsilon:.3} at delta {DELTA} ({claim:.3} claimed), {least:.3} deviations ({apart:.3} claimed)"
    );
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a few dozen")]
fn quarters(deviations: f64) -> i64 {
    (4.0 * deviations).floor() as i64
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "below 2^53")]
fn real(number: i64) -> f64 {
    number as f64
}

/// ε at δ = 10⁻⁶ that each model costs.
const EPSILON: f64 = 4.0;
/// δ at which ε is bounded from below.
const DELTA: f64 = 0.01;
/// Canaries of each model, each with a bin of its own in both features.
const CANARIES: u32 = 64;
/// Other people of each model.
const CROWD: u32 = 60;
