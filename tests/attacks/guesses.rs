//! Attacks that end in a guess: which of these worlds is it?
//!
//! Each spends a month's whole budget on its jobs. The guess is always the best there can be: the world
//! that makes all figures released likeliest.

use privacy::Release;
use protocol::{
    loss::{Loss, Rho},
    released::{self, Released},
};

use super::{
    Found,
    data::{Person, crowd, target},
    stage::{Room, Width, Worked},
    theory, trials,
};

/// Worlds that differ in what is secret, and jobs that are to tell which it is.
struct Attack {
    id: &'static str,
    what: &'static str,
    /// Equally likely.
    worlds: Vec<Vec<Person>>,
    /// A world that none of them is further from than it must be.
    reference: Vec<Person>,
    jobs: Vec<String>,
}

/// All of them, in a build whose noise is so wide.
pub(crate) fn all(width: Width) -> Vec<Found> {
    let attacks = [
        outlier(),
        dictionary(),
        overlapping(),
        averaging(),
        differencing(),
        before_the_clamp(),
        many_measures(),
        hidden_count(),
        many_rows(),
        both_partners(),
        rare_literal(),
    ];
    let play = |attack: &Attack| play(&mut Room::new(width), attack);
    let (one, other) = attacks.split_at(6);
    std::thread::scope(|scope| {
        let half = scope.spawn(|| one.iter().map(play).collect::<Vec<_>>());
        let rest = other.iter().map(play).collect::<Vec<_>>();
        [half.join().unwrap(), rest].concat()
    })
}

/// Releases every job of the attack for one world after the other, in an order that says nothing.
fn play(room: &mut Room, attack: &Attack) -> Found {
    let work_out = |room: &mut Room, world: &[Person]| -> Vec<Worked> {
        let jobs = attack.jobs.iter();
        jobs.map(|job| {
            let (analysis, question) =
                protocol::job::question_from_toml(job, &room.contract).unwrap();
            let admitted = room.admit("publisher", &analysis, question).unwrap();
            room.work_out(world, admitted)
        })
        .collect()
    };
    let worlds: Vec<_> = attack.worlds.iter().map(|it| work_out(room, it)).collect();
    let reference = work_out(room, &attack.reference);
    let named: Vec<_> =
        attack.worlds.iter().map(Vec::as_slice).zip(worlds.iter().map(Vec::as_slice)).collect();
    let bound = theory::best(&named, (&attack.reference, &reference), room_budget().rho());
    let clues: Vec<Vec<Clue>> = worlds.iter().map(|it| clues(it, &reference)).collect();
    let mut noise = room.noise(attack.id[1..].parse().unwrap());
    let tries = trials();
    let mut successes = 0;
    for trial in 0..tries {
        let secret = usize::try_from(trial).unwrap() * 5 % worlds.len();
        room.refill();
        let seen: Vec<_> =
            worlds[secret].iter().map(|job| room.release(job, &mut *noise)).collect();
        let likely = clues.iter().map(|it| it.iter().map(|clue| clue.weigh(&seen)).sum::<f64>());
        let likely: Vec<_> = likely.collect();
        let guess = (0..worlds.len()).max_by(|a, b| likely[*a].total_cmp(&likely[*b])).unwrap();
        successes += u32::from(guess == secret);
    }
    let guessing = 1.0 / f64::from(u32::try_from(worlds.len()).unwrap());
    Found { id: attack.id, what: attack.what.to_owned(), tries, successes, guessing, bound }
}

/// A figure of a result that differs between a world and the reference.
struct Clue {
    job: usize,
    place: Place,
    /// Halfway between the two.
    middle: f64,
    /// How much more the figure is in the world, over the variance of its noise.
    weight: f64,
}

enum Place {
    /// People of the cell of this name.
    People(Vec<released::Place>),
    /// Total of a measure over the cell of this name.
    Sum(Vec<released::Place>, usize),
    /// How many cells there are.
    Cells,
    /// A cell that the reference does not have: if it is shown, that is that.
    Fresh(Vec<released::Place>),
}

impl Clue {
    /// The log-likelihood ratio of the figure; nothing where it is withheld.
    fn weigh(&self, seen: &[Release]) -> f64 {
        let Released::Figures(figures) = seen[self.job].released() else {
            panic!("a table leaves figures")
        };
        let cell = |name: &[released::Place]| {
            figures.cells.iter().find(|cell| cell.name == name).map(|cell| &cell.totals)
        };
        let found = match &self.place {
            Place::People(name) => cell(name).map(|totals| totals.people),
            Place::Sum(name, at) => cell(name).map(|totals| totals.sums[*at]),
            Place::Cells => Some(figures.withheld + i64::try_from(figures.cells.len()).unwrap()),
            Place::Fresh(name) => return if cell(name).is_some() { 1e9 } else { 0.0 },
        };
        found.map_or(0.0, |found| (real(found) - self.middle) * self.weight)
    }
}

