//! Attacks that end in a guess: was the target in the data?

use protocol::{
    job::Question,
    loss::{Loss, Rho},
    result::JobResult,
};

use super::{
    Found,
    stage::{Person, Room, crowd, people, target, total},
    trials,
};

pub(crate) fn first() -> Vec<Found> {
    let mut room = Room::new();
    vec![
        outlier(&mut room),
        overlapping(&mut room),
        averaging(&mut room),
        differencing(&mut room),
        before_the_clamp(&mut room),
        many_measures(&mut room),
    ]
}

pub(crate) fn second() -> Vec<Found> {
    let mut room = Room::new();
    vec![
        dictionary(&mut room),
        hidden_count(&mut room),
        many_rows(&mut room),
        both_partners(&mut room),
        rare_literal(&mut room),
    ]
}

/// Thirty people of the attacker's own in the target's town, customers all, so that the town is large
/// enough to be shown; and the target, who is a customer or not.
fn world(customer: bool, spend: i64) -> Vec<Person> {
    let mut all = crowd();
    for key in 1..=30 {
        all.push(Person {
            key: 1_000_000 + key,
            exposures: vec![(0, 7)],
            sales: vec![(5, 3, "main street")],
        });
    }
    let mut target = target(spend);
    if !customer {
        target.sales.clear();
    }
    all.push(target);
    all
}

/// Tries an attack on worlds with and without the target's purchase, in an order that says nothing.
fn play(
    room: &mut Room,
    id: &'static str,
    what: &'static str,
    (with, without): (&[Person], &[Person]),
    attack: impl Fn(&mut Room, &[Person]) -> bool,
) -> Found {
    let tries = trials();
    let mut successes = 0;
    for trial in 0..tries {
        let secret = trial.is_multiple_of(2);
        room.refill(u64::from(trial));
        let guess = attack(room, if secret { with } else { without });
        successes += u32::from(guess == secret);
    }
    Found { id, what, tries, successes, guessing: 0.5, bound: one_bit(&room_budget()) }
}

/// Who knows all but one bit and has spent ρ-zCDP and δ is right with at most ½ + ½√(ρ/2) + δ: the
/// divergence of order 1 is at most ρ, and Pinsker's inequality bounds the distance by √(ρ/2).
fn one_bit(budget: &Loss) -> f64 {
    0.5 + 0.5 * (budget.rho().value() / 2.0).sqrt() + 1e-6
}

/// ε = 2 at δ = 10⁻⁶.
fn room_budget() -> Loss {
    let epsilon = protocol::loss::Epsilon::new(2.0).unwrap();
    let delta = protocol::loss::Delta::new(1e-6).unwrap();
    Loss::zcdp(Rho::from_epsilon(epsilon, delta))
}

/// A job about `where` with `measures`, that takes one of `parts` equal parts of the budget.
fn job(group_by: &str, rows: &str, measures: &str, parts: u32) -> String {
    let delta = protocol::loss::Delta::new(1e-6).unwrap();
    let part = Rho(room_budget().rho().0 / u64::from(parts));
    let epsilon = (part.epsilon(delta) * 1e6).floor() / 1e6;
    format!(
        "[job]\nanalysis = \"reach\"\n[table]\ngroup_by = [{group_by}]\n{rows}\n{measures}\n\
         [table.privacy]\nepsilon = {epsilon:?}\ndelta = 1e-6\nmin_cell = 10\n\
         split = {{ n = 0.4, sum = 0.6, sum_sq = 0.0 }}\n"
    )
}

fn town(which: &str) -> String {
    format!("[[table.where]]\ncolumn = \"exposures.town\"\nin = [{which}]\n")
}

fn spend(name: &str, cap: u32) -> String {
    format!(
        "[[table.measure]]\nname = \"{name}\"\ncolumn = \"sales.spend\"\nstatistic = \"sum\"\n\
         cap_per_user = {cap}\n"
    )
}

fn ask(room: &mut Room, world: &[Person], job: &str) -> JobResult {
    room.ask(world, "publisher", job).unwrap()
}

/// A2: the target is the only one who ever spent a billion.
fn outlier(room: &mut Room) -> Found {
    let worlds = (world(true, 1_000_000_000), world(false, 0));
    let job = job("", &town("\"town-7\""), &spend("spent", 20), 1);
    let what = "an outlier: the target spent a billion, everybody knows the rest";
    play(room, "A2", what, (&worlds.0, &worlds.1), |room, world| {
        total(&ask(room, world, &job), &[]) > 150.0 + 10.0
    })
}

