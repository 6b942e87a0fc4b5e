//! A question about groups as it is signed.

use crate::{
    contract::ColumnRef,
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    proof::Split,
    tally::Clamp,
    units::{Millionths, Scale},
};
use serde::{Deserialize, Serialize};

/// Asks for counts and sums by group: how many people there are, and what they did.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableQuestion {
    /// The dimensions that make up cells, outermost first.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_GROUP_BY }, _, _>")]
    pub group_by: Vec<GroupBy>,
    /// Conditions that a row must all meet to count.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Filter>,
    /// The amounts that are added up for each person and cell.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub measures: Vec<TableMeasure>,
    /// In how many cells one person may count; further cells of a person are left out.
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
    /// Smallest cell that is shown. The contract's floor holds if it is larger.
    pub min_cell: u32,
}

/// A dimension of the cells.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
pub enum GroupBy {
    /// Whether the person was found in the joined dataset.
    Matched,
    /// A group or label column.
    Column(ColumnRef),
    /// Bins of a measure of this question: a distribution.
    Bins {
        /// Name of the measure.
        measure: String,
        /// Edges of the bins, ascending, in units of the column's scale.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
}

/// A condition on the rows that count.
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
        /// Smallest value, in units of the column's scale, or days since 1970-01-01.
        least: i64,
        /// Largest value.
        most: i64,
    },
}

impl Filter {
    /// The column of the condition.
    #[must_use]
    pub fn column(&self) -> &ColumnRef {
        match self {
            Self::OneOf { column, .. } | Self::Between { column, .. } => column,
        }
    }
}

/// An amount that is added up.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableMeasure {
    /// Name that people give to the amount.
    pub name: String,
    /// Dataset whose rows are counted, for [`Statistic::Rows`]; else the column, written as a [`ColumnRef`] is.
    pub column: String,
    /// How a person's rows become one value.
    pub statistic: Statistic,
    /// The ends between which one person's value in a cell counts as it is, in units of the
    /// column's scale.
    pub clamp: Clamp,
    /// Whether squares are added up too, to tell how much people differ.
    pub squares: bool,
    /// Decimals of the column, from the contract; 0 for counts.
    pub scale: Scale,
}

/// How a person's rows become one value.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
pub enum Statistic {
    /// The number of rows.
    Rows,
    /// The sum of the column.
    Sum,
    /// The number of different values.
    Distinct,
}
