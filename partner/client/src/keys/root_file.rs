//! The file of a root key: its seed as it is, or under a passphrase.

use super::{
    IdentityError, ROOT,
    folder::secret_bytes,
    passphrase::{Cost, Passphrase},
    random,
};
use crate::files;
use protocol::{
    canonical,
    limits::Size,
    sign::{PublicKey, SigningKey},
};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The root key of a party, as its file holds it.
#[derive(Debug)]
pub struct RootFile {
    path: PathBuf,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Plain(SigningKey),
    Protected(Protected),
}

impl RootFile {
    /// Reads the file in `directory`.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Missing`] where the key is kept elsewhere, and [`IdentityError`] for a file that others may
    /// read or that is no root key.
    pub fn read(directory: &Path) -> Result<Self, IdentityError> {
        let path = directory.join(ROOT);
        let Some(bytes) = secret_bytes(directory, ROOT)? else {
            return Err(IdentityError::Missing { path });
        };
        let content = if bytes.len() == SEED {
            let key = SigningKey::from_seed(&bytes);
            Content::Plain(key.map_err(|_| IdentityError::NoKey { path: path.clone() })?)
        } else {
            Content::Protected(Protected::parse(&bytes, &path)?)
        };
        Ok(Self { path, content })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The public half of the key. Of a file under a passphrase it is what the file says of itself, until the
    /// passphrase has opened it.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        match &self.content {
            Content::Plain(key) => key.public(),
            Content::Protected(protected) => protected.root_key,
        }
    }

    /// Whether a passphrase protects it.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        matches!(self.content, Content::Protected(_))
    }

    /// The key. A file without a passphrase needs none.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Protected`] without the passphrase of a file that has one, and [`IdentityError::Passphrase`] if it
    /// does not open the file.
    pub fn open(self, passphrase: Option<&Passphrase>) -> Result<SigningKey, IdentityError> {
        let path = self.path;
        match (self.content, passphrase) {
            (Content::Plain(key), _) => Ok(key),
            (Content::Protected(_), None) => Err(IdentityError::Protected { path }),
            (Content::Protected(protected), Some(passphrase)) => {
                let seed = protected.open(passphrase, &path)?;
                let key =
                    SigningKey::from_seed(&seed).map_err(|_| IdentityError::NoKey { path })?;
                Ok(key)
            }
        }
    }
}

/// Sets, changes or, without a new one, removes the passphrase of the root key in `directory`. The file is replaced as a
/// whole once what takes its place is written, and was opened and found to be the same key.
///
/// # Errors
///
/// As [`RootFile::read`] and [`RootFile::open`]; the file is then what it was.
pub fn protect(
    directory: &Path,
    old: Option<&Passphrase>,
    new: Option<&Passphrase>,
) -> Result<(), IdentityError> {
    protect_at(Cost::OURS, directory, old, new)
}

fn protect_at(
    cost: Cost,
    directory: &Path,
    old: Option<&Passphrase>,
    new: Option<&Passphrase>,
) -> Result<(), IdentityError> {
    let file = RootFile::read(directory)?;
    // Where a link leads, so that no copy is left behind it.
    let io = |cause| IdentityError::Io { path: file.path.clone(), cause };
    let path = fs::canonicalize(&file.path).map_err(io)?;
    let seed = match (&file.content, old) {
        (Content::Plain(_), _) => secret_bytes(directory, ROOT)?
            .filter(|bytes| bytes.len() == SEED)
            .ok_or_else(|| IdentityError::NoKey { path: file.path.clone() })?,
        (Content::Protected(_), None) => {
            return Err(IdentityError::Protected { path: file.path });
        }
        (Content::Protected(protected), Some(old)) => protected.open(old, &file.path)?,
    };
    let bytes = content_at(cost, &seed, new, &path)?;
    if let Some(new) = new {
        let again = Protected::parse(&bytes, &path)?.open(new, &path)?;
        if *again != *seed {
            return Err(IdentityError::NoKey { path });
        }
    }
    files::replace_private(&path, &bytes).map_err(|cause| IdentityError::Io { path, cause })
}

/// What a root key's file holds.
pub(super) fn content_of(
    seed: &Zeroizing<Vec<u8>>,
    passphrase: Option<&Passphrase>,
    path: &Path,
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    content_at(Cost::OURS, seed, passphrase, path)
}

