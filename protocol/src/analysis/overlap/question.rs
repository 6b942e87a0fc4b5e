//! What an overlap job asks.

use crate::{
    contract::ColumnRef,
    identity::Identifier,
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    units::Millionths,
};
use serde::{Deserialize, Serialize};

/// How many people are in which of several datasets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Overlap {
    /// The kind of match key that people are known by. Whoever has none of this kind is counted apart.
    pub by: Identifier,
    /// Datasets that are compared, in the contract's order.
    #[serde(deserialize_with = "at_most::<{ limits::TABLES }, _, _>")]
    pub datasets: Vec<String>,
    /// A group column of one of them, by whose values people are told apart too.
    pub segment: Option<ColumnRef>,
    /// Confidence of the intervals, in millionths.
    pub confidence: Millionths,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// Smallest place that is shown, in people; the contract's floor where it is larger.
    pub min_cell: u32,
}
