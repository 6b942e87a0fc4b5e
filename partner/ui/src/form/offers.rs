//! What a contract offers to choose from for a field: by the words of the kind's page, under the keys that the kind declares.

use crate::manual::quoted;
use protocol::{
    analysis::uses::{Lists, Use},
    contract::{ColumnRef, Contract, Role, Terms},
};

/// What may stand in a field, as far as the contract says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Offer {
    /// The contract says nothing of it: whatever the kind's type takes.
    Anything,
    /// These, and nothing else.
    Listed(Vec<Family>),
    /// The contract could list something for it, and lists nothing.
    Nothing,
}

/// Things of one column, or of the contract itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Family {
    /// The column whose values they are, where there is more than one such column.
    pub(super) of: Option<String>,
    pub(super) names: Vec<String>,
}

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

    /// Whatever the words about a field point at: names under the keys of the contract that they quote, values of the columns
    /// that they name or else of `beside`, the columns that are offered for the field `column` of the same table; and words
    /// that they quote for themselves.
    pub(super) fn for_words(&self, words: &str, beside: &[ColumnRef]) -> Offer {
        let uses = self.uses(words);
        if words.contains("kind of match key") {
            return offered(self.match_keys());
        }
        // Beyond the first clause, values are those that something is done with.
        let whole = words.split_once("}`: ").map_or(words, |(_, words)| words);
        let first = whole.split([':', '.', ';']).next().unwrap_or_default();
        if ["values", "value of"].iter().any(|of| first.contains(of)) {
            let own: Vec<_> = uses.iter().flat_map(|used| self.terms.columns(used)).collect();
            return self.values(if uses.is_empty() { beside.iter().collect() } else { own });
        }
        let literal = quoted(words).filter(|word| word.starts_with('"') && word.ends_with('"'));
        let mut found: Vec<_> = literal.map(|word| word.trim_matches('"').to_owned()).collect();
        let whole = DATASETS.iter().any(|phrase| words.contains(phrase));
        if uses.is_empty() && !whole {
            found.extend(quoted(words).filter(|word| is_a_word(word)).map(str::to_owned));
            return if found.is_empty() { Offer::Anything } else { offered(found) };
        }
        let role =
            words.split_once("` column of ").and_then(|(before, _)| before.rsplit('`').next());
        found.extend(self.terms.datasets().filter(|_| whole).map(str::to_owned));
        found.extend(uses.iter().flat_map(|used| self.listed(used, role)));
        offered(found)
    }

    /// The columns that are offered where `words` stand.
    pub(super) fn columns(&self, words: &str) -> Vec<ColumnRef> {
        self.uses(words).iter().flat_map(|used| self.terms.columns(used)).cloned().collect()
    }

    /// Whether one of `columns` has the role of this name.
    pub(super) fn has_role(&self, columns: &[ColumnRef], role: &str) -> bool {
        let mut found = columns.iter().filter_map(|column| self.contract.column(column));
        found.any(|column| column.role.kind().to_string() == role)
    }

    /// What the contract may list that `words` speak of: as "the analysis' `measures`" or "the arm column".
    fn uses(&self, words: &str) -> Vec<&'static Use> {
        let mut before = "";
        let mut keys = Vec::new();
        for (at, part) in words.split('`').enumerate() {
            if at % 2 == 1 && WHOSE.iter().any(|whose| before.ends_with(whose)) {
                keys.push(part);
            }
            before = part;
        }
        let uses = self.terms.section().uses.iter();
        // A noun of one word, such as "group", stands in many a sentence.
        let is_named = |used: &&Use| {
            keys.contains(&used.key) || (used.noun.contains(' ') && words.contains(used.noun))
        };
        uses.filter(is_named).collect()
    }

    /// What is listed for a use, as a job writes it; of columns those of one role, if one is named.
    fn listed(&self, used: &Use, role: Option<&str>) -> Vec<String> {
        match used.lists {
            Lists::Dataset => self.terms.datasets_of(used).map(str::to_owned).collect(),
            Lists::Columns { of, .. } => {
                let written = |column: &ColumnRef| match of {
                    Some(_) => column.column.clone(),
                    None => column.to_string(),
                };
                let columns = self.terms.columns(used).iter();
                let fits = |column: &&ColumnRef| {
                    role.is_none_or(|role| self.has_role(std::slice::from_ref(*column), role))
                };
                columns.filter(fits).map(written).collect()
            }
            Lists::Rules => self.terms.rules.iter().map(|rule| rule.name().to_owned()).collect(),
            Lists::CellsPerPerson | Lists::WindowDays => Vec::new(),
        }
    }

    /// The public values of columns, those of each column together.
    fn values(&self, columns: Vec<&ColumnRef>) -> Offer {
        let mut families: Vec<Family> = Vec::new();
        for column in columns {
            let of = Some(column.to_string());
            let role = self.contract.column(column).map(|column| &column.role);
            if let Some(Role::Group(values)) = role
                && !families.iter().any(|family| family.of == of)
            {
                families.push(Family { of, names: values.clone() });
            }
        }
        if let [only] = families.as_mut_slice() {
            only.of = None;
        }
        if families.is_empty() { Offer::Nothing } else { Offer::Listed(families) }
    }

    /// The kinds of match keys that more than one dataset of the analysis has, or its only one.
    fn match_keys(&self) -> Vec<String> {
        let keys: Vec<_> =
            self.terms.datasets().map(|name| self.contract.match_keys(name)).collect();
        let is_common =
            |key| keys.iter().filter(|keys| keys.contains(key)).count() >= keys.len().min(2);
        let common = keys.iter().flatten().filter(|key| is_common(key));
        common.map(|key| key.name().to_owned()).collect()
    }
}

/// Names that stand for themselves, each once.
fn offered(found: Vec<String>) -> Offer {
    let mut names: Vec<String> = Vec::new();
    for name in found {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.as_slice() {
        [] => Offer::Nothing,
        _ => Offer::Listed(vec![Family { of: None, names }]),
    }
}

/// Whether what a page quotes is a word that may be written, not a formula or a field.
fn is_a_word(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
}

/// What stands before a key of the contract's section.
const WHOSE: [&str; 3] = ["analysis' ", "contract's ", "its "];
/// How pages speak of any dataset of the section.
const DATASETS: [&str; 3] = ["dataset of the analysis", "analysis' datasets", "its datasets"];
