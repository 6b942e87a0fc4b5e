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
    /// The number of charges for jobs, or of other occasions. A job is charged once for each of its datasets.
    pub jobs: u64,
    /// The jobs of the latest charges, newest first, at most [`NAMED_JOBS`]: twice if two datasets of these people were charged.
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
        let mut latest: Vec<&JobName> = Vec::new();
        for job in &self.latest {
            if !latest.contains(&job) {
                latest.push(job);
            }
        }
        let count = |list: usize| u64::try_from(list).unwrap_or(u64::MAX);
        let (named, listed) = (count(latest.len()), count(self.latest.len()));
        let (charges, analysis) = (self.jobs, &self.analysis);
        let jobs = |number: u64| {
            let s = if number == 1 { "" } else { "s" };
            format!("{number} \"{analysis}\" job{s} of {analyst}")
        };
        let is_whole = listed == charges;
        // A job that reads several datasets of the same people is charged once for each of them.
        match (named, is_whole) {
            _ if named == listed => f.write_str(&jobs(charges))?,
            (1, true) => write!(f, "{}, charged for {charges} of its datasets", jobs(1))?,
            (_, true) => write!(f, "{}, charged {charges} times for their datasets", jobs(named))?,
            (_, false) => {
                write!(
                    f,
                    "\"{analysis}\" jobs of {analyst}, charged {charges} times for their datasets"
                )?;
            }
        }
        let lately = if is_whole { ":" } else { ", lately" };
        let latest = latest.into_iter().map(ToString::to_string).collect::<Vec<_>>();
        if latest.is_empty() { Ok(()) } else { write!(f, "{lately} {}", latest.join(" ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_is_charged_for_two_datasets_is_one_job() {
        let [one, other] = [1, 2].map(|byte| JobName::from([byte; 32]));
        let said = |jobs, latest: &[JobName]| {
            let (analyst, analysis) = (Some("brand".to_owned()), "seen".to_owned());
            let loss = Loss::zero();
            Debit { analyst, analysis, jobs, latest: latest.to_vec(), loss }.to_string()
        };
        assert_eq!(said(1, &[one]), format!("1 \"seen\" job of brand: {one}"));
        assert_eq!(
            said(2, &[one, one]),
            format!("1 \"seen\" job of brand, charged for 2 of its datasets: {one}")
        );
        assert_eq!(said(2, &[one, other]), format!("2 \"seen\" jobs of brand: {one} {other}"));
        assert_eq!(
            said(4, &[one, one, other, other]),
            format!("2 \"seen\" jobs of brand, charged 4 times for their datasets: {one} {other}")
        );
        assert_eq!(
            said(9, &[one, one, other]),
            format!(
                "\"seen\" jobs of brand, charged 9 times for their datasets, lately {one} {other}"
            )
        );
        assert_eq!(said(9, &[one]), format!("9 \"seen\" jobs of brand, lately {one}"));
    }
}