/// A3: one town for each candidate; which of eight is a customer?
fn dictionary(room: &mut Room) -> Found {
    let world = |customer: usize| {
        let mut all = Vec::new();
        for town in 0..8_i32 {
            let first = 1_000_000 + 100 * u32::try_from(town).unwrap();
            for key in first..first + 30 {
                all.push(Person {
                    key,
                    exposures: vec![(0, town)],
                    sales: vec![(5, 3, "main street")],
                });
            }
            let bought = usize::try_from(town).unwrap() == customer;
            let sales = if bought { vec![(5, 3, "clinic")] } else { Vec::new() };
            all.push(Person { key: first + 99, exposures: vec![(0, town)], sales });
        }
        all
    };
    let worlds: Vec<_> = (0..8).map(world).collect();
    let job = job("\"exposures.town\", \"matched\"", "", "", 1);
    let tries = trials();
    let mut successes = 0;
    for trial in 0..tries {
        let secret = usize::try_from(trial).unwrap() * 5 % 8;
        room.refill(u64::from(trial));
        let result = ask(room, &worlds[secret], &job);
        let matched = |town: usize| people(&result, &[&format!("town-{town}"), "yes"]);
        let guess = (0..8).max_by(|a, b| matched(*a).total_cmp(&matched(*b))).unwrap();
        successes += u32::from(guess == secret);
    }
    // Two candidates differ by two people, hence 4ρ.
    let rho = room_budget().rho().value();
    let bound = 0.125 + (4.0 * rho / 2.0).sqrt();
    let what = "a dictionary: eight candidates uploaded, which is a customer?";
    Found { id: "A3", what, tries, successes, guessing: 0.125, bound }
}

/// A4: four cohorts that have nobody in common but the target and the attacker's own people.
fn overlapping(room: &mut Room) -> Found {
    let worlds = (world(true, 5), world(false, 0));
    let towns = ["\"town-0\"", "\"town-1\"", "\"town-2\"", "\"town-3\""];
    let jobs = towns.map(|it| job("\"matched\"", &town(&format!("{it}, \"town-7\"")), "", 4));
    // Of the fifty people of a town, who shops is known.
    let known = [50.0, 0.0, 50.0, 0.0];
    let what = "a manufactured join: four cohorts that share only the target";
    play(room, "A4", what, (&worlds.0, &worlds.1), |room, world| {
        let above = jobs
            .iter()
            .zip(known)
            .map(|(job, known)| people(&ask(room, world, job), &["yes"]) - known - 30.0);
        above.sum::<f64>() > 2.0
    })
}

/// A6: the same again and again, each time with another cap so that it is another question.
fn averaging(room: &mut Room) -> Found {
    let worlds = (world(true, 5), world(false, 0));
    let jobs: Vec<_> =
        (0..8).map(|at| job("", &town("\"town-7\""), &spend("spent", 5 + at), 8)).collect();
    let what = "averaging: the same question in eight guises";
    play(room, "A6", what, (&worlds.0, &worlds.1), |room, world| {
        let above = jobs.iter().map(|job| total(&ask(room, world, job), &[]) - 150.0);
        above.sum::<f64>() > 8.0 * 2.5
    })
}

/// A7: everybody, less everybody but the target's town.
fn differencing(room: &mut Room) -> Found {
    let worlds = (world(true, 5), world(false, 0));
    let all = job("\"matched\"", "", "", 2);
    let towns: Vec<_> = (0..7).map(|it| format!("\"town-{it}\"")).collect();
    let others = job("\"matched\"", &town(&towns.join(", ")), "", 2);
    let what = "differencing: all customers, less those of all towns but one";
    play(room, "A7", what, (&worlds.0, &worlds.1), |room, world| {
        let all = people(&ask(room, world, &all), &["yes"]);
        all - people(&ask(room, world, &others), &["yes"]) > 30.5
    })
}

/// A8: rows that would leave the clamp behind, were it on rows and not on what they add up to.
fn before_the_clamp(room: &mut Room) -> Found {
    let mut with = world(true, i64::MAX);
    with.last_mut().unwrap().sales = vec![(i64::MAX, 3, "clinic"); 50];
    let without = world(false, 0);
    let job = job("", &town("\"town-7\""), &spend("spent", 20), 1);
    let what = "an expression before the clamp: fifty rows of 2^63 - 1 each";
    play(room, "A8", what, (&with, &without), |room, world| {
        total(&ask(room, world, &job), &[]) > 160.0
    })
}

