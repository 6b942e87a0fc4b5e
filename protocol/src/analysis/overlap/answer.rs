//! The answer to a question about an overlap.

use crate::identity::Identifier;
use serde::{Deserialize, Serialize};

/// The answer to a question about an overlap.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OverlapAnswer {
    /// The kind of match key that people are known by. All figures but `without_key` are of people who have one.
    pub by: Identifier,
    /// Confidence level of the intervals, which cover the noise and what withheld places leave open.
    pub confidence: f64,
    /// Each dataset, in the contract's order.
    pub datasets: Vec<DatasetPeople>,
    /// Each pair of datasets.
    pub pairs: Vec<PairOverlap>,
    /// People who are in any of the datasets: their union.
    pub any: Count,
    /// People who are in all of the datasets: their intersection.
    pub all: Count,
    /// The intersection of all datasets over their union.
    pub jaccard: Share,
    /// The people of each set of datasets: they are in all of its datasets and in no other.
    /// Withheld sets are left out.
    pub places: Vec<PlacePeople>,
    /// The people of one dataset by segment; null if that was not asked.
    pub segments: Option<Segments>,
    /// The smallest noisy count of people at which a place is shown: the contract's or the job's
    /// floor, or the count from which noise alone hardly ever shows an empty place, whichever is
    /// larger.
    pub shown_from: i64,
    /// How many places, those by segment included, are withheld because fewer people were counted
    /// there. Places in which nobody can be by their nature are not counted.
    pub withheld: u64,
    /// People who refused consent in one of the datasets and are in no other figure; null if no
    /// dataset asks.
    pub no_consent: Option<Count>,
    /// Datasets that ask for consent.
    pub consent_from: Vec<String>,
}

/// The people of one dataset.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetPeople {
    /// Dataset.
    pub dataset: String,
    /// People who have the key.
    pub people: Count,
    /// The people who are in no other dataset.
    pub only: Count,
    /// People who do not have the key, and so are not looked up in other datasets. A person who is
    /// in several datasets under another key is counted at the first of them.
    pub without_key: Count,
}

/// Two datasets: one, and another that comes after it in the contract.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PairOverlap {
    /// Both.
    pub datasets: [String; 2],
    /// People who are in both.
    pub both: Count,
    /// People who are in either.
    pub either: Count,
    /// For each of the two: people who are in it and not in the other.
    pub only: [Count; 2],
    /// Match rates: for each of the two, the share of its people who are in the other.
    pub match_rates: [Share; 2],
    /// Jaccard index: people in both over people in either.
    pub jaccard: Share,
}

/// A set of datasets, and the people who are in all of them and in no other.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlacePeople {
    /// The datasets that these people are in.
    pub datasets: Vec<String>,
    /// Number of these people.
    pub people: Count,
}

/// People by a segment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Segments {
    /// The dataset that has the segment: all figures are of its people.
    pub dataset: String,
    /// Its column.
    pub column: String,
    /// The people by value of the public list; then people who have no value, and people who have
    /// several.
    pub values: Vec<SegmentOverlap>,
}

/// The people of one segment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentOverlap {
    /// Value of the segment.
    pub value: SegmentValue,
    /// People of the dataset who have this value and the key.
    pub people: Count,
    /// How many of these people are in each of the other datasets.
    pub found: Vec<Found>,
}

/// A value of a segment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "every person is in one of them")]
pub enum SegmentValue {
    /// One value of the public list, and no other.
    Value(String),
    /// No value of the public list.
    None,
    /// Several values of the public list.
    Several,
}

/// People of a segment who are in another dataset.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The other dataset.
    pub dataset: String,
    /// Number of these people.
    pub people: Count,
    /// Their share of the segment's people.
    pub match_rate: Share,
}

/// A number of people.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// The noisy count over the places that are shown; null if no place is shown.
    pub value: Option<i64>,
    /// Standard deviation of the noise in the count.
    pub noise_sd: f64,
    /// Least and most, not below 0. The most allows for people in withheld places.
    pub ci: [i64; 2],
    /// How many of its places are withheld: their people are not in `value`.
    pub withheld: u64,
}

/// A share of people.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The noisy count of the part over that of the whole, in places that are shown; null if no
    /// place of the part is shown.
    pub value: Option<f64>,
    /// Least and most, between 0 and 1.
    pub ci: [f64; 2],
    /// How many places of the whole are withheld: their people are not in `value`.
    pub withheld: u64,
}
