//! What every result says beside its answer, whatever kind of question was asked.

use crate::{digest::Digest, time::Time};
use serde::{Deserialize, Serialize};

/// A result whose answer is an `A`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "pages are tested on results made by hand")]
pub struct Answered<A> {
    /// Always [`FORMAT`](super::result::FORMAT).
    pub format: String,
    /// True unless the noise was switched off, which only `glovebox try` can do.
    pub noise: bool,
    /// Digest of the contract.
    pub contract: Digest,
    /// The contract's name.
    pub contract_name: String,
    /// Name of the job.
    pub job: String,
    /// The party that asked.
    pub asked_by: String,
    /// The analysis of the contract.
    pub analysis: String,
    /// What it was for.
    pub purpose: String,
    /// When, in the enclave's trusted time.
    pub time: Time,
    /// What was charged.
    pub privacy: PrivacyReport,
    /// What can mislead in the answer: flags of its kind, `match_keys_unused`, [`NEAR_DUPLICATE`](super::result::NEAR_DUPLICATE) and
    /// [`SAME_FIGURES`](super::result::SAME_FIGURES) with a job.
    pub flags: Vec<String>,
    /// The answer.
    pub answer: A,
}

impl<A> Answered<A> {
    /// The same with another answer, made from this one's.
    pub fn map<B>(self, other: impl FnOnce(A) -> B) -> Answered<B> {
        let Self {
            format,
            noise,
            contract,
            contract_name,
            job,
            asked_by,
            analysis,
            purpose,
            time,
            privacy,
            flags,
            answer,
        } = self;
        Answered {
            format,
            noise,
            contract,
            contract_name,
            job,
            asked_by,
            analysis,
            purpose,
            time,
            privacy,
            flags,
            answer: other(answer),
        }
    }
}

/// What the result cost.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyReport {
    /// Mechanism.
    pub mechanism: String,
    /// Whose data is protected from what, in words.
    pub unit: String,
    /// ε as asked.
    pub epsilon: f64,
    /// δ at which it is meant.
    pub delta: f64,
    /// δ beside it, for groups whose values are private; 0 without any.
    pub selection_delta: f64,
    /// ρ of zero-concentrated differential privacy.
    pub rho: f64,
    /// Smallest arm or group that is shown, in people.
    pub min_cell: u32,
    /// Each dataset's charge.
    pub charged: Vec<ChargeReport>,
}

/// One dataset's charge, and what this instance has left to spend on it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeReport {
    /// Dataset.
    pub dataset: String,
    /// Owner.
    pub owner: String,
    /// ρ charged.
    pub rho: f64,
    /// ρ left of the slices handed to this instance.
    pub rho_left_in_instance: f64,
}
