//! A run of an order: the job that it stands for in one instance.

use super::{OrderedRun, RunName, SignedOrder, question_digest};
use crate::{
    canonical,
    delegation::Authority,
    digest::Digest,
    job::{Job, JobId, JobName, Question, SignedJob},
    limits,
    refusal::{Refusal, RunFlaw},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run in one instance, on these versions of its datasets.
///
/// Nobody signs it but the order's analyst, beforehand: who brings a run chooses instance and versions, and each owner pays for
/// that job alone. Its job's name says order, number, instance, question and all versions.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever brings a run says all of it")]
pub struct Run {
    /// The signed order.
    #[serde(with = "serde_bytes")]
    pub order: Vec<u8>,
    /// The number of the run, from 1.
    pub number: u32,
    /// What it asks; the order has its digest.
    pub question: Question,
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// The exact version of each dataset: the digest of its manifest, by name.
    pub datasets: BTreeMap<String, Digest>,
}

impl Run {
    /// The bytes of the run, which stand where the bytes of a signed job do.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::to_vec(self)
    }

    /// Whether bytes in the place of a job could be those of a run: a map, where a signed job is a list.
    pub(crate) fn begins(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|byte| byte >> 5 == 5)
    }

    /// The job that a run stands for, if its order was signed for the contract of `authority` and has such a run.
    ///
    /// # Errors
    ///
    /// As [`SignedOrder::open`]; [`Refusal::Malformed`] for bytes that are no run, and [`Refusal::Run`].
    pub fn open(authority: &Authority<'_>, bytes: Vec<u8>) -> Result<SignedJob, Refusal> {
        let run: Self =
            canonical::from_slice_within(&bytes, limits::RUN).map_err(|_| Refusal::Malformed)?;
        let signed = SignedOrder::open(authority, run.order.clone())?;
        let (order, ordered) = (signed.order(), signed.run(run.number)?);
        let asked = order.window(run.number).map(|window| window.question);
        if asked != Some(question_digest(&run.question)) {
            return Err(ordered.refused(RunFlaw::OtherQuestion));
        }
        let job = Job {
            contract: order.contract,
            instance: run.instance,
            id: id_of(&ordered.name),
            not_after: ordered.until,
            analysis: order.analysis.clone(),
            question: run.question,
            datasets: run.datasets,
            receivers: order.receivers.clone(),
            decision: order.decision.clone(),
            checks: None,
        };
        Ok(SignedJob::of_run(job, signed.signed_by().clone(), ordered, bytes))
    }
}

/// The id of a run's job. The same order and number give the same id, so that in one instance, on the same versions, a run
/// is one job whoever brings it.
fn id_of(name: &RunName) -> JobId {
    let digest = Digest::of("glovebox run id v1", &canonical::to_vec(name));
    let mut id = [0; 16];
    id.iter_mut().zip(digest.as_bytes()).for_each(|(byte, from)| *byte = *from);
    JobId(id)
}

impl SignedJob {
    /// Opens a job that an analyst signed for one instance, or the run of an order that it signed.
    ///
    /// # Errors
    ///
    /// As [`SignedJob::open`] and [`Run::open`].
    pub fn open_either(authority: &Authority<'_>, bytes: Vec<u8>) -> Result<Self, Refusal> {
        if Run::begins(&bytes) { Run::open(authority, bytes) } else { Self::open(authority, bytes) }
    }

    /// The job of a run.
    fn of_run(
        job: Job,
        signed_by: crate::delegation::Authorised,
        run: OrderedRun,
        bytes: Vec<u8>,
    ) -> Self {
        let name = JobName::of(signed_by.party(), &job);
        Self::new(job, signed_by, name, bytes, Some(run))
    }
}
