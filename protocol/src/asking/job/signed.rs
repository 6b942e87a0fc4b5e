//! A job with its analyst's signature.

use super::{Job, JobName};
use crate::{
    delegation::{Authorised, Authority, Delegate},
    limits,
    order::OrderedRun,
    refusal::{Limit, Refusal},
};

/// A job with the party of the contract that signed it. Only [`SignedJob::open`] makes one, and
/// [`Run::open`](crate::order::Run::open) of an order's run; the enclave, custody and every receiver use it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedJob {
    job: Job,
    signed_by: Authorised,
    name: JobName,
    bytes: Vec<u8>,
    run: Option<OrderedRun>,
}

impl SignedJob {
    /// Opens a job that an analyst key of a party signed, and that is for the contract of `authority`.
    ///
    /// Whether that party may ask this is the policy's business ([`crate::policy::admit`]).
    ///
    /// # Errors
    ///
    /// [`Refusal::OverLimit`] if it is longer than [`limits::JOB`], [`Refusal::Malformed`] for bytes that
    /// are not a signed message, [`Refusal::Stranger`] if no party of the contract signed them as a job,
    /// [`Refusal::Key`] if the key is not good for it, and [`Refusal::Elsewhere`] for a job under another contract.
    pub fn open(authority: &Authority<'_>, bytes: Vec<u8>) -> Result<Self, Refusal> {
        let most = limits::JOB.bytes + limits::ENVELOPE;
        if bytes.len() > most {
            let [found, most] = [bytes.len(), most].map(|n| u64::try_from(n).unwrap_or(u64::MAX));
            return Err(Refusal::OverLimit { limit: Limit::Job, found, most });
        }
        let (job, signed_by) = authority.open::<Job>(&bytes)?;
        if job.contract != authority.contract().digest {
            return Err(Refusal::Elsewhere);
        }
        let name = JobName::of(signed_by.party(), &job);
        Ok(Self::new(job, signed_by, name, bytes, None))
    }

    pub(in crate::asking) fn new(
        job: Job,
        signed_by: Authorised,
        name: JobName,
        bytes: Vec<u8>,
        run: Option<OrderedRun>,
    ) -> Self {
        Self { job, signed_by, name, bytes, run }
    }

    /// Signs `job` with an analyst key. A job that nobody would open is not signed.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]: a job that nobody would open is not signed.
    pub fn sign(authority: &Authority<'_>, key: &Delegate, job: &Job) -> Result<Self, Refusal> {
        Self::open(authority, key.sign(job))
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The party that signed it.
    #[must_use]
    pub fn analyst(&self) -> &str {
        self.signed_by.party()
    }

    /// The party that signed the job, with the key that it used.
    #[must_use]
    pub fn signed_by(&self) -> &Authorised {
        &self.signed_by
    }

    /// The name of the job.
    #[must_use]
    pub fn name(&self) -> JobName {
        self.name
    }

    /// The run of an order that the job is; `None` of a job that was signed for one instance.
    #[must_use]
    pub fn run(&self) -> Option<&OrderedRun> {
        self.run.as_ref()
    }

    /// The signed bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether `other` asks the same of the same data and the same instance, whoever signed or
    /// receives either job. An instance gives both the same answer.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let question = |job: &Self| {
            let Job { contract, instance, analysis, question, datasets, checks, .. } =
                job.job.clone();
            (contract, instance, analysis, question, datasets, checks)
        };
        question(self) == question(other)
    }
}
