//! Dimensions: what divides people into cells, and how many places each has.

use super::{Credit, Side};
use crate::limits::{self, at_most};
use serde::{Deserialize, Serialize};

/// A dimension: something that divides people into places.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever compiles a tally must see a new dimension")]
pub enum Dimension {
    /// Whether the person was found in the joined dataset: 0 no, 1 yes.
    Matched,
    /// Whether the person was found in the joined dataset, and agreed there: 0 not found, 1 found, 2 found and refused. Who refuses
    /// there counts with no row of that dataset, and stays where the population puts the person: so who is counted does not
    /// depend on who was found. Whoever refuses in the population is counted as people who gave no consent, as anywhere.
    MatchedWithConsent,
    /// In which datasets of a union the person has a row that counts. Place *s* - 1 is for people
    /// who are in the set *s* of datasets and in no other, where the dataset at place *i* adds 2ⁱ
    /// to *s*. After these there is a place for each dataset, for people who are not known by the
    /// union's kind of key; a person of several datasets is in the place of the first.
    Membership {
        /// How many datasets the tally has.
        datasets: u32,
    },
    /// Whether the person is known by the union's kind of key: 0 no, 1 yes. A person who is not may
    /// be the same as one who is.
    Known,
    /// The arm of a randomised design to which the person was assigned: places as in [`Arm::ALL`].
    /// It is decided over all of the person's rows that count, before any bound on cells.
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
    /// The creative, or another version of a campaign, to which a person of the test arm was assigned: the only value in a group
    /// column of the population, with places as in [`Self::Only`]. Of an arm it divides the test arm alone
    /// ([`Tally::compares_arms`](super::Tally::compares_arms)).
    Creative {
        /// Group column of the population, which may be that of the arm.
        column: String,
        /// Number of values in its public list.
        values: u32,
    },
    /// A group column with a public list of values. The last place is for rows without a value, and
    /// for people without a row.
    Group {
        /// The dataset of the column.
        side: Side,
        /// Group column.
        column: String,
        /// How many values the public list has.
        values: u32,
    },
    /// A label column, whose values are private. A cell is shown if it passes private selection.
    Label {
        /// The dataset of the column.
        side: Side,
        /// Label column.
        column: String,
    },
    /// The only value that a person has in a group or label column, over all of the person's rows
    /// that count and before any bound on cells. Rows without a value say nothing.
    Only {
        /// The dataset of the column.
        side: Side,
        /// Group or label column.
        column: String,
        /// Number of values in the public list. After their places come one for people with none of
        /// them and one for people with several. `None` for a label column, whose values are
        /// private: there, people with several values are in place 0.
        values: Option<u32>,
    },
    /// The earliest day that a person has in a date column, over all of the person's rows that
    /// count and before any bound on cells, in bins like those of [`Self::Bins`]. The last place is
    /// for people without a day.
    Earliest {
        /// The dataset of the column.
        side: Side,
        /// Date column.
        column: String,
        /// Days since 1970-01-01, ascending.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
    /// The day of a row in a date column, in bins like those of [`Self::Earliest`]: a person is in a place for each bin with a
    /// row that counts. The last place is for rows without a day, and for people without a row.
    Days {
        /// The dataset of the column.
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
        /// Place in [`Tally::measures`](super::Tally::measures). The total is over the
        /// groups that are kept of the person in each dataset, at most
        /// [`cells_per_person`](super::Tally::cells_per_person) of each, and clamped; combinations of
        /// groups of several datasets are bounded afterwards.
        measure: u32,
        /// Edges of the bins, ascending.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
    /// What the person has of a measure in each group, in bins like those of [`Self::Bins`]: how
    /// many people saw something once, twice or three times in each channel, for example. The
    /// groups of a person are bounded before, so that a person is in one bin of each of them.
    BinsPerGroup {
        /// Place in [`Tally::measures`](super::Tally::measures). The value is that of one cell, clamped.
        measure: u32,
        /// Edges of the bins, ascending.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
    /// To which exposures the person's outcomes are credited: places as in [`Credit`]. A person is in each place
    /// to which some outcome goes, at most [`cells_per_person`](super::Tally::cells_per_person); of further values the exposures
    /// are left out before anything is credited. Who has no outcome is in a place for that.
    Credited(Credit),
}

impl Dimension {
    /// The number of places of a public dimension; `None` if its values are private.
    #[must_use]
    pub fn places(&self) -> Option<u64> {
        match self {
            Self::Matched | Self::Known => Some(2),
            Self::MatchedWithConsent => Some(3),
            Self::Membership { datasets } => {
                let sets = 1_u64.checked_shl(*datasets)?.checked_sub(1)?;
                sets.checked_add(u64::from(*datasets))
            }
            Self::Arm { .. } => u64::try_from(Arm::ALL.len()).ok(),
            Self::Group { values, .. } => Some(u64::from(*values) + 1),
            Self::Only { values, .. } => Some(u64::from((*values)?) + 2),
            Self::Creative { values, .. } => Some(u64::from(*values) + 2),
            Self::Earliest { edges, .. } | Self::Days { edges, .. } => {
                u64::try_from(edges.len()).ok()?.checked_add(2)
            }
            Self::Credited(credit) => Some(credit.places()),
            Self::Label { .. } => None,
            Self::Bins { edges, .. } | Self::BinsPerGroup { edges, .. } => {
                u64::try_from(edges.len()).ok()?.checked_add(1)
            }
        }
    }

    /// Whether it says of people if they were found in the joined dataset.
    #[must_use]
    pub fn is_match(&self) -> bool {
        matches!(self, Self::Matched | Self::MatchedWithConsent)
    }

    /// Whether a person is in one place of this dimension, whatever rows the person has.
    #[must_use]
    pub fn is_of_whole_people(&self) -> bool {
        match self {
            Self::Matched
            | Self::MatchedWithConsent
            | Self::Membership { .. }
            | Self::Known
            | Self::Arm { .. }
            | Self::Creative { .. }
            | Self::Only { .. }
            | Self::Earliest { .. }
            | Self::Bins { .. } => true,
            Self::Group { .. }
            | Self::Label { .. }
            | Self::Days { .. }
            | Self::BinsPerGroup { .. }
            | Self::Credited(_) => false,
        }
    }

    /// Whether each row has a place of its own in this dimension.
    #[must_use]
    pub fn is_of_rows(&self) -> bool {
        matches!(self, Self::Group { .. } | Self::Label { .. } | Self::Days { .. })
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
    /// All places, in order.
    pub const ALL: [Self; 4] = [Self::Test, Self::Control, Self::Several, Self::Other];
}
