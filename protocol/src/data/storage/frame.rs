//! Frames: a length of four bytes, big-endian, then that many bytes of CBOR `[tag, message]`.

use super::MAX_BODY;
use crate::{
    canonical::{ParseError, scan},
    limits::{self, Size},
};
use serde::{Serialize, de::DeserializeOwned};

/// A message that travels in a frame.
pub trait Message: DeserializeOwned + Serialize {
    /// Says version and direction, so that no message is taken for another kind of message.
    const TAG: &'static str;
}

/// The whole frame of a message.
///
/// # Errors
///
/// [`FrameError::TooLong`] above [`super::MAX_BODY`].
pub fn encode_frame<T: Message>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; HEADER];
    encode_body(message, &mut frame)?;
    let length = frame.len() - HEADER;
    let header = u32::try_from(length).ok().filter(|_| length <= MAX_BODY);
    let header = header.ok_or(FrameError::TooLong { length, max: MAX_BODY })?;
    frame.splice(..HEADER, header.to_be_bytes());
    Ok(frame)
}

/// How many bytes of body follow a frame's first four.
///
/// # Errors
///
/// [`FrameError::TooLong`] above `max`: nothing of the body need be read.
pub fn body_length(header: [u8; 4], max: usize) -> Result<usize, FrameError> {
    let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    if length > max { Err(FrameError::TooLong { length, max }) } else { Ok(length) }
}

/// The message in a frame's body.
///
/// # Errors
///
/// [`FrameError`] if the body is not the one canonical encoding of a message of this kind.
pub fn decode_body<T: Message>(body: &[u8]) -> Result<T, FrameError> {
    // Walked over before anything is built of it: a frame has few values, whatever bytes it carries.
    let most = Size { bytes: MAX_BODY, items: limits::FRAME_ITEMS };
    scan::scan(body, most).map_err(|flaw| match flaw {
        ParseError::NotCanonical | ParseError::Trailing { .. } => FrameError::NotCanonical,
        ParseError::TooLong { found, most } => FrameError::TooLong { length: found, max: most },
        _ => FrameError::Malformed,
    })?;
    let (tag, message): (String, T) =
        ciborium::from_reader(body).map_err(|_| FrameError::Malformed)?;
    if tag != T::TAG {
        return Err(FrameError::WrongKind { expected: T::TAG });
    }
    let mut canonical = Vec::with_capacity(body.len());
    encode_body(&message, &mut canonical)?;
    if canonical != body {
        return Err(FrameError::NotCanonical);
    }
    Ok(message)
}

/// The first message in `bytes` and the length of its frame; `None` if more bytes must come first.
///
/// # Errors
///
/// As [`body_length`] and [`decode_body`].
pub fn decode_frame<T: Message>(
    bytes: &[u8],
    max: usize,
) -> Result<Option<(T, usize)>, FrameError> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
    let length = body_length(*header, max)?;
    let Some(body) = rest.get(..length) else { return Ok(None) };
    Ok(Some((decode_body(body)?, HEADER + length)))
}

fn encode_body<T: Message>(message: &T, out: &mut Vec<u8>) -> Result<(), FrameError> {
    ciborium::into_writer(&(T::TAG, message), out).map_err(|_| FrameError::Malformed)
}

/// Why bytes are not a frame.
///
/// Remedy: run host and enclave of the same version; the operator sees this in the log, and no party does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The body is longer than the reader or the format allows.
    #[error("found a frame of {length} bytes, expected at most {max}")]
    TooLong {
        /// Length found, in bytes.
        length: usize,
        /// Length allowed, in bytes.
        max: usize,
    },
    /// The body is not CBOR of this shape, or has an unknown field.
    #[error("found a body that is not a message of this format")]
    Malformed,
    /// The body is a message of another kind or version.
    #[error("found a message of another kind, expected {expected}")]
    WrongKind {
        /// The tag expected.
        expected: &'static str,
    },
    /// The body encodes a message in a second way, or has bytes behind it.
    #[error("found an encoding that is not the canonical one")]
    NotCanonical,
}

const HEADER: usize = 4;
