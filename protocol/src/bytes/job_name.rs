//! The name of a job.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// The name of a job: a digest of 32 bytes over who asks and everything that is asked, written as
/// 64 hex digits.
///
/// A job has this one name everywhere outside its own bytes: for its objects at the host, for the
/// sealing of its answer to a receiver, for the slices that pay for it, in an owner's ledger, in
/// flags of results, and on the command line. Whoever has a name and is given a job can tell
/// whether the job has that name, and nobody can make a second job with it: neither another party
/// that has seen the job, nor its own analyst.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JobName([u8; Self::LEN]);

impl JobName {
    /// Length of a name in bytes.
    pub const LEN: usize = 32;

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The first twelve hex digits, for tables that people read.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl From<[u8; Self::LEN]> for JobName {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for JobName {
    type Error = InvalidJobName;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidJobName> {
        bytes.try_into().map(Self).map_err(|_| InvalidJobName)
    }
}

impl FromStr for JobName {
    type Err = InvalidJobName;

    fn from_str(text: &str) -> Result<Self, InvalidJobName> {
        let mut bytes = [0; Self::LEN];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidJobName)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for JobName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for JobName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
            Self::try_from(bytes.as_slice()).map_err(de::Error::custom)
        }
    }
}

/// The text or bytes are not the name of a job.
///
/// Remedy: copy the whole name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected the name of a job: 64 hex digits, as `glovebox job submit` prints it")]
pub struct InvalidJobName;
