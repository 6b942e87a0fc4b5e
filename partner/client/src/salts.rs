//! The bucket salts that a party has: one private file for each contract that it signed.

use crate::{
    files,
    keys::{self, IdentityError},
};
use protocol::{contract::Contract, digest::Digest, salt::BucketSalt};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// A new bucket salt.
///
/// # Errors
///
/// [`IdentityError::Randomness`] if the operating system has none to give.
pub fn fresh() -> Result<BucketSalt, IdentityError> {
    Ok(BucketSalt::take(&mut keys::random()?))
}

/// The salt of the contract with this digest, if the party in `directory` has it.
///
/// # Errors
///
/// [`SaltError`] if the file cannot be read or is not what it should be.
pub fn of(directory: &Path, contract: &Digest) -> Result<Option<BucketSalt>, SaltError> {
    let path = path(directory, contract);
    match files::read_private(&path) {
        Ok(Ok(bytes)) => {
            BucketSalt::from_slice(&bytes).map(Some).ok_or(SaltError::Malformed { path })
        }
        Ok(Err(mode)) => Err(SaltError::Exposed { path, mode }),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(SaltError::Io { path, cause }),
    }
}

/// The salt that `contract` names, which grants hand to an instance.
///
/// # Errors
///
/// [`SaltError::Missing`] if the party does not have it, [`SaltError::Other`] if it has another one.
pub fn named_by(directory: &Path, contract: &Contract) -> Result<BucketSalt, SaltError> {
    let path = path(directory, &contract.digest);
    match of(directory, &contract.digest)? {
        Some(salt) if salt.digest() == contract.bucket_salt => Ok(salt),
        Some(_) => Err(SaltError::Other { path }),
        None => Err(SaltError::Missing { path }),
    }
}

/// Looks for a salt with this digest, whatever contract the party has it for.
///
/// # Errors
///
/// [`SaltError`] if a file cannot be read.
pub fn find(directory: &Path, digest: &Digest) -> Result<Option<BucketSalt>, SaltError> {
    let folder = directory.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(SaltError::Io { path: folder, cause }),
    };
    for entry in entries {
        let name =
            entry.map_err(|cause| SaltError::Io { path: folder.clone(), cause })?.file_name();
        let contract = name.to_str().and_then(|name| name.strip_suffix(".salt"));
        let Some(Ok(contract)) = contract.map(str::parse) else { continue };
        if let Some(salt) = of(directory, &contract)?.filter(|salt| salt.digest() == *digest) {
            return Ok(Some(salt));
        }
    }
    Ok(None)
}

/// Keeps the salt of `contract`. A salt that is already kept stays.
///
/// # Errors
///
/// [`SaltError::Other`] if it is not the one that the contract names, or another one is kept.
pub fn keep(directory: &Path, contract: &Contract, salt: &BucketSalt) -> Result<(), SaltError> {
    let path = path(directory, &contract.digest);
    if salt.digest() != contract.bucket_salt {
        return Err(SaltError::Other { path });
    }
    if of(directory, &contract.digest)?.is_some() {
        return named_by(directory, contract).map(drop);
    }
    let bytes = Zeroizing::new(salt.expose().to_vec());
    files::create_folder(&directory.join(FOLDER))
        .and_then(|()| files::create_private(&path, &bytes))
        .map_err(|cause| SaltError::Io { path, cause })
}

fn path(directory: &Path, contract: &Digest) -> PathBuf {
    directory.join(FOLDER).join(format!("{contract}.salt"))
}

/// Why a bucket salt cannot be used.
///
/// Remedy: take the .salts file that came with this contract and sign again, so that the salt is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaltError {
    /// The party never kept a salt for this contract.
    #[error(
        "there is no bucket salt of this contract ({path}): `glovebox contract sign` keeps it, from the file \
         .salts that came with the contract"
    )]
    Missing {
        /// The file in which it would be.
        path: PathBuf,
    },
    /// The salt is not the contract's.
    #[error("{path} is not the bucket salt that the contract names: its digest is another one")]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// The file does not have 32 bytes.
    #[error("{path} is not a bucket salt: expected 32 bytes")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Others may read the file.
    #[error("{path} can be read by others (mode {mode:o}), expected 600: run `chmod 600` on it")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file cannot be read or written.
    #[error("reading or writing {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        cause: io::Error,
    },
}

/// The folder of salts in a party's folder.
pub const FOLDER: &str = "salts";
