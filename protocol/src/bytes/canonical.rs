//! Deterministic CBOR (RFC 8949 section 4.2.1): each value has exactly one encoding.
//!
//! The encoder sorts bytes and builds no tree. The decoder first walks over the bytes and counts,
//! without keeping anything, so that what is built afterwards is bounded, whatever the bytes claim.

pub(crate) mod scan;
mod sorted;

use crate::limits::{self, Size};
use serde::{Serialize, de::DeserializeOwned};

use scan::scan;
/// The deterministic encoding of `value`: shortest heads, definite lengths, keys in bytewise order.
///
/// # Panics
///
/// Only if `T` cannot be represented in CBOR at all, which no type of this crate does.
#[must_use]
pub fn to_vec<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes)
        .expect("invariant: the types of this crate are plain data");
    sorted::sorted(&bytes).expect("invariant: what was just written has definite lengths")
}

/// Parses bytes that must be exactly the deterministic encoding of a `T`.
///
/// # Errors
///
/// [`ParseError`] for anything else: another shape, unknown fields (the types deny them), trailing
/// bytes, another encoding of the same value, more than any message has ([`limits::MESSAGE`]).
pub fn from_slice<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, ParseError> {
    from_slice_within(bytes, limits::MESSAGE)
}

/// Parses bytes of a kind of message that has at most `most`. This is checked before anything is
/// decoded.
///
/// # Errors
///
/// As [`from_slice`].
pub fn from_slice_within<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    most: Size,
) -> Result<T, ParseError> {
    scan(bytes, most)?;
    let malformed = || ParseError::Malformed { what: std::any::type_name::<T>() };
    let value: T = ciborium::de::from_reader_with_recursion_limit(bytes, 2 * limits::DEPTH)
        .map_err(|_| malformed())?;
    // The types have optional fields, and numbers that could be written in another way.
    if to_vec(&value) != bytes {
        return Err(ParseError::NotCanonical);
    }
    Ok(value)
}

/// Why bytes are not a message of this protocol.
///
/// Remedy: use programs of one version on both sides, and files as they were written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The bytes have another shape than the expected one.
    #[error("the bytes are not a valid {what}")]
    Malformed {
        /// The type that was expected.
        what: &'static str,
    },
    /// There are bytes after the value.
    #[error("{bytes} bytes follow the value")]
    Trailing {
        /// Number of these bytes.
        bytes: usize,
    },
    /// The value is not in its deterministic encoding.
    #[error("the encoding is not the canonical one")]
    NotCanonical,
    /// The bytes are longer than a message of this kind may be.
    #[error("found {found} bytes, expected at most {most}")]
    TooLong {
        /// Number of bytes.
        found: usize,
        /// Largest number of bytes.
        most: usize,
    },
    /// There are more values than a message of this kind may have.
    #[error("found more than {most} values in one message")]
    TooMany {
        /// Largest number of values.
        most: usize,
    },
}

#[cfg(test)]
mod tests;
