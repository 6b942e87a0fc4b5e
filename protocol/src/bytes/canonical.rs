//! One value, one encoding: deterministic CBOR (RFC 8949 section 4.2.1).
//!
//! Who encodes sorts bytes and builds no tree. Who decodes walks over the bytes first, without keeping
//! anything, and counts: so what is built afterwards is bounded, whatever the bytes say of themselves.

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

/// The same for a kind of message that has at most `most`, which is checked before anything is decoded.
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
    // The types have optional fields and numbers that could be written otherwise.
    if to_vec(&value) != bytes {
        return Err(ParseError::NotCanonical);
    }
    Ok(value)
}

/// Why bytes are not a message of this protocol.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Another shape than expected.
    #[error("the bytes are not a valid {what}")]
    Malformed {
        /// The type that was expected.
        what: &'static str,
    },
    /// More bytes than one value.
    #[error("{bytes} bytes follow the value")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A second encoding of a value.
    #[error("the encoding is not the canonical one")]
    NotCanonical,
    /// More than a message of this kind has.
    #[error("found {found} bytes, expected at most {most}")]
    TooLong {
        /// How many.
        found: usize,
        /// How many may be.
        most: usize,
    },
    /// More values than a message of this kind has.
    #[error("found more than {most} values in one message")]
    TooMany {
        /// How many may be.
        most: usize,
    },
}

#[cfg(test)]
mod tests;
