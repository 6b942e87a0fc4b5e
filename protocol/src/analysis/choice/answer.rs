//! One chosen place.

use serde::{Deserialize, Serialize};

/// The answer to a choice.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceAnswer {
    /// Who is counted, in words.
    pub counted: String,
    /// What is chosen from, in words: what each person has of something, or a group column.
    pub of: String,
    /// Share of people that are to lie below the chosen edge; null if the fullest group was asked for.
    pub quantile: Option<f64>,
    /// What was offered: edges, ascending, in units of the amount; or the values of the group.
    pub offered: Vec<String>,
    /// The one that was chosen.
    pub chosen: String,
    /// By how many people the chosen one is worse than the best one offered at most, with 95 % probability.
    pub people_off: f64,
}
