//! Which rows count.

use super::Side;
use crate::limits::{self, at_most};
use serde::{Deserialize, Serialize};

/// What a row must be to count.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever compiles a tally must see a new condition")]
pub enum Condition {
    /// A group column has one of these codes, ascending.
    OneOf {
        /// Group column.
        column: String,
        /// Places in the column's public list of values.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        codes: Vec<i32>,
    },
    /// A number or a day lies within bounds. A row without one meets no such condition.
    Between {
        /// Measure column, in units of its scale, or date column, in days since 1970-01-01.
        column: String,
        /// Smallest value that counts.
        least: i64,
        /// Largest value that counts.
        most: i64,
    },
    /// A day lies within a window from the person's own start, which is the earliest day in a column of another
    /// dataset, over all rows of the person there that count. Of who has no such day, no row meets this.
    SinceStart {
        /// Date column.
        column: String,
        /// The other dataset. Which of its rows count depends on no start.
        side: Side,
        /// Its date column.
        start: String,
        /// Days from the start to the first day that counts; below 0 before it.
        first: i64,
        /// Days from the start to the last day that counts.
        last: i64,
    },
}

impl Condition {
    /// The column of the rows that it is about.
    #[must_use]
    pub fn column(&self) -> &str {
        match self {
            Self::OneOf { column, .. }
            | Self::Between { column, .. }
            | Self::SinceStart { column, .. } => column,
        }
    }

    /// The dataset and the column that a person's start is read from, if it is about one.
    #[must_use]
    pub fn start(&self) -> Option<(Side, &str)> {
        match self {
            Self::SinceStart { side, start, .. } => Some((*side, start)),
            Self::OneOf { .. } | Self::Between { .. } => None,
        }
    }
}
