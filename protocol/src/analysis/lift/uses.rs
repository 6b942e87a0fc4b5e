//! What a contract lists to permit a lift.

use crate::{
    analysis::uses::{Amount, Lists, Reading, Section, Use},
    contract::{ColumnRef, RoleKind, Terms},
};

/// `kind = "lift"`.
pub const SECTION: Section = Section {
    kind: "lift",
    title: "randomised lift, what people of one arm did against people of another",
    cell: "an arm",
    besides: "Head counts of who was found and who was not in an arm that is shown, and of the people who are left out \
              of both arms, are shown however small, with noise: they tell whether the design is sound.",
    uses: &[ASSIGNMENT, ARM, SEGMENTS, CREATIVE, EXPOSED, COVARIATES, OUTCOME, MEASURES, DATE],
};

const ASSIGNMENT: Use = Use {
    key: "assignment",
    noun: "assignment dataset",
    title: "people and their arms",
    lists: Lists::Dataset,
    amount: Amount::One,
    reads: &[],
};

const ARM: Use = Use {
    key: "arm",
    noun: "arm column",
    title: "the arm",
    lists: Lists::Columns { of: Some(ASSIGNMENT.key), roles: &[RoleKind::Group] },
    amount: Amount::One,
    reads: &[Reading::Arm, Reading::Creative],
};

const SEGMENTS: Use = Use {
    key: "segments",
    noun: "segment",
    title: "segments that effects may be told of",
    lists: Lists::Columns { of: Some(ASSIGNMENT.key), roles: &[RoleKind::Group] },
    amount: Amount::Any,
    reads: &[Reading::Only],
};

const CREATIVE: Use = Use {
    key: "creative",
    noun: "creative column",
    title: "creative that a person of the test arm was assigned to",
    lists: Lists::Columns { of: Some(ASSIGNMENT.key), roles: &[RoleKind::Group] },
    amount: Amount::Optional,
    reads: &[Reading::Creative],
};

const EXPOSED: Use = Use {
    key: "exposed",
    noun: "column of who was reached",
    title: "whether a person really was reached (above 0)",
    lists: Lists::Columns { of: Some(ASSIGNMENT.key), roles: &[RoleKind::Measure] },
    amount: Amount::Optional,
    reads: &[Reading::Sum],
};

const COVARIATES: Use = Use {
    key: "covariates",
    noun: "covariate",
    title: "amounts known before people were assigned, by which effects may be adjusted",
    lists: Lists::Columns { of: Some(ASSIGNMENT.key), roles: &[RoleKind::Measure] },
    amount: Amount::Any,
    reads: &[Reading::Sum],
};

const OUTCOME: Use = Use {
    key: "outcome",
    noun: "outcome dataset",
    title: "what they did",
    lists: Lists::Dataset,
    amount: Amount::One,
    reads: &[Reading::Match],
};

const MEASURES: Use = Use {
    key: "measures",
    noun: "measure",
    title: "outcomes that may be compared",
    lists: Lists::Columns { of: Some(OUTCOME.key), roles: &[RoleKind::Measure] },
    amount: Amount::Several,
    reads: &[Reading::Sum],
};

const DATE: Use = Use {
    key: "date",
    noun: "date column",
    title: "day that a window may go by",
    lists: Lists::Columns { of: Some(OUTCOME.key), roles: &[RoleKind::Date] },
    amount: Amount::Optional,
    reads: &[Reading::Condition],
};

/// What the terms of a lift list.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Listed<'t> {
    /// Dataset with the people and the arm each was assigned to.
    pub assignment: &'t str,
    /// The group column that holds the arm.
    pub arm: &'t str,
    /// Group columns of the assignment by which effects may be told apart.
    pub segments: &'t [ColumnRef],
    /// Group column of the assignment with the creative; the arm column may be asked for too.
    pub creative: Option<&'t str>,
    /// Measure column of the assignment that is above 0 of a person who really was reached.
    pub exposed: Option<&'t str>,
    /// Measure columns of the assignment that were known before, by which effects may be adjusted.
    pub covariates: &'t [ColumnRef],
    /// Dataset with what people did.
    pub outcome: &'t str,
    /// The measures of the outcome dataset that may be asked for.
    pub measures: &'t [ColumnRef],
    /// Date column of the outcome dataset for windows.
    pub date: Option<&'t str>,
}

impl<'t> Listed<'t> {
    /// What `terms` list; `None` if they are of another kind.
    #[must_use]
    pub fn of(terms: &'t Terms) -> Option<Self> {
        let column = |used| terms.columns(used).first().map(|named| named.column.as_str());
        (*terms.section() == SECTION).then_some(())?;
        Some(Self {
            assignment: terms.dataset(&ASSIGNMENT)?,
            arm: column(&ARM)?,
            segments: terms.columns(&SEGMENTS),
            creative: column(&CREATIVE),
            exposed: column(&EXPOSED),
            covariates: terms.columns(&COVARIATES),
            outcome: terms.dataset(&OUTCOME)?,
            measures: terms.columns(&MEASURES),
            date: column(&DATE),
        })
    }
}
