//! A job: a question as an analyst signs it.

mod manifests;
mod named;
mod signed;

use crate::{
    delegation::{ByDelegate, KeyKind},
    digest::Digest,
    limits::{self, Size, at_most},
    sign::Signed,
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use crate::analysis::{
    Question,
    choice::{ChoiceOf, ChoiceQuestion},
    lift::{Alternative, Breakdown, Cost, Covariate, Lift, Multiplicity, Outcome, OutcomeKind},
    table::{Filter, GroupBy, Statistic, TableMeasure, TableQuestion},
    toml::{TemplateError, decision_from_toml, question_from_toml},
};
pub use crate::bytes::decision::{Decision, InvalidDecision};
pub use crate::bytes::job_name::{InvalidJobName, JobName};
pub use signed::SignedJob;

/// A job for one instance.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Digest of the contract.
    pub contract: Digest,
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// Random number that the analyst chose.
    pub id: JobId,
    /// Time from which the job is refused.
    pub not_after: Time,
    /// Name of the analysis in the contract.
    pub analysis: String,
    /// What is asked.
    pub question: Question,
    /// The exact version of each dataset: the digest of its signed manifest, by name.
    pub datasets: BTreeMap<String, Digest>,
    /// Parties that get the result.
    #[serde(deserialize_with = "at_most::<{ limits::PARTIES }, _, _>")]
    pub receivers: Vec<String>,
    /// The decision that the answer serves, in the analyst's words; `None` if it named none. Figures that were paid for serve
    /// any decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The earlier job that this one checks, of the same question on the same data: it has figures of its own, with noise of
    /// their own, and is paid like any job. `None` of a job that checks none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<JobName>,
}

impl Signed for Job {
    const TAG: &'static str = "glovebox job v1";
    const SIZE: Size = limits::JOB;
}

impl ByDelegate for Job {
    const KINDS: &'static [KeyKind] = &[KeyKind::Analyst];
}

/// Sixteen random bytes, so that two jobs with the same question have two names. Outside its own
/// bytes a job is called by its [`JobName`]: anybody may sign a job with an id that was seen
/// elsewhere.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct JobId(pub [u8; 16]);
