//! Attackers with a plan, each through what a party can do: sign jobs, choose its own rows, read results.
//!
//! A row of the table says how often an attacker is right, how often guessing is, and what theory allows.
//! `make attacks` prints it. A3, A4, A7 and their like have one bit to find: is the target in the
//! retailer's data? They know everything else, and spend the whole budget.

#![cfg(test)]

#[path = "attacks/deterministic.rs"]
mod deterministic;
#[path = "attacks/guesses.rs"]
mod guesses;
#[path = "attacks/stage.rs"]
mod stage;

use std::fmt::Write as _;

/// What came of one attack.
struct Found {
    /// As in the list of attacks.
    id: &'static str,
    /// What the attacker does.
    what: &'static str,
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

    /// How far the rate may be above the bound by chance alone: in one of 100,000 runs (Hoeffding). An
    /// attack that must never succeed has no such room.
    fn margin(&self) -> f64 {
        if self.bound == 0.0 { 0.0 } else { (1e5_f64.ln() / (2.0 * f64::from(self.tries))).sqrt() }
    }

    fn holds(&self) -> bool {
        self.rate() <= self.bound + self.margin()
    }
}

fn table(found: &[Found]) -> String {
    let mut table = format!(
        "{:<4} {:<66} {:>7} {:>8} {:>8} {:>8}\n",
        "", "attack", "tries", "success", "guessing", "bound"
    );
    for it in found {
        let verdict = if it.holds() { "held" } else { "BROKEN" };
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        writeln!(
            table,
            "{:<4} {:<66} {:>7} {:>8} {:>8} {:>8}  {verdict}",
            it.id,
            it.what,
            it.tries,
            percent(it.rate()),
            percent(it.guessing),
            percent(it.bound)
        )
        .unwrap();
    }
    table
}

/// Trials of an attack that finds one bit. All of them with `GLOVEBOX_TEST_FULL=1`.
fn trials() -> u32 {
    if std::env::var_os("GLOVEBOX_TEST_FULL").is_some() { 10_000 } else { 1_000 }
}

#[test]
fn every_attack_is_held_to_what_theory_allows() {
    let parts: [fn() -> Vec<Found>; 3] = [guesses::first, guesses::second, deterministic::all];
    let running = parts.map(std::thread::spawn);
    let mut found: Vec<_> = running.into_iter().flat_map(|it| it.join().unwrap()).collect();
    let number = |id: &str| id[1..].parse::<u32>().unwrap();
    found.sort_by_key(|it| number(it.id));
    let table = table(&found);
    #[expect(clippy::print_stdout, reason = "`make attacks` shows it")]
    {
        println!("{table}");
    }
    let expected = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 18, 19, 20, 22, 23, 25];
    assert_eq!(found.iter().map(|it| number(it.id)).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(Found::holds), "{table}");
}

/// The table must be able to say BROKEN: with an eighth of the noise the attackers win more often than
/// they may.
#[test]
fn an_attacker_on_a_room_with_too_little_noise_is_noticed() {
    let found = guesses::with_an_eighth_of_the_noise();
    assert!(!found.holds(), "{}", table(&[found]));
}
