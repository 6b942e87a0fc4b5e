//! Results: sealed to their receivers, stored at the host, kept for a retry.

use crate::{link, session::Serving};
use protocol::{
    canonical,
    digest::Digest,
    hpke,
    job::{Job, JobId},
    message::{Package, result_binding},
    refusal::{Refusal, Share},
    sign,
    storage::{Failure, ObjectName},
};
use rand_chacha::ChaCha20Rng;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// Everything that was answered.
pub(crate) struct Results {
    /// By who asked and under which identity: no party can take another's.
    by_job: BTreeMap<(String, JobId), Answered>,
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

/// A job, as its analyst signed it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) party: &'a str,
    pub(crate) job: &'a Job,
    pub(crate) signed: &'a [u8],
}

impl Results {
    pub(crate) fn new() -> Self {
        Self { by_job: BTreeMap::new(), by_question: BTreeMap::new() }
    }

    pub(crate) fn of(&self, party: &str, job: JobId) -> Option<&Answered> {
        self.by_job.get(&(party.to_owned(), job))
    }

    /// Refuses more answers than an instance keeps.
    pub(crate) fn check_room(&self) -> Result<(), Refusal> {
        if self.by_job.len() < MAX_ANSWERS {
            return Ok(());
        }
        let party = "every party together".to_owned();
        Err(Refusal::ShareUsed { party, share: Share::Answers })
    }

    pub(crate) fn jobs(&self) -> Vec<JobId> {
        self.by_job.iter().filter(|(_, it)| it.stored).map(|((_, id), _)| *id).collect()
    }

    pub(crate) fn same_question(&self, question: &Digest) -> Option<(Vec<u8>, Vec<u8>)> {
        self.by_question.get(question).cloned()
    }

    /// Seals the result to each receiver. From here on a retry brings it back.
    pub(crate) fn keep(
        &mut self,
        serving: &Serving,
        asked: Asked<'_>,
        question: Digest,
        (result, receipt): (Vec<u8>, Vec<u8>),
        generator: &mut ChaCha20Rng,
    ) -> Result<(), Refusal> {
        let Asked { party, job, signed } = asked;
        let package = Package::padded(result.clone(), receipt.clone(), signed.to_vec());
        let package = canonical::to_vec(&package);
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
        let answered = Answered { job: sign::digest_of(signed), sealed, stored: false };
        self.by_job.insert((party.to_owned(), job.id), answered);
        Ok(())
    }

    /// Stores what is not stored yet, then gives the part of `party`.
    pub(crate) async fn deliver(
        &mut self,
        serving: &Serving,
        id: JobId,
        party: &str,
    ) -> Result<Option<ByteBuf>, Refusal> {
        let answered = self.by_job.get_mut(&(party.to_owned(), id)).ok_or(Refusal::Internal)?;
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

/// Answers that an instance keeps for retries, at 32 KiB and more for each receiver.
const MAX_ANSWERS: usize = 4096;
