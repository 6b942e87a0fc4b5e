//! What a contract lists to permit outcomes after a start.

use crate::{
    analysis::{
        filters::FILTERS,
        uses::{Amount, Lists, Reading, Section, Use},
    },
    contract::{ColumnRef, RoleKind, Terms},
};

/// `kind = "outcomes"`.
pub const SECTION: Section = Section {
    kind: "outcomes",
    title: "what people did in the days after their own start, by segment",
    cell: "a segment",
    besides: "",
    uses: &[COHORT, START, SEGMENTS, OUTCOME, DATE, MEASURES, FILTERS],
};

const COHORT: Use = Use {
    key: "cohort",
    noun: "cohort dataset",
    title: "people",
    lists: Lists::Dataset,
    amount: Amount::One,
    reads: &[],
};

const START: Use = Use {
    key: "start",
    noun: "start column",
    title: "the day that a person starts",
    lists: Lists::Columns { of: Some(COHORT.key), roles: &[RoleKind::Date] },
    amount: Amount::One,
    reads: &[Reading::Start, Reading::Earliest],
};

const SEGMENTS: Use = Use {
    key: "segments",
    noun: "segment",
    title: "people may be divided by their only value of",
    lists: Lists::Columns { of: Some(COHORT.key), roles: &[RoleKind::Group] },
    amount: Amount::Any,
    reads: &[Reading::Only],
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
    reads: &[Reading::Condition],
};

const MEASURES: Use = Use {
    key: "measures",
    noun: "measure",
    title: "may be added up",
    lists: Lists::Columns { of: Some(OUTCOME.key), roles: &[RoleKind::Measure] },
    amount: Amount::Any,
    reads: &[Reading::Sum],
};

/// What the terms of outcomes list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Listed<'t> {
    /// Dataset whose people are counted.
    pub cohort: &'t str,
    /// Its date column with the day that a person starts.
    pub start: &'t str,
    /// Its group columns that people may be divided by.
    pub segments: &'t [ColumnRef],
    /// Dataset with what people did.
    pub outcome: &'t str,
    /// Its date column.
    pub date: &'t str,
    /// Its measure columns that may be added up.
    pub measures: &'t [ColumnRef],
    /// Columns of both that rows may be chosen by.
    pub filters: &'t [ColumnRef],
}

impl<'t> Listed<'t> {
    /// What `terms` list; `None` if they are of another kind.
    #[must_use]
    pub fn of(terms: &'t Terms) -> Option<Self> {
        let column = |used| terms.columns(used).first().map(|named| named.column.as_str());
        (*terms.section() == SECTION).then_some(())?;
        Some(Self {
            cohort: terms.dataset(&COHORT)?,
            start: column(&START)?,
            segments: terms.columns(&SEGMENTS),
            outcome: terms.dataset(&OUTCOME)?,
            date: column(&DATE)?,
            measures: terms.columns(&MEASURES),
            filters: terms.columns(&FILTERS),
        })
    }
}
