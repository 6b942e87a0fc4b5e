//! The audit log: an append-only Merkle tree of what the instance decided.

use protocol::{
    canonical,
    digest::Digest,
    job::JobName,
    merkle::{MerkleLog, Root},
    refusal::Refusal,
    sign::PublicKey,
    time::Time,
};
use serde::Serialize;

/// An event of an instance. Nothing in it depends on a row.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    /// The instance began.
    Opened { instance: Digest, contract: Digest },
    /// An owner granted the keys of a dataset.
    Granted { dataset: &'a str, manifest: Digest, not_after: Time },
    /// A grant ended.
    Dropped { dataset: &'a str },
    /// A party withdrew a key.
    Withdrawn { party: &'a str, key: &'a PublicKey },
    /// A job was run. It was `charged` unless its figures had been paid for before.
    Ran { job: JobName, asked_by: &'a str, receivers: &'a [String], charged: bool, output: Digest },
    /// A job got the answer of an earlier one, for nothing.
    Repeated { job: JobName, asked_by: &'a str, receivers: &'a [String], output: Digest },
    /// A request was declined.
    Refused { party: &'a str, request: Digest, refusal: &'a Refusal },
    /// The instance ended.
    Closed {},
}

/// The audit log of an instance.
pub(crate) struct Audit {
    log: MerkleLog,
}

impl Audit {
    pub(crate) fn new() -> Self {
        Self { log: MerkleLog::new() }
    }

    pub(crate) fn append(&mut self, time: Time, event: &Event<'_>) {
        self.log.append(&canonical::to_vec(&("glovebox audit v1", time, event)));
    }

    /// The number of entries, and their root.
    pub(crate) fn head(&self) -> (u64, Root) {
        (self.log.size(), self.log.root())
    }
}
