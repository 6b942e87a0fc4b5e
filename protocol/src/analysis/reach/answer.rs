//! The answer to a question about reach.

use crate::{analysis::table::CountRange, identity::Identifier};
use serde::{Deserialize, Serialize};

/// The answer to a question about reach. All intervals are of the noise, and of what groups that
/// are not shown leave open. They say nothing about people who were not counted.
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
    /// A person with more rows counts as having this many.
    pub most_frequency: u32,
    /// People in any of the datasets, each once; null for the values of a column, whose people are
    /// not added up.
    pub reach: Option<People>,
    /// How many of these people were reached how often; null unless that was asked.
    pub frequency: Option<Frequency>,
    /// The groups; null unless they were asked for.
    pub groups: Option<Groups>,
    /// People who have no key of the kind: for each dataset if people are divided by dataset,
    /// otherwise for all. Null where there can be nobody.
    pub without_key: Option<People>,
    /// The smallest noisy count of people at which a group is shown.
    pub shown_from: i64,
    /// How many groups are not shown because fewer people were counted there.
    pub withheld: u64,
    /// People who refused consent; null if they are too few to be shown, or if no dataset asks.
    pub no_consent: Option<CountRange>,
    /// Datasets that ask for consent. A person who refused in one of them is in no other figure.
    pub consent_from: Vec<String>,
}

/// A number of people: a sum of noisy counts of groups that no two people share.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// The people in groups that are shown; null if no group is shown.
    pub value: Option<i64>,
    /// Standard deviation of the noise in the number.
    pub noise_sd: f64,
    /// The range of the number of people, those in groups that are not shown included.
    pub ci: [i64; 2],
    /// How many of its groups are not shown: their people are not in `value`.
    pub withheld: u64,
}

/// The average number of rows that a person has.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Average {
    /// Rows divided by people, over groups that are shown.
    pub value: f64,
    /// Interval of the average.
    pub ci: [f64; 2],
}

/// How often people were reached.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Frequency {
    /// People by frequency, from once up. The last line is of people who were reached that often or
    /// more often.
    pub times: Vec<Times>,
    /// Average frequency, with each person's count capped; null if nobody is shown.
    pub average: Option<Average>,
}

/// People who were reached a certain number of times.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// Number of times. The last line also has people with more.
    pub times: u32,
    /// People who were reached this many times.
    pub people: People,
    /// People who were reached this many times or more often.
    pub at_least: People,
}

/// The groups that people are divided into.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Groups {
    /// The column; null if people are divided by dataset.
    pub column: Option<String>,
    /// In how many groups one person may count at most; null if a person counts in all groups.
    pub values_per_person: Option<u32>,
    /// Groups that are shown, in the contract's order.
    pub groups: Vec<Group>,
}

/// A group.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Name of the group: a dataset, or a value of the column.
    pub name: String,
    /// People who were reached in the group.
    pub people: People,
    /// People who were reached in this group and in no other; null for values of a column.
    pub only: Option<People>,
    /// Average frequency in the group, with each person's count capped; null if nobody is shown.
    pub average: Option<Average>,
    /// How many people were reached how often in the group; null unless that was asked of the values of a
    /// column.
    pub frequency: Option<Frequency>,
    /// People who were reached in the group under another kind of key; null if that is not counted.
    pub without_key: Option<People>,
}
