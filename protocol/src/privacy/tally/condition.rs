//! Conditions: which rows count.

use super::Side;
use crate::limits::{self, at_most};
use serde::{Deserialize, Serialize};

/// A condition that a row must meet to count.
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
    /// A number or a day lies within bounds. A row without a value does not meet this condition.
    Between {
        /// Measure column, in units of its scale, or date column, in days since 1970-01-01.
        column: String,
        /// Smallest value that counts.
        least: i64,
        /// Largest value that counts.
        most: i64,
    },
    /// A day lies within a window from the person's own start. The start is the earliest day in a
    /// column of another dataset, over all of the person's rows there that count. A person without
    /// such a day has no row that meets this condition.
    SinceStart {
        /// Date column.
        column: String,
        /// The other dataset. Which of its rows count must not depend on a start.
        side: Side,
        /// Date column of the other dataset.
        start: String,
        /// Days from the start to the first day that counts; below 0 before it.
        first: i64,
        /// Days from the start to the last day that counts.
        last: i64,
    },
}

impl Condition {
    /// The column of the rows that the condition is about.
    #[must_use]
    pub fn column(&self) -> &str {
        match self {
            Self::OneOf { column, .. }
            | Self::Between { column, .. }
            | Self::SinceStart { column, .. } => column,
        }
    }

    /// The dataset and column from which a person's start is read, if the condition is about one.
    #[must_use]
    pub fn start(&self) -> Option<(Side, &str)> {
        match self {
            Self::SinceStart { side, start, .. } => Some((*side, start)),
            Self::OneOf { .. } | Self::Between { .. } => None,
        }
    }
}
