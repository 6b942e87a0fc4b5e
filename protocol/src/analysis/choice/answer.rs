//! The answer to a private choice.

use serde::{Deserialize, Serialize};

/// The answer to a private choice.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceAnswer {
    /// Who is counted, in words.
    pub counted: String,
    /// What is chosen from, in words: an amount that each person has, or a group column.
    pub of: String,
    /// Share of people that shall lie below the chosen edge; null if the largest group was asked
    /// for.
    pub quantile: Option<f64>,
    /// The places on offer: edges, ascending, in units of the amount; or the values of the group.
    pub offered: Vec<String>,
    /// The chosen place.
    pub chosen: String,
    /// By how many people the chosen place is worse than the best one on offer, at most, with 95 %
    /// probability.
    pub people_off: f64,
}
