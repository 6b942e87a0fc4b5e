//! A job with the signature that makes it somebody's.

use super::{Job, JobName};
use crate::{
    contract::Contract,
    limits,
    refusal::{Limit, Refusal},
    sign::{Envelope, SigningKey},
};

/// A job that a party of the contract signed, and which one. Made by [`SignedJob::open`] alone, which the
/// enclave, custody and every receiver use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedJob {
    job: Job,
    analyst: String,
    name: JobName,
    bytes: Vec<u8>,
}

impl SignedJob {
    /// Opens a job that a party of `contract` signed for it.
    ///
    /// Whether that party may ask this is the policy's business ([`crate::policy::admit`]).
    ///
    /// # Errors
    ///
    /// [`Refusal::OverLimit`] if it is longer than [`limits::JOB`], [`Refusal::Malformed`] for bytes that
    /// are not a signed message, [`Refusal::Stranger`] if no party of the contract signed them as a job,
    /// and [`Refusal::Elsewhere`] for a job under another contract.
    pub fn open(contract: &Contract, bytes: Vec<u8>) -> Result<Self, Refusal> {
        let most = limits::JOB.bytes + limits::ENVELOPE;
        if bytes.len() > most {
            let [found, most] = [bytes.len(), most].map(|n| u64::try_from(n).unwrap_or(u64::MAX));
            return Err(Refusal::OverLimit { limit: Limit::Job, found, most });
        }
        let envelope = Envelope::parse(&bytes).map_err(|_| Refusal::Malformed)?;
        let signer = envelope.claimed_signer();
        let analyst = contract.party_of(&signer).ok_or(Refusal::Stranger)?.to_owned();
        let job: Job = envelope.verify(&signer).map_err(|_| Refusal::Stranger)?;
        if job.contract != contract.digest {
            return Err(Refusal::Elsewhere);
        }
        let name = JobName::of(&analyst, &job);
        Ok(Self { job, analyst, name, bytes })
    }

    /// Signs `job` as the party of `contract` that has `key`.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]: a job that nobody would open is not signed.
    pub fn sign(contract: &Contract, key: &SigningKey, job: &Job) -> Result<Self, Refusal> {
        Self::open(contract, key.sign(job))
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The party that signed it.
    #[must_use]
    pub fn analyst(&self) -> &str {
        &self.analyst
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> JobName {
        self.name
    }

    /// The signed bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether `other` asks the same of the same data, of the same instance, whoever signed either and
    /// whoever receives it. An instance gives both the same answer.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let question = |job: &Self| {
            let Job { contract, instance, analysis, question, datasets, .. } = job.job.clone();
            (contract, instance, analysis, question, datasets)
        };
        question(self) == question(other)
    }
}
