//! What a contract lists to permit geo experiments.

use crate::{
    analysis::{
        filters::FILTERS,
        uses::{Amount, Lists, Reading, Section, Use},
    },
    contract::{ColumnRef, RoleKind, Terms},
};

/// `kind = "geo"`.
pub const SECTION: Section = Section {
    kind: "geo",
    title: "what people did, by place and by day or week, before and during a campaign",
    cell: "a place in a period",
    besides: "Head counts of people by in how many places and periods they are, in six classes over all places, are shown however \
              small, with noise: they tell whether totals are too small.",
    uses: &[OUTCOME, GEO, DATE, MEASURES, FILTERS, CELLS],
};

const OUTCOME: Use = Use {
    key: "outcome",
    noun: "outcome dataset",
    title: "what people did",
    lists: Lists::Dataset,
    amount: Amount::One,
    reads: &[Reading::Spread],
};

const GEO: Use = Use {
    key: "geo",
    noun: "geo column",
    title: "where it was",
    lists: Lists::Columns { of: Some(OUTCOME.key), roles: &[RoleKind::Group] },
    amount: Amount::One,
    reads: &[Reading::Group, Reading::Condition],
};

const DATE: Use = Use {
    key: "date",
    noun: "date column",
    title: "on which day it was",
    lists: Lists::Columns { of: Some(OUTCOME.key), roles: &[RoleKind::Date] },
    amount: Amount::One,
    reads: &[Reading::Days, Reading::Condition],
};

const MEASURES: Use = Use {
    key: "measures",
    noun: "measure",
    title: "may be added up",
    lists: Lists::Columns { of: Some(OUTCOME.key), roles: &[RoleKind::Measure] },
    amount: Amount::Several,
    reads: &[Reading::Sum],
};

const CELLS: Use = Use {
    key: "cells_per_person",
    noun: "number of cells",
    title: "most places and periods of one person",
    lists: Lists::CellsPerPerson,
    amount: Amount::Optional,
    reads: &[],
};

/// What the terms of a geo experiment list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Listed<'t> {
    /// Dataset with what people did.
    pub outcome: &'t str,
    /// Its group column with the places.
    pub geo: &'t str,
    /// Its date column.
    pub date: &'t str,
    /// Its measure columns that may be added up.
    pub measures: &'t [ColumnRef],
    /// Its columns that rows may be chosen by.
    pub filters: &'t [ColumnRef],
    /// In how many cells one person may count at most.
    pub cells_per_person: u32,
}

impl<'t> Listed<'t> {
    /// What `terms` list; `None` if they are of another kind.
    #[must_use]
    pub fn of(terms: &'t Terms) -> Option<Self> {
        let column = |used| terms.columns(used).first().map(|named| named.column.as_str());
        (*terms.section() == SECTION).then_some(())?;
        Some(Self {
            outcome: terms.dataset(&OUTCOME)?,
            geo: column(&GEO)?,
            date: column(&DATE)?,
            measures: terms.columns(&MEASURES),
            filters: terms.columns(&FILTERS),
            cells_per_person: terms.cells_per_person,
        })
    }
}
