//! SHA-384 under a domain tag: the identity of everything that is signed or stored.

use ring::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A SHA-384 digest, 48 bytes; written as 96 hex digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest([u8; Self::LEN]);

impl Digest {
    /// Length in bytes.
    pub const LEN: usize = 48;

    /// The digest of `bytes` under `tag`: SHA-384(tag ‖ 0x00 ‖ bytes).
    #[must_use]
    pub fn of(tag: &str, bytes: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA384);
        context.update(tag.as_bytes());
        context.update(&[0]);
        context.update(bytes);
        Self::from_ring(&context.finish())
    }

    /// SHA-384 of `bytes` alone, as `sha384sum` prints it: of files that others make and name.
    #[must_use]
    pub fn of_file(bytes: &[u8]) -> Self {
        Self::from_ring(&digest::digest(&digest::SHA384, bytes))
    }

    pub(crate) fn from_ring(digest: &digest::Digest) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

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

impl From<[u8; Self::LEN]> for Digest {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Digest {
    type Error = InvalidDigest;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidDigest> {
        bytes.try_into().map(Self).map_err(|_| InvalidDigest { length: bytes.len() })
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let mut bytes = [0; Self::LEN];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| InvalidDigest { length: text.len() / 2 })?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
            Self::try_from(bytes.as_slice()).map_err(de::Error::custom)
        }
    }
}

/// The text or bytes are not a SHA-384 digest.
///
/// Remedy: copy the whole digest, 96 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("found {length} bytes, expected a SHA-384 digest of 48 bytes (96 hex digits)")]
pub struct InvalidDigest {
    length: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_separates_domains() {
        assert_ne!(Digest::of("a", b"b"), Digest::of("ab", b""));
        assert_ne!(Digest::of("x v1", b"1"), Digest::of("x v2", b"1"));
    }

    #[test]
    fn reads_back_what_it_prints_and_nothing_shorter() {
        let digest = Digest::of("tag", b"bytes");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        "00".parse::<Digest>().unwrap_err();
    }
}
