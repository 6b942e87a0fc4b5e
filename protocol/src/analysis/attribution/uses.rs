//! What a contract lists to permit attribution.

use crate::{
    analysis::{
        filters::FILTERS,
        uses::{Amount, Lists, Reading, Section, Use},
    },
    contract::{ColumnRef, RoleKind, Terms},
    tally::Rule,
};

/// `kind = "attribution"`.
pub const SECTION: Section = Section {
    kind: "attribution",
    title: "to which exposures what people did is credited, by a rule and within days that are agreed on",
    cell: "a place that outcomes are credited to",
    besides: "",
    uses: &[
        EXPOSURES,
        CHANNEL,
        EXPOSED,
        OUTCOME,
        DATE,
        MEASURES,
        FILTERS,
        MODELS,
        WINDOW_DAYS,
        CELLS_PER_PERSON,
    ],
};

const EXPOSURES: Use = Use {
    key: "exposures",
    noun: "dataset of exposures",
    title: "people and what they were exposed to",
    lists: Lists::Dataset,
    amount: Amount::One,
    reads: &[],
};

const CHANNEL: Use = Use {
    key: "channel",
    noun: "column of channels",
    title: "outcomes may be credited to the values of",
    lists: Lists::Columns { of: Some(EXPOSURES.key), roles: &[RoleKind::Group] },
    amount: Amount::One,
    reads: &[Reading::Credit],
};

const EXPOSED: Use = Use {
    key: "exposed",
    noun: "column with the day of an exposure",
    title: "day of an exposure",
    lists: Lists::Columns { of: Some(EXPOSURES.key), roles: &[RoleKind::Date] },
    amount: Amount::One,
    reads: &[Reading::Exposed],
};

const OUTCOME: Use = Use {
    key: "outcome",
    noun: "outcome dataset",
    title: "what they did",
    lists: Lists::Dataset,
    amount: Amount::One,
    reads: &[Reading::Rows],
};

const DATE: Use = Use {
    key: "date",
    noun: "date column",
    title: "day of an outcome",
    lists: Lists::Columns { of: Some(OUTCOME.key), roles: &[RoleKind::Date] },
    amount: Amount::One,
    reads: &[Reading::Outcome],
};

const MEASURES: Use = Use {
    key: "measures",
    noun: "measure",
    title: "may be credited",
    lists: Lists::Columns { of: Some(OUTCOME.key), roles: &[RoleKind::Measure] },
    amount: Amount::Any,
    reads: &[Reading::Sum],
};

const MODELS: Use = Use {
    key: "models",
    noun: "model",
    title: "models of attribution",
    lists: Lists::Rules,
    amount: Amount::Several,
    reads: &[],
};

const WINDOW_DAYS: Use = Use {
    key: "window_days",
    noun: "number of days",
    title: "most days from an exposure to an outcome",
    lists: Lists::WindowDays,
    amount: Amount::One,
    reads: &[],
};

const CELLS_PER_PERSON: Use = Use {
    key: "cells_per_person",
    noun: "number of places",
    title: "places of one person",
    lists: Lists::CellsPerPerson,
    amount: Amount::Optional,
    reads: &[],
};

/// What the terms of attribution list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Listed<'t> {
    /// Dataset whose people are counted, with what they were exposed to.
    pub exposures: &'t str,
    /// Its group column whose values outcomes are credited to.
    pub channel: &'t str,
    /// Its date column.
    pub exposed: &'t str,
    /// Dataset with what people did.
    pub outcome: &'t str,
    /// Its date column.
    pub date: &'t str,
    /// Its measure columns that may be credited.
    pub measures: &'t [ColumnRef],
    /// Columns of both that rows may be chosen by.
    pub filters: &'t [ColumnRef],
    /// Rules by which outcomes may be credited.
    pub models: &'t [Rule],
    /// The most days from an exposure to an outcome.
    pub window_days: u32,
    /// In how many places one person may count at most.
    pub cells_per_person: u32,
}

impl<'t> Listed<'t> {
    /// What `terms` list; `None` if they are of another kind.
    #[must_use]
    pub fn of(terms: &'t Terms) -> Option<Self> {
        let column = |used| terms.columns(used).first().map(|named| named.column.as_str());
        (*terms.section() == SECTION).then_some(())?;
        Some(Self {
            exposures: terms.dataset(&EXPOSURES)?,
            channel: column(&CHANNEL)?,
            exposed: column(&EXPOSED)?,
            outcome: terms.dataset(&OUTCOME)?,
            date: column(&DATE)?,
            measures: terms.columns(&MEASURES),
            filters: terms.columns(&FILTERS),
            models: &terms.rules,
            window_days: terms.window_days,
            cells_per_person: terms.cells_per_person,
        })
    }
}
