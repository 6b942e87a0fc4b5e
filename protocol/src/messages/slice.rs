//! Loss that an owner hands to one instance: the owner's custody is the ledger of record.

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
/// For one job, which alone may spend it, or prepaid for any. The instance keeps the largest it has
/// seen for each job and of what is prepaid, so a replay adds nothing.
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
    /// What is granted for `job`; without one, all that was ever prepaid to this instance for this
    /// dataset, purpose and period.
    pub granted: Loss,
    /// Name of the budget's period.
    pub period: String,
    /// End of the period: the slice dies then.
    pub not_after: Time,
    /// The job that may spend it; none if it was prepaid with a grant.
    pub job: Option<JobName>,
}

impl Signed for Slice {
    const TAG: &'static str = "glovebox slice v1";
    const SIZE: Size = limits::SLICE;
}

impl ByDelegate for Slice {
    const KINDS: &'static [KeyKind] = &[KeyKind::Service];
}

/// What an analyst asks an owner's custody for: the job as signed, and the manifests it names.
///
/// Signed by the job's analyst, for one owner, at a time: who has seen a job, or this request, can ask
/// for nothing with it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SliceRequest {
    /// The party whose custody is asked.
    pub owner: String,
    /// When, by the clock of who asks: within [`limits::SLICE_REQUEST_MS`] of the custody's.
    pub time: Time,
    /// Chosen at random; a second request with it is refused.
    pub id: [u8; 16],
    /// The signed job.
    #[serde(with = "serde_bytes")]
    pub job: Vec<u8>,
    /// The signed manifests of its datasets.
    #[serde(deserialize_with = "at_most::<{ limits::MANIFESTS }, _, _>")]
    pub manifests: Vec<serde_bytes::ByteBuf>,
    /// True to learn whether slices would be granted, before any owner hands one out.
    pub only_asks: bool,
}

impl Signed for SliceRequest {
    const TAG: &'static str = "glovebox slice-request v1";
    const SIZE: Size = limits::SLICE_REQUEST;
}

impl ByDelegate for SliceRequest {
    const KINDS: &'static [KeyKind] = &[KeyKind::Analyst];
}

/// What custody answers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub enum SliceReply {
    /// One slice for each of the owner's datasets in the job.
    Granted {
        /// Signed slices.
        #[serde(deserialize_with = "at_most::<{ limits::MANIFESTS }, _, _>")]
        slices: Vec<serde_bytes::ByteBuf>,
    },
    /// To a request that only asks: slices would be granted now.
    WouldGrant {},
    /// No slice, and why.
    Refused(crate::refusal::Refusal),
}

/// What custody answers, with the request that it answers: signed by a service key of the party, so that an analyst
/// notices what is not its custody, whatever stands at the address.
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