fn clues(world: &[Worked], reference: &[Worked]) -> Vec<Clue> {
    let mut all = Vec::new();
    for (job, (one, other)) in world.iter().zip(reference).enumerate() {
        let proof = one.admitted.proven().proof();
        let mut clue = |place: Place, here: i64, there: i64, sigma: f64| {
            if here != there {
                let weight = real(here - there) / sigma.powi(2);
                all.push(Clue {
                    job,
                    place,
                    middle: f64::midpoint(real(here), real(there)),
                    weight,
                });
            }
        };
        for (a, b) in theory::pairs(one, other) {
            let name = || one.names[a].clone();
            let people = (one.totals.people[a], other.totals.people[b]);
            clue(
                Place::People(name()),
                people.0,
                people.1,
                proof.vectors().unwrap().people.sigma.value(),
            );
            for (at, figure) in proof.vectors().unwrap().sums.iter().enumerate() {
                let sums = (one.totals.sums[at][a], other.totals.sums[at][b]);
                clue(Place::Sum(name(), at), sums.0, sums.1, figure.sigma.value());
            }
        }
        if let Some(selection) = &proof.vectors().unwrap().selection {
            let cells = |it: &Worked| i64::try_from(it.names.len()).unwrap();
            clue(Place::Cells, cells(one), cells(other), selection.withheld.sigma.value());
        }
        let fresh = one.names.iter().filter(|it| !other.names.contains(it)).cloned();
        all.extend(fresh.map(|it| Clue { job, place: Place::Fresh(it), middle: 0.0, weight: 0.0 }));
    }
    all
}

fn real(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap())
}

/// Is the target a customer? She is in the population in both worlds, with six hundred people of the
/// attacker's own in her town, half of them customers, so that all cells are large enough to be shown.
fn customer_or_not(target: Person) -> (Vec<Person>, Vec<Person>) {
    let mut all = crowd();
    for key in 1..=600 {
        let sales = if key % 2 == 0 { vec![(5, 3, "main street")] } else { Vec::new() };
        all.push(Person { key: 1_000_000 + key, exposures: vec![(0, 7)], sales });
    }
    let mut other = target.clone();
    other.sales.clear();
    ([all.clone(), vec![target]].concat(), [all, vec![other]].concat())
}

fn two(
    id: &'static str,
    what: &'static str,
    (with, without): (Vec<Person>, Vec<Person>),
    jobs: Vec<String>,
) -> Attack {
    Attack { id, what, worlds: vec![without.clone(), with], reference: without, jobs }
}

/// ε = 2 at δ = 10⁻⁶.
fn room_budget() -> Loss {
    let epsilon = protocol::loss::Epsilon::new(2.0).unwrap();
    let delta = protocol::loss::Delta::new(1e-6).unwrap();
    Loss::zcdp(Rho::from_epsilon(epsilon, delta))
}

/// The ε of one of so many equal parts of the budget, at δ = 10⁻⁶.
pub(crate) fn part_of_budget(parts: u32) -> f64 {
    let delta = protocol::loss::Delta::new(1e-6).unwrap();
    let part = Rho(room_budget().rho().0 / u64::from(parts));
    (part.epsilon(delta) * 1e6).floor() / 1e6
}

/// A job about `rows` with `measures`, that takes one of `parts` equal parts of the budget. If it adds
/// something up, nearly all of its price goes there, as the head count does not move.
fn job(group_by: &str, rows: &str, measures: &str, parts: u32) -> String {
    let epsilon = part_of_budget(parts);
    format!(
        "[job]\nanalysis = \"reach\"\n[table]\ngroup_by = [{group_by}]\n{rows}\n{measures}\n\
         [table.privacy]\nepsilon = {epsilon:?}\ndelta = 1e-6\nmin_cell = 10\n\
         split = {{ n = 0.01, sum = 0.99, sum_sq = 0.0 }}\n"
    )
}

fn town(which: &str) -> String {
    format!("[[table.where]]\ncolumn = \"exposures.town\"\nin = [{which}]\n")
}

fn hers() -> String {
    town("\"town-7\"")
}

fn spend(name: &str, cap: u32) -> String {
    format!(
        "[[table.measure]]\nname = \"{name}\"\ncolumn = \"sales.spend\"\nstatistic = \"sum\"\n\
         cap_per_user = {cap}\n"
    )
}

/// A2: the target is the only one who ever spent a billion.
fn outlier() -> Attack {
    let what = "an outlier: the target spent a billion, everybody knows the rest";
    let jobs = vec![job("", &hers(), &spend("spent", 20), 1)];
    two("A2", what, customer_or_not(target(1_000_000_000)), jobs)
}

