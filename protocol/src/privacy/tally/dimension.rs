//! What tells cells apart, and how many places it has.

use super::Side;
use crate::limits::{self, at_most};
use serde::{Deserialize, Serialize};

/// What tells cells apart.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever compiles a tally must see a new dimension")]
pub enum Dimension {
    /// Whether the person was found in the joined dataset: 0 no, 1 yes.
    Matched,
    /// In which datasets of a union the person has a row that counts. Place *s* - 1 is for who is in the set
    /// *s* of datasets and no other, where the dataset at place *i* adds 2ⁱ to *s*. Then there is a place for
    /// each dataset, of people who are not known by the union's kind of key: of several datasets, the first.
    Membership {
        /// How many datasets the tally has.
        datasets: u32,
    },
    /// Whether the person is known by the union's kind of key: 0 no, 1 yes. Who is not may be somebody who is.
    Known,
    /// The arm of a randomised design that the person was assigned to: places as in [`Arm::ALL`]. Decided
    /// over all of the person's rows that count, before any bound on cells.
    Arm {
        /// Group column of the population that assigns people to arms.
        column: String,
        /// Codes that make up the test arm.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        test: Vec<i32>,
        /// Codes that make up the control arm.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        control: Vec<i32>,
    },
    /// A group column with a public list of values: their places, and last a place for rows without
    /// one and for people without a row.
    Group {
        /// Whose column.
        side: Side,
        /// Group column.
        column: String,
        /// How many values the public list has.
        values: u32,
    },
    /// A label column, whose values are private. A cell is shown if it passes private
    /// selection.
    Label {
        /// Whose column.
        side: Side,
        /// Label column.
        column: String,
    },
    /// The only value that a person has in a group or label column, over all of the person's rows that count
    /// and before any bound on cells: rows without a value say nothing.
    Only {
        /// Whose column.
        side: Side,
        /// Group or label column.
        column: String,
        /// How many values the public list has: after their places come one for who has none of them and one
        /// for who has several. None of a label column, whose values are private: who has several is in place 0.
        values: Option<u32>,
    },
    /// The earliest day that a person has in a date column, over all of the person's rows that count and before
    /// any bound on cells, in bins as those of [`Self::Bins`]; and last a place for who has no day there.
    Earliest {
        /// Whose column.
        side: Side,
        /// Date column.
        column: String,
        /// Days since 1970-01-01, ascending.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
    /// The person's total of a measure, in bins: `edges.len() + 1` places. Place *i* holds totals from
    /// edge *i-1* (included) to edge *i* (excluded).
    Bins {
        /// Place in [`Tally::measures`](super::Tally::measures). The total is over all of the person's cells, clamped.
        measure: u32,
        /// Ascending.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
    /// What the person has of a measure in each group, in bins as those of [`Self::Bins`]: how many people saw
    /// something once, twice or thrice in each channel. The groups of a person are bounded before, so that in
    /// each of them a person is in one bin.
    BinsPerGroup {
        /// Place in [`Tally::measures`](super::Tally::measures). The value is that of one cell, clamped.
        measure: u32,
        /// Ascending.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
}

impl Dimension {
    /// How many places a public dimension has; none if its values are private.
    #[must_use]
    pub fn places(&self) -> Option<u64> {
        match self {
            Self::Matched | Self::Known => Some(2),
            Self::Membership { datasets } => {
                let sets = 1_u64.checked_shl(*datasets)?.checked_sub(1)?;
                sets.checked_add(u64::from(*datasets))
            }
            Self::Arm { .. } => u64::try_from(Arm::ALL.len()).ok(),
            Self::Group { values, .. } => Some(u64::from(*values) + 1),
            Self::Only { values, .. } => Some(u64::from((*values)?) + 2),
            Self::Earliest { edges, .. } => u64::try_from(edges.len()).ok()?.checked_add(2),
            Self::Label { .. } => None,
            Self::Bins { edges, .. } | Self::BinsPerGroup { edges, .. } => {
                u64::try_from(edges.len()).ok()?.checked_add(1)
            }
        }
    }

    /// True if a person is in one place of this dimension, whatever rows the person has.
    #[must_use]
    pub fn is_of_whole_people(&self) -> bool {
        match self {
            Self::Matched
            | Self::Membership { .. }
            | Self::Known
            | Self::Arm { .. }
            | Self::Only { .. }
            | Self::Earliest { .. }
            | Self::Bins { .. } => true,
            Self::Group { .. } | Self::Label { .. } | Self::BinsPerGroup { .. } => false,
        }
    }

    /// True if each row has a place of its own in this dimension.
    #[must_use]
    pub fn is_of_rows(&self) -> bool {
        matches!(self, Self::Group { .. } | Self::Label { .. })
    }
}

/// Places of [`Dimension::Arm`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "everybody is in exactly one of these")]
pub enum Arm {
    /// Rows of the test arm only.
    Test,
    /// Rows of the control arm only.
    Control,
    /// Rows of both arms, or of one of them and of another or none.
    Several,
    /// Rows of neither arm.
    Other,
}

impl Arm {
    /// All of them, in the order of their places.
    pub const ALL: [Self; 4] = [Self::Test, Self::Control, Self::Several, Self::Other];
}
