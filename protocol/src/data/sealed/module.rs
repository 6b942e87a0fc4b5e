//! The encrypted modules of a sealed file: `length ‖ nonce ‖ ciphertext ‖ tag`, AES-256-GCM.
//!
//! Source: Parquet modular encryption, section 5,
//! <https://github.com/apache/parquet-format/blob/master/Encryption.md>.

use crate::key::DataKey;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Opens modules of one file under one key.
pub(super) struct Opener {
    key: LessSafeKey,
    aad: Vec<u8>,
}

/// Which module it is; goes into the AAD, so that none can stand for another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Footer,
    ColumnMetadata { group: i16, column: i16 },
    PageHeader { group: i16, column: i16, page: i16 },
    Page { group: i16, column: i16, page: i16 },
}

impl Opener {
    /// `file_aad` is the AAD prefix followed by the file's own random bytes; none if the key
    /// cannot be used.
    pub(super) fn new(key: &DataKey, file_aad: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).ok()?;
        Some(Self { key: LessSafeKey::new(key), aad: file_aad.to_vec() })
    }

    /// Decrypts `module` (without its length) into `buffer`; none unless it was sealed for `place`.
    pub(super) fn open<'b>(
        &self,
        module: &[u8],
        place: Place,
        buffer: &'b mut Vec<u8>,
    ) -> Option<&'b [u8]> {
        let (nonce, sealed) = module.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let aad = place.aad(&self.aad);
        buffer.clear();
        buffer.extend_from_slice(sealed);
        self.key.open_in_place(nonce, Aad::from(aad), buffer).ok().map(|plain| &*plain)
    }
}

impl Place {
    fn aad(self, file_aad: &[u8]) -> Vec<u8> {
        let (kind, ordinals) = match self {
            Self::Footer => (0, vec![]),
            Self::ColumnMetadata { group, column } => (1, vec![group, column]),
            Self::Page { group, column, page } => (2, vec![group, column, page]),
            Self::PageHeader { group, column, page } => (4, vec![group, column, page]),
        };
        let mut aad = file_aad.to_vec();
        aad.push(kind);
        aad.extend(ordinals.into_iter().flat_map(i16::to_le_bytes));
        aad
    }
}

/// Splits the first module, without its length, off `bytes`.
pub(super) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_LEN>()?;
    rest.split_at_checked(u32::from_le_bytes(*length).try_into().ok()?)
}

/// Bytes of a module's length.
pub(super) const LENGTH_LEN: usize = 4;
const NONCE_LEN: usize = 12;
