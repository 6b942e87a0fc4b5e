//! Results: each is kept once for its question, and sealed to the receivers of each job that asks
//! the question, whenever it asks.

use crate::{
    link::{self, Host},
    shares::Shares,
};
use protocol::{
    canonical,
    contract::Contract,
    digest::Digest,
    hpke,
    job::{JobName, SignedJob},
    message::{Answered, AnsweredJob, Package, Reply, result_binding},
    receipt::Delivery,
    refusal::Refusal,
    storage::{Failure, ObjectName, OfRun, Origin},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde_bytes::ByteBuf;
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};
use zeroize::Zeroizing;

/// Everything that was answered.
pub(crate) struct Results {
    /// Jobs by name. A name says who asked, so that no party can take another's answer.
    by_job: BTreeMap<JobName, JobEntry>,
    /// Answers by question and data: the same question costs nothing.
    by_question: BTreeMap<Digest, Answered>,
    /// How many answers were sealed, by analyst and receiver.
    deliveries: BTreeMap<(String, String), Counted>,
    shares: Shares,
    /// The seed of the randomness with which packages are sealed.
    seed: Zeroizing<[u8; 32]>,
}

/// A job that has an answer.
struct JobEntry {
    asked_by: String,
    question: Digest,
    receivers: Vec<String>,
    /// Receivers whose package is at the host.
    stored: BTreeSet<String>,
}

/// Whether an answer was charged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Priced {
    /// A budget paid for the answer.
    Charged,
    /// The answer had been paid for before.
    Free,
}

#[derive(Default)]
struct Counted {
    charged: u64,
    free: u64,
}

impl Results {
    /// Results for this many parties. Whoever has `seed` can open what is sealed here.
    pub(crate) fn new(parties: usize, seed: Zeroizing<[u8; 32]>) -> Self {
        Self {
            by_job: BTreeMap::new(),
            by_question: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            shares: Shares::of(parties),
            seed,
        }
    }

    pub(crate) fn holds(&self, job: JobName) -> bool {
        self.by_job.contains_key(&job)
    }

    /// Refuses a job of a party that has had its share of answers.
    pub(crate) fn check_share(&self, party: &str) -> Result<(), Refusal> {
        self.shares.check(party)
    }

    /// The jobs whose results are all at the host.
    pub(crate) fn jobs(&self) -> Vec<AnsweredJob> {
        let stored = self.by_job.iter().filter(|(_, job)| job.is_stored());
        stored
            .map(|(job, answered)| AnsweredJob { job: *job, asked_by: answered.asked_by.clone() })
            .collect()
    }

