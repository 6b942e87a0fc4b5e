//! What a budget went to, as an exhausted one tells it.

use crate::{job::JobName, limits::at_most, loss::Loss};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What one analyst's jobs of one analysis took of a budget.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Debit {
    /// Who asked; none for loss that went out for no job, or for jobs that the reader is not told of.
    pub analyst: Option<String>,
    /// Which analysis; without an analyst [`PREPAID`], [`OTHERS`], [`ELSEWHERE`], [`FOUND`] or [`WRITTEN_OFF`].
    pub analysis: String,
    /// How many jobs, or other times that loss went out.
    pub jobs: u64,
    /// The latest of these jobs, newest first, at most [`NAMED_JOBS`].
    #[serde(deserialize_with = "at_most::<{ NAMED_JOBS }, _, _>")]
    pub latest: Vec<JobName>,
    /// What was handed out for them together; what came back at closings is not taken off.
    pub loss: Loss,
}

/// What a debit without an analyst is called if it was prepaid with a grant.
pub const PREPAID: &str = "prepaid with grants";
/// What a debit is called that is not the business of the contract at hand.
pub const ELSEWHERE: &str = "spent under other contracts";
/// What a debit is called that was for jobs of other analysts than the one who is told: how much, and not
/// on what.
pub const OTHERS: &str = "spent by other analysts";
/// What a debit is called that only a closing told of, after a backup of the ledger was restored.
pub const FOUND: &str = "found in closings after the ledger was restored";
/// What a debit is called that nobody told of after a backup of the ledger was restored.
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
