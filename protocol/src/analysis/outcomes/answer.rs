//! What people of a cohort did.

use crate::analysis::table::{CountRange, Estimate};
use serde::{Deserialize, Serialize};

/// The answer to a question about outcomes after a start.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomesAnswer {
    /// Who is counted with which rows, in words.
    pub counted: String,
    /// The column that a person's start is the earliest day of.
    pub start: String,
    /// Days from a start on which an outcome counts, both included.
    pub window: [i32; 2],
    /// First and last day on which who is in the cohort has started.
    pub started: [String; 2],
    /// First and last day of which the outcome data are said to have everything.
    pub observed: [String; 2],
    /// Columns that divide people, one for each of a segment's names.
    pub segment_by: Vec<String>,
    /// Confidence level of the intervals.
    pub confidence: f64,
    /// Segments of the cohort that are shown; without columns that divide people one, of everybody.
    pub segments: Vec<Segment>,
    /// Segments that are shown, together; null if people are not divided, or if none is shown.
    pub together: Option<Segment>,
    /// How many segments of the cohort are not shown: fewer people than `shown_from`, after noise.
    pub withheld_segments: u64,
    /// How many of these are of people without a value or with several, which may be nobody's.
    pub withheld_without_value: u64,
    /// The least noisy count of people at which a segment is shown.
    pub shown_from: i64,
    /// Who is in the cohort dataset and not in the cohort.
    pub elsewhere: Elsewhere,
    /// People who did not agree, in either dataset; null if too few to be shown, or if no dataset asks.
    pub no_consent: Option<CountRange>,
    /// Datasets that ask for consent: whoever refused in one of them is nowhere else.
    pub consent_from: Vec<String>,
}

/// People of one segment who started on the days that count.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Its value of each column.
    pub names: Vec<String>,
    /// People; the interval is of the noise, given that the segment is shown.
    pub people: Estimate,
    /// People with an outcome in their windows; the interval is of the noise.
    pub with_outcome: Estimate,
    /// Those of these; the interval is of noise and chance.
    pub rate: Share,
    /// For each outcome of the job.
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

/// What was added up for one outcome.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AmountEstimate {
    /// Name in the job.
    pub name: String,
    /// Largest total of one person: what is above it counts as it.
    pub cap: f64,
    /// Smallest total of one person: what is below it counts as it.
    pub floor: f64,
    /// Total over the people; the interval is of the noise.
    pub total: Estimate,
    /// Total over people, with those who have none; the interval is of noise and chance.
    pub per_person: Share,
}

/// People of the cohort dataset who are not in the cohort.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    /// Started before the first day that counts.
    pub before: Others,
    /// Started after the last one: most of them have not had their whole window.
    pub after: Others,
    /// Have no start.
    pub without_start: Others,
}

/// People outside of the cohort, over all segments.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Others {
    /// Those in segments that are shown; null if none is.
    pub people: Option<Estimate>,
    /// How many segments of them are not shown.
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