    /// How many answers were sealed, by analyst and receiver.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let delivery = |((asked_by, receiver), counted): (&(String, String), &Counted)| Delivery {
            asked_by: asked_by.clone(),
            receiver: receiver.clone(),
            charged: counted.charged,
            free: counted.free,
        };
        self.deliveries.iter().map(delivery).collect()
    }

    pub(crate) fn same_question(&self, question: &Digest) -> Option<Answered> {
        self.by_question.get(question).cloned()
    }

    /// Keeps the answer to a job. The part that is the same for every job with this question is
    /// kept once. From here on a retry brings the answer back.
    pub(crate) fn keep(
        &mut self,
        signed: &SignedJob,
        priced: Priced,
        question: Digest,
        answer: Answered,
    ) {
        let (asked_by, receivers) = (signed.analyst().to_owned(), signed.job().receivers.clone());
        for receiver in &receivers {
            let parties = (asked_by.clone(), receiver.clone());
            let counted = self.deliveries.entry(parties).or_default();
            match priced {
                Priced::Charged => counted.charged += 1,
                Priced::Free => counted.free += 1,
            }
        }
        let more = match self.by_question.entry(question) {
            Entry::Occupied(_) => 0,
            Entry::Vacant(vacant) => {
                let Answered { result, receipt, released } = vacant.insert(answer);
                result.len().saturating_add(receipt.len()).saturating_add(released.len())
            }
        };
        self.shares.note(&asked_by, more);
        let answered = JobEntry { asked_by, question, receivers, stored: BTreeSet::new() };
        self.by_job.insert(signed.name(), answered);
    }

    /// Stores the packages that are not stored yet, then returns the package of the party that
    /// asked.
    pub(crate) async fn deliver(
        &mut self,
        host: &dyn Host,
        contract: &Contract,
        instance: Digest,
        signed: &SignedJob,
    ) -> Result<Reply, Refusal> {
        let job = signed.name();
        let answered = self.by_job.get_mut(&job).ok_or(Refusal::Internal)?;
        let kept = self.by_question.get(&answered.question).ok_or(Refusal::Internal)?;
        let asked = signed.as_bytes().to_vec();
        let package = Package::padded(kept.clone(), asked);
        let sealing =
            Sealing { contract, job, package: canonical::to_vec(&package), seed: &self.seed };
        drop(package);
        let mut not_stored = Vec::new();
        for receiver in &answered.receivers {
            if answered.stored.contains(receiver) {
                continue;
            }
            let name = ObjectName::result(&job.to_string(), &receiver.replace('_', "-"))
                .map_err(|_| Refusal::Internal)?;
            let run = signed
                .run()
                .map(|run| OfRun { order: run.name.order.digest(), number: run.name.number });
            let of = Some(Origin { analyst: answered.asked_by.clone(), instance, run });
            match link::put(host, of, name, sealing.to(receiver)?).await {
                Ok(()) => {
                    answered.stored.insert(receiver.clone());
                }
                // Only this instance makes bytes for this name: so the host keeps other bytes in
                // their place, or claims to. The answer is paid for, and the analyst gets it here.
                // The reply says that the other receivers do not, and the next retry tries again.
                Err(link::HostError::Failed { why: Failure::Conflict }) => {
                    tracing::error!(%receiver, "the host holds other bytes in the place of a result");
                    not_stored.push(receiver.clone());
                }
                // The answer is not lost if the store is full, either.
                Err(error) => {
                    tracing::warn!(%error, %receiver, "a result could not be stored");
                    not_stored.push(receiver.clone());
                }
            }
        }
        let receives = answered.receivers.contains(&answered.asked_by);
        let sealed = receives.then(|| sealing.to(&answered.asked_by)).transpose()?;
        Ok(Reply::Result { job, sealed: sealed.map(ByteBuf::from), not_stored })
    }
}

/// One package on its way to its receivers.
struct Sealing<'a> {
    contract: &'a Contract,
    job: JobName,
    package: Vec<u8>,
    seed: &'a Zeroizing<[u8; 32]>,
}

impl Sealing<'_> {
    /// The package sealed to `receiver`. The same package always gives the same bytes, so none need
    /// be kept, and a host that has them has nothing else. The randomness for it follows from the
    /// package too, so no two packages are sealed with the same randomness.
    fn to(&self, receiver: &str) -> Result<Vec<u8>, Refusal> {
        let contract = self.contract;
        let party = contract.parties.get(receiver).ok_or(Refusal::Internal)?;
        let binding = result_binding(contract.digest, self.job, receiver);
        let package = Digest::of("glovebox package v1", &self.package);
        let drawn = Zeroizing::new(canonical::to_vec(&(self.seed.as_slice(), package, &binding)));
        let drawn = Digest::of("glovebox package sealing v1", &drawn);
        let (drawn, _) = drawn.as_bytes().split_first_chunk().ok_or(Refusal::Internal)?;
        let mut generator = ChaCha20Rng::from_seed(*drawn);
        let parts: [(&[u8], &[u8]); 1] = [(&binding, &self.package)];
        let closed = hpke::seal(&party.recipient_key, &binding, &parts, &mut generator);
        Ok(canonical::to_vec(&closed.map_err(|_| Refusal::Internal)?))
    }
}

impl JobEntry {
    fn is_stored(&self) -> bool {
        self.receivers.len() == self.stored.len()
    }
}
