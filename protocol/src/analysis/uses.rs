//! What a contract lists for an analysis, as each kind declares it.
//!
//! A contract permits nothing by a kind's name: it names datasets and columns, each under a key, and under each
//! key a column may be read in some ways and in no others. A kind declares its keys as a list of [`Use`]s. Parsing,
//! granting, `contract show` and `contract diff` read that list, and so does the policy, which compares every tally
//! with what stands under the keys, whatever the kind's own code says.

use crate::contract::RoleKind;
use std::fmt;

/// The section of a contract for one kind of analysis: `kind = "lift"`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "every kind declares all of it")]
pub struct Section {
    /// Name of the kind in the contract.
    pub kind: &'static str,
    /// What people may learn by it, in a few words.
    pub title: &'static str,
    /// One of the parts that people are divided into, such as "an arm".
    pub cell: &'static str,
    /// A sentence on head counts that are shown however small; empty for a kind that shows no such counts.
    pub besides: &'static str,
    /// What the contract lists. The first one is a dataset, whose people are counted, or several of them.
    pub uses: &'static [Use],
}

impl Section {
    /// The kind's own keys, in the order in which they are declared.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.uses.iter().map(|used| used.key)
    }

    /// What the section lists under `key`.
    #[must_use]
    pub fn under(&self, key: &str) -> Option<&'static Use> {
        self.uses.iter().find(|used| used.key == key)
    }

    /// Whether something that the section lists may be read in this way.
    #[must_use]
    pub fn reads(&self, reading: Reading) -> bool {
        self.uses.iter().any(|used| used.reads.contains(&reading))
    }
}

/// What a contract lists under one key, and how a tally may read what is listed there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "every kind declares all of it")]
pub struct Use {
    /// The key in the contract: `group_by`.
    pub key: &'static str,
    /// Name of one listed thing, for an error about a missing one: "measure", "assignment dataset".
    pub noun: &'static str,
    /// Its title for people who read the contract.
    pub title: &'static str,
    /// What kind of things are listed.
    pub lists: Lists,
    /// How many things are listed.
    pub amount: Amount,
    /// How a tally may read what is listed. Whatever is not named here is refused.
    pub reads: &'static [Reading],
}

impl Use {
    /// What a name under this key must be, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        match self.lists {
            Lists::Dataset => "dataset".to_owned(),
            Lists::CellsPerPerson => "number of cells".to_owned(),
            Lists::Rules => "model of attribution".to_owned(),
            Lists::WindowDays => "number of days".to_owned(),
            Lists::Columns { of: Some(_), roles } => format!("{} column", Either(roles)),
            Lists::Columns { of: None, roles } => {
                format!("{} column (written dataset.column)", Either(roles))
            }
        }
    }
}

/// What kind of thing a contract lists under a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever reads a contract must see a new kind of thing"
)]
pub enum Lists {
    /// A dataset, or a list of them in which each stands once.
    Dataset,
    /// Columns of the analysis' datasets.
    Columns {
        /// The key of the one dataset whose columns they are, which are then written without it; none for
        /// columns of any of its datasets, written `dataset.column`.
        of: Option<&'static str>,
        /// Roles that these columns may have.
        roles: &'static [RoleKind],
    },
    /// In how many cells one person may count at most; 1 if left out, and for kinds without such a key.
    CellsPerPerson,
    /// Rules by which outcomes are credited to exposures, by name.
    Rules,
    /// The most days from an exposure to an outcome that is credited to it.
    WindowDays,
}

/// How many things a contract lists under a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever reads a contract must see a new amount")]
pub enum Amount {
    /// One, written by itself.
    One,
    /// One or none, written by itself.
    Optional,
    /// One or more, written as a list.
    Several,
    /// Two or more, written as a list.
    TwoOrMore,
    /// Any number, written as a list; none if left out.
    Any,
}

impl Amount {
    /// Whether the key may be left out.
    #[must_use]
    pub fn may_be_none(self) -> bool {
        self.least() == 0
    }

    /// Whether the things are written as a list.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(self, Self::Several | Self::TwoOrMore | Self::Any)
    }

    /// The least number of things.
    #[must_use]
    pub fn least(self) -> usize {
        match self {
            Self::Optional | Self::Any => 0,
            Self::One | Self::Several => 1,
            Self::TwoOrMore => 2,
        }
    }
}

