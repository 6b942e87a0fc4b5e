//! What the enclave attests for strangers: receipts of results, and its closing.

use crate::{
    digest::Digest,
    limits::{self, at_most},
    loss::Loss,
    merkle::Root,
    proof::Proof,
    tally::Tally,
    time::Time,
};
use serde::{Deserialize, Serialize};

/// The content of a receipt. Anybody can check `contract` and `output` with `attestation-verifier
/// receipt`; `glovebox receipt check` derives the rest again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptBody {
    /// Digest of the contract.
    pub contract: Digest,
    /// Digest of the result's exact bytes; see [`output`].
    pub output: Digest,
    /// The job as its analyst signed it, or the run of an order that its analyst signed.
    #[serde(with = "serde_bytes")]
    pub job: Vec<u8>,
    /// The manifests of its datasets as their owners signed them.
    #[serde(deserialize_with = "at_most::<{ limits::MANIFESTS }, _, _>")]
    pub manifests: Vec<serde_bytes::ByteBuf>,
    /// The tally of the job.
    pub tally: Tally,
    /// Noise, cost and thresholds of the question; anybody can check it.
    pub proof: Proof,
    /// What each dataset was charged.
    #[serde(deserialize_with = "at_most::<{ limits::MANIFESTS }, _, _>")]
    pub charged: Vec<Charge>,
    /// Digest of the released figures; see [`Released::digest`](crate::released::Released::digest).
    /// The result is derived from them, the contract and the job.
    pub released: Digest,
    /// When the result was made, in the enclave's trusted time.
    pub time: Time,
    /// Entries of the audit log, this job's among them.
    pub audit_size: u64,
    /// Merkle root of those entries.
    pub audit_root: Root,
}

/// What one dataset was charged for a job.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// Name of the dataset.
    pub dataset: String,
    /// Owner of the dataset.
    pub owner: String,
    /// What the data was used for.
    pub purpose: String,
    /// The loss that was charged.
    pub loss: Loss,
}

/// The closing of an instance: its last message, which says what it spent. After it the instance
/// has no keys.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClosingBody {
    /// Digest of the contract.
    pub contract: Digest,
    /// Digest of an empty output, since a closing has none.
    pub output: Digest,
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// What was granted and spent, for every dataset, purpose and period.
    #[serde(deserialize_with = "at_most::<{ limits::ACCOUNTS }, _, _>")]
    pub accounts: Vec<Account>,
    /// How many answers were sealed, by analyst and receiver, free ones included.
    #[serde(deserialize_with = "at_most::<{ limits::DELIVERIES }, _, _>")]
    pub deliveries: Vec<Delivery>,
    /// When the instance closed.
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
    /// Name of the dataset.
    pub dataset: String,
    /// What the data is used for.
    pub purpose: String,
    /// Name of the budget's period.
    pub period: String,
    /// What was granted: the sum of the largest slices seen.
    pub granted: Loss,
    /// What jobs cost.
    pub spent: Loss,
}

/// How many answers to jobs of one party were sealed to one receiver.
///
/// An owner countersigns what costs budget. A question that was paid for is answered again for
/// nothing, and without the owner, who sees it here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The party whose jobs they were.
    pub asked_by: String,
    /// The party that can read the answers.
    pub receiver: String,
    /// Answers that were charged.
    pub charged: u64,
    /// Answers that had been paid for before.
    pub free: u64,
}

/// The digest of a result's exact bytes.
#[must_use]
pub fn output(result: &[u8]) -> Digest {
    Digest::of("glovebox output v1", result)
}
