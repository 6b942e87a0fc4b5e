//! What the enclave attests to for strangers: receipts of results, and its closing.

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
    /// Cells whose figures were withheld by the threshold.
    #[serde(deserialize_with = "at_most::<{ limits::WITHHELD }, _, _>")]
    pub withheld: Vec<String>,
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

/// The digest of a result's exact bytes.
#[must_use]
pub fn output(result: &[u8]) -> Digest {
    Digest::of("glovebox output v1", result)
}
