//! Whether bytes are one value in deterministic CBOR, found without keeping any of it.

use super::ParseError;
use crate::limits::{DEPTH, Size};

/// Walks over `bytes`, which must be one value in its deterministic encoding and within `most`.
///
/// # Errors
///
/// [`ParseError`]: the first thing that is wrong.
pub(crate) fn scan(bytes: &[u8], most: Size) -> Result<(), ParseError> {
    if bytes.len() > most.bytes {
        return Err(ParseError::TooLong { found: bytes.len(), most: most.bytes });
    }
    let mut scan = Scan { rest: bytes, left: most.items, most: most.items };
    scan.item(DEPTH)?;
    match scan.rest.len() {
        0 => Ok(()),
        bytes => Err(ParseError::Trailing { bytes }),
    }
}

struct Scan<'a> {
    rest: &'a [u8],
    left: usize,
    most: usize,
}

impl<'a> Scan<'a> {
    fn item(&mut self, depth: usize) -> Result<(), ParseError> {
        self.left = self.left.checked_sub(1).ok_or(ParseError::TooMany { most: self.most })?;
        let deeper = depth.checked_sub(1).ok_or(CUT);
        let (kind, argument) = head(&mut self.rest)?;
        match kind {
            UNSIGNED | NEGATIVE => Ok(()),
            BYTES | TEXT => self.skip(argument),
            LIST => {
                let deeper = deeper?;
                self.room(argument)?;
                (0..argument).try_for_each(|_| self.item(deeper))
            }
            MAP => {
                let deeper = deeper?;
                self.room(argument)?;
                self.entries(argument, deeper)
            }
            _ => match argument {
                FALSE..=NULL => Ok(()),
                _ => Err(CUT),
            },
        }
    }

    /// Keys ascend, so that no key comes twice.
    fn entries(&mut self, number: u64, depth: usize) -> Result<(), ParseError> {
        let mut last: Option<&'a [u8]> = None;
        for _ in 0..number {
            let before = self.rest;
            self.item(depth)?;
            let length = before.len().saturating_sub(self.rest.len());
            let key = before.get(..length).ok_or(CUT)?;
            if last.is_some_and(|last| last >= key) {
                return Err(ParseError::NotCanonical);
            }
            last = Some(key);
            self.item(depth)?;
        }
        Ok(())
    }

    /// Refuses an item that claims to have more in it than may still come, before its first part is
    /// read.
    fn room(&self, number: u64) -> Result<(), ParseError> {
        match usize::try_from(number) {
            Ok(number) if number <= self.left => Ok(()),
            _ => Err(ParseError::TooMany { most: self.most }),
        }
    }

    fn skip(&mut self, length: u64) -> Result<(), ParseError> {
        let length = usize::try_from(length).map_err(|_| CUT)?;
        self.rest = self.rest.get(length..).ok_or(CUT)?;
        Ok(())
    }
}

/// Kind and argument of the next item. Its head must be the shortest one.
pub(crate) fn head(rest: &mut &[u8]) -> Result<(u8, u64), ParseError> {
    let (first, after) = rest.split_first().ok_or(CUT)?;
    let (kind, short) = (first >> 5, first & 0x1f);
    let wide = match short {
        0..=23 => {
            *rest = after;
            return Ok((kind, short.into()));
        }
        24..=27 => 1_usize << (short - 24),
        31 => return Err(ParseError::NotCanonical),
        _ => return Err(CUT),
    };
    // Numbers with a fraction and other simple values do not occur in messages.
    if kind == SIMPLE {
        return Err(CUT);
    }
    let (argument, after) = after.split_at_checked(wide).ok_or(CUT)?;
    let value = argument.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    let least = match wide {
        1 => 24,
        2 => 1 << 8,
        4 => 1 << 16,
        _ => 1 << 32,
    };
    if value < least {
        return Err(ParseError::NotCanonical);
    }
    *rest = after;
    Ok((kind, value))
}

const CUT: ParseError = ParseError::Malformed { what: "message" };

pub(crate) const UNSIGNED: u8 = 0;
pub(crate) const NEGATIVE: u8 = 1;
pub(crate) const BYTES: u8 = 2;
pub(crate) const TEXT: u8 = 3;
pub(crate) const LIST: u8 = 4;
pub(crate) const MAP: u8 = 5;
pub(crate) const SIMPLE: u8 = 7;
const FALSE: u64 = 20;
const NULL: u64 = 22;
