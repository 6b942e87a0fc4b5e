//! One chosen place.

use super::PrivacyReport;
use crate::{digest::Digest, time::Time};
use serde::{Deserialize, Serialize};

/// The result of a choice.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceResult {
    /// Always [`FORMAT`].
    pub format: String,
    /// True unless the noise was switched off, which only `glovebox try` can do.
    pub noise: bool,
    /// Digest of the contract.
    pub contract: Digest,
    /// The contract's name.
    pub contract_name: String,
    /// The job.
    pub job: String,
    /// The party that asked.
    pub asked_by: String,
    /// The analysis of the contract.
    pub analysis: String,
    /// What it was for.
    pub purpose: String,
    /// When, in the enclave's trusted time.
    pub time: Time,
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
    /// What was charged.
    pub privacy: PrivacyReport,
    /// Flags of the whole job.
    pub flags: Vec<String>,
}

/// The name of this format.
pub const FORMAT: &str = "glovebox-choice-v1";
