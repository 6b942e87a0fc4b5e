//! Secrets that unlock data.

use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key of one column (or of the footer) of one sealed file: 32 bytes for AES-256-GCM.
///
/// It cannot be printed or compared in variable time, and it is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; Self::LEN]);

impl DataKey {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Takes over `bytes` and wipes the caller's copy.
    pub fn take(bytes: &mut [u8; Self::LEN]) -> Self {
        let key = Self(*bytes);
        bytes.zeroize();
        key
    }

    /// The raw bytes, for the one call that feeds the cipher.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl Eq for DataKey {}

impl PartialEq for DataKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_a_key_wipes_the_source() {
        let mut bytes = [7; DataKey::LEN];
        let key = DataKey::take(&mut bytes);
        assert_eq!(bytes, [0; DataKey::LEN]);
        assert_eq!(key.expose(), &[7; DataKey::LEN]);
        assert_eq!(format!("{key:?}"), "DataKey(..)");
    }
}