/// A3: one town for each candidate; which of eight is a customer?
fn dictionary() -> Attack {
    let world = |customer: Option<u32>| {
        let mut all = Vec::new();
        for town in 0..8_u32 {
            let exposures = vec![(0, i32::try_from(town).unwrap())];
            let first = 1_000_000 + 100 * town;
            for key in first..first + 60 {
                let sales = if key % 2 == 0 { vec![(5, 3, "main street")] } else { Vec::new() };
                all.push(Person { key, exposures: exposures.clone(), sales });
            }
            let bought = Some(town) == customer;
            let sales = if bought { vec![(5, 3, "clinic")] } else { Vec::new() };
            all.push(Person { key: first + 99, exposures, sales });
        }
        all
    };
    Attack {
        id: "A3",
        what: "a dictionary: eight candidates uploaded, which is a customer?",
        worlds: (0..8).map(|it| world(Some(it))).collect(),
        reference: world(None),
        jobs: vec![job("\"exposures.town\", \"matched\"", "", "", 1)],
    }
}

/// A4: four cohorts that have nobody in common but the target and the attacker's own people.
fn overlapping() -> Attack {
    let towns = ["\"town-0\"", "\"town-1\"", "\"town-2\"", "\"town-3\""];
    let jobs = towns.map(|it| job("\"matched\"", &town(&format!("{it}, \"town-7\"")), "", 4));
    let what = "a manufactured join: four cohorts that share only the target";
    two("A4", what, customer_or_not(target(5)), jobs.into())
}

/// A6: the same again and again, each time with another cap so that it is another question.
fn averaging() -> Attack {
    let guises = (0..8).map(|at| job("", &hers(), &spend("spent", 20 + at), 8));
    let what = "averaging: the same question in eight guises";
    two("A6", what, customer_or_not(target(1_000)), guises.collect())
}

/// A7: everybody, less everybody but the target's town. The attacker knows everybody else, so the
/// second job tells nothing and its half of the budget is spent in vain.
fn differencing() -> Attack {
    let towns: Vec<_> = (0..7).map(|it| format!("\"town-{it}\"")).collect();
    let others = job("\"matched\"", &town(&towns.join(", ")), "", 2);
    let what = "differencing: all customers, less those of all towns but one";
    two("A7", what, customer_or_not(target(5)), vec![job("\"matched\"", "", "", 2), others])
}

/// A8: rows that would leave the clamp behind, were it on rows and not on what they add up to.
fn before_the_clamp() -> Attack {
    let mut target = target(i64::MAX);
    target.sales = vec![(i64::MAX, 3, "clinic"); 50];
    let what = "an expression before the clamp: fifty rows of 2^63 - 1 each";
    let jobs = vec![job("", &hers(), &spend("spent", 20), 1)];
    two("A8", what, customer_or_not(target), jobs)
}

/// A10: fifteen measures in one job, each of which gives the target away.
fn many_measures() -> Attack {
    let measures: Vec<_> = (0..15).map(|at| spend(&format!("m{at}"), 20)).collect();
    let what = "one job with fifteen sums of the same column";
    let jobs = vec![job("", &hers(), &measures.concat(), 1)];
    two("A10", what, customer_or_not(target(20)), jobs)
}

/// A11: how many stores there are, when the target's would be the only one; and how many people have none.
fn hidden_count() -> Attack {
    let job = job("\"sales.store\"", "", "", 1)
        .replace("min_cell = 10", "min_cell = 10\nselection_delta = 1e-6");
    let what = "a hidden count: how many stores are withheld, and is hers named?";
    two("A11", what, customer_or_not(target(5)), vec![job])
}

/// A12: a person with very many rows.
fn many_rows() -> Attack {
    let mut target = target(1);
    target.sales = vec![(1, 3, "clinic"); 2_000];
    let rows = "[[table.measure]]\nname = \"rows\"\ncolumn = \"sales\"\nstatistic = \"rows\"\n\
                cap_per_user = 5\n";
    let what = "one person with two thousand rows";
    two("A12", what, customer_or_not(target), vec![job("", &hers(), rows, 1)])
}

/// A22: publisher and retailer together know every row but whether the target is in theirs at all.
fn both_partners() -> Attack {
    let (with, mut without) = customer_or_not(target(20));
    without.pop();
    let what = "two partners against one person: all else is known to both";
    let jobs = vec![job("\"matched\"", &hers(), &spend("spent", 20), 1)];
    two("A22", what, (with, without), jobs)
}

/// A23: a filter that nobody but the target and the attacker's own people meets.
fn rare_literal() -> Attack {
    let what = "a filter by a rare value, made large by the attacker's own people";
    two("A23", what, customer_or_not(target(5)), vec![job("\"matched\"", &hers(), "", 1)])
}
