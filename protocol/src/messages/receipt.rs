//! What the enclave attests to for strangers: receipts of results, and its closing.

use crate::{
    canonical,
    digest::Digest,
    job::Job,
    limits::{self, at_most},
    loss::Loss,
    manifest::SignedManifest,
    merkle::Root,
    proof::{Proof, Proven},
    tally::Tally,
    time::Time,
};
use attestation_verifier::Document;
use serde::{Deserialize, Serialize};

/// What a receipt says. `contract` and `output` are checked by anybody with
/// `attestation-verifier receipt`; the rest is re-derived by `glovebox receipt check`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptBody {
    /// Digest of the contract.
    pub contract: Digest,
    /// Digest of the result's exact bytes; see [`output`].
    pub output: Digest,
    /// The job as its analyst signed it.
    #[serde(with = "serde_bytes")]
    pub job: Vec<u8>,
    /// The manifests of its datasets as their owners signed them.
    #[serde(deserialize_with = "at_most::<{ limits::MANIFESTS }, _, _>")]
    pub manifests: Vec<serde_bytes::ByteBuf>,
    /// The question.
    pub tally: Tally,
    /// Noise, cost and thresholds of the question; anybody can check it.
    pub proof: Proof,
    /// What was charged.
    #[serde(deserialize_with = "at_most::<{ limits::MANIFESTS }, _, _>")]
    pub charged: Vec<Charge>,
    /// Digest of what was released; see [`Released::digest`](crate::released::Released::digest). The result
    /// is derived from it, contract and job.
    pub released: Digest,
    /// When the result was made, in the enclave's trusted time.
    pub time: Time,
    /// Entries of the audit log, this job's among them.
    pub audit_size: u64,
    /// Merkle root of those entries.
    pub audit_root: Root,
}

/// What one dataset was charged.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// Dataset.
    pub dataset: String,
    /// Its owner.
    pub owner: String,
    /// Purpose.
    pub purpose: String,
    /// Loss.
    pub loss: Loss,
}

/// The last thing an instance says: what it spent. After it, it has no keys.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClosingBody {
    /// Digest of the contract.
    pub contract: Digest,
    /// Digest of nothing: a closing has no output.
    pub output: Digest,
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// What was granted and spent, for every dataset, purpose and period.
    #[serde(deserialize_with = "at_most::<{ limits::ACCOUNTS }, _, _>")]
    pub accounts: Vec<Account>,
    /// Who was sealed how many answers, those that cost nothing included.
    #[serde(deserialize_with = "at_most::<{ limits::DELIVERIES }, _, _>")]
    pub deliveries: Vec<Delivery>,
    /// When.
    pub time: Time,
    /// Entries of the audit log.
    pub audit_size: u64,
    /// Merkle root of those entries.
    pub audit_root: Root,
}

/// One account of an instance.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Dataset.
    pub dataset: String,
    /// Purpose.
    pub purpose: String,
    /// Name of the budget's period.
    pub period: String,
    /// The largest slice seen.
    pub granted: Loss,
    /// What jobs cost.
    pub spent: Loss,
}

/// How many answers were sealed to one party for jobs of one party.
///
/// An owner countersigns what costs budget. A question that was paid for is answered again for nothing and
/// without it: this is where it sees that.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Whose jobs.
    pub asked_by: String,
    /// Who can read the answers.
    pub receiver: String,
    /// Answers that were charged.
    pub charged: u64,
    /// Answers to what had been paid for before.
    pub free: u64,
}

/// The most bytes that the receipt of `job` can have, from what is known before it is paid.
#[must_use]
pub fn longest<'m>(
    job: &Job,
    manifests: impl IntoIterator<Item = &'m SignedManifest>,
    proven: &Proven,
) -> usize {
    let manifests: usize =
        manifests.into_iter().map(|manifest| manifest.as_bytes().len() + HEAD).sum();
    let charge = canonical::to_vec(&proven.proof().cost).len() + CHARGE_WORDS;
    let body = canonical::to_vec(job).len()
        + limits::ENVELOPE
        + manifests
        + canonical::to_vec(proven.tally()).len()
        + canonical::to_vec(proven.proof()).len()
        + charge.saturating_mul(proven.tally().datasets().count());
    body.saturating_add(DIGESTS + Document::MAX_LEN + STATEMENT)
}

/// Before each byte string.
const HEAD: usize = 16;
/// Names in a charge: of the dataset, its owner and the purpose.
const CHARGE_WORDS: usize = 512;
/// Digests, times, names of fields and the container's own signature.
const DIGESTS: usize = 2048;
/// Keys of the instance.
const STATEMENT: usize = 4096;

/// The digest of a result's exact bytes.
#[must_use]
pub fn output(result: &[u8]) -> Digest {
    Digest::of("glovebox output v1", result)
}
