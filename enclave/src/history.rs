//! The jobs of this instance: how often each analyst asked, and about whom.

use protocol::{contract::Contract, job::JobName, refusal::Refusal, tally::Tally, time::Time};
use std::collections::VecDeque;

/// The jobs that were paid for, oldest first. The list ends with the instance; the owners'
/// custodies count over all instances.
#[derive(Default)]
pub(crate) struct History {
    jobs: VecDeque<PaidJob>,
    /// How many jobs were forgotten because there were too many.
    forgotten: u64,
}

struct PaidJob {
    job: JobName,
    analyst: String,
    purpose: String,
    tally: Tally,
    time: Time,
}

impl History {
    /// Refuses a job past the contract's number for one analyst and purpose in 24 hours of trusted time.
    pub(crate) fn check_rate(
        &self,
        contract: &Contract,
        analyst: &str,
        purpose: &str,
        now: Time,
    ) -> Result<(), Refusal> {
        let since = Time(now.0.saturating_sub(DAY_MS));
        let theirs = |job: &&PaidJob| job.analyst == analyst && job.purpose == purpose;
        let mut today = self.jobs.iter().filter(theirs).filter(|job| job.time > since).peekable();
        let first = today.peek().map_or(now, |job| job.time);
        let most = contract.jobs_per_day;
        if u32::try_from(today.count()).is_ok_and(|found| found < most) {
            return Ok(());
        }
        let (analyst, purpose) = (analyst.to_owned(), purpose.to_owned());
        let next = Time(first.0.saturating_add(DAY_MS));
        Err(Refusal::TooManyJobs { analyst, purpose, most, next })
    }

    /// Records a job that was paid for, and returns its place in the history.
    pub(crate) fn note(
        &mut self,
        job: JobName,
        (analyst, purpose): (&str, &str),
        tally: &Tally,
        time: Time,
    ) -> u64 {
        let (analyst, purpose) = (analyst.to_owned(), purpose.to_owned());
        if self.jobs.len() >= MOST {
            self.jobs.pop_front();
            self.forgotten += 1;
        }
        let place = self.forgotten + u64::try_from(self.jobs.len()).unwrap_or(u64::MAX);
        self.jobs.push_back(PaidJob { job, analyst, purpose, tally: tally.clone(), time });
        place
    }

    /// The latest job before the one at `place` that is about the same people or nearly the same.
    pub(crate) fn resembled(
        &self,
        contract: &Contract,
        tally: &Tally,
        place: u64,
    ) -> Option<JobName> {
        let before = usize::try_from(place.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        let mut latest = self.jobs.iter().take(before).rev().take(COMPARED);
        latest
            .find(|earlier| tally.nearly_repeats(&earlier.tally, contract))
            .map(|earlier| earlier.job)
    }
}

const DAY_MS: u64 = 86_400_000;
/// The most jobs that a contract allows one analyst and purpose in a day.
const MOST: usize = 10_000;
/// How many of the latest jobs a new one is compared with.
const COMPARED: usize = 256;

#[cfg(test)]
mod tests;
