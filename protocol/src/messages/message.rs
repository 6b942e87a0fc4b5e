//! What a party and an instance say to each other, inside TLS that ends in the enclave.
//!
//! `POST /v1/attest` takes an [`AttestRequest`] from anybody; `POST /v1/request` takes a
//! [`Request`] signed by a party. Bodies are canonical CBOR.

use crate::{
    delegation::{ByDelegate, KeyKind},
    digest::Digest,
    grant::Grant,
    job::JobName,
    limits::{self, Size, at_most},
    merkle::Root,
    receipt::{Account, Delivery},
    refusal::Refusal,
    sign::Signed,
    time::Time,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Asks for an attestation document with the verifier's own nonce.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AttestRequest {
    /// Exactly 32 random bytes; another length is refused (48 is for receipts).
    #[serde(with = "serde_bytes")]
    pub nonce: Vec<u8>,
}

/// Answers with the instance's statement and the document that binds it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AttestReply {
    /// Instance statement; its digest under the statement's tag is the document's `user_data`.
    #[serde(with = "serde_bytes")]
    pub statement: Vec<u8>,
    /// Attestation document.
    #[serde(with = "serde_bytes")]
    pub document: Vec<u8>,
    /// The jointly signed contract that the statement names.
    #[serde(with = "serde_bytes")]
    pub contract: Vec<u8>,
}

/// A request of one party.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// Chosen at random; a second request with it is refused.
    pub id: [u8; 16],
    /// What is asked.
    pub body: Body,
}

impl Signed for Request {
    const TAG: &'static str = "glovebox request v1";
    const SIZE: Size = limits::REQUEST;
}

impl ByDelegate for Request {
    const KINDS: &'static [KeyKind] = &[KeyKind::Service, KeyKind::Analyst];
}

/// What a party can ask.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body {
    /// Take these keys, and this prepaid slice if there is one.
    Grant {
        /// The keys.
        grant: Grant,
        /// A signed slice for every purpose that is prepaid.
        #[serde(deserialize_with = "at_most::<{ limits::SLICES }, _, _>")]
        slices: Vec<ByteBuf>,
    },
    /// Run this job, with these slices.
    Job {
        /// The signed job.
        #[serde(with = "serde_bytes")]
        job: Vec<u8>,
        /// Signed slices, of this and earlier jobs.
        #[serde(deserialize_with = "at_most::<{ limits::SLICES }, _, _>")]
        slices: Vec<ByteBuf>,
    },
    /// Drop the keys and rows of this dataset now, whose owner asks; other grants go on.
    Revoke {
        /// The dataset.
        dataset: String,
    },
    /// Believe this key no more.
    Withdraw {
        /// The withdrawal, signed by the root key of a party.
        #[serde(with = "serde_bytes")]
        withdrawal: Vec<u8>,
    },
    /// Tell what you hold and what was spent.
    Status {},
    /// Finish what runs, sign what was spent, destroy the keys.
    Close {},
}

/// What an instance answers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reply {
    /// The document that was asked for.
    Attested(AttestReply),
    /// The keys open the dataset.
    Granted {
        /// Columns that are open now.
        #[serde(deserialize_with = "at_most::<{ limits::COLUMNS }, _, _>")]
        columns: Vec<String>,
        /// When the keys will be dropped.
        not_after: Time,
    },
    /// The dataset is not open any more.
    Revoked {},
    /// The key is believed no more.
    Withdrawn {},
    /// The job has run; the result is stored at the host too.
    Result {
        /// The job.
        job: JobName,
        /// The package sealed to the party that asked; none if it is not a receiver.
        sealed: Option<ByteBuf>,
        /// Receivers whose package the host did not keep, since it had no room or holds other bytes in
        /// its place: they do not get it from there.
        not_stored: Vec<String>,
    },
    /// State of the instance.
    Status(Status),
    /// The closing, attested.
    Closed {
        /// See [`crate::receipt::ClosingBody`].
        #[serde(with = "serde_bytes")]
        closing: Vec<u8>,
    },
    /// Declined.
    Refused(Refusal),
}

