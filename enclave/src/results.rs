//! Results: sealed to their receivers, stored at the host, kept for a retry.

use crate::{link, session::Serving};
use protocol::{
    canonical,
    digest::Digest,
    hpke,
    job::{JobName, SignedJob},
    message::{AnsweredJob, Package, Reply, result_binding},
    receipt::Delivery,
    refusal::{Refusal, Share},
    storage::{Failure, ObjectName},
};
use rand_chacha::ChaCha20Rng;
use serde_bytes::ByteBuf;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that was answered.
pub(crate) struct Results {
    /// A name says who asked, so that no party can take another's.
    by_job: BTreeMap<JobName, Answered>,
    /// Result and receipt by what was asked of which data: the same question costs nothing.
    by_question: BTreeMap<Digest, (Vec<u8>, Vec<u8>)>,
    /// How many answers were sealed, by who asked and who receives.
    deliveries: BTreeMap<(String, String), Counted>,
}

/// The answer to one job.
struct Answered {
    asked_by: String,
    /// By receiver.
    sealed: BTreeMap<String, Vec<u8>>,
    /// Receivers whose package is at the host.
    stored: BTreeSet<String>,
}

/// Whether an answer was charged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Priced {
    /// A budget paid for it.
    Charged,
    /// It had been paid for before.
    Free,
}

#[derive(Default)]
struct Counted {
    charged: u64,
    free: u64,
}

impl Results {
    pub(crate) fn new() -> Self {
        Self { by_job: BTreeMap::new(), by_question: BTreeMap::new(), deliveries: BTreeMap::new() }
    }

    pub(crate) fn holds(&self, job: JobName) -> bool {
        self.by_job.contains_key(&job)
    }

    /// Refuses more answers than an instance keeps.
    pub(crate) fn check_room(&self) -> Result<(), Refusal> {
        if self.by_job.len() < MAX_ANSWERS {
            return Ok(());
        }
        let party = "every party together".to_owned();
        Err(Refusal::ShareUsed { party, share: Share::Answers })
    }

    /// The jobs whose results are at the host, all of them.
    pub(crate) fn jobs(&self) -> Vec<AnsweredJob> {
        let stored = self.by_job.iter().filter(|(_, job)| job.is_stored());
        stored
            .map(|(job, answered)| AnsweredJob { job: *job, asked_by: answered.asked_by.clone() })
            .collect()
    }

    /// Who was sealed how many answers.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let delivery = |((asked_by, receiver), counted): (&(String, String), &Counted)| Delivery {
            asked_by: asked_by.clone(),
            receiver: receiver.clone(),
            charged: counted.charged,
            free: counted.free,
        };
        self.deliveries.iter().map(delivery).collect()
    }

    pub(crate) fn same_question(&self, question: &Digest) -> Option<(Vec<u8>, Vec<u8>)> {
        self.by_question.get(question).cloned()
    }

    /// Seals the result to each receiver. From here on a retry brings it back.
    pub(crate) fn keep(
        &mut self,
        serving: &Serving,
        signed: &SignedJob,
        priced: Priced,
        question: Digest,
        (result, receipt): (Vec<u8>, Vec<u8>),
        generator: &mut ChaCha20Rng,
    ) -> Result<(), Refusal> {
        let asked = signed.as_bytes().to_vec();
        let package = Package::padded(result.clone(), receipt.clone(), asked);
        let package = canonical::to_vec(&package);
        let mut sealed = BTreeMap::new();
        for receiver in &signed.job().receivers {
            let party = serving.contract.parties.get(receiver).ok_or(Refusal::Internal)?;
            let binding = result_binding(serving.contract.digest, signed.name(), receiver);
            let parts: [(&[u8], &[u8]); 1] = [(&binding, &package)];
            let closed = hpke::seal(&party.recipient_key, &binding, &parts, generator)
                .map_err(|_| Refusal::Internal)?;
            sealed.insert(receiver.clone(), canonical::to_vec(&closed));
        }
        let asked_by = signed.analyst().to_owned();
        for receiver in sealed.keys() {
            let parties = (asked_by.clone(), receiver.clone());
            let counted = self.deliveries.entry(parties).or_default();
            match priced {
                Priced::Charged => counted.charged += 1,
                Priced::Free => counted.free += 1,
            }
        }
        self.by_question.insert(question, (result, receipt));
        let answered = Answered { asked_by, sealed, stored: BTreeSet::new() };
        self.by_job.insert(signed.name(), answered);
        Ok(())
    }

    /// Stores what is not stored yet, then gives the part of the party that asked.
    pub(crate) async fn deliver(
        &mut self,
        serving: &Serving,
        job: JobName,
    ) -> Result<Reply, Refusal> {
        let answered = self.by_job.get_mut(&job).ok_or(Refusal::Internal)?;
        let mut not_stored = Vec::new();
        for (receiver, sealed) in &answered.sealed {
            if answered.stored.contains(receiver) {
                continue;
            }
            let name = ObjectName::result(&job.to_string(), &receiver.replace('_', "-"))
                .map_err(|_| Refusal::Internal)?;
            match link::put(serving.host.as_ref(), name, sealed.clone()).await {
                Ok(()) => {
                    answered.stored.insert(receiver.clone());
                }
                // Nobody but this instance makes bytes for this name: the host keeps another's in their
                // place, or says so. The answer is paid for, and who asked gets it here; that the others
                // do not is said, and tried again with the next retry.
                Err(link::HostError::Failed { why: Failure::Conflict }) => {
                    tracing::error!(%receiver, "the host holds other bytes in the place of a result");
                    not_stored.push(receiver.clone());
                }
                Err(error) => {
                    tracing::warn!(%error, "a result could not be stored");
                    return Err(Refusal::Internal);
                }
            }
        }
        let sealed = answered.sealed.get(&answered.asked_by).cloned().map(ByteBuf::from);
        Ok(Reply::Result { job, sealed, not_stored })
    }
}

impl Answered {
    fn is_stored(&self) -> bool {
        self.sealed.len() == self.stored.len()
    }
}

/// Answers that an instance keeps for retries, at 32 KiB and more for each receiver.
const MAX_ANSWERS: usize = 4096;
