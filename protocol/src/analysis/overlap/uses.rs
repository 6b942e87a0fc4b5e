//! What a contract lists to permit an overlap.

use crate::{
    analysis::uses::{Amount, Lists, Reading, Section, Use},
    contract::{ColumnRef, RoleKind, Terms},
};

/// `kind = "overlap"`.
pub const SECTION: Section = Section {
    kind: "overlap",
    title: "overlap, how many people are in which of several datasets",
    cell: "a place (one set of datasets)",
    besides: "",
    uses: &[DATASETS, SEGMENTS],
};

const DATASETS: Use = Use {
    key: "datasets",
    noun: "dataset to compare",
    title: "datasets whose people may be compared, two or more at a time",
    lists: Lists::Dataset,
    amount: Amount::TwoOrMore,
    reads: &[Reading::Union, Reading::Match],
};

const SEGMENTS: Use = Use {
    key: "segments",
    noun: "segment column",
    title: "segments of which it may be told",
    lists: Lists::Columns { of: None, roles: &[RoleKind::Group] },
    amount: Amount::Any,
    reads: &[Reading::Only],
};

/// What the terms of an overlap list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listed<'t> {
    /// Datasets whose people may be compared, in the contract's order.
    pub datasets: Vec<&'t str>,
    /// Group columns whose values may divide people.
    pub segments: &'t [ColumnRef],
}

impl<'t> Listed<'t> {
    /// What `terms` list; `None` if they are of another kind.
    #[must_use]
    pub fn of(terms: &'t Terms) -> Option<Self> {
        (*terms.section() == SECTION).then_some(())?;
        Some(Self {
            datasets: terms.datasets_of(&DATASETS).collect(),
            segments: terms.columns(&SEGMENTS),
        })
    }
}
