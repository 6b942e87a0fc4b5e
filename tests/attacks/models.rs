//! Attacks on a model that left: was somebody trained on, and what is true of the few who have a rare attribute?
//!
//! Whoever is asked about is alone in their bins, so that all that is known of everybody else takes nothing off what is seen
//! of them, and has the label, which few have: hardly anybody is louder. How loud, the weights decide that were released before;
//! attackers compute it from these. Bounds are of residuals at the clamp at every step, which those of a rare attribute mostly
//! are not: their bound is a loose one (ATTACKS.md).
//!
//! A figure that leaves without any noise is not what these attackers look for: they weigh each by the noise it is to have.

use std::sync::Arc;

use engine::Trainees;
use protocol::{
    analysis::train::{
        TrainAnswer,
        membership::{MEASURED, most_right},
    },
    job::question_from_toml,
    learning::{Descent, Link, Plan, label_quanta},
    loss::{Delta, Epsilon, Rho},
    policy::Admitted,
    proof,
    released::{Released, Trained},
    result::JobResult,
};
use rehearsal::Silent;

use super::{
    Found,
    data::{Person, TARGET, crowd, target},
    stage::{Room, Width},
    theory::{self, Moves},
    trials,
};

/// Two worlds that differ in people who have bins for themselves, and a training that is to tell which it is.
struct Attack {
    /// What different attackers of the same models have, and what their attacks are called.
    eyes: Vec<(Sees, &'static str)>,
    worlds: [World; 2],
    /// By how many times what one person may move, the worlds differ.
    people_apart: u32,
    /// The bins that only these people are in: the feature's place, and the bin's.
    bins: Vec<(usize, usize)>,
    job: String,
}

/// One world: everybody, and those who are in the bins that are looked at.
struct World {
    people: Vec<Person>,
    own: i64,
    label: u32,
}

/// What the attacker has.
enum Sees {
    /// All that lies beside the receipt: the label sum and the sums of every step.
    Sums,
    /// The model and its card.
    Card,
}

/// All of them, in a build whose noise is so wide.
pub(crate) fn all(width: Width) -> Vec<Found> {
    let attacks = [membership(), rare()];
    attacks.iter().zip(100..).flat_map(|(attack, seed)| play(width, attack, seed)).collect()
}

/// Everything is known but whether the target was trained on.
fn membership() -> Attack {
    let (with, without) = ([crowd(), vec![target(1_000)]].concat(), crowd());
    let features = "[[train.feature]]\ncolumn = \"exposures.town\"\n[[train.feature]]\n\
                    column = \"sales.spend\"\nedges = [1000]\n";
    Attack {
        eyes: vec![
            (Sees::Sums, "was she trained on? All sums that the model left with"),
            (Sees::Card, "was she trained on? The model and its card alone"),
        ],
        worlds: [
            World { people: without, own: 0, label: 0 },
            World { people: with, own: 1, label: 1 },
        ],
        people_apart: 1,
        bins: vec![(0, 8), (1, 2)],
        job: job(features, 1),
    }
}

/// Of five people in a town of their own: are they customers, or is none of them? For a fortieth of the budget, since what
/// is true of five people moves sums five times as far, and twice that of people who are known to be there.
fn rare() -> Attack {
    let world = |label: u32| {
        let sales = if label == 1 { vec![(5, 3, "main street")] } else { Vec::new() };
        let five = (0..5).map(|at| Person {
            key: TARGET + at,
            exposures: vec![(0, 7)],
            sales: sales.clone(),
        });
        World { people: crowd().into_iter().chain(five).collect(), own: 5, label }
    };
    Attack {
        eyes: vec![(Sees::Sums, "a rare attribute: do the five who have it have the label?")],
        worlds: [world(0), world(1)],
        people_apart: 10,
        bins: vec![(0, 8)],
        job: job("[[train.feature]]\ncolumn = \"exposures.town\"\n", 40),
    }
}

/// A training of few steps that takes one of `parts` equal parts of the budget.
fn job(features: &str, parts: u32) -> String {
    let epsilon = super::guesses::part_of_budget(parts);
    format!(
        "[job]\nanalysis = \"model\"\n[train]\npeople = 200\n{features}\
         [train.label]\nfound_in = \"sales\"\n[train.settings]\nsteps = 2\nclip = 0.3\nrate = 1.0\n\
         [train.privacy]\nepsilon = {epsilon:?}\ndelta = 1e-6\n"
    )
}

fn play(width: Width, attack: &Attack, seed: u64) -> Vec<Found> {
    let mut room = Room::new(width);
    let (analysis, question) = question_from_toml(&attack.job, &room.contract).unwrap();
    let admitted = room.admit("publisher", &analysis, question).unwrap();
    let read = |world: &World| room.trainees(&world.people, &admitted);
    let trainees: Vec<_> = attack.worlds.iter().map(read).collect();
    let expert = Expert::new(attack, &mut room, &trainees, &admitted);
    let mut noise = room.noise(seed);
    let bound = 0.5 + bound(attack, &admitted) / 2.0;
    let found = |(_, what): &(Sees, &str)| Found {
        id: "A1",
        what: (*what).to_owned(),
        tries: tries(),
        successes: 0,
        guessing: 0.5,
        bound,
    };
    let mut all: Vec<_> = attack.eyes.iter().map(found).collect();
    for trial in 0..tries() {
        let secret = usize::try_from(trial * 5 % 2).unwrap();
        let release = room.train(&trainees[secret], &admitted, &mut *noise);
        for ((sees, _), found) in attack.eyes.iter().zip(&mut all) {
            let likelier = match sees {
                Sees::Sums => expert.of_sums(trained(release.released())),
                Sees::Card => expert.of_card(&room.result(&release).of().unwrap()),
            };
            found.successes += u32::from(usize::from(likelier > 0.0) == secret);
        }
    }
    all
}

/// A training is some ten times as dear as a table.
fn tries() -> u32 {
    trials() / 4
}

/// Total variation distance of all that leaves of both worlds, at most, whatever the weights are: as if every sum moved by all
/// that the clamp lets it, which for a rare attribute is from one end to the other.
fn bound(attack: &Attack, admitted: &Admitted) -> f64 {
    let steps = admitted.proven().proof().steps().unwrap();
    let [label, step] = steps.everybody().unwrap();
    let moved = |figure: &proof::Figure| attack.people_apart * u32::try_from(figure.linf).unwrap();
    let moves = Moves::from([
        ((label.sigma, moved(&label)), 1),
        ((step.sigma, moved(&step)), u64::from(step.cells * steps.count)),
    ]);
    let most =
        f64::from(attack.people_apart).powi(2) * admitted.proven().proof().cost.rho().value();
    theory::distance(&moves, most)
}

/// An attacker who knows both worlds, and the training.
struct Expert<'a> {
    attack: &'a Attack,
    plan: Plan,
    link: Link,
    steps: proof::Steps,
    /// The exact label sum of each world.
    labels: [i64; 2],
    /// What each world's card says of these people's bins without noise.
    cards: [f64; 2],
}

