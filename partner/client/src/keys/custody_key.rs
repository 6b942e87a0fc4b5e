//! The key that a custody's TLS proves. It signs nothing else: who has it can answer in the custody's place and read what
//! is asked, and no more.

use super::{
    IdentityError,
    folder::{create, new_key, secret},
};
use crate::files;
use protocol::sign::{PublicKey, SigningKey};
use std::{fmt, path::Path};
use zeroize::Zeroizing;

/// File with the 32-byte seed of the key of a custody's TLS.
pub const CUSTODY: &str = "custody.key";

/// The key of a custody's TLS. Prints nothing but its public half.
pub struct CustodyKey {
    seed: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

impl fmt::Debug for CustodyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustodyKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl CustodyKey {
    /// Reads the key of a folder, if it has one.
    ///
    /// # Errors
    ///
    /// [`IdentityError`], also where others than the owner may read it.
    pub fn read(directory: &Path) -> Result<Option<Self>, IdentityError> {
        let Some(seed) = secret(directory, CUSTODY)? else { return Ok(None) };
        let no_key = |_| IdentityError::NoKey { path: directory.join(CUSTODY) };
        let public = SigningKey::from_seed(&seed).map_err(no_key)?.public();
        Ok(Some(Self { seed, public }))
    }

    /// Reads the key of a folder, or makes one there.
    ///
    /// # Errors
    ///
    /// [`IdentityError`].
    pub fn read_or_make(directory: &Path) -> Result<Self, IdentityError> {
        if let Some(kept) = Self::read(directory)? {
            return Ok(kept);
        }
        let io = |cause| IdentityError::Io { path: directory.to_owned(), cause };
        files::create_folder(directory).map_err(io)?;
        let (key, seed) = new_key()?;
        create(directory, CUSTODY, &seed)?;
        Ok(Self { seed, public: key.public() })
    }

    /// The public half, which the contract pins.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The key in PKCS#8 (RFC 8410), as TLS takes it.
    #[must_use]
    pub fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([PKCS8, self.seed.as_slice()].concat())
    }
}

/// What stands before the 32 bytes of the seed.
const PKCS8: &[u8] = &[
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
