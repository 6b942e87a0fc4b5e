//! What a contract lists to permit counts and sums by group, and a choice from them.

use crate::{
    analysis::{
        filters::FILTERS,
        uses::{Amount, Lists, Reading, Section, Use},
    },
    contract::{ColumnRef, RoleKind, Terms},
};

/// `kind = "table"`.
pub const SECTION: Section = Section {
    kind: "table",
    title: "counts and sums by group, all of them or one chosen group or quantile",
    cell: "a group",
    besides: "",
    uses: &[POPULATION, JOINED, GROUP_BY, FILTERS, MEASURES, CELLS_PER_PERSON],
};

const POPULATION: Use = Use {
    key: "population",
    noun: "population dataset",
    title: "people",
    lists: Lists::Dataset,
    amount: Amount::One,
    reads: &[Reading::Rows, Reading::Bins],
};

const JOINED: Use = Use {
    key: "joined",
    noun: "joined dataset",
    title: "joined with",
    lists: Lists::Dataset,
    amount: Amount::Optional,
    reads: &[Reading::Match, Reading::Rows, Reading::Bins],
};

const GROUP_BY: Use = Use {
    key: "group_by",
    noun: "group",
    title: "groups may be made by",
    lists: Lists::Columns { of: None, roles: &[RoleKind::Group, RoleKind::Label] },
    amount: Amount::Any,
    reads: &[Reading::Group],
};

const MEASURES: Use = Use {
    key: "measures",
    noun: "measure",
    title: "may be added up or counted",
    lists: Lists::Columns {
        of: None,
        roles: &[RoleKind::Measure, RoleKind::Group, RoleKind::Label],
    },
    amount: Amount::Any,
    reads: &[Reading::Sum, Reading::Distinct, Reading::Bins],
};

const CELLS_PER_PERSON: Use = Use {
    key: "cells_per_person",
    noun: "number of groups",
    title: "groups of one person",
    lists: Lists::CellsPerPerson,
    amount: Amount::Optional,
    reads: &[],
};

/// What the terms of a table list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Listed<'t> {
    /// Dataset whose people are counted.
    pub population: &'t str,
    /// Dataset that is joined to it.
    pub joined: Option<&'t str>,
    /// Group and label columns that cells may be made of.
    pub group_by: &'t [ColumnRef],
    /// Group, measure and date columns that rows may be chosen by.
    pub filters: &'t [ColumnRef],
    /// Measure columns that may be added up, and group and label columns whose values may be counted.
    pub measures: &'t [ColumnRef],
    /// In how many cells one person may count at most.
    pub cells_per_person: u32,
}

impl<'t> Listed<'t> {
    /// What `terms` list; `None` if they are of another kind.
    #[must_use]
    pub fn of(terms: &'t Terms) -> Option<Self> {
        (*terms.section() == SECTION).then_some(())?;
        Some(Self {
            population: terms.dataset(&POPULATION)?,
            joined: terms.dataset(&JOINED),
            group_by: terms.columns(&GROUP_BY),
            filters: terms.columns(&FILTERS),
            measures: terms.columns(&MEASURES),
            cells_per_person: terms.cells_per_person,
        })
    }
}
