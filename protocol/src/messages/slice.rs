//! Slices: loss that an owner hands to one instance. The owner's custody is the ledger of record.

use crate::{
    delegation::{ByDelegate, KeyKind},
    digest::Digest,
    job::JobName,
    limits::{self, Size, at_most},
    loss::Loss,
    sign::Signed,
    time::Time,
};
use serde::{Deserialize, Serialize};

/// The loss that one instance may spend on one dataset for one purpose, signed by the owner.
///
/// A slice is for one job, which alone may spend it, or prepaid for any job. The instance keeps the
/// largest one that it has seen for each job, and the largest prepaid one, so a replay adds
/// nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Digest of the contract.
    pub contract: Digest,
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// Name of the dataset in the contract.
    pub dataset: String,
    /// What the data is used for.
    pub purpose: String,
    /// The loss granted for `job`. Without a job it is everything that was ever prepaid to this
    /// instance for this dataset, purpose and period.
    pub granted: Loss,
    /// Name of the budget's period.
    pub period: String,
    /// When the period ends, and the slice with it.
    pub not_after: Time,
    /// The job that may spend the slice; `None` if it was prepaid with a grant.
    pub job: Option<JobName>,
}

impl Signed for Slice {
    const TAG: &'static str = "glovebox slice v1";
    const SIZE: Size = limits::SLICE;
}

impl ByDelegate for Slice {
    const KINDS: &'static [KeyKind] = &[KeyKind::Service];
}

/// A request of an analyst to an owner's custody: the signed job, and the manifests that it names.
///
/// The job's analyst signs it, for one owner, with a time. So a party that has seen a job or this
/// request cannot ask for anything with it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SliceRequest {
    /// The party whose custody is asked.
    pub owner: String,
    /// The time by the sender's clock. It must be within [`limits::SLICE_REQUEST_MS`] of the
    /// custody's.
    pub time: Time,
    /// A random number. A second request with the same number is refused.
    pub id: [u8; 16],
    /// The signed job.
    #[serde(with = "serde_bytes")]
    pub job: Vec<u8>,
    /// The signed manifests of its datasets.
    #[serde(deserialize_with = "at_most::<{ limits::MANIFESTS }, _, _>")]
    pub manifests: Vec<serde_bytes::ByteBuf>,
    /// True if the request only asks whether slices would be granted, before any owner hands one
    /// out.
    pub only_asks: bool,
}

impl Signed for SliceRequest {
    const TAG: &'static str = "glovebox slice-request v1";
    const SIZE: Size = limits::SLICE_REQUEST;
}

impl ByDelegate for SliceRequest {
    const KINDS: &'static [KeyKind] = &[KeyKind::Analyst];
}

/// A custody's answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub enum SliceReply {
    /// The slices, one for each of the owner's datasets in the job.
    Granted {
        /// Signed slices.
        #[serde(deserialize_with = "at_most::<{ limits::MANIFESTS }, _, _>")]
        slices: Vec<serde_bytes::ByteBuf>,
    },
    /// Slices would be granted now. This answers a request that only asks.
    WouldGrant {},
    /// No slice is granted, for this reason.
    Refused(crate::refusal::Refusal),
}

/// A custody's answer with the request that it answers. A service key of the party signs it, so
/// that an analyst notices if something else than the owner's custody answers at its address.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever answers says all of it")]
pub struct CustodyReply {
    /// The digest of the request's bytes ([`crate::sign::digest_of`]).
    pub request: Digest,
    /// The answer.
    pub reply: SliceReply,
}

impl Signed for CustodyReply {
    const TAG: &'static str = "glovebox custody-reply v1";
    const SIZE: Size = limits::SLICE_REPLY;
}

impl ByDelegate for CustodyReply {
    const KINDS: &'static [KeyKind] = &[KeyKind::Service];
}