/// A way in which a tally reads a dataset or a column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever checks a tally must see a new way to read")]
pub enum Reading {
    /// Tells whether a person was found in the dataset.
    Match,
    /// Counts people of the dataset together with those of others, each once.
    Union,
    /// Counts a person's rows in the dataset.
    Rows,
    /// Counts people of the dataset by in how many cells they would be if none were left out.
    Spread,
    /// Assigns people to the arms of a design by the column.
    Arm,
    /// Divides people of the test arm by their only value in the column.
    Creative,
    /// Divides people into cells by the column's values.
    Group,
    /// Divides people into cells by their only value in the column. People with several values are
    /// in a cell of their own.
    Only,
    /// Decides by the column which rows count.
    Condition,
    /// Begins a person's own window at the person's earliest day in the column.
    Start,
    /// Divides people into cells by their earliest day in the column.
    Earliest,
    /// Divides people's rows into cells by their day in the column, in bins.
    Days,
    /// Adds the column up.
    Sum,
    /// Counts different values of the column.
    Distinct,
    /// Divides people into cells by what they have of it, summed or counted.
    Bins,
    /// Learns from the column: a model has a weight for each of its bins.
    Feature,
    /// Learns the column: a model says how likely its value is, or how large.
    Label,
    /// Credits outcomes to exposures by the column's values.
    Credit,
    /// Says on which day an exposure was, of those that an outcome may be credited to.
    Exposed,
    /// Says on which day an outcome was that is credited to exposures before it.
    Outcome,
}

/// The roles of which a column must have one.
struct Either(&'static [RoleKind]);

impl fmt::Display for Either {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, role) in self.0.iter().enumerate() {
            let before = match at {
                0 => "",
                _ if at + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}{role}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{section, sections};
    use std::collections::BTreeSet;

    /// What parsing and the policy rely on.
    #[test]
    fn every_kind_declares_what_a_contract_can_list() {
        let kinds: BTreeSet<_> = sections().map(|section| section.kind).collect();
        assert_eq!(kinds.len(), sections().count());
        for declared in sections() {
            assert_eq!(section(declared.kind), Some(declared));
            let keys: BTreeSet<_> = declared.keys().collect();
            assert_eq!(keys.len(), declared.uses.len(), "{}", declared.kind);
            for of_all in ["name", "kind", "purpose", "analysts", "receivers"] {
                assert!(!keys.contains(of_all), "{}: {of_all}", declared.kind);
            }
            let population = declared.uses.first().unwrap();
            assert_eq!(population.lists, Lists::Dataset);
            assert!(!population.amount.may_be_none(), "{}", declared.kind);
            for (at, used) in declared.uses.iter().enumerate() {
                let of_a_dataset = |it: &Reading| {
                    matches!(
                        it,
                        Reading::Match
                            | Reading::Union
                            | Reading::Rows
                            | Reading::Spread
                            | Reading::Bins
                            | Reading::Feature
                            | Reading::Label
                    )
                };
                match used.lists {
                    Lists::Dataset => {
                        assert!(used.reads.iter().all(of_a_dataset), "{}", used.key);
                        // Only a union reads some of a list: without one, nobody could ask of more than two.
                        let is_united = used.reads.contains(&Reading::Union);
                        assert!(!used.amount.is_list() || is_united, "{}", used.key);
                    }
                    Lists::CellsPerPerson => {
                        assert_eq!((used.amount, used.reads), (Amount::Optional, &[][..]));
                    }
                    Lists::Rules => {
                        assert_eq!((used.amount, used.reads), (Amount::Several, &[][..]));
                    }
                    Lists::WindowDays => {
                        assert_eq!((used.amount, used.reads), (Amount::One, &[][..]));
                    }
                    Lists::Columns { of, roles } => {
                        assert!(!roles.is_empty() && !used.reads.is_empty(), "{}", used.key);
                        let before = &declared.uses[..at];
                        let dataset = |key| before.iter().find(|other| other.key == key).unwrap();
                        assert!(of.is_none_or(|key| {
                            let dataset = dataset(key);
                            (dataset.lists, dataset.amount) == (Lists::Dataset, Amount::One)
                        }));
                    }
                }
            }
        }
    }

    #[test]
    fn roles_are_listed_in_words() {
        let words = |roles| Either(roles).to_string();
        assert_eq!(words(&[RoleKind::Date]), "date");
        assert_eq!(words(&[RoleKind::Group, RoleKind::Label]), "group or label");
        let roles = &[RoleKind::Measure, RoleKind::Group, RoleKind::Label];
        assert_eq!(words(roles), "measure, group or label");
    }
}
