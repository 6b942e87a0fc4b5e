//! Loss that an owner hands to one instance: the owner's custody is the ledger of record.

use crate::{digest::Digest, loss::Loss, sign::Signed, time::Time};
use serde::{Deserialize, Serialize};

/// The loss that one instance may spend on one dataset for one purpose, signed by the owner.
///
/// `granted` is cumulative: the instance keeps the largest it has seen, so a replay adds nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Digest of the contract.
    pub contract: Digest,
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// Name of the dataset in the contract.
    pub dataset: String,
    /// What it may be spent on.
    pub purpose: String,
    /// All that was ever granted to this instance for this dataset, purpose and period.
    pub granted: Loss,
    /// Name of the budget's period.
    pub period: String,
    /// End of the period: the slice dies then.
    pub not_after: Time,
    /// The job it was asked for; none if it was prepaid with a grant.
    pub job: Option<Digest>,
}

impl Signed for Slice {
    const TAG: &'static str = "glovebox slice v1";
}

/// What an analyst asks an owner's custody for: the job as signed, and the manifests it names.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SliceRequest {
    /// The signed job.
    #[serde(with = "serde_bytes")]
    pub job: Vec<u8>,
    /// The signed manifests of its datasets.
    pub manifests: Vec<serde_bytes::ByteBuf>,
}

/// What custody answers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub enum SliceReply {
    /// One slice for each of the owner's datasets in the job.
    Granted {
        /// Signed slices.
        slices: Vec<serde_bytes::ByteBuf>,
    },
    /// No slice, and why.
    Refused(crate::refusal::Refusal),
}
