//! How far the people of several datasets are the same.

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
    /// Every set of datasets in which, and in no other, people are found; sets that are withheld are left out.
    pub places: Vec<PlacePeople>,
    /// The same people by a segment of one dataset; null if that was not asked.
    pub segments: Option<Segments>,
    /// The least noisy count of people at which a place is shown: the contract's or the job's floor, or what it
    /// takes that noise alone hardly ever shows an empty one, where that is more.
    pub shown_from: i64,
    /// How many places, by segment too, are withheld since fewer people were counted there. Those in which nobody
    /// can be by their nature are not among them.
    pub withheld: u64,
    /// People who did not agree in one of the datasets, who are in no other figure; null if no dataset asks.
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
    /// Of them, those who are in no other of the datasets.
    pub only: Count,
    /// People who do not have the key, and so are not looked up elsewhere. Who is in several datasets under another
    /// key is told at the first.
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
    /// People who are in this one of the two and not in the other.
    pub only: [Count; 2],
    /// Match rate: the share of the people of this one who are in the other.
    pub match_rates: [Share; 2],
    /// Jaccard index: people in both over people in either.
    pub jaccard: Share,
}

/// A set of datasets.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlacePeople {
    /// Datasets that its people are in; they are in no other.
    pub datasets: Vec<String>,
    /// People.
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
    /// Each value of the public list, and after it people who have none and people who have several.
    pub values: Vec<SegmentOverlap>,
}

/// The people of one segment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentOverlap {
    /// Which one.
    pub value: SegmentValue,
    /// People of the dataset who are in it and have the key.
    pub people: Count,
    /// How many of them are in each of the other datasets.
    pub found: Vec<Found>,
}

/// A value of a segment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "every person is in one of them")]
pub enum SegmentValue {
    /// One of the public list, and no other.
    Value(String),
    /// None of the public list.
    None,
    /// Several of the public list.
    Several,
}

/// People of a segment who are in another dataset.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The other dataset.
    pub dataset: String,
    /// How many.
    pub people: Count,
    /// Their share of the segment's people.
    pub match_rate: Share,
}

/// A number of people.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// The noisy count over its places that are shown; null if none is.
    pub value: Option<i64>,
    /// Standard deviation of the noise in it.
    pub noise_sd: f64,
    /// Least and most, not below 0. The most allows for the people of withheld places.
    pub ci: [i64; 2],
    /// How many of its places are withheld, so that their people are not in `value`.
    pub withheld: u64,
}

/// A part of people.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The noisy count of the part over that of the whole, as far as places are shown; null if none of the part is.
    pub value: Option<f64>,
    /// Least and most, between 0 and 1.
    pub ci: [f64; 2],
    /// How many places of the whole are withheld, so that their people are not in `value`.
    pub withheld: u64,
}
