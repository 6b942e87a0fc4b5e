//! Results: sealed to their receivers, stored at the host, kept for a retry.

use crate::{link, session::Serving};
use protocol::{
    canonical,
    digest::Digest,
    hpke,
    job::{Job, JobId},
    message::{Package, result_binding},
    refusal::Refusal,
    storage::{Failure, ObjectName},
};
use rand_chacha::ChaCha20Rng;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// Everything that was answered.
pub(crate) struct Results {
    by_job: BTreeMap<JobId, Answered>,
    /// Result and receipt by what was asked of which data: the same question costs nothing.
    by_question: BTreeMap<Digest, (Vec<u8>, Vec<u8>)>,
}

/// The answer to one job.
pub(crate) struct Answered {
    /// Digest of the signed job.
    pub(crate) job: Digest,
    sealed: BTreeMap<String, Vec<u8>>,
    stored: bool,
}

impl Results {
    pub(crate) fn new() -> Self {
        Self { by_job: BTreeMap::new(), by_question: BTreeMap::new() }
    }

    pub(crate) fn of(&self, job: JobId) -> Option<&Answered> {
        self.by_job.get(&job)
    }

    pub(crate) fn jobs(&self) -> Vec<JobId> {
        self.by_job.iter().filter(|(_, answered)| answered.stored).map(|(id, _)| *id).collect()
    }

    pub(crate) fn same_question(&self, question: &Digest) -> Option<(Vec<u8>, Vec<u8>)> {
        self.by_question.get(question).cloned()
    }

    /// Seals the result to each receiver. From here on a retry brings it back.
    pub(crate) fn keep(
        &mut self,
        serving: &Serving,
        job: &Job,
        digest: Digest,
        question: Digest,
        (result, receipt): (Vec<u8>, Vec<u8>),
        generator: &mut ChaCha20Rng,
    ) -> Result<(), Refusal> {
        let package = canonical::to_vec(&Package::padded(result.clone(), receipt.clone()));
        let mut sealed = BTreeMap::new();
        for receiver in &job.receivers {
            let party = serving.contract.parties.get(receiver).ok_or(Refusal::Internal)?;
            let binding = result_binding(serving.contract.digest, job.id, receiver);
            let parts: [(&[u8], &[u8]); 1] = [(&binding, &package)];
            let closed = hpke::seal(&party.recipient_key, &binding, &parts, generator)
                .map_err(|_| Refusal::Internal)?;
            sealed.insert(receiver.clone(), canonical::to_vec(&closed));
        }
        self.by_question.insert(question, (result, receipt));
        self.by_job.insert(job.id, Answered { job: digest, sealed, stored: false });
        Ok(())
    }

    /// Stores what is not stored yet, then gives the part of `party`.
    pub(crate) async fn deliver(
        &mut self,
        serving: &Serving,
        id: JobId,
        party: &str,
    ) -> Result<Option<ByteBuf>, Refusal> {
        let answered = self.by_job.get_mut(&id).ok_or(Refusal::Internal)?;
        if !answered.stored {
            for (receiver, sealed) in &answered.sealed {
                let name = ObjectName::result(&id.to_string(), &receiver.replace('_', "-"))
                    .map_err(|_| Refusal::Internal)?;
                match link::put(serving.host.as_ref(), name, sealed.clone()).await {
                    // A job of this identity was answered by an instance before this one.
                    Ok(()) | Err(link::HostError::Failed { why: Failure::Conflict }) => {}
                    Err(error) => {
                        tracing::warn!(%error, "a result could not be stored");
                        return Err(Refusal::Internal);
                    }
                }
            }
            answered.stored = true;
        }
        Ok(answered.sealed.get(party).cloned().map(ByteBuf::from))
    }
}
