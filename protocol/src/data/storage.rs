//! The questions of the enclave to the host's store, and the uploads of a party.
//!
//! Nobody trusts the host: the enclave checks every answer against a root or a signature, and a
//! party believes nothing that it reads from the store. `spec/storage-v1.md` describes both
//! interfaces.

mod frame;
mod name;
mod upload;
pub mod vsock;

pub use frame::{FrameError, Message, body_length, decode_body, decode_frame, encode_frame};
pub use name::{InvalidName, LOGS, ObjectName};
pub use upload::{Problem, ProblemCode, UploadStatus};

use crate::{digest::Digest, limits, merkle::Root};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A question of the enclave to the host. Each gets one [`Answer`], in order.
///
/// Fields are declared in the order of deterministic CBOR, which is the order they travel in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "another question is another version of the wire")]
pub enum Ask {
    /// Asks for the contract file that the operator named.
    Contract {},
    /// Asks for the length of a dataset's blob.
    Size {
        /// The blob, by its Merkle root.
        blob: Root,
    },
    /// Asks for a range of a dataset's blob.
    Read {
        /// The blob, by its Merkle root.
        blob: Root,
        /// Number of bytes, at most [`MAX_READ`].
        length: u32,
        /// Position of the first byte.
        offset: u64,
    },
    /// Asks the host to keep an object. It is on disk once the host has answered, and never changes
    /// afterwards. A closing is kept for good; a result at least while its instance lives, within
    /// its analyst's share of the host's room; a log as long as there is room for it.
    Put {
        /// Whose room a result takes; `None` for a closing and for what is of a log.
        of: Option<Origin>,
        /// Name of the object.
        name: ObjectName,
        /// Bytes of the object, at most [`MAX_OBJECT`].
        bytes: Body,
    },
    /// Asks for an object that was kept earlier.
    Fetch {
        /// Name of the object.
        name: ObjectName,
    },
    /// Asks the host to have AWS KMS unwrap the data key of a grant, to the key in the attestation document.
    Unwrap {
        /// The KMS key, as the grant names it.
        key: String,
        /// The dataset, which is part of the encryption context.
        dataset: String,
        /// The wrapped data key.
        wrapped: Body,
        /// The contract, which is the other part.
        contract: Digest,
        /// The document, good for this question alone.
        document: Body,
    },
    /// Whether the operator wants the instance to end, which the host answers when it knows or after
    /// [`STOP_SECONDS`]. An instance that is told leaves its closing, so that what was handed to it and
    /// not spent returns to its owners.
    Stop {},
}

/// The origin of a result, as far as the host must know it to give each party its share of room.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "another field is another version of the wire")]
pub struct Origin {
    /// The run of an order that it answers, if it does: a host that started the enclave for it knows that it is done.
    pub run: Option<OfRun>,
    /// The party that asked, whatever parties receive.
    pub analyst: String,
    /// Digest of the instance's statement. Results of earlier instances may make room.
    pub instance: Digest,
}

/// A run of an order, as a host knows it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "another field is another version of the wire")]
pub struct OfRun {
    /// The name of the order.
    pub order: Digest,
    /// The number of the run, from 1.
    pub number: u32,
}

/// The host's answer to an [`Ask`]. It may say anything: nothing in it is evidence.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "another answer is another version of the wire")]
pub enum Answer {
    /// Answers [`Ask::Contract`] with the file's bytes.
    Contract {
        /// At most [`MAX_CONTRACT`] bytes.
        bytes: Body,
    },
    /// Answers [`Ask::Size`].
    Size {
        /// Length in bytes.
        bytes: u64,
    },
    /// Answers [`Ask::Read`] with the bytes of the range that exist, hence fewer or none at the
    /// blob's end.
    Range {
        /// The bytes, at most as many as were asked for.
        bytes: Body,
    },
    /// Answers [`Ask::Put`]: the object is on disk, now or from before with the same bytes.
    Stored {},
    /// Answers [`Ask::Fetch`] with the object.
    Object {
        /// At most [`MAX_OBJECT`] bytes.
        bytes: Body,
    },
    /// Answers [`Ask::Unwrap`].
    Unwrapped {
        /// What KMS answered (`CiphertextForRecipient`), at most [`MAX_ENVELOPE`] bytes.
        envelope: Body,
    },
    /// Answers [`Ask::Stop`], too: an owner gave the operator a grant for AWS KMS
    /// ([`SealedGrant`](crate::kms_grant::SealedGrant)), which is offered now and then.
    Grant {
        /// At most [`MAX_GRANT`] bytes.
        bytes: Body,
    },
    /// Answers [`Ask::Stop`].
    Stop {
        /// Whether the instance is to end.
        now: bool,
    },
    /// Answers any question: it was not done.
    Failed {
        /// The reason.
        why: Failure,
    },
}

/// Why the host did not do what it was asked.
///
/// Remedy: ask the operator, whose log of `glovebox-host` says more; nothing is lost, and the same command may be
/// run again.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "another failure is another version of the wire")]
pub enum Failure {
    /// The store has no such object.
    #[error("the host has no such object")]
    NotFound,
    /// A length is above its limit.
    #[error("the host declined a length above the limit")]
    TooLarge,
    /// The name is taken by other bytes.
    #[error("the host keeps other bytes under this name")]
    Conflict,
    /// The room that the operator gives to results, of all parties or of this one, or to logs is used up.
    #[error("the host has no more room for results of this party, or for logs")]
    Full,
    /// AWS KMS declined, or did not answer the host.
    #[error("AWS KMS declined, or did not answer the host")]
    Kms,
    /// The host's disk failed.
    #[error("the host could not read or write its store")]
    Io,
}

impl Message for Ask {
    const TAG: &'static str = "storage-v1 ask";
}

impl Message for Answer {
    const TAG: &'static str = "storage-v1 answer";
}

/// Opaque bytes. `Debug` prints their number only, so that no log ever holds a body.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Body(#[serde(with = "serde_bytes")] pub Vec<u8>);

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

/// How long the host waits with its answer to [`Ask::Stop`], in seconds, unless the operator wants
/// to stop.
pub const STOP_SECONDS: u64 = 20;
/// Most bytes of one [`Ask::Read`]: 1 MiB.
pub const MAX_READ: u32 = 1 << 20;
/// Most bytes of one object: 64 MiB.
pub const MAX_OBJECT: usize = limits::OBJECT;
/// Most bytes of a contract file: 1 MiB.
pub const MAX_CONTRACT: usize = limits::CONTRACT;
/// Most bytes of a grant for AWS KMS: 768 KiB.
pub const MAX_GRANT: usize = limits::KMS_SEALED.bytes;
/// Most bytes of an answer of AWS KMS: 8 KiB.
pub const MAX_ENVELOPE: usize = limits::KMS_ENVELOPE;
/// Most bytes of a frame's body: the largest object, and 4 KiB for what is around it.
pub const MAX_BODY: usize = MAX_OBJECT + 4096;

#[cfg(test)]
mod tests;
