//! What a contract offers to choose from for a field, by the words of the kind's page.

use crate::manual::quoted;
use protocol::{
    analysis::uses::{Lists, Use},
    contract::{ColumnRef, Contract, Role, Terms},
};

/// The names that one analysis lists.
#[derive(Debug)]
pub(super) struct Offers<'c> {
    contract: &'c Contract,
    terms: &'c Terms,
}

impl<'c> Offers<'c> {
    pub(super) fn of(contract: &'c Contract, terms: &'c Terms) -> Self {
        Self { contract, terms }
    }

    /// Whatever the words about a field point at: names under the keys that they quote, values of the columns that they
    /// name, words that they quote for themselves, each once.
    pub(super) fn for_words(&self, words: &str) -> Vec<String> {
        let uses = self.terms.section().uses;
        let mut found = Vec::new();
        if words.contains("values") {
            let named = uses.iter().filter(|used| words.contains(used.noun));
            let named: Vec<_> = named.flat_map(|used| self.terms.columns(used)).collect();
            let all = || uses.iter().flat_map(|used| self.terms.columns(used)).collect();
            let columns: Vec<&ColumnRef> = if named.is_empty() { all() } else { named };
            found.extend(columns.into_iter().flat_map(|column| self.values(column)));
        } else {
            for word in quoted(words).map(|word| word.trim_matches('"')) {
                match uses.iter().find(|used| used.key == word) {
                    Some(used) => found.extend(self.listed(used)),
                    None if is_a_word(word) && !ROLES.contains(&word) => {
                        found.push(word.to_owned())
                    }
                    None => {}
                }
            }
            if found.is_empty() {
                let named = uses.iter().filter(|used| words.contains(used.noun));
                found.extend(named.flat_map(|used| self.listed(used)));
            }
            if words.contains("dataset") && !words.contains("column") {
                found.extend(self.terms.datasets().map(str::to_owned));
            }
        }
        let mut once: Vec<String> = Vec::new();
        for name in found {
            if !once.contains(&name) {
                once.push(name);
            }
        }
        once
    }

    /// What is listed for a use, as a job writes it.
    fn listed(&self, used: &Use) -> Vec<String> {
        match used.lists {
            Lists::Dataset => self.terms.datasets_of(used).map(str::to_owned).collect(),
            Lists::Columns { of, .. } => {
                let written = |column: &ColumnRef| match of {
                    Some(_) => column.column.clone(),
                    None => column.to_string(),
                };
                self.terms.columns(used).iter().map(written).collect()
            }
            Lists::Rules => self.terms.rules.iter().map(|rule| rule.name().to_owned()).collect(),
            Lists::CellsPerPerson | Lists::WindowDays => Vec::new(),
        }
    }

    /// The public values of a column.
    fn values(&self, column: &ColumnRef) -> Vec<String> {
        let dataset = self.contract.datasets.get(&column.dataset);
        match dataset.and_then(|dataset| dataset.column(&column.column)).map(|column| &column.role)
        {
            Some(Role::Group(values)) => values.clone(),
            _ => Vec::new(),
        }
    }
}

/// Whether what a page quotes is a word that may be written, not a formula or a field.
fn is_a_word(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
}

/// What pages quote as the role of a column, or as another field.
const ROLES: [&str; 10] = [
    "group",
    "label",
    "measure",
    "date",
    "where",
    "bins",
    "rows_of",
    "datasets",
    "found_in",
    "statistic",
];
