//! A question about reach as it is signed.

use crate::{
    analysis::table::Filter,
    contract::ColumnRef,
    identity::Identifier,
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    units::Millionths,
};
use serde::{Deserialize, Serialize};

/// Asks how many people had rows, and how many rows.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// The kind of match key by which people are known. People without it are counted apart.
    pub by: Identifier,
    /// Datasets whose people are counted together, each once, in the contract's order.
    #[serde(deserialize_with = "at_most::<{ limits::TABLES }, _, _>")]
    pub datasets: Vec<String>,
    /// What people are divided by.
    pub per: Per,
    /// Conditions that a row must all meet to count.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Filter>,
    /// The cap on a person's rows: more rows count as this many.
    pub most_frequency: u32,
    /// Confidence of the intervals, in millionths.
    pub confidence: Millionths,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// Smallest group that is shown, in people. The contract's floor holds if it is larger.
    pub min_cell: u32,
}

/// What people are divided by. The whole and the values of a column cannot be one tally: a person
/// with several values is in several groups, and in one place of the whole.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new shape")]
pub enum Per {
    /// How many rows they have in all datasets together.
    Frequency,
    /// In which datasets they have rows.
    Dataset,
    /// A group column of the only dataset that is asked about.
    Column {
        /// Column.
        column: ColumnRef,
        /// In how many of its values one person may count; further values of a person are left out.
        values_per_person: u32,
        /// Whether people are also divided by how many rows they have of each value.
        frequencies: bool,
    },
}
