//! An owner's answers on whose people its datasets have.

use std::{collections::BTreeMap, fmt};

/// What an owner says of the people of its datasets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answers {
    pub(super) for_all: Option<PeopleAnswer>,
    pub(super) by_dataset: BTreeMap<String, PeopleAnswer>,
}

/// Whose people a lineage has, according to its owner.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "they are somebody's whom the ledger knows, or they are not"
)]
pub enum PeopleAnswer {
    /// They are the people of another lineage: the losses of both are one sum.
    Same(String),
    /// They are people whom this ledger does not know.
    New,
}

impl Answers {
    /// Adds an answer for one dataset, or with `None` for all datasets without an answer of their
    /// own. Returns whether there was none before.
    #[must_use]
    pub fn add(&mut self, dataset: Option<String>, whose: PeopleAnswer) -> bool {
        match dataset {
            Some(dataset) => self.by_dataset.insert(dataset, whose).is_none(),
            None => self.for_all.replace(whose).is_none(),
        }
    }

    /// The answer for one dataset: its own, or the one for all.
    #[must_use]
    pub fn of(&self, dataset: &str) -> Option<&PeopleAnswer> {
        self.by_dataset.get(dataset).or(self.for_all.as_ref())
    }

    /// Datasets that were answered for by name.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.by_dataset.keys().map(String::as_str)
    }
}

impl fmt::Display for PeopleAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(lineage) => write!(f, "the same people as \"{lineage}\""),
            Self::New => f.write_str("new people"),
        }
    }
}
