//! What a job is to ask: a text, or what was asked before.

use super::JobError;
use protocol::{
    contract::Contract,
    digest::Digest,
    job::{
        Decision, Job, Question, SignedJob, TemplateError, decision_from_toml, question_from_toml,
    },
};

/// What a job is to ask.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a text, or what was asked before")]
pub enum Wanted {
    /// What this job's TOML asks.
    Template(String),
    /// What this job asked, of the same versions of the data, as a check of its answer: with noise of its own, and paid again.
    Check(Box<SignedJob>),
}

impl From<&str> for Wanted {
    fn from(text: &str) -> Self {
        Self::Template(text.to_owned())
    }
}

impl From<&String> for Wanted {
    fn from(text: &String) -> Self {
        Self::Template(text.clone())
    }
}

impl Wanted {
    /// The analysis of the contract, and the question.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] if the TOML is not a job that this contract permits.
    pub fn question(&self, contract: &Contract) -> Result<(String, Question), TemplateError> {
        match self {
            Self::Template(text) => question_from_toml(text, contract),
            Self::Check(earlier) => {
                let job = earlier.job();
                Ok((job.analysis.clone(), job.question.clone()))
            }
        }
    }

    pub(super) fn decision(&self) -> Result<Option<Decision>, TemplateError> {
        match self {
            Self::Template(text) => decision_from_toml(text),
            Self::Check(earlier) => Ok(earlier.job().decision.clone()),
        }
    }

    pub(super) fn checked(&self) -> Option<&SignedJob> {
        match self {
            Self::Template(_) => None,
            Self::Check(earlier) => Some(earlier),
        }
    }

    /// Refuses to check a job on other versions of the data than `fresh` has: noise would explain no difference.
    pub(super) fn check_versions(&self, fresh: &Job) -> Result<(), JobError> {
        let of = self.checked().map(|checked| &checked.job().datasets);
        let is_other = |(name, of): &(&String, &Digest)| fresh.datasets.get(*name) != Some(of);
        let Some((dataset, expected)) = of.into_iter().flatten().find(is_other) else {
            return Ok(());
        };
        let found = fresh.datasets.get(dataset).map(Digest::short);
        let (dataset, expected) = (dataset.clone(), expected.short());
        Err(JobError::OtherVersion { dataset, found: found.unwrap_or_default(), expected })
    }
}
