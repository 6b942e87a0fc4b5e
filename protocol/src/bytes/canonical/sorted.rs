//! Sorts the keys of every map by moving encoded bytes.

use super::scan::{BYTES, LIST, MAP, NEGATIVE, SIMPLE, TEXT, UNSIGNED, head};
use std::ops::Range;

/// The value in `bytes`, which is one well-formed item, with the keys of every map in bytewise
/// order; `None` for any other bytes.
pub(super) fn sorted(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    item(&mut rest, &mut out)?;
    rest.is_empty().then_some(out)
}

fn item(rest: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
    let before = *rest;
    let (kind, argument) = head(rest).ok()?;
    let length = match kind {
        BYTES | TEXT => usize::try_from(argument).ok()?,
        UNSIGNED | NEGATIVE | SIMPLE | LIST | MAP => 0,
        _ => return None,
    };
    let (_, after) = rest.split_at_checked(length)?;
    *rest = after;
    out.extend_from_slice(before.get(..before.len().checked_sub(after.len())?)?);
    match kind {
        LIST => (0..argument).try_for_each(|_| item(rest, out)),
        MAP => entries(argument, rest, out),
        _ => Some(()),
    }
}

fn entries(number: u64, rest: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    let mut places: Vec<(Range<usize>, usize)> = Vec::new();
    for _ in 0..number {
        let key = out.len();
        item(rest, out)?;
        let value = out.len();
        item(rest, out)?;
        places.push((key..value, out.len()));
    }
    let key = |(key, _): &(Range<usize>, usize)| out.get(key.clone());
    if places.is_sorted_by_key(key) {
        return Some(());
    }
    places.sort_by(|one, other| key(one).cmp(&key(other)));
    let mut moved = Vec::with_capacity(out.len() - start);
    for (key, end) in &places {
        moved.extend_from_slice(out.get(key.start..*end)?);
    }
    out.truncate(start);
    out.extend_from_slice(&moved);
    Some(())
}
