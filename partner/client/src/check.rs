//! Numbered checks and how they went, for people.

use std::fmt;

pub use attestation_verifier::check::{Check, Outcome};

/// One check of a list that a command prints.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Line {
    /// From 1, in order.
    pub number: usize,
    /// What must hold.
    pub title: String,
    /// How it went.
    pub outcome: Outcome,
    /// The outcome in words; may be empty.
    pub words: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:2}  {:<11}  {}", self.number, self.outcome.to_string(), self.title)?;
        if self.words.is_empty() { Ok(()) } else { write!(f, ": {}", self.words) }
    }
}

/// A list that grows by one line for each check that passed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed(Vec<Line>);

impl Passed {
    pub(crate) fn of(checks: &[Check]) -> Self {
        let mut passed = Self::default();
        passed.extend(checks);
        passed
    }

    pub(crate) fn extend(&mut self, checks: &[Check]) {
        for check in checks {
            self.push(check.title, check.outcome, check.words.clone());
        }
    }

    pub(crate) fn passed(&mut self, title: &str, words: impl Into<String>) {
        self.push(title, Outcome::Passed, words.into());
    }

    pub(crate) fn failed(&mut self, title: &str, words: String) {
        self.push(title, Outcome::Failed, words);
    }

    pub(crate) fn not_reached(&mut self, title: &str) {
        self.push(title, Outcome::NotReached, String::new());
    }

    fn push(&mut self, title: &str, outcome: Outcome, words: String) {
        let number = self.0.len() + 1;
        self.0.push(Line { number, title: title.to_owned(), outcome, words });
    }

    pub(crate) fn into_lines(self) -> Vec<Line> {
        self.0
    }
}

/// All of `titles`: passed before `failed`, not reached behind it.
pub(crate) fn failed_at(titles: &[&str], failed: usize, words: &str) -> Vec<Line> {
    let mut lines = Passed::default();
    for (index, title) in titles.iter().enumerate() {
        match index.cmp(&failed) {
            std::cmp::Ordering::Less => lines.push(title, Outcome::Passed, String::new()),
            std::cmp::Ordering::Equal => lines.push(title, Outcome::Failed, words.to_owned()),
            std::cmp::Ordering::Greater => lines.push(title, Outcome::NotReached, String::new()),
        }
    }
    lines.into_lines()
}
