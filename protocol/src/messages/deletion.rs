//! What an owner tells a host to delete.

use crate::{
    delegation::{ByDelegate, KeyKind},
    digest::Digest,
    limits::{self, Size},
    merkle::Root,
    sign::Signed,
    time::Time,
};
use serde::{Deserialize, Serialize};

/// An owner's word to a host that it is to delete one sealed file.
///
/// It is for the host of one contract and for one moment: shown again later, when the same file may have been uploaded anew,
/// it is refused for its time.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "an owner says all of it")]
pub struct Deletion {
    /// Digest of the contract that the host serves.
    pub contract: Digest,
    /// The sealed file, by its Merkle root.
    pub root: Root,
    /// The time by the owner's clock. It must be within [`limits::DELETION_MS`] of the host's.
    pub time: Time,
}

impl Signed for Deletion {
    const TAG: &'static str = "glovebox deletion v1";
    const SIZE: Size = limits::DELETION;
}

impl ByDelegate for Deletion {
    const KINDS: &'static [KeyKind] = &[KeyKind::Service];
}
