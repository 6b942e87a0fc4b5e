//! Putting things into order in memory that follows from their number, and choosing among them.

/// Places of `values` in the ascending order of the distinct ones, from 0, and how many there are.
///
/// Which of two values comes first does not depend on the others.
pub(crate) fn ranks(values: impl Iterator<Item = u64>) -> (Vec<u32>, u64) {
    let mut order: Vec<(u64, u32)> = values.zip(0..).collect();
    order.sort_unstable();
    let mut ranks = vec![0; order.len()];
    let mut count = 0;
    for run in order.chunk_by(|a, b| a.0 == b.0) {
        for (_, at) in run {
            set(&mut ranks, *at, count);
        }
        count += 1;
    }
    (ranks, u64::from(count))
}

/// As [`ranks`], of 32 bytes each; all zeros always have place 0, and others come after.
pub(crate) fn ranks_of_labels<'b>(labels: impl Iterator<Item = &'b [u8]>) -> (Vec<u32>, u64) {
    let mut order: Vec<(u64, u32, &[u8])> =
        labels.zip(0..).map(|(label, at)| (prefix(label), at, label)).collect();
    let mut ranks = vec![0; order.len()];
    order.retain(|(first, _, label)| *first != 0 || label.iter().any(|byte| *byte != 0));
    order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.2.cmp(b.2)));
    let mut count = 1;
    for run in order.chunk_by(|a, b| a.0 == b.0 && a.2 == b.2) {
        for (_, at, _) in run {
            set(&mut ranks, *at, count);
        }
        count += 1;
    }
    (ranks, u64::from(count))
}

/// The first eight bytes, in the order of bytes.
pub(crate) fn prefix(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// A number that follows from both, evenly spread: both halves of a product of 128 bits, as in
/// wyhash. Privacy does not rest on it, only that what is left out is a fair sample.
///
/// Source: <https://github.com/wangyi-fudan/wyhash>, `_wymix`.
pub(crate) fn mix(one: u64, other: u64) -> u64 {
    let product = u128::from(one ^ SECRET_0) * u128::from(other ^ SECRET_1);
    let [low, high] = [product & u128::from(u64::MAX), product >> 64];
    u64::try_from(low ^ high).unwrap_or(0)
}

/// [`mix`] over 32 bytes.
pub(crate) fn mix_bytes(start: u64, bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks();
    words.iter().fold(start, |hash, word| mix(hash, u64::from_le_bytes(*word)))
}

fn set(ranks: &mut [u32], at: u32, rank: u32) {
    if let Some(slot) = usize::try_from(at).ok().and_then(|at| ranks.get_mut(at)) {
        *slot = rank;
    }
}

const SECRET_0: u64 = 0xa076_1d64_78bd_642f;
const SECRET_1: u64 = 0xe703_7ed1_a0b4_28db;
