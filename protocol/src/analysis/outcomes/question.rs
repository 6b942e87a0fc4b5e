//! What an outcomes job asks.

use crate::{
    analysis::table::Filter,
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    proof::Split,
    tally::Clamp,
    units::{Millionths, Scale},
};
use serde::{Deserialize, Serialize};

/// What people of a cohort did in the days after their own start.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outcomes {
    /// Group columns of the cohort whose only value divides people.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_GROUP_BY }, _, _>")]
    pub segments: Vec<String>,
    /// Which rows of the cohort and of the outcomes count: all of these.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Filter>,
    /// Days from a person's start on which an outcome counts.
    pub window: Days,
    /// Days since 1970-01-01 of which the outcome data have everything.
    pub observed: Days,
    /// Days since 1970-01-01 on which who is in the cohort has started. The windows of all of them lie within
    /// what is observed.
    pub started: Days,
    /// What is added up for each person.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub outcomes: Vec<Amount>,
    /// Confidence of the intervals, in millionths.
    pub confidence: Millionths,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// How the loss is divided.
    pub split: Split,
    /// Smallest segment that is shown; the contract's floor where it is larger.
    pub min_cell: u32,
}

/// Days from the first to the last, both included.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "two ends and nothing else")]
pub struct Days {
    /// The first day.
    pub first: i32,
    /// The last day.
    pub last: i32,
}

/// What is added up.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// What people call it.
    pub name: String,
    /// Measure column of the outcome dataset.
    pub column: String,
    /// Between what ends the total of one person counts as it is, in units of the column's scale.
    pub clamp: Clamp,
    /// Decimals of the column, from the contract.
    pub scale: Scale,
}

impl Days {
    /// From 1970-01-01 to 9999-12-31, as people write days.
    pub(super) const WRITTEN: Self = Self { first: 0, last: 2_932_896 };
    /// Ten years before and after a start.
    pub(super) const WINDOW: Self = Self { first: -3_660, last: 3_660 };

    /// On which days somebody may have started whose `window` lies wholly within these days; none if it is longer
    /// than they are.
    #[must_use]
    pub fn starts_of(self, window: Self) -> Option<Self> {
        let first = self.first.checked_sub(window.first)?;
        let last = self.last.checked_sub(window.last)?;
        (window.first <= window.last && first <= last).then_some(Self { first, last })
    }

    /// Whether all of `other` lies within.
    #[must_use]
    pub fn contain(self, other: Self) -> bool {
        self.first <= other.first && other.first <= other.last && other.last <= self.last
    }
}