/// A10: fifteen measures in one job, each of which gives the target away.
fn many_measures(room: &mut Room) -> Found {
    let worlds = (world(true, 20), world(false, 0));
    let measures: Vec<_> = (0..15).map(|at| spend(&format!("m{at}"), 20)).collect();
    let job = job("", &town("\"town-7\""), &measures.concat(), 1);
    let what = "one job with fifteen sums of the same column";
    play(room, "A10", what, (&worlds.0, &worlds.1), |room, world| {
        let JobResult::Table(table) = ask(room, world, &job) else { panic!("a table") };
        let Some(cell) = table.cells.first() else { return false };
        cell.measures.iter().map(|it| it.total.value - 160.0).sum::<f64>() > 0.0
    })
}

/// A11: how many stores are not shown, when the target's would be the only one.
fn hidden_count(room: &mut Room) -> Found {
    let worlds = (world(true, 5), world(false, 0));
    let job = job("\"sales.store\"", "", "", 1)
        .replace("min_cell = 10", "min_cell = 10\nselection_delta = 1e-6");
    let what = "a hidden count: how many stores are withheld, and is hers named?";
    play(room, "A11", what, (&worlds.0, &worlds.1), |room, world| {
        let JobResult::Table(table) = ask(room, world, &job) else { panic!("a table") };
        let named = table.cells.iter().any(|cell| cell.names == ["clinic"]);
        named || table.withheld_cells.n > 0
    })
}

/// A12: a person with very many rows.
fn many_rows(room: &mut Room) -> Found {
    let mut with = world(true, 1);
    with.last_mut().unwrap().sales = vec![(1, 3, "clinic"); 2_000];
    let without = world(false, 0);
    let rows = "[[table.measure]]\nname = \"rows\"\ncolumn = \"sales\"\nstatistic = \"rows\"\n\
                cap_per_user = 5\n";
    let job = job("", &town("\"town-7\""), rows, 1);
    let what = "one person with two thousand rows";
    play(room, "A12", what, (&with, &without), |room, world| {
        total(&ask(room, world, &job), &[]) > 30.0 + 2.5
    })
}

/// A22: publisher and retailer together know every row but whether the target is in theirs at all.
fn both_partners(room: &mut Room) -> Found {
    let with = world(true, 20);
    let mut without = world(false, 0);
    without.pop();
    let job = job("\"matched\"", &town("\"town-7\""), &spend("spent", 20), 1);
    let what = "two partners against one person: all else is known to both";
    play(room, "A22", what, (&with, &without), |room, world| {
        let result = ask(room, world, &job);
        let (n, sum) = (people(&result, &["yes"]), total(&result, &["yes"]));
        // Each against what it is without her, in units of what she adds.
        0.4 * (n - 30.5) + 0.6 * (sum - 160.0) / 20.0 > 0.0
    })
}

/// A23: a filter that nobody but the target and the attacker's own people meets.
fn rare_literal(room: &mut Room) -> Found {
    let worlds = (world(true, 5), world(false, 0));
    let job = job("\"matched\"", &town("\"town-7\""), "", 1);
    let what = "a filter by a rare value, made large by the attacker's own people";
    play(room, "A23", what, (&worlds.0, &worlds.1), |room, world| {
        people(&ask(room, world, &job), &["yes"]) > 30.5
    })
}

/// The same as A23 in a build that adds an eighth of the noise it should.
pub(crate) fn with_an_eighth_of_the_noise() -> Found {
    let worlds = (world(true, 5), world(false, 0));
    let job = job("\"matched\"", &town("\"town-7\""), "", 1);
    let mut room = Room::new();
    let (analysis, question) = protocol::job::question_from_toml(&job, &room.contract).unwrap();
    let Question::Table(mut louder) = question else { panic!("a table") };
    // The noise of 64 times the loss, as a broken build would draw for a job of ε = 2.
    let rho = Rho(room_budget().rho().0 * 64);
    let delta = protocol::loss::Delta::new(1e-6).unwrap();
    louder.epsilon =
        protocol::loss::Epsilon::new((rho.epsilon(delta) * 1e3).floor() / 1e3).unwrap();
    play(&mut room, "A23", "broken", (&worlds.0, &worlds.1), |room, world| {
        room.overfill();
        let question = Question::Table(louder.clone());
        let result = room.asked(world, "publisher", &analysis, question).unwrap();
        people(&result, &["yes"]) > 30.5
    })
}
