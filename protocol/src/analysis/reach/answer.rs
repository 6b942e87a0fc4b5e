//! How many people were reached, and how often.

use crate::{analysis::table::CountRange, identity::Identifier};
use serde::{Deserialize, Serialize};

/// The answer to a question about reach. All intervals are of the noise, and of what groups that are not shown leave
/// open: what is counted are these people, and nobody else.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReachAnswer {
    /// Whose rows are counted, in words.
    pub counted: String,
    /// The kind of match key that people are known by. All figures but `without_key` are of people who have one.
    pub by: Identifier,
    /// Datasets whose people are counted together, each once.
    pub datasets: Vec<String>,
    /// Confidence level of the intervals.
    pub confidence: f64,
    /// More rows of one person count as so many.
    pub most_frequency: u32,
    /// People in any of the datasets, each once; null of the values of a column, whose people are not added up.
    pub reach: Option<People>,
    /// How many of them were reached how often; null unless that was asked.
    pub frequency: Option<Frequency>,
    /// Groups; null unless they were asked for.
    pub groups: Option<Groups>,
    /// People who have no key of the kind, of each dataset where people are told apart by dataset, else of all.
    /// Null where nobody can be.
    pub without_key: Option<People>,
    /// The least noisy count of people at which a group is shown.
    pub shown_from: i64,
    /// How many groups are not shown since fewer people were counted there.
    pub withheld: u64,
    /// People who did not agree; null if too few to be shown, or if no dataset asks.
    pub no_consent: Option<CountRange>,
    /// Datasets that ask for consent: whoever refused in one of them is in no other figure.
    pub consent_from: Vec<String>,
}

/// A number of people: a sum of noisy counts of groups that no two people share.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// Those in groups that are shown; null if none is.
    pub value: Option<i64>,
    /// Standard deviation of its noise.
    pub noise_sd: f64,
    /// Between what numbers all of them lie.
    pub ci: [i64; 2],
    /// How many of its groups are not shown, and so missing in the value.
    pub withheld: u64,
}

/// How many rows people have, on average.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Average {
    /// Rows over people, of groups that are shown.
    pub value: f64,
    /// Its interval.
    pub ci: [f64; 2],
}

/// How often people were reached.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Frequency {
    /// From once up; the last is of everybody who was reached so often or oftener.
    pub times: Vec<Times>,
    /// Average frequency, of counts up to the most; null if nobody is shown.
    pub average: Option<Average>,
}

/// People who were reached so often.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// How often; the last one also oftener.
    pub times: u32,
    /// Those people.
    pub people: People,
    /// People who were reached so often or oftener.
    pub at_least: People,
}

/// What people are told apart by.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Groups {
    /// The column; null where it is by dataset.
    pub column: Option<String>,
    /// In how many groups one person counts at most; null where everybody counts in all of hers.
    pub values_per_person: Option<u32>,
    /// Groups that are shown, in the contract's order.
    pub groups: Vec<Group>,
}

/// A group.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// A dataset, or a value of the column.
    pub name: String,
    /// People reached in it.
    pub people: People,
    /// Of them, those reached in no other; null for values of a column.
    pub only: Option<People>,
    /// Average frequency in it, of counts up to the most; null if nobody is shown.
    pub average: Option<Average>,
    /// People reached in it under another kind of key; null where that is not told apart.
    pub without_key: Option<People>,
}
