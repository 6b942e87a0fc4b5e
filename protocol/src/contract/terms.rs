//! The terms of an analysis: what a contract permits of it.

use super::ColumnRef;
use crate::{
    analysis::uses::{Lists, Reading, Section, Use},
    tally::Rule,
};
use std::collections::{BTreeMap, BTreeSet};

/// The terms of an analysis: for what purpose, by whom, and with which datasets and columns it is
/// permitted. What is not listed here for a use is not read for that use.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Terms {
    /// What the data may be used for.
    pub purpose: String,
    /// Parties that may ask.
    pub analysts: Vec<String>,
    /// Parties that may receive results.
    pub receivers: Vec<String>,
    /// In how many cells one person may count at most.
    pub cells_per_person: u32,
    /// Rules by which outcomes may be credited to exposures; none for kinds that credit nothing.
    pub rules: Vec<Rule>,
    /// The most days from an exposure to an outcome that is credited to it; 0 for kinds that credit nothing.
    pub window_days: u32,
    /// Floors of questions that read several columns together.
    pub floors: Vec<Floor>,
    /// Sensitive columns that the analysis lists: each is named a second time, so that nobody permits it by an oversight.
    pub sensitive: Vec<ColumnRef>,
    pub(super) section: &'static Section,
    /// Datasets by key, in the order of the kind's declaration; under one key in the contract's
    /// order. The population comes first.
    pub(super) datasets: Vec<(&'static str, String)>,
    /// Columns by key.
    pub(super) columns: BTreeMap<&'static str, Vec<ColumnRef>>,
}

/// A floor of questions that read all of some columns.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Floor {
    /// The columns.
    pub columns: BTreeSet<ColumnRef>,
    /// The smallest cell that such a question shows, in people; more than the contract's.
    pub people: u32,
}

impl Terms {
    /// What the kind of analysis declares.
    #[must_use]
    pub fn section(&self) -> &'static Section {
        self.section
    }

    /// The datasets of the analysis. The one whose people are counted comes first.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.datasets.iter().map(|(_, name)| name.as_str())
    }

    /// The dataset that is listed for a use; the first one if there are several.
    #[must_use]
    pub fn dataset(&self, used: &Use) -> Option<&str> {
        self.datasets_of(used).next()
    }

    /// The datasets that are listed for a use, in the contract's order.
    pub fn datasets_of(&self, used: &Use) -> impl Iterator<Item = &str> {
        let key = used.key;
        let listed = self.datasets.iter().filter(move |(listed, _)| *listed == key);
        listed.map(|(_, name)| name.as_str())
    }

    /// The columns that are listed for a use.
    #[must_use]
    pub fn columns(&self, used: &Use) -> &[ColumnRef] {
        self.columns.get(used.key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a column is listed for any use.
    #[must_use]
    pub fn lists(&self, column: &ColumnRef) -> bool {
        self.columns.values().any(|columns| columns.contains(column))
    }

    /// Whether a column is listed for a use that permits this way of reading.
    #[must_use]
    pub fn permits(&self, column: &ColumnRef, reading: Reading) -> bool {
        let mut uses = self.section.uses.iter().filter(|used| used.reads.contains(&reading));
        uses.any(|used| self.columns(used).contains(column))
    }

    /// Whether a dataset is listed for a use that permits this way of reading.
    #[must_use]
    pub fn permits_dataset(&self, dataset: &str, reading: Reading) -> bool {
        let mut uses = self.section.uses.iter().filter(|used| used.reads.contains(&reading));
        uses.any(|used| self.datasets_of(used).any(|listed| listed == dataset))
    }

    /// Whether a dataset is joined to the people of the first one: it is another one, and the people of both are not
    /// counted together.
    #[must_use]
    pub fn joins(&self, dataset: &str) -> bool {
        let mut others = self.datasets().skip(1);
        others.any(|other| other == dataset) && !self.permits_dataset(dataset, Reading::Union)
    }

    /// What is listed for a use, as the contract writes it; "none" if the list is empty.
    #[must_use]
    pub fn words(&self, used: &Use) -> String {
        let words = match used.lists {
            Lists::Dataset => self.datasets_of(used).collect::<Vec<_>>().join(", "),
            Lists::CellsPerPerson => self.cells_per_person.to_string(),
            Lists::Rules => {
                self.rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ")
            }
            Lists::WindowDays => self.window_days.to_string(),
            Lists::Columns { of, .. } => {
                let name = |named: &ColumnRef| match of {
                    Some(_) => named.column.clone(),
                    None => named.to_string(),
                };
                self.columns(used).iter().map(name).collect::<Vec<_>>().join(", ")
            }
        };
        if words.is_empty() { "none".to_owned() } else { words }
    }
}

#[cfg(test)]
impl Terms {
    /// Terms of a kind that exists only in a test, with up to `cells_per_person` cells.
    pub(crate) fn listing(
        section: &'static Section,
        datasets: &[(&'static str, &str)],
        columns: &[(&'static str, &[ColumnRef])],
        cells_per_person: u32,
    ) -> Self {
        let datasets = datasets.iter().map(|(key, name)| (*key, (*name).to_owned()));
        let columns = columns.iter().map(|(key, columns)| (*key, columns.to_vec()));
        Self {
            purpose: "measurement".to_owned(),
            analysts: Vec::new(),
            receivers: Vec::new(),
            cells_per_person,
            rules: Rule::ALL.to_vec(),
            window_days: 30,
            floors: Vec::new(),
            sensitive: Vec::new(),
            section,
            datasets: datasets.collect(),
            columns: columns.collect(),
        }
    }
}
