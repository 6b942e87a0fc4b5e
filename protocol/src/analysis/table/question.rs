//! What a table job asks.

use crate::{
    contract::ColumnRef,
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    proof::Split,
    tally::Clamp,
    units::{Millionths, Scale},
};
use serde::{Deserialize, Serialize};

/// Counts and sums by group: how many people, what they did.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableQuestion {
    /// What cells are made of, outermost first.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_GROUP_BY }, _, _>")]
    pub group_by: Vec<GroupBy>,
    /// Which rows count: all of these.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Filter>,
    /// What is added up for each person and cell.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub measures: Vec<TableMeasure>,
    /// In how many cells one person may count; the rest of a person's cells is left out.
    pub cells_per_person: u32,
    /// Confidence of the intervals, in millionths.
    pub confidence: Millionths,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// δ for selecting cells whose values are private, in units of 10⁻¹⁵; 0 without such cells.
    pub selection_delta: u64,
    /// How the loss is divided.
    pub split: Split,
    /// Smallest cell that is shown; the contract's floor where it is larger.
    pub min_cell: u32,
}

/// What cells are made of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
pub enum GroupBy {
    /// Whether the person was found in the joined dataset.
    Matched,
    /// A group or label column.
    Column(ColumnRef),
    /// A measure of this question, by name, in bins: a distribution.
    Bins {
        /// Name of the measure.
        measure: String,
        /// Ascending, in units of the column's scale.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
}

/// Rows that count.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
pub enum Filter {
    /// A group column has one of these values.
    OneOf {
        /// Column.
        column: ColumnRef,
        /// Values of its public list.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        values: Vec<String>,
    },
    /// A measure or date column lies within bounds, both included.
    Between {
        /// Column.
        column: ColumnRef,
        /// Smallest, in units of the column's scale, or days since 1970-01-01.
        least: i64,
        /// Largest.
        most: i64,
    },
}

impl Filter {
    /// The column that it is about.
    #[must_use]
    pub fn column(&self) -> &ColumnRef {
        match self {
            Self::OneOf { column, .. } | Self::Between { column, .. } => column,
        }
    }
}

/// What is added up.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableMeasure {
    /// What people call it.
    pub name: String,
    /// Dataset whose rows are counted, for [`Statistic::Rows`]; else the column, written as a [`ColumnRef`] is.
    pub column: String,
    /// What is made of the rows of a person.
    pub statistic: Statistic,
    /// Between what ends the value of one person and cell counts as it is, in units of the column's scale.
    pub clamp: Clamp,
    /// Whether squares are added up too, which gives the spread between people.
    pub squares: bool,
    /// Decimals of the column, from the contract; 0 for counts.
    pub scale: Scale,
}

/// What is made of the rows of a person.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
pub enum Statistic {
    /// How many.
    Rows,
    /// The sum of the column.
    Sum,
    /// How many different values.
    Distinct,
}
