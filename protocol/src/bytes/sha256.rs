//! SHA-256 where what is left to be hashed fits into one block: sealing hashes a few of them for every row.
//!
//! Source: FIPS 180-4, <https://csrc.nist.gov/pubs/fips/180-4/upd1/final>; HMAC by RFC 2104.

use sha2::block_api::compress256;

/// SHA-256 between two blocks.
#[derive(Clone, Copy)]
pub(crate) struct State([u32; 8]);

impl State {
    /// Before the first block.
    pub(crate) const START: Self = Self([
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ]);

    /// After one block more.
    pub(crate) fn then(mut self, block: &[u8; BLOCK]) -> Self {
        compress256(&mut self.0, std::slice::from_ref(block));
        self
    }

    /// The digest if `rest` stands behind the `blocks` that were taken; none if it does not fit into one more.
    pub(crate) fn finish(self, blocks: u64, rest: &[u8]) -> Option<[u8; 32]> {
        let mut last = [0; BLOCK];
        let (place, padding) = last.split_at_mut_checked(rest.len())?;
        let (_, length) = padding.split_last_chunk_mut::<8>()?;
        let bytes = blocks.checked_mul(64)?.checked_add(u64::try_from(rest.len()).ok()?)?;
        *length = bytes.checked_mul(8)?.to_be_bytes();
        place.copy_from_slice(rest);
        // The bit behind the message.
        let free = rest.len() < BLOCK - 8;
        *last.get_mut(rest.len()).filter(|_| free)? = 0x80;
        let mut digest = [0; 32];
        for (place, word) in digest.as_chunks_mut().0.iter_mut().zip(self.then(&last).0) {
            *place = word.to_be_bytes();
        }
        Some(digest)
    }
}

/// HMAC-SHA-256 under one key, of messages of at most 55 bytes.
#[derive(Clone, Copy)]
pub(crate) struct ShortHmac {
    inner: State,
    outer: State,
}

impl ShortHmac {
    /// Under a key of at most a block; none for a longer one.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        let padded = |with: u8| {
            let mut block = [with; BLOCK];
            let place = block.get_mut(..key.len())?;
            place.iter_mut().zip(key).for_each(|(place, byte)| *place ^= byte);
            Some(State::START.then(&block))
        };
        Some(Self { inner: padded(0x36)?, outer: padded(0x5c)? })
    }

    /// None for a longer message.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<[u8; 32]> {
        self.outer.finish(1, &self.inner.finish(1, message)?)
    }
}

const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use ring::{digest, hmac};

    #[test]
    fn digests_are_those_of_ring() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..=64 {
            let message = &bytes[..length];
            let found = State::START.finish(0, message);
            let expected = digest::digest(&digest::SHA256, message);
            let expected = (length <= 55).then(|| <[u8; 32]>::try_from(expected.as_ref()).unwrap());
            assert_eq!(found, expected, "{length}");
            for key in [&bytes[..0], &bytes[7..39], &bytes[1..65]] {
                let found = ShortHmac::new(key).unwrap().sign(message);
                let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
                let expected =
                    (length <= 55).then(|| <[u8; 32]>::try_from(expected.as_ref()).unwrap());
                assert_eq!(found, expected, "{length}");
            }
        }
        assert!(ShortHmac::new(&bytes[..65]).is_none());
    }
}
