//! The answer to a question about outcomes after a start.

use crate::analysis::table::{CountRange, Estimate};
use serde::{Deserialize, Serialize};

/// The answer to a question about outcomes after a start.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomesAnswer {
    /// Whose rows are counted, in words.
    pub counted: String,
    /// The date column: its earliest day is a person's start.
    pub start: String,
    /// Days from a start on which an outcome counts, both included.
    pub window: [i32; 2],
    /// First and last day on which the people of the cohort started.
    pub started: [String; 2],
    /// First and last day for which the outcome data are declared complete.
    pub observed: [String; 2],
    /// Columns that divide people, one for each of a segment's names.
    pub segment_by: Vec<String>,
    /// Confidence level of the intervals.
    pub confidence: f64,
    /// Segments of the cohort that are shown. Without columns that divide people there is one
    /// segment, of everybody.
    pub segments: Vec<Segment>,
    /// All shown segments together; null if people are not divided, or if no segment is shown.
    pub together: Option<Segment>,
    /// How many segments of the cohort are not shown, because they have fewer people than
    /// `shown_from` after noise.
    pub withheld_segments: u64,
    /// How many of these are of people without a value or with several. Such segments may be empty
    /// by their nature.
    pub withheld_without_value: u64,
    /// The smallest noisy count of people at which a segment is shown.
    pub shown_from: i64,
    /// People of the cohort dataset who are not in the cohort.
    pub elsewhere: Elsewhere,
    /// People who refused consent in either dataset; null if they are too few to be shown, or if no
    /// dataset asks.
    pub no_consent: Option<CountRange>,
    /// Datasets that ask for consent. A person who refused in one of them is in no other figure.
    pub consent_from: Vec<String>,
}

/// People of one segment who started on the days that count.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// The segment's value of each column.
    pub names: Vec<String>,
    /// Number of people. The interval is of the noise, given that the segment is shown.
    pub people: Estimate,
    /// Number of people with an outcome in their windows. The interval is of the noise.
    pub with_outcome: Estimate,
    /// Share of the people who have an outcome. The interval is of noise and chance.
    pub rate: Share,
    /// An average over people, with an interval of noise and chance.
    pub outcomes: Vec<AmountEstimate>,
}

/// What people have on average, with an interval of noise and chance.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The estimate.
    pub value: f64,
    /// Its interval.
    pub ci: [f64; 2],
}

/// The amounts of one outcome.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AmountEstimate {
    /// Name in the job.
    pub name: String,
    /// Largest total of one person; larger ones count as this.
    pub cap: f64,
    /// Smallest total of one person; smaller ones count as this.
    pub floor: f64,
    /// Total over the people. The interval is of the noise.
    pub total: Estimate,
    /// Total divided by people, those without an outcome included. The interval is of noise and
    /// chance.
    pub per_person: Share,
}

/// People of the cohort dataset who are not in the cohort.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    /// People who started before the first day that counts.
    pub before: Others,
    /// People who started after the last day that counts: most of them have not had their whole
    /// window.
    pub after: Others,
    /// People who have no start.
    pub without_start: Others,
}

/// People outside the cohort, over all segments.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Others {
    /// Number of people in the segments that are shown; null if no segment is shown.
    pub people: Option<Estimate>,
    /// How many of their segments are not shown.
    pub withheld_segments: u64,
}

impl Elsewhere {
    /// Whether some of these people are in segments that are not shown.
    #[must_use]
    pub fn hides_some(&self) -> bool {
        let all = [&self.before, &self.after, &self.without_start];
        all.iter().any(|others| others.withheld_segments > 0)
    }
}
