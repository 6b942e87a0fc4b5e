//! A question about an overlap as it is signed.

use crate::{
    contract::ColumnRef,
    identity::Identifier,
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    units::Millionths,
};
use serde::{Deserialize, Serialize};

/// Asks how many people are in which of several datasets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Overlap {
    /// The kind of match key by which people are known. People without it are counted apart.
    pub by: Identifier,
    /// Datasets that are compared, in the contract's order.
    #[serde(deserialize_with = "at_most::<{ limits::TABLES }, _, _>")]
    pub datasets: Vec<String>,
    /// A group column of one of the datasets, which divides its people.
    pub segment: Option<ColumnRef>,
    /// Confidence of the intervals, in millionths.
    pub confidence: Millionths,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// Smallest place that is shown, in people. The contract's floor holds if it is larger.
    pub min_cell: u32,
}
