//! Whose people are in datasets, as their owner says.

use std::{collections::BTreeMap, fmt};

/// What an owner says of the people of its datasets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answers {
    pub(super) for_all: Option<Whose>,
    pub(super) by_dataset: BTreeMap<String, Whose>,
}

/// Whose people a lineage has.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "they are somebody's whom the ledger knows, or they are not"
)]
pub enum Whose {
    /// Those of another lineage: what both have lost is one sum.
    Same(String),
    /// People of whom this ledger knows nobody.
    New,
}

impl Answers {
    /// Adds an answer for one dataset, or for all that have none of their own; says whether there was
    /// none before.
    #[must_use]
    pub fn add(&mut self, dataset: Option<String>, whose: Whose) -> bool {
        match dataset {
            Some(dataset) => self.by_dataset.insert(dataset, whose).is_none(),
            None => self.for_all.replace(whose).is_none(),
        }
    }

    /// What was said of one dataset: by its name, or of all.
    #[must_use]
    pub fn of(&self, dataset: &str) -> Option<&Whose> {
        self.by_dataset.get(dataset).or(self.for_all.as_ref())
    }

    /// Datasets that were answered for by name.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.by_dataset.keys().map(String::as_str)
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(lineage) => write!(f, "the same people as \"{lineage}\""),
            Self::New => f.write_str("new people"),
        }
    }
}