/// What an instance holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// Open datasets.
    #[serde(deserialize_with = "at_most::<{ limits::DATASETS }, _, _>")]
    pub datasets: Vec<OpenDataset>,
    /// What was granted and spent.
    #[serde(deserialize_with = "at_most::<{ limits::ACCOUNTS }, _, _>")]
    pub accounts: Vec<Account>,
    /// Jobs whose results are stored, and who asked them.
    #[serde(deserialize_with = "at_most::<{ limits::ANSWERS }, _, _>")]
    pub jobs: Vec<AnsweredJob>,
    /// Who was sealed how many answers.
    #[serde(deserialize_with = "at_most::<{ limits::DELIVERIES }, _, _>")]
    pub deliveries: Vec<Delivery>,
    /// Trusted time of the instance.
    pub time: Time,
    /// Entries of the audit log.
    pub audit_size: u64,
    /// Its Merkle root.
    pub audit_root: Root,
}

/// A job that was answered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AnsweredJob {
    /// The job.
    pub job: JobName,
    /// The party that signed it.
    pub asked_by: String,
}

/// One open dataset.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenDataset {
    /// Name in the contract.
    pub dataset: String,
    /// Its signed manifest.
    #[serde(with = "serde_bytes")]
    pub manifest: Vec<u8>,
    /// When its keys will be dropped.
    pub not_after: Time,
}

/// A result on its way to one receiver: HPKE over [`Package`], padded to a bucket.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Exact bytes of the result.
    #[serde(with = "serde_bytes")]
    pub result: Vec<u8>,
    /// The receipt.
    #[serde(with = "serde_bytes")]
    pub receipt: Vec<u8>,
    /// What was released, as the receipt has its digest: [`Released`](crate::released::Released) in
    /// canonical form. The result is derived from it.
    #[serde(with = "serde_bytes")]
    pub released: Vec<u8>,
    /// The job that this answers, as its analyst signed it. The receipt names another one if the same
    /// was asked before.
    #[serde(with = "serde_bytes")]
    pub asked: Vec<u8>,
    /// Zeros up to the bucket.
    #[serde(with = "serde_bytes")]
    pub padding: Vec<u8>,
}

/// An answer, as whoever receives it keeps it: three files.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever makes one names all of it")]
pub struct Answered {
    /// Exact bytes of the result.
    pub result: Vec<u8>,
    /// The receipt.
    pub receipt: Vec<u8>,
    /// What was released.
    pub released: Vec<u8>,
}

impl Package {
    /// The package, padded so that its encoding is a multiple of [`PACKAGE_BUCKET`] (less a few bytes of
    /// framing), whatever the result says.
    #[must_use]
    pub fn padded(answer: Answered, asked: Vec<u8>) -> Self {
        let Answered { result, receipt, released } = answer;
        let length = result.len() + receipt.len() + released.len() + asked.len() + FRAMING;
        let padding = vec![0; length.next_multiple_of(PACKAGE_BUCKET) - length];
        Self { result, receipt, released, asked, padding }
    }
}

/// What a sealed result is bound to: HPKE info and associated data.
///
/// Anybody can seal to a receiver, so this keeps packages apart and proves nothing. That a package answers
/// the job of this name follows from the job in it, whose name must be the same.
#[must_use]
pub fn result_binding(contract: Digest, job: JobName, receiver: &str) -> Vec<u8> {
    crate::canonical::to_vec(&("glovebox result v1", contract, job, receiver))
}

/// Sealed packages come in multiples of this many bytes.
pub const PACKAGE_BUCKET: usize = 32 * 1024;
/// Bytes of a verifier's nonce.
pub const NONCE_LEN: usize = 32;
/// Room for names and heads of the five byte strings.
const FRAMING: usize = 80;
