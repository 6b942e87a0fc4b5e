//! The part of a result that is the same for every kind of question.

use crate::{digest::Digest, identity::Identifier, time::Time};
use serde::{Deserialize, Serialize};

/// A result with an answer of type `A`.
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
    /// What that party calls the analyst key that signed the job.
    pub analyst_key: String,
    /// The analysis of the contract.
    pub analysis: String,
    /// What the data was used for.
    pub purpose: String,
    /// When the result was made, in the enclave's trusted time.
    pub time: Time,
    /// What was charged.
    pub privacy: PrivacyReport,
    /// The kinds of match keys by which people of the joined dataset claimed those of the population, in their order; none
    /// if the contract names none, or nothing was joined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matched_by: Vec<Identifier>,
    /// What can mislead in the answer: flags of its kind, `match_keys_unused`, [`NEAR_DUPLICATE`](super::result::NEAR_DUPLICATE) and
    /// [`SAME_FIGURES`](super::result::SAME_FIGURES) with a job.
    pub flags: Vec<String>,
    /// The answer.
    pub answer: A,
}

impl<A> Answered<A> {
    /// The same result with another answer, which is made from this one's.
    pub fn map<B>(self, other: impl FnOnce(A) -> B) -> Answered<B> {
        let Self {
            format,
            noise,
            contract,
            contract_name,
            job,
            asked_by,
            analyst_key,
            analysis,
            purpose,
            time,
            privacy,
            matched_by,
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
            analyst_key,
            analysis,
            purpose,
            time,
            privacy,
            matched_by,
            flags,
            answer: other(answer),
        }
    }
}

/// What the result cost.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyReport {
    /// Name of the mechanism.
    pub mechanism: String,
    /// Whose data is protected from what, in words.
    pub unit: String,
    /// ε that the job asked for.
    pub epsilon: f64,
    /// δ at which ε is meant.
    pub delta: f64,
    /// δ for groups whose values are private, or for a cap on what drawn steps lose, in addition to the δ of ε; 0 without either.
    pub selection_delta: f64,
    /// ρ of zero-concentrated differential privacy.
    pub rho: f64,
    /// Smallest arm or group that is shown, in people.
    pub min_cell: u32,
    /// The charge of each dataset.
    pub charged: Vec<ChargeReport>,
}

/// The charge of one dataset, and what this instance can still spend on it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeReport {
    /// Name of the dataset.
    pub dataset: String,
    /// Owner of the dataset.
    pub owner: String,
    /// ρ that was charged.
    pub rho: f64,
    /// ρ that remains of the slices handed to this instance; null where nobody knows it, as in what a
    /// party derives from the released figures alone.
    pub rho_left_in_instance: Option<f64>,
}