impl<'a> Expert<'a> {
    fn new(
        attack: &'a Attack,
        room: &mut Room,
        trainees: &[Arc<Trainees>],
        admitted: &Admitted,
    ) -> Self {
        let exact: Vec<_> = trainees
            .iter()
            .map(|people| room.train(people, admitted, &mut Silent::default()))
            .collect();
        let sums: Vec<_> = exact.iter().map(|release| trained(release.released())).collect();
        assert_ne!(sums[0].steps, sums[1].steps, "the target is trained on");
        let plan = admitted.proven().tally().program.as_ref().unwrap().plan().additive().unwrap();
        let cards = [0, 1].map(|at: usize| weight(attack, &room.result(&exact[at]).of().unwrap()));
        Self {
            attack,
            link: Link::new(plan.loss, plan.cap),
            plan,
            steps: admitted.proven().proof().steps().unwrap(),
            labels: [0, 1].map(|at: usize| sums[at].label.unwrap()),
            cards,
        }
    }

    /// How much likelier the second world makes what was released: the logarithm of the ratio.
    fn of_sums(&self, trained: &Trained) -> f64 {
        let starts: Vec<_> = self.plan.ranges().map(|(start, ..)| start).collect();
        let own: Vec<_> = self.attack.bins.iter().map(|(at, bin)| starts[*at] + bin).collect();
        let clip = i32::try_from(self.plan.clip).unwrap();
        let label = trained.label.unwrap();
        let [of_label, of_step] = self.steps.everybody().unwrap();
        let mut descent = Descent::start(self.plan.clone(), label);
        let mut ratio = weigh(label, self.labels, of_label);
        for sums in &trained.steps {
            let grid = descent.grid();
            let score = grid.intercept + own.iter().map(|at| grid.weights[*at]).sum::<i32>();
            let expected = [0, 1].map(|at: usize| {
                let world = &self.attack.worlds[at];
                world.own * i64::from(self.link.residual(score, label_quanta(world.label, 1), clip))
            });
            ratio += own.iter().map(|at| weigh(sums.0[*at], expected, of_step)).sum::<f64>();
            descent.step(&sums.0);
        }
        ratio
    }

    /// Above 0 if the card is nearer to that of the second world.
    fn of_card(&self, card: &JobResult<TrainAnswer>) -> f64 {
        let [without, with] = self.cards;
        (weight(self.attack, card) - f64::midpoint(without, with)) * (with - without)
    }
}

/// The logarithm of the ratio of likelihoods of one figure, of which two worlds expect these values.
fn weigh(seen: i64, [one, other]: [i64; 2], figure: proof::Figure) -> f64 {
    (real(seen) - f64::midpoint(real(one), real(other))) * real(other - one)
        / figure.sigma.value().powi(2)
}

fn weight(attack: &Attack, card: &JobResult<TrainAnswer>) -> f64 {
    let weight = |(at, bin): &(usize, usize)| card.answer.features[*at].bins[*bin].weight.unwrap();
    attack.bins.iter().map(weight).sum()
}

fn trained(released: &Released) -> &Trained {
    match released {
        Released::Steps(trained) => trained,
        other => panic!("{other:?}"),
    }
}

fn real(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap())
}

/// What cards say was measured is what is measured here: the printed figure is within what chance adds to these tries in one of
/// 10⁹ runs, and the bound is theory's.
pub(crate) fn cards_say_what_was_measured(found: &[Found]) {
    let room = |tries: u32| 100.0 * (1e9_f64.ln() / (2.0 * f64::from(tries))).sqrt();
    let found = found.iter().filter(|found| found.id == "A1");
    for (found, printed) in found.zip([MEASURED.by_sums, MEASURED.by_card]) {
        let measured = 100.0 * found.rate();
        let chance = room(found.tries) + room(MEASURED.models);
        assert!(
            (measured - printed).abs() <= chance,
            "{}: {measured}, printed {printed}",
            found.what
        );
        assert!((100.0 * found.bound - MEASURED.allowed).abs() <= 0.05, "{}", found.bound);
    }
    let budget = Epsilon::new(MEASURED.epsilon).unwrap();
    let rho = Rho::from_epsilon(budget, Delta::new(1e-6).unwrap()).value();
    assert!((most_right(rho) - MEASURED.allowed).abs() <= 0.05, "{}", most_right(rho));
}
