//! Results that the party receives, fetched into a folder with their pages and receipts.

use super::room::RoomService;
use crate::{failure::Failure, result_files};
use client::{open, store::Store, trust::Trust};
use protocol::{job::JobName, message::Status};
use std::path::Path;

impl RoomService {
    /// Fetches what is new. A job of which the host has nothing for this party is asked for again, ever less often.
    pub(super) async fn fetch(
        &mut self,
        folder: &Path,
        status: Option<&Status>,
        trust: &Trust,
    ) -> Result<(), Failure> {
        let countersigned = std::mem::take(
            &mut *self.countersigned.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        );
        if !countersigned.is_empty() {
            let now = client::clock::now().0;
            self.memory.wanted.extend(countersigned.iter().map(|job| (job.to_string(), now)));
            self.memory.keep(&self.dir, &self.rules.name)?;
        }
        let answered =
            status.into_iter().flat_map(|status| &status.jobs).map(|answered| answered.job);
        let wanted = self.memory.wanted.keys().filter_map(|job| job.parse::<JobName>().ok());
        let mut jobs: Vec<JobName> = answered.chain(wanted).collect();
        jobs.sort();
        jobs.dedup();
        let mut store = Store::new(self.common.address()?);
        for job in jobs {
            let directory = folder.join(job.to_string());
            if directory.join("result.json").exists() {
                self.forget(job)?;
                continue;
            }
            let tries = self.tried.entry(job.to_string()).or_default();
            *tries = tries.saturating_add(1);
            if *tries > TRIES && !tries.is_multiple_of(TRIES) {
                continue;
            }
            let sealed = match store.result(job, &self.party).await {
                Ok(sealed) => sealed,
                Err(why) if why.is_not_found() => continue,
                Err(why) => return Err(why.into()),
            };
            let opened = open::open(&sealed, &self.identity, &self.contract, job, trust)?;
            result_files::write(&opened, &self.identity, &self.common, trust, job, &directory)?;
            let asker = opened.asked.analyst();
            self.teller.tell(
                "fetched",
                &format!(
                    "the result of job {job} of {asker}, with its receipt: {}",
                    directory.display()
                ),
            )?;
            self.forget(job)?;
        }
        Ok(())
    }

    fn forget(&mut self, job: JobName) -> Result<(), Failure> {
        self.tried.remove(&job.to_string());
        if self.memory.wanted.remove(&job.to_string()).is_some() {
            self.memory.keep(&self.dir, &self.rules.name)?;
        }
        Ok(())
    }
}

/// At so many looks a result is looked for, and then at each of so many: a job is countersigned before it runs, and may wait
/// for a day.
const TRIES: u32 = 60;