fn content_at(
    cost: Cost,
    seed: &Zeroizing<Vec<u8>>,
    passphrase: Option<&Passphrase>,
    path: &Path,
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let Some(passphrase) = passphrase else { return Ok(seed.clone()) };
    let sealed = Protected::seal(seed, passphrase, random()?, cost, path)?;
    Ok(Zeroizing::new(canonical::to_vec(&sealed)))
}

/// A root key under a passphrase, as its file holds it (keys-v1, section 4).
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Protected {
    /// Always [`FORMAT`].
    format: String,
    /// The public half.
    root_key: PublicKey,
    /// What a try costs.
    memory_kib: u32,
    passes: u32,
    #[serde(with = "serde_bytes")]
    salt: [u8; SALT],
    /// The seed.
    #[serde(with = "serde_bytes")]
    sealed: Vec<u8>,
}

impl Protected {
    /// Reads a file, and computes nothing of it.
    fn parse(bytes: &[u8], path: &Path) -> Result<Self, IdentityError> {
        let strange = || IdentityError::NoKey { path: path.to_owned() };
        let found: Self = canonical::from_slice_within(bytes, SIZE).map_err(|_| strange())?;
        let (least, most) = (Cost::LEAST, Cost::MOST);
        if found.format != FORMAT
            || found.sealed.len() != SEED + AES_256_GCM.tag_len()
            || found.memory_kib < least.memory_kib
            || found.passes < least.passes
        {
            return Err(strange());
        }
        if found.memory_kib > most.memory_kib || found.passes > most.passes {
            let (memory_kib, passes) = (found.memory_kib, found.passes);
            return Err(IdentityError::Costly { path: path.to_owned(), memory_kib, passes });
        }
        Ok(found)
    }

    fn seal(
        seed: &Zeroizing<Vec<u8>>,
        passphrase: &Passphrase,
        salt: [u8; SALT],
        cost: Cost,
        path: &Path,
    ) -> Result<Self, IdentityError> {
        let key = SigningKey::from_seed(seed);
        let key = key.map_err(|_| IdentityError::NoKey { path: path.to_owned() })?;
        let mut made = Self {
            format: FORMAT.to_owned(),
            root_key: key.public(),
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            salt,
            sealed: Vec::with_capacity(SEED + AES_256_GCM.tag_len()),
        };
        let cipher = made.cipher(passphrase)?;
        made.sealed.extend_from_slice(seed);
        let mut sealed = std::mem::take(&mut made.sealed);
        cipher
            .seal_in_place_append_tag(nonce(), Aad::from(made.bound()), &mut sealed)
            .map_err(|_| IdentityError::NoKey { path: path.to_owned() })?;
        made.sealed = sealed;
        Ok(made)
    }

    /// The seed. Whether the passphrase is wrong or the file was changed, nobody can tell.
    fn open(
        &self,
        passphrase: &Passphrase,
        path: &Path,
    ) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        let cipher = self.cipher(passphrase)?;
        let mut bytes = Zeroizing::new(self.sealed.clone());
        let opened = cipher.open_in_place(nonce(), Aad::from(self.bound()), &mut bytes);
        let length = opened.map(|seed| seed.len());
        let wrong = || IdentityError::Passphrase { path: path.to_owned() };
        bytes.truncate(length.map_err(|_| wrong())?);
        let key = SigningKey::from_seed(&bytes).map_err(|_| wrong())?;
        if key.public() == self.root_key { Ok(bytes) } else { Err(wrong()) }
    }

    fn cipher(&self, passphrase: &Passphrase) -> Result<LessSafeKey, IdentityError> {
        let cost = Cost { memory_kib: self.memory_kib, passes: self.passes };
        let no_memory = || IdentityError::PassphraseMemory { memory_kib: cost.memory_kib };
        let key = passphrase.key(&self.salt, cost).ok_or_else(no_memory)?;
        let key = UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| no_memory())?;
        Ok(LessSafeKey::new(key))
    }

    /// Everything beside the sealed seed.
    fn bound(&self) -> Vec<u8> {
        let Self { format, root_key, memory_kib, passes, salt, .. } = self;
        canonical::to_vec(&(format, root_key, memory_kib, passes, serde_bytes::Bytes::new(salt)))
    }
}

/// Each file has a salt of its own, so that each key seals once.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

const FORMAT: &str = "glovebox root-key v1";
const SEED: usize = 32;
const SALT: usize = 16;
const SIZE: Size = Size { bytes: 512, items: 16 };

#[cfg(test)]
mod tests;
