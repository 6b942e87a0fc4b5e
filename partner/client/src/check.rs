//! Numbered checks and their outcomes, for people.

use std::fmt;

pub use attestation_verifier::check::{Check, Outcome};

/// One check of a list that a command prints.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Line {
    /// Number of the check.
    pub number: Number,
    /// What must hold.
    pub title: String,
    /// Outcome of the check.
    pub outcome: Outcome,
    /// The outcome in words; may be empty.
    pub words: String,
}

/// Which check it is: one number means one thing, whatever program prints it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Number {
    /// A check of the attestation verifier, such as `20`: its number in SPEC.md.
    Spec(u8),
    /// A check of a room beyond its attestation document, such as `R1`.
    Room(u8),
    /// A check of a receipt that is derived again from the contract, such as `P1`.
    Policy(u8),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(number) => write!(f, "{number}"),
            Self::Room(number) => write!(f, "R{number}"),
            Self::Policy(number) => write!(f, "P{number}"),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, outcome) = (self.number.to_string(), self.outcome.to_string());
        write!(f, "{number:>2}  {outcome:<11}  {}", self.title)?;
        if self.words.is_empty() { Ok(()) } else { write!(f, ": {}", self.words) }
    }
}

/// A list that grows by one line for each check.
#[derive(Clone, Debug, Default)]
pub(crate) struct List(Vec<Line>);

impl List {
    pub(crate) fn of(checks: &[Check]) -> Self {
        let mut list = Self::default();
        list.extend(checks);
        list
    }

    pub(crate) fn extend(&mut self, checks: &[Check]) {
        for check in checks {
            self.push(Number::Spec(check.number), check.title, check.outcome, check.words.clone());
        }
    }

    pub(crate) fn passed(&mut self, number: Number, title: &str, words: impl Into<String>) {
        self.push(number, title, Outcome::Passed, words.into());
    }

    pub(crate) fn failed(&mut self, number: Number, title: &str, words: String) {
        self.push(number, title, Outcome::Failed, words);
    }

    pub(crate) fn not_reached(&mut self, number: Number, title: &str) {
        self.push(number, title, Outcome::NotReached, String::new());
    }

    fn push(&mut self, number: Number, title: &str, outcome: Outcome, words: String) {
        self.0.push(Line { number, title: title.to_owned(), outcome, words });
    }

    pub(crate) fn into_lines(self) -> Vec<Line> {
        self.0
    }
}

/// Lists all of `titles` with their outcomes. Checks before `failed` passed, except those of a
/// document that failed in its middle; checks after it were not reached.
pub(crate) fn failed_at(titles: &[(Number, &str)], failed: Number, words: &str) -> Vec<Line> {
    let mut lines = List::default();
    let document = match failed {
        Number::Spec(number) => attestation_verifier::check::failed(number, ""),
        _ => Vec::new(),
    };
    let unfinished = |number: Number| {
        document.iter().any(|check| {
            Number::Spec(check.number) == number && check.outcome == Outcome::NotReached
        })
    };
    let mut titles = titles.iter();
    for (number, title) in titles.by_ref() {
        if *number == failed {
            lines.failed(*number, title, words.to_owned());
            break;
        }
        if unfinished(*number) {
            lines.not_reached(*number, title);
        } else {
            lines.passed(*number, title, "");
        }
    }
    titles.for_each(|(number, title)| lines.not_reached(*number, title));
    lines.into_lines()
}
