//! Attackers with a plan, each through what a party can do: sign jobs, choose its own rows, read results.
//!
//! A row of the table says how often an attacker is right, how often guessing is, what theory allows, and
//! from which rate on the suite says BROKEN. `make attacks` prints it. Those with a guess know everything
//! but which of a few worlds it is, and spend the whole budget.

mod canaries;
mod data;
mod deterministic;
mod guesses;
mod jobs;
mod models;
mod stage;
mod theory;

use std::fmt::Write as _;

/// What came of one attack.
#[derive(Clone)]
struct Found {
    /// As in the list of attacks.
    id: &'static str,
    /// What the attacker does.
    what: String,
    /// How often it was tried.
    tries: u32,
    /// How often the attacker was right, or got something for nothing.
    successes: u32,
    /// How often guessing is right.
    guessing: f64,
    /// How often theory lets it be right.
    bound: f64,
}

impl Found {
    fn rate(&self) -> f64 {
        f64::from(self.successes) / f64::from(self.tries)
    }

    /// Above this rate the attack is held to have succeeded: an attacker at the bound is above it by
    /// chance in one of 10⁹ runs (Hoeffding), fourteen of them in one of 7·10⁷. An attack that must never
    /// succeed has no such room. Seeds are fixed, so that a run says the same as the one before.
    fn alarm(&self) -> f64 {
        let room = (1e9_f64.ln() / (2.0 * f64::from(self.tries))).sqrt();
        if self.bound == 0.0 { 0.0 } else { self.bound + room }
    }

    fn holds(&self) -> bool {
        self.rate() <= self.alarm()
    }

    fn number(&self) -> u32 {
        self.id[1..].parse().unwrap()
    }
}

fn table(found: &[Found]) -> String {
    let mut table = format!(
        "{:<4} {:<66} {:>7} {:>8} {:>8} {:>8} {:>8}\n",
        "", "attack", "tries", "success", "guessing", "bound", "alarm"
    );
    for it in found {
        let verdict = if it.holds() { "held" } else { "BROKEN" };
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        writeln!(
            table,
            "{:<4} {:<66} {:>7} {:>8} {:>8} {:>8} {:>8}  {verdict}",
            it.id,
            it.what,
            it.tries,
            percent(it.rate()),
            percent(it.guessing),
            percent(it.bound),
            percent(it.alarm())
        )
        .unwrap();
    }
    table
}

/// Trials of an attack that ends in a guess. More of them with `GLOVEBOX_TEST_FULL=1`.
fn trials() -> u32 {
    if std::env::var_os("GLOVEBOX_TEST_FULL").is_some() { 100_000 } else { 10_000 }
}

#[test]
fn every_attack_is_held_to_what_theory_allows() {
    let never = std::thread::spawn(deterministic::all);
    let mut found = guesses::all(stage::Width::Paid);
    found.extend(models::all(stage::Width::Paid));
    found.extend(never.join().unwrap());
    found.sort_by_key(Found::number);
    let table = table(&found);
    #[expect(clippy::print_stdout, reason = "`make attacks` shows it")]
    {
        println!("{table}");
    }
    let expected = [1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 18, 19, 20, 22, 23, 25];
    assert_eq!(found.iter().map(Found::number).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(Found::holds), "{table}");
    models::cards_say_what_was_measured(&found);
}

/// The table must be able to say BROKEN: with half the noise, every attacker that guesses is right more
/// often than it may be. The others do not hang on how wide the noise is.
#[test]
fn with_half_the_noise_every_guess_is_broken() {
    let mut found = guesses::all(stage::Width::Halved);
    found.sort_by_key(Found::number);
    let broken: Vec<_> = found.iter().filter(|it| !it.holds()).map(Found::number).collect();
    assert_eq!(broken, [2, 3, 4, 6, 7, 8, 10, 11, 12, 22, 23], "{}", table(&found));
}

#[test]
fn with_half_the_noise_every_guess_about_a_model_is_broken() {
    let found = models::all(stage::Width::Halved);
    assert!(!found.iter().any(Found::holds), "{}", table(&found));
}
