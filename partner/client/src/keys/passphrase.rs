//! A passphrase, and the key that is derived from one: slowly, and in much memory.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::fmt;
use zeroize::Zeroizing;

/// What protects the file of a root key. Prints nothing, and is wiped when dropped.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// The fewest characters of one that is set.
    pub const LEAST: usize = 12;
    /// The most bytes.
    pub const MOST: usize = 1024;

    /// Takes a passphrase as somebody gave it.
    ///
    /// # Errors
    ///
    /// [`PassphraseLength`] if it is empty or too long.
    pub fn new(text: Zeroizing<String>) -> Result<Self, PassphraseLength> {
        match text.len() {
            1..=Self::MOST => Ok(Self(text)),
            _ => Err(PassphraseLength),
        }
    }

    /// The same for one that is set: somebody who has the file can try many short ones.
    ///
    /// # Errors
    ///
    /// [`PassphraseLength`] unless it has [`Self::LEAST`] characters or more.
    pub fn to_set(text: Zeroizing<String>) -> Result<Self, PassphraseLength> {
        if text.chars().count() < Self::LEAST {
            return Err(PassphraseLength);
        }
        Self::new(text)
    }

    /// Whether both are the same, typed twice.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }

    /// The key that this and `salt` give at `cost`.
    pub(super) fn key(&self, salt: &[u8], cost: Cost) -> Option<Zeroizing<[u8; 32]>> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).ok()?;
        let mut memory = Zeroizing::new(Vec::new());
        memory.try_reserve_exact(params.block_count()).ok()?;
        memory.resize(params.block_count(), Block::default());
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                self.0.as_bytes(),
                salt,
                &mut *key,
                memory.as_mut_slice(),
            )
            .ok()?;
        Some(key)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// A passphrase that is too short or too long.
///
/// Remedy: choose a passphrase of a length within the range.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a passphrase that is set has at least {} characters, and none has more than {} bytes",
    Passphrase::LEAST,
    Passphrase::MOST
)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct PassphraseLength;

/// What one try of a passphrase costs: Argon2id (RFC 9106) in one lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
}

impl Cost {
    /// About half a second of one core, and twice the memory of the second choice of RFC 9106 (section 4).
    pub(super) const OURS: Self = Self { memory_kib: 128 << 10, passes: 3 };
    /// The least that there is. Who writes a cheaper file does not know the passphrase, and learns nothing.
    pub(super) const LEAST: Self = Self { memory_kib: 8, passes: 1 };
    /// The most that a file may ask for: half a minute, and a gigabyte.
    pub(super) const MOST: Self = Self { memory_kib: 1 << 20, passes: 16 };
}
