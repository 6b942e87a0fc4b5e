//! What a budget was spent on, as the refusal of an exhausted budget tells it.

use crate::{job::JobName, limits::at_most, loss::Loss};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What jobs of one analyst under one analysis took from a budget.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Debit {
    /// The analyst; `None` for loss without a job, or for jobs that the reader may not know of.
    pub analyst: Option<String>,
    /// The analysis; without an analyst one of [`PREPAID`], [`OTHERS`], [`ELSEWHERE`], [`FOUND`]
    /// and [`WRITTEN_OFF`].
    pub analysis: String,
    /// The number of jobs, or of other occasions.
    pub jobs: u64,
    /// The latest of these jobs, newest first, at most [`NAMED_JOBS`].
    #[serde(deserialize_with = "at_most::<{ NAMED_JOBS }, _, _>")]
    pub latest: Vec<JobName>,
    /// All loss that was handed out for them. What came back at closings is not taken off.
    pub loss: Loss,
}

/// Name of a debit that was prepaid with a grant.
pub const PREPAID: &str = "prepaid with grants";
/// Name of a debit under contracts other than the one at hand.
pub const ELSEWHERE: &str = "spent under other contracts";
/// Name of a debit for other analysts' jobs: the reader learns how much it was, and not on what.
pub const OTHERS: &str = "spent by other analysts";
/// Name of a debit that only a closing told of, after a backup of the ledger was restored.
pub const FOUND: &str = "found in closings after the ledger was restored";
/// Name of a debit that no closing told of, after a backup of the ledger was restored.
pub const WRITTEN_OFF: &str = "written off when the ledger was restored";
/// How many jobs a [`Debit`] names.
pub const NAMED_JOBS: usize = 5;

impl fmt::Display for Debit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(analyst) = &self.analyst else {
            return write!(f, "what was {}", self.analysis);
        };
        let s = if self.jobs == 1 { "" } else { "s" };
        write!(f, "{} \"{}\" job{s} of {analyst}", self.jobs, self.analysis)?;
        let latest = self.latest.iter().map(ToString::to_string).collect::<Vec<_>>();
        let named = u64::try_from(latest.len()).unwrap_or(u64::MAX);
        let lately = if named < self.jobs { ", lately" } else { ":" };
        if latest.is_empty() { Ok(()) } else { write!(f, "{lately} {}", latest.join(" ")) }
    }
}
