//! Numbers that follow from others, evenly spread.

/// A number that follows from both: both halves of a product of 128 bits, as in wyhash. Privacy does not rest
/// on it, only that what is left out is a fair sample.
///
/// Source: <https://github.com/wangyi-fudan/wyhash>, `_wymix`.
pub(crate) fn mix(one: u64, other: u64) -> u64 {
    let product = u128::from(one ^ SECRET_0) * u128::from(other ^ SECRET_1);
    let [low, high] = [product & u128::from(u64::MAX), product >> 64];
    u64::try_from(low ^ high).unwrap_or(0)
}

/// [`mix`] over words of eight bytes.
pub(crate) fn mix_bytes(start: u64, bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks();
    words.iter().fold(start, |hash, word| mix(hash, u64::from_le_bytes(*word)))
}

const SECRET_0: u64 = 0xa076_1d64_78bd_642f;
const SECRET_1: u64 = 0xe703_7ed1_a0b4_28db;
