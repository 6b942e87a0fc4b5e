//! Putting rows into order, in memory that follows from their number alone.

use std::mem;
use std::thread;

use super::parallel::wide;

/// The rows in the order of their keys, of the kinds in their marks, and of themselves; none if that is the order
/// they have.
pub(crate) fn rows_in_order(keys: &[u128], marks: &[u8], threads: usize) -> Option<Vec<u32>> {
    if keys.iter().zip(marks.iter().map(|mark| mark >> 1)).is_sorted() {
        return None;
    }
    let bits = keys.len().checked_ilog2().unwrap_or(0).saturating_sub(BIN_BITS).min(MOST_BITS);
    let bins = Bins { bits, starts: starts(keys, bits) };
    let mut entries = vec![0; keys.len()];
    thread::scope(|scope| {
        let mut rest = entries.as_mut_slice();
        for (first, last) in bins.shares(threads) {
            let (own, others) = mem::take(&mut rest).split_at_mut(bins.rows(first, last));
            rest = others;
            let bins = &bins;
            scope.spawn(move || bins.sort(first, last, keys, marks, own));
        }
    });
    Some(entries.into_iter().map(row_of).collect())
}

/// Rows by the first bits of their keys.
struct Bins {
    bits: u32,
    /// Where each bin begins among all rows, and where the last one ends.
    starts: Vec<usize>,
}

/// Where each bin of keys with the same first bits begins.
fn starts(keys: &[u128], bits: u32) -> Vec<usize> {
    let mut starts = vec![0; (1 << bits) + 1];
    for key in keys {
        if let Some(count) = starts.get_mut(bin(*key, bits) + 1) {
            *count += 1;
        }
    }
    let mut before = 0;
    for start in &mut starts {
        before += *start;
        *start = before;
    }
    starts
}

impl Bins {
    /// The first bin of each share and the one after its last: all of about as many rows.
    fn shares(&self, count: usize) -> Vec<(usize, usize)> {
        let all = self.starts.last().copied().unwrap_or(0);
        let bins = self.starts.len().saturating_sub(1);
        let cut = |share: usize| {
            let before = all.saturating_mul(share) / count.max(1);
            if share >= count { bins } else { self.starts.partition_point(|start| *start < before) }
        };
        let cuts: Vec<_> = (0..=count.max(1)).map(|share| cut(share).min(bins)).collect();
        cuts.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect()
    }

    /// How many rows these bins have.
    fn rows(&self, first: usize, last: usize) -> usize {
        self.start(last).saturating_sub(self.start(first))
    }

    fn start(&self, bin: usize) -> usize {
        self.starts.get(bin).copied().unwrap_or(0)
    }

    /// Fills `entries` with the rows of these bins, in order: of each the first 96 bits of its key and its number.
    fn sort(&self, first: usize, last: usize, keys: &[u128], marks: &[u8], entries: &mut [u128]) {
        let before = self.start(first);
        let mut next: Vec<_> = (first..last).map(|bin| self.start(bin) - before).collect();
        for (key, row) in keys.iter().zip(0_u32..) {
            let own = bin(*key, self.bits).checked_sub(first).and_then(|own| next.get_mut(own));
            let Some(place) = own else { continue };
            if let Some(entry) = entries.get_mut(*place) {
                *entry = (*key & !ROW) | u128::from(row);
            }
            *place += 1;
        }
        let mut rest = entries;
        for bin in first..last {
            let (own, others) = rest.split_at_mut(self.rows(bin, bin + 1));
            own.sort_unstable();
            for run in own.chunk_by_mut(|one, other| one & !ROW == other & !ROW) {
                let whole = |entry: &u128| {
                    let row = row_of(*entry);
                    let at = wide(row);
                    (keys.get(at).copied(), marks.get(at).map(|mark| mark >> 1), row)
                };
                if !run.is_sorted_by_key(whole) {
                    run.sort_unstable_by_key(whole);
                }
            }
            rest = others;
        }
    }
}

/// The bin of a key, by its first bits.
fn bin(key: u128, bits: u32) -> usize {
    usize::try_from(key.checked_shr(u128::BITS - bits).unwrap_or(0)).unwrap_or(0)
}

fn row_of(entry: u128) -> u32 {
    u32::try_from(entry & ROW).unwrap_or(u32::MAX)
}

/// The places of texts in the ascending order of the distinct ones, and these: all zeros always have place 0.
pub(crate) fn ranks_of_labels(texts: Vec<[u8; 32]>) -> (Vec<u32>, Vec<[u8; 32]>) {
    let text = |row: u32| texts.get(wide(row)).copied().unwrap_or_default();
    // Most comparisons need no more than the first bytes.
    let mut order: Vec<(u64, u32)> = Vec::with_capacity(texts.len());
    let some = (0..).zip(&texts).filter(|(_, text)| **text != NO_TEXT);
    order.extend(some.map(|(row, text)| (prefix(text), row)));
    order.sort_unstable_by(|one, other| {
        one.0.cmp(&other.0).then_with(|| text(one.1).cmp(&text(other.1)))
    });
    let mut ranks = vec![0; texts.len()];
    let is_same =
        |one: &(u64, u32), other: &(u64, u32)| one.0 == other.0 && text(one.1) == text(other.1);
    let mut distinct = Vec::with_capacity(order.chunk_by(is_same).count() + 1);
    distinct.push(NO_TEXT);
    for run in order.chunk_by(is_same) {
        let rank = u32::try_from(distinct.len()).unwrap_or(u32::MAX);
        distinct.extend(run.first().map(|(_, row)| text(*row)));
        for (_, row) in run {
            if let Some(slot) = ranks.get_mut(wide(*row)) {
                *slot = rank;
            }
        }
    }
    (ranks, distinct)
}

/// The first eight bytes, in the order of bytes.
fn prefix(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

const NO_TEXT: [u8; 32] = [0; 32];
/// The bits of an entry that are the number of its row.
const ROW: u128 = 0xffff_ffff;
/// A bin has about two to this power rows, so that it is sorted within a core's own cache.
const BIN_BITS: u32 = 12;
/// More bins than this are slow to fill.
const MOST_BITS: u32 = 12;
