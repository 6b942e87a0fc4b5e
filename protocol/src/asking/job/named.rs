//! How the name of a job is computed.

use super::{Decision, Job, JobId, JobName, Question};
use crate::{canonical, digest::Digest};
use serde::Serialize;
use std::collections::BTreeMap;

impl JobName {
    /// The name of `job` if `analyst` asks it.
    ///
    /// The analyst is part of it, since what a job says can be said by another party as well. So is the
    /// instance, since another instance gives another answer, which must not stand where the first is
    /// looked for. The time is not: a job that is signed anew because its hour was over is the same
    /// question about the same data for the same readers, is paid with the slices it had, and is answered
    /// once.
    #[must_use]
    pub fn of(analyst: &str, job: &Job) -> Self {
        #[derive(Serialize)]
        struct Timeless<'a> {
            contract: &'a Digest,
            instance: &'a Digest,
            id: &'a JobId,
            analysis: &'a str,
            question: &'a Question,
            datasets: &'a BTreeMap<String, Digest>,
            receivers: &'a [String],
            #[serde(skip_serializing_if = "Option::is_none")]
            decision: &'a Option<Decision>,
            #[serde(skip_serializing_if = "Option::is_none")]
            checks: &'a Option<JobName>,
        }
        // Every field but the time counts. If a job gets another field, this line does not compile
        // until somebody decides about it.
        let Job {
            contract,
            instance,
            id,
            not_after: _,
            analysis,
            question,
            datasets,
            receivers,
            decision,
            checks,
        } = job;
        let timeless = Timeless {
            contract,
            instance,
            id,
            analysis,
            question,
            datasets,
            receivers,
            decision,
            checks,
        };
        let digest = Digest::of(TAG, &canonical::to_vec(&(analyst, timeless)));
        let mut bytes = [0; Self::LEN];
        bytes.iter_mut().zip(digest.as_bytes()).for_each(|(byte, from)| *byte = *from);
        bytes.into()
    }
}

const TAG: &str = "glovebox job name v1";
