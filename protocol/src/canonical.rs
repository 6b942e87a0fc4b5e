//! One value, one encoding: deterministic CBOR (RFC 8949 section 4.2.1).

use ciborium::Value;
use serde::{Serialize, de::DeserializeOwned};

/// The deterministic encoding of `value`: shortest heads, definite lengths, keys in bytewise order.
///
/// # Panics
///
/// Only if `T` cannot be represented in CBOR at all, which no type of this crate does.
#[must_use]
pub fn to_vec<T: Serialize>(value: &T) -> Vec<u8> {
    let mut value =
        Value::serialized(value).expect("invariant: the types of this crate are plain data");
    sort(&mut value);
    encode(&value)
}

/// Parses bytes that must be exactly the deterministic encoding of a `T`.
///
/// # Errors
///
/// [`ParseError`] for anything else: another shape, unknown fields (the types deny them), trailing
/// bytes, another encoding of the same value.
pub fn from_slice<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, ParseError> {
    let mut rest = bytes;
    let value: T = ciborium::de::from_reader_with_recursion_limit(&mut rest, MAX_DEPTH)
        .map_err(|_| ParseError::Malformed { what: std::any::type_name::<T>() })?;
    if !rest.is_empty() {
        return Err(ParseError::Trailing { bytes: rest.len() });
    }
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
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(sort),
        Value::Map(entries) => {
            for (key, value) in entries.iter_mut() {
                sort(key);
                sort(value);
            }
            entries.sort_by_cached_key(|(key, _)| encode(key));
        }
        Value::Tag(_, inner) => sort(inner),
        _ => {}
    }
}

fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("invariant: writing to memory succeeds");
    bytes
}

const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        longer: u32,
        a: u32,
    }

    #[test]
    fn shorter_keys_come_first() {
        let bytes = to_vec(&Pair { longer: 1, a: 2 });
        assert_eq!(bytes, *b"\xa2\x61a\x02\x66longer\x01");
        assert_eq!(from_slice::<Pair>(&bytes).unwrap(), Pair { longer: 1, a: 2 });
    }

    #[test]
    fn refuses_a_second_encoding_of_the_same_value() {
        for other in [
            &b"\xa2\x66longer\x01\x61a\x02"[..],
            b"\xbf\x61a\x02\x66longer\x01\xff",
            b"\xa2\x61a\x18\x02\x66longer\x01",
        ] {
            assert_eq!(from_slice::<Pair>(other).unwrap_err(), ParseError::NotCanonical);
        }
    }

    #[test]
    fn refuses_unknown_fields_and_trailing_bytes() {
        let malformed = from_slice::<Pair>(b"\xa3\x61a\x02\x61b\x03\x66longer\x01").unwrap_err();
        assert!(matches!(malformed, ParseError::Malformed { .. }));
        assert_eq!(
            from_slice::<Pair>(b"\xa2\x61a\x02\x66longer\x01\x00").unwrap_err(),
            ParseError::Trailing { bytes: 1 },
        );
    }
}
