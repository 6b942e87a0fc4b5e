//! Owners who are ready to pay for runs of standing orders.

use protocol::job::JobName;
use std::collections::{BTreeMap, BTreeSet};

/// The owners who are ready to pay, by run. Each owner has room for so many runs: when it is full, any of them makes room.
#[derive(Default)]
pub(crate) struct Ready(BTreeMap<String, BTreeSet<JobName>>);

impl Ready {
    pub(crate) fn add(&mut self, owner: &str, job: JobName) {
        let jobs = self.0.entry(owner.to_owned()).or_default();
        if jobs.len() >= MOST_RUNS && !jobs.contains(&job) {
            jobs.pop_first();
        }
        jobs.insert(job);
    }

    pub(crate) fn has(&self, owner: &str, job: JobName) -> bool {
        self.0.get(owner).is_some_and(|jobs| jobs.contains(&job))
    }
}

/// Runs that one owner may be ready for at one time.
const MOST_RUNS: usize = 64;
