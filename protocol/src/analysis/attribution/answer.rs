//! The answer to a question about attribution.

use crate::{
    analysis::table::{CountRange, Estimate},
    tally::Rule,
};
use serde::{Deserialize, Serialize};

/// The answer to a question about attribution. All intervals are of the noise.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AttributionAnswer {
    /// Whose outcomes are credited to which exposures, in words.
    pub counted: String,
    /// The column of channels.
    pub channel: String,
    /// In which shares an outcome was credited to the exposures of its window.
    pub model: Rule,
    /// The most days from an exposure to an outcome.
    pub window_days: u32,
    /// Confidence level of the intervals.
    pub confidence: f64,
    /// What was credited.
    pub outcomes: Vec<Asked>,
    /// Channels that are shown, in the contract's order. The last one, `(none)`, is of exposures without one.
    pub channels: Vec<Place>,
    /// Outcomes before which the person had no exposure in the window; null if too few people have one.
    pub unexposed: Option<Place>,
    /// People who were exposed and have no outcome; null if they are too few.
    pub without_outcome: Option<CountRange>,
    /// In how many places one person counts at most; outcomes without an exposure have one of them.
    pub places_per_person: u32,
    /// The smallest noisy count of people at which a place is shown.
    pub shown_from: i64,
    /// How many channels are not shown because fewer people were counted there.
    pub withheld: u64,
    /// People who refused consent; null if they are too few to be shown, or if no dataset asks.
    pub no_consent: Option<CountRange>,
    /// Datasets that ask for consent. A person who refused in one of them is in no other figure.
    pub consent_from: Vec<String>,
}

/// Something that was credited.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// The column that was added up; null for the number of outcomes.
    pub column: Option<String>,
    /// The most that was credited of one person in all.
    pub cap: f64,
}

/// What was credited to one place.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The channel; empty for outcomes without an exposure.
    pub name: String,
    /// People of whom an outcome was credited to it, in part or whole.
    pub people: CountRange,
    /// What was credited, in the order of the outcomes.
    pub credited: Vec<Estimate>,
}
