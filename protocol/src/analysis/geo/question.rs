//! A question about a geo experiment as it is signed.

use crate::{
    analysis::{
        lift::Cost,
        outcomes::{Amount, Days},
        table::Filter,
    },
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    proof::Split,
    units::Millionths,
};
use serde::{Deserialize, Serialize};

/// What a campaign in some places changed there, beside places without it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Geo {
    /// How many days a period has: 1 for days, 7 for weeks.
    pub period_days: u32,
    /// Days since 1970-01-01 before the test, in whole periods.
    pub before: Days,
    /// Days of the test, in whole periods, after those.
    pub test: Days,
    /// How many days after the test count with it, in whole periods.
    pub cooldown_days: u32,
    /// Days whose periods are left out everywhere.
    #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
    pub left_out: Vec<i32>,
    /// Treated places, in one cell or in several whose campaigns differ.
    #[serde(deserialize_with = "at_most::<{ limits::GEO_CELLS }, _, _>")]
    pub cells: Vec<Cell>,
    /// Places without a campaign.
    #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
    pub others: Vec<String>,
    /// The estimate that answers the question. Others are shown beside it.
    pub method: Method,
    /// Conditions that a row must all meet to count.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Filter>,
    /// The amount that is added up for each person, place and period.
    pub outcome: Amount,
    /// In how many places and periods one person may count; further ones of a person are left out.
    pub cells_per_person: u32,
    /// Confidence of the intervals, in millionths.
    pub confidence: Millionths,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// How the loss is divided.
    pub split: Split,
    /// Smallest number of people of a place in a period that is shown. The contract's floor holds if it is larger.
    pub min_cell: u32,
}

/// Places with the same campaign.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Name that people give to it.
    pub name: String,
    /// Its places.
    #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
    pub treated: Vec<String>,
    /// What its campaign cost.
    pub cost: Option<Cost>,
    /// Its places with the one that each was paired with, if the design has pairs.
    #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
    pub pairs: Vec<Pair>,
}

/// A treated place, and the one that it was paired with before chance decided between them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The treated place.
    pub treated: String,
    /// The other.
    pub other: String,
    /// What was spent in the first beyond the second, in millionths of the currency.
    pub cost: i64,
}

/// How an effect is estimated.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// A weighted mean of other places that is alike before, each relative to its own mean.
    SyntheticControl,
    /// The same with a ridge.
    AugmentedSyntheticControl,
    /// A line from the other places to the treated ones.
    TimeBasedRegression,
    /// Differences within pairs, without the outermost.
    TrimmedMatch,
    /// The change in treated places less that in others.
    DifferenceInDifferences,
}

impl Geo {
    /// The most days of a period.
    pub const LONGEST_PERIOD: u32 = 366;
    /// The fewest periods before a test.
    pub const FEWEST_BEFORE: usize = 2;
    /// The fewest pairs of which some can be left out.
    pub const FEWEST_PAIRS: usize = 3;

    /// The first days of all periods that count, and how many of them come before the test.
    #[must_use]
    pub fn periods(&self) -> (Vec<i32>, usize) {
        let length = i64::from(self.period_days.max(1));
        let counts = |start: &i64| {
            let own = *start..start.saturating_add(length);
            !self.left_out.iter().any(|day| own.contains(&i64::from(*day)))
        };
        let [before, test] = self.spans().map(|span| {
            let kept = span.starts(length).filter(counts);
            kept.filter_map(|start| i32::try_from(start).ok()).collect::<Vec<_>>()
        });
        let count = before.len();
        (before.into_iter().chain(test).collect(), count)
    }

    /// Where periods begin and end, those that are left out too: the edges of bins of days.
    #[must_use]
    pub fn edges(&self) -> Vec<i64> {
        let length = i64::from(self.period_days.max(1));
        let edges = self.spans().map(|span| span.starts(length).chain([span.end]));
        let mut edges: Vec<_> = edges.into_iter().flatten().collect();
        edges.dedup();
        edges
    }

    /// The days before, and those of the test with its cooldown.
    fn spans(&self) -> [Span; 2] {
        let before = Span { first: self.before.first.into(), end: i64::from(self.before.last) + 1 };
        [before, Span { first: self.test.first.into(), end: self.end() }]
    }

    /// The day after the last that counts.
    #[must_use]
    pub fn end(&self) -> i64 {
        i64::from(self.test.last) + i64::from(self.cooldown_days) + 1
    }
}

/// Days from the first to the one before the end.
struct Span {
    first: i64,
    end: i64,
}

impl Span {
    /// The first days of whole periods: no more than a list of edges may have.
    fn starts(&self, length: i64) -> impl Iterator<Item = i64> + use<> {
        let (first, end) = (self.first, self.end);
        let starts = std::iter::successors(Some(first), move |start| start.checked_add(length));
        let whole = starts.take_while(move |start| start.saturating_add(length) <= end);
        whole.take(limits::VALUES + 1)
    }
}

impl Method {
    /// Its name, as a job has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SyntheticControl => "synthetic_control",
            Self::AugmentedSyntheticControl => "augmented_synthetic_control",
            Self::TimeBasedRegression => "time_based_regression",
            Self::TrimmedMatch => "trimmed_match",
            Self::DifferenceInDifferences => "difference_in_differences",
        }
    }
}
