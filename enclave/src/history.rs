//! What was asked of this instance: how often by whom, and about whom.

use protocol::{contract::Contract, job::JobId, refusal::Refusal, tally::Tally, time::Time};
use std::collections::VecDeque;

/// The jobs that were paid for, oldest first. It dies with the instance; the owners' custodies count over
/// all instances.
#[derive(Default)]
pub(crate) struct History {
    jobs: VecDeque<Asked>,
}

struct Asked {
    id: JobId,
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
        let theirs = |it: &&Asked| it.analyst == analyst && it.purpose == purpose;
        let mut today = self.jobs.iter().filter(theirs).filter(|it| it.time > since).peekable();
        let first = today.peek().map_or(now, |it| it.time);
        let most = contract.jobs_per_day;
        if u32::try_from(today.count()).is_ok_and(|found| found < most) {
            return Ok(());
        }
        let (analyst, purpose) = (analyst.to_owned(), purpose.to_owned());
        let next = Time(first.0.saturating_add(DAY_MS));
        Err(Refusal::TooManyJobs { analyst, purpose, most, next })
    }

    /// Notes a job that was paid for.
    pub(crate) fn note(
        &mut self,
        id: JobId,
        (analyst, purpose): (&str, &str),
        tally: &Tally,
        time: Time,
    ) {
        let (analyst, purpose) = (analyst.to_owned(), purpose.to_owned());
        if self.jobs.len() >= MOST {
            self.jobs.pop_front();
        }
        self.jobs.push_back(Asked { id, analyst, purpose, tally: tally.clone(), time });
    }

    /// The latest job about nearly the same people; never the very same question.
    pub(crate) fn resembled(&self, tally: &Tally) -> Option<JobId> {
        let mut latest = self.jobs.iter().rev().take(COMPARED);
        latest.find(|it| tally.nearly_repeats(&it.tally)).map(|it| it.id)
    }
}

const DAY_MS: u64 = 86_400_000;
/// The most that a contract allows in a day, for one analyst and purpose.
const MOST: usize = 10_000;
/// With how many of them a new one is compared.
const COMPARED: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::tally::{Cells, Condition, Table};

    fn tally(codes: &[i32]) -> Tally {
        let rows = vec![Condition::OneOf { column: "town".to_owned(), codes: codes.to_vec() }];
        Tally {
            population: Table { dataset: "exposures".to_owned(), rows },
            joined: None,
            cells: Cells::Groups(Vec::new()),
            measures: Vec::new(),
            products: Vec::new(),
            cells_per_person: 1,
            ids_per_person: 1,
        }
    }

    #[test]
    fn names_the_latest_job_about_nearly_the_same_people() {
        let mut history = History::default();
        let id = |number| JobId([number; 16]);
        for (number, codes) in [(1, &[1, 2][..]), (2, &[1, 2, 3]), (3, &[7])] {
            history.note(id(number), ("publisher", "measurement"), &tally(codes), Time(1));
        }
        assert_eq!(history.resembled(&tally(&[1, 2, 3, 4])), Some(id(2)));
        assert_eq!(history.resembled(&tally(&[1])), Some(id(1)));
        assert_eq!(history.resembled(&tally(&[5, 6])), None);
        assert_eq!(history.resembled(&tally(&[1, 2, 3])), Some(id(1)), "never itself");
    }
}
