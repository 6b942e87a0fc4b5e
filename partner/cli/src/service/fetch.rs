//! Results that the party receives, fetched into a folder with their pages and receipts.

use super::room::RoomService;
use crate::{failure::Failure, result_files};
use client::{
    open,
    store::{Store, StoreError},
    trust::Trust,
};
use protocol::{job::JobName, message::Status};
use std::{path::Path, time::Duration};
use tokio::time::{Instant, timeout};

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
        let mut store = Store::new(&self.address);
        let began = Instant::now();
        for job in jobs {
            // Visits wait meanwhile; the others have their turn at the next look.
            if began.elapsed() > ROUND {
                break;
            }
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
            let what = format!("result of job {job}");
            match self.fetch_one(&mut store, job, &directory, trust).await {
                Ok(true) => self.teller.forget(&what),
                Ok(false) => {}
                // Without the host there are no others either. One that is bad holds up none of them.
                Err(Unfetched::NoHost(why)) => return Err(why.into()),
                Err(Unfetched::Bad(why)) => self.teller.failed(&what, &why),
            }
        }
        Ok(())
    }

    /// Fetches the result of one job into `directory`; whether the host has it.
    async fn fetch_one(
        &mut self,
        store: &mut Store,
        job: JobName,
        directory: &Path,
        trust: &Trust,
    ) -> Result<bool, Unfetched> {
        let Ok(found) = timeout(FETCH, store.result(job, &self.party)).await else {
            *store = Store::new(&self.address);
            let why = "the host did not send it within a minute: it is asked again";
            return Err(Unfetched::Bad(Failure::no(why)));
        };
        let sealed = match found {
            Ok(sealed) => sealed,
            Err(why) if why.is_not_found() => return Ok(false),
            Err(why @ StoreError::NotListening { .. }) => return Err(Unfetched::NoHost(why)),
            Err(why) => return Err(Unfetched::Bad(why.into())),
        };
        let opened = open::open(&sealed, &self.identity, &self.contract, job, trust);
        let opened = opened.map_err(Failure::from)?;
        // First, since a result that lies in the folder is not looked at again.
        self.answered_run(&opened.asked)?;
        result_files::write(&opened, &self.identity, &self.common, trust, job, directory)?;
        let asker = opened.asked.analyst();
        let why = format!(
            "the result of job {job} of {asker}, with its receipt: {}",
            directory.display()
        );
        self.teller.tell("fetched", &why)?;
        self.forget(job)?;
        Ok(true)
    }

    fn forget(&mut self, job: JobName) -> Result<(), Failure> {
        self.tried.remove(&job.to_string());
        if self.memory.wanted.remove(&job.to_string()).is_some() {
            self.memory.keep(&self.dir, &self.rules.name)?;
        }
        Ok(())
    }
}

/// Why a result was not fetched.
enum Unfetched {
    /// The host does not answer.
    NoHost(StoreError),
    /// This result is not to be believed, or cannot be kept.
    Bad(Failure),
}

impl From<Failure> for Unfetched {
    fn from(why: Failure) -> Self {
        Self::Bad(why)
    }
}

/// How long one result may take.
const FETCH: Duration = Duration::from_secs(60);
/// After how long no further result is begun at one look.
const ROUND: Duration = Duration::from_secs(60);
/// At so many looks a result is looked for, and then at each of so many: a job is countersigned before it runs, and may wait
/// for a day.
const TRIES: u32 = 60;
