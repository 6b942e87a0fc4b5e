//! Two byte strings in one, byte for byte: a delegation and what the delegated key signed.

use super::cose::{read_bytes, write_bytes};

/// `[first, second]`.
pub(crate) fn write(first: &[u8], second: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(first.len() + second.len() + 16);
    out.push(LIST_OF_TWO);
    write_bytes(&mut out, first);
    write_bytes(&mut out, second);
    out
}

/// What [`write()`] was given.
pub(crate) fn read(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = bytes.strip_prefix(&[LIST_OF_TWO])?;
    let first = read_bytes(&mut rest)?;
    let second = read_bytes(&mut rest)?;
    rest.is_empty().then_some((first, second))
}

const LIST_OF_TWO: u8 = 0x82;
