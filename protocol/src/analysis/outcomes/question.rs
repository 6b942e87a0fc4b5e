//! A question about outcomes as it is signed.

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
    /// Group columns of the cohort that divide people by their only value.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_GROUP_BY }, _, _>")]
    pub segments: Vec<String>,
    /// Conditions that a row of the cohort or of the outcomes must all meet to count.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Filter>,
    /// Days from a person's start on which an outcome counts.
    pub window: Days,
    /// Days since 1970-01-01 for which the outcome data are complete.
    pub observed: Days,
    /// Days since 1970-01-01 on which the people of the cohort started. All their windows lie
    /// within the observed days.
    pub started: Days,
    /// The amounts that are added up for each person.
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
    /// Smallest segment that is shown. The contract's floor holds if it is larger.
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

/// An amount that is added up.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// Name that people give to the amount.
    pub name: String,
    /// Measure column of the outcome dataset.
    pub column: String,
    /// The ends between which one person's total counts as it is, in units of the column's scale.
    pub clamp: Clamp,
    /// Decimals of the column, from the contract.
    pub scale: Scale,
}

impl Days {
    /// The days that people can write: from 1970-01-01 to 9999-12-31.
    pub(in crate::analysis) const WRITTEN: Self = Self { first: 0, last: 2_932_896 };
    /// The longest window: ten years before and after a start.
    pub(super) const WINDOW: Self = Self { first: -3_660, last: 3_660 };

    /// The days on which a person may start whose `window` lies wholly within these days; `None` if
    /// the window is longer than they are.
    #[must_use]
    pub fn starts_of(self, window: Self) -> Option<Self> {
        let first = self.first.checked_sub(window.first)?;
        let last = self.last.checked_sub(window.last)?;
        (window.first <= window.last && first <= last).then_some(Self { first, last })
    }

    /// Whether all of `other` lies within these days.
    #[must_use]
    pub fn contain(self, other: Self) -> bool {
        self.first <= other.first && other.first <= other.last && other.last <= self.last
    }
}
