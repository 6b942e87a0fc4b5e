//! Messages between a party and an instance, inside TLS that ends in the enclave.
//!
//! `POST /v1/attest` takes an [`AttestRequest`] from anybody; `POST /v1/request` takes a
//! [`Request`] signed by a party. Bodies are canonical CBOR.

use crate::{
    audit::AuditPage,
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
    /// Exactly 32 random bytes. Another length is refused, since 48 bytes are for receipts.
    #[serde(with = "serde_bytes")]
    pub nonce: Vec<u8>,
}

/// The instance's statement, and the attestation document that binds it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AttestReply {
    /// The statement; the document's `user_data` is its digest under the statement's tag.
    #[serde(with = "serde_bytes")]
    pub statement: Vec<u8>,
    /// Attestation document.
    #[serde(with = "serde_bytes")]
    pub document: Vec<u8>,
    /// The contract that the statement names, signed by all parties.
    #[serde(with = "serde_bytes")]
    pub contract: Vec<u8>,
}

/// A request of one party.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// A random number. A second request with the same number is refused.
    pub id: [u8; 16],
    /// The content of the request.
    pub body: Body,
}

impl Signed for Request {
    const TAG: &'static str = "glovebox request v1";
    const SIZE: Size = limits::REQUEST;
}

impl ByDelegate for Request {
    const KINDS: &'static [KeyKind] = &[KeyKind::Service, KeyKind::Analyst];
}

/// The content of a party's request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body {
    /// Grants keys, and hands over prepaid slices if there are any.
    Grant {
        /// The keys.
        grant: Grant,
        /// The signed slices, one for every purpose that is prepaid.
        #[serde(deserialize_with = "at_most::<{ limits::SLICES }, _, _>")]
        slices: Vec<ByteBuf>,
    },
    /// Runs a job, with slices that pay for it.
    Job {
        /// The signed job.
        #[serde(with = "serde_bytes")]
        job: Vec<u8>,
        /// Signed slices, of this and earlier jobs.
        #[serde(deserialize_with = "at_most::<{ limits::SLICES }, _, _>")]
        slices: Vec<ByteBuf>,
    },
    /// Brings a run of a standing order, as the service of an owner of its data. Without slices it says that the owner is
    /// ready to pay: an owner pays once all are ready, so that one who is away costs the others nothing.
    Run {
        /// The run ([`Run`](crate::order::Run)).
        #[serde(with = "serde_bytes")]
        run: Vec<u8>,
        /// The owner's signed slices for it.
        #[serde(deserialize_with = "at_most::<{ limits::SLICES }, _, _>")]
        slices: Vec<ByteBuf>,
    },
    /// Drops the keys and rows of a dataset of the sender now; other grants go on.
    Revoke {
        /// The dataset.
        dataset: String,
    },
    /// Stops believing a key.
    Withdraw {
        /// The withdrawal, signed by the root key of a party.
        #[serde(with = "serde_bytes")]
        withdrawal: Vec<u8>,
    },
    /// Asks what the instance holds and what was spent.
    Status {},
    /// Asks for entries of the audit log; a closed instance answers too.
    Audit {
        /// The first entry that is wanted.
        from: u64,
    },
    /// Closes the instance: it finishes what runs, signs what was spent, and destroys its keys.
    Close {},
}

/// An instance's answer to a party.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reply {
    /// The document that was asked for.
    Attested(AttestReply),
    /// The grant was accepted, and the dataset is open.
    Granted {
        /// Columns that are open now.
        #[serde(deserialize_with = "at_most::<{ limits::COLUMNS }, _, _>")]
        columns: Vec<String>,
        /// When the keys will be dropped.
        not_after: Time,
    },
    /// The dataset is no longer open.
    Revoked {},
    /// The key is no longer believed.
    Withdrawn {},
    /// The job has run; the result is stored at the host too.
    Result {
        /// The job.
        job: JobName,
        /// The package sealed to the party that asked; `None` if that party is not a receiver.
        sealed: Option<ByteBuf>,
        /// Receivers who cannot fetch their package from the host, because it had no room or holds
        /// other bytes in its place.
        not_stored: Vec<String>,
    },
    /// How far a run is that was brought.
    Run(RunState),
    /// State of the instance.
    Status(Status),
    /// Entries of the audit log.
    Audit(AuditPage),
    /// The attested closing.
    Closed {
        /// See [`crate::receipt::ClosingBody`].
        #[serde(with = "serde_bytes")]
        closing: Vec<u8>,
    },
    /// The request was refused.
    Refused(Refusal),
}

/// How far the run of an order is in an instance.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunState {
    /// The job that the run is there.
    pub job: JobName,
    /// Owners whose services have not said that they are ready.
    #[serde(deserialize_with = "at_most::<{ limits::PARTIES }, _, _>")]
    pub away: Vec<String>,
    /// Whether it was answered; its results are at the host, but for those `not_stored`.
    pub answered: bool,
    /// Receivers who cannot fetch their package from the host.
    #[serde(deserialize_with = "at_most::<{ limits::PARTIES }, _, _>")]
    pub not_stored: Vec<String>,
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
    /// How many answers were sealed, by analyst and receiver.
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

/// A dataset that is open.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenDataset {
    /// Name of the dataset in the contract.
    pub dataset: String,
    /// Signed manifest of its version.
    #[serde(with = "serde_bytes")]
    pub manifest: Vec<u8>,
    /// When its keys will be dropped.
    pub not_after: Time,
}

/// The content of a sealed result for one receiver, padded to a bucket.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Exact bytes of the result.
    #[serde(with = "serde_bytes")]
    pub result: Vec<u8>,
    /// The receipt.
    #[serde(with = "serde_bytes")]
    pub receipt: Vec<u8>,
    /// The released figures ([`Released`](crate::released::Released) in canonical form). The
    /// receipt has their digest, and the result is derived from them.
    #[serde(with = "serde_bytes")]
    pub released: Vec<u8>,
    /// The job that this answers, as its analyst signed it, or the run of an order. The receipt names an earlier job if
    /// that one asked the same.
    #[serde(with = "serde_bytes")]
    pub asked: Vec<u8>,
    /// Zeros that fill the bucket.
    #[serde(with = "serde_bytes")]
    pub padding: Vec<u8>,
}

/// An answer as its receiver keeps it: three files.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever makes one names all of it")]
pub struct Answered {
    /// Exact bytes of the result.
    pub result: Vec<u8>,
    /// The receipt.
    pub receipt: Vec<u8>,
    /// The released figures.
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
/// Room for the names and heads of the five byte strings.
const FRAMING: usize = 80;
