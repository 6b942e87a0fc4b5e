//! What a contract lists to permit reach and frequency.

use crate::{
    analysis::{
        filters::FILTERS,
        uses::{Amount, Lists, Reading, Section, Use},
    },
    contract::{ColumnRef, RoleKind, Terms},
};

/// `kind = "reach"`.
pub const SECTION: Section = Section {
    kind: "reach",
    title: "reach and frequency, how many people had rows in one or several datasets, and how many rows",
    cell: "a group",
    besides: "",
    uses: &[DATASETS, GROUP_BY, FILTERS, CELLS_PER_PERSON],
};

const DATASETS: Use = Use {
    key: "datasets",
    noun: "dataset to count",
    title: "datasets whose people may be counted together, each once, with their rows",
    lists: Lists::Dataset,
    amount: Amount::Several,
    reads: &[Reading::Union, Reading::Match, Reading::Rows, Reading::Bins],
};

const GROUP_BY: Use = Use {
    key: "group_by",
    noun: "group",
    title: "groups may be made by",
    lists: Lists::Columns { of: None, roles: &[RoleKind::Group] },
    amount: Amount::Any,
    reads: &[Reading::Group],
};

const CELLS_PER_PERSON: Use = Use {
    key: "cells_per_person",
    noun: "number of groups",
    title: "groups of one person",
    lists: Lists::CellsPerPerson,
    amount: Amount::Optional,
    reads: &[],
};

/// What the terms of reach list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listed<'t> {
    /// Datasets whose people may be counted, in the contract's order.
    pub datasets: Vec<&'t str>,
    /// Group columns that groups may be made of.
    pub group_by: &'t [ColumnRef],
    /// Columns that rows may be chosen by.
    pub filters: &'t [ColumnRef],
    /// In how many groups one person may count at most.
    pub cells_per_person: u32,
}

impl<'t> Listed<'t> {
    /// What `terms` list; `None` if they are of another kind.
    #[must_use]
    pub fn of(terms: &'t Terms) -> Option<Self> {
        (*terms.section() == SECTION).then_some(())?;
        Some(Self {
            datasets: terms.datasets_of(&DATASETS).collect(),
            group_by: terms.columns(&GROUP_BY),
            filters: terms.columns(&FILTERS),
            cells_per_person: terms.cells_per_person,
        })
    }
}
