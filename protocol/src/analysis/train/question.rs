//! A training as it is signed.

use crate::{
    loss::{Delta, Epsilon},
    tally::Program,
    units::Millionths,
};
use serde::{Deserialize, Serialize};

/// Asks for a model.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// All that is trained, and how. Side 0 is the analysis' population, side 1 its joined dataset.
    pub program: Program,
    /// Confidence of the intervals, in millionths.
    pub confidence: Millionths,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
}
