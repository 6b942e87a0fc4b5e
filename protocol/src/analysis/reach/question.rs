//! What a reach job asks.

use crate::{
    analysis::table::Filter,
    contract::ColumnRef,
    identity::Identifier,
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    units::Millionths,
};
use serde::{Deserialize, Serialize};

/// How many people had rows, and how many.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// The kind of match key that people are known by. Whoever has none of this kind is counted apart.
    pub by: Identifier,
    /// Datasets whose people are counted together, each once, in the contract's order.
    #[serde(deserialize_with = "at_most::<{ limits::TABLES }, _, _>")]
    pub datasets: Vec<String>,
    /// What people are told apart by.
    pub per: Per,
    /// Which rows count: all of these.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Filter>,
    /// So many rows of a person count as they are; more count as so many.
    pub most_frequency: u32,
    /// Confidence of the intervals, in millionths.
    pub confidence: Millionths,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// Smallest group that is shown, in people; the contract's floor where it is larger.
    pub min_cell: u32,
}

/// What people are told apart by. The whole and the values of a column are no one tally: whoever has several
/// values is in several groups, and in one place of the whole.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new shape")]
pub enum Per {
    /// How many rows they have in all datasets together.
    Frequency,
    /// In which datasets they have rows.
    Dataset,
    /// A group column of the one dataset that is asked about.
    Column {
        /// Column.
        column: ColumnRef,
        /// In how many of its values one person counts at most; the rest is left out.
        values_per_person: u32,
    },
}
