//! The files of a party's keys.

use super::{
    IdentityError, check_words,
    names::{delegation_file, key_file},
    random,
};
use crate::{clock, files};
use protocol::{
    delegation::{Delegate, Delegation, KeyKind},
    sign::{PublicKey, SigningKey},
    time::Time,
};
use std::{io, path::Path};
use zeroize::Zeroizing;

/// The seed in a private file of 32 bytes, if there is one.
pub(super) fn secret(
    directory: &Path,
    file: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
    match secret_bytes(directory, file)? {
        Some(bytes) if bytes.len() != 32 => {
            Err(IdentityError::NoKey { path: directory.join(file) })
        }
        found => Ok(found),
    }
}

/// What is in a private file, if there is one.
pub(super) fn secret_bytes(
    directory: &Path,
    file: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
    let path = directory.join(file);
    match files::read_private(&path) {
        Ok(Ok(bytes)) => Ok(Some(bytes)),
        Ok(Err(mode)) => Err(IdentityError::Exposed { path, mode }),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(IdentityError::Io { path, cause }),
    }
}

/// Whether `directory` has a key of a party.
pub(crate) fn is_party(directory: &Path) -> io::Result<bool> {
    let files = [ROOT.to_owned(), key_file(KeyKind::Service), key_file(KeyKind::Analyst)];
    for file in files {
        if directory.join(file).try_exists()? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The key of this kind with its delegation, if there is one.
pub(super) fn delegate(directory: &Path, kind: KeyKind) -> Result<Option<Delegate>, IdentityError> {
    let Some(seed) = secret(directory, &key_file(kind))? else { return Ok(None) };
    let no_key = |_| IdentityError::NoKey { path: directory.join(key_file(kind)) };
    let key = SigningKey::from_seed(&seed).map_err(no_key)?;
    let path = directory.join(delegation_file(kind));
    let bytes = match files::read_at_most(&path, MOST_DELEGATION) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(IdentityError::Missing { path });
        }
        Err(cause) => return Err(IdentityError::Io { path, cause }),
    };
    match Delegate::new(key, bytes) {
        Ok(delegate) if delegate.delegation().kind == kind => Ok(Some(delegate)),
        _ => Err(IdentityError::NoDelegation { path, kind }),
    }
}

pub(super) fn new_key() -> Result<(SigningKey, Zeroizing<Vec<u8>>), IdentityError> {
    let seed = Zeroizing::new(random::<32>()?.to_vec());
    let key = SigningKey::from_seed(&seed).map_err(|_| IdentityError::Randomness)?;
    Ok((key, seed))
}

/// Makes a key of this kind in `directory`, which nobody has delegated yet.
///
/// # Errors
///
/// [`IdentityError::Exists`] rather than overwrite one.
pub fn make_key(directory: &Path, kind: KeyKind) -> Result<PublicKey, IdentityError> {
    let io = |cause| IdentityError::Io { path: directory.to_owned(), cause };
    files::create_folder(directory).map_err(io)?;
    let (key, seed) = new_key()?;
    create(directory, &key_file(kind), &seed)?;
    Ok(key.public())
}

pub(super) fn create(directory: &Path, file: &str, bytes: &[u8]) -> Result<(), IdentityError> {
    let path = directory.join(file);
    files::create_private(&path, bytes).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => IdentityError::Exists { path },
        _ => IdentityError::Io { path, cause },
    })
}

/// The keys in `directory` that have no delegation beside them, as [`make_key`] leaves them.
///
/// # Errors
///
/// [`IdentityError`] for a key that cannot be read.
pub fn undelegated(directory: &Path) -> Result<Vec<(KeyKind, PublicKey)>, IdentityError> {
    let mut found = Vec::new();
    for kind in [KeyKind::Service, KeyKind::Analyst] {
        let delegation = directory.join(delegation_file(kind));
        let io = |cause| IdentityError::Io { path: delegation.clone(), cause };
        if secret(directory, &key_file(kind))?.is_some() && !delegation.try_exists().map_err(io)? {
            found.push((kind, public_key(directory, kind)?));
        }
    }
    Ok(found)
}

/// The public half of the key of this kind in `directory`, delegated or not.
///
/// # Errors
///
/// [`IdentityError::Missing`] if there is none.
pub fn public_key(directory: &Path, kind: KeyKind) -> Result<PublicKey, IdentityError> {
    let path = directory.join(key_file(kind));
    let missing = || IdentityError::Missing { path: path.clone() };
    let seed = secret(directory, &key_file(kind))?.ok_or_else(missing)?;
    let key =
        SigningKey::from_seed(&seed).map_err(|_| IdentityError::NoKey { path: path.clone() })?;
    Ok(key.public())
}

/// A delegation that holds from now on for some days.
///
/// # Errors
///
/// [`IdentityError::BadWords`] for a name that nobody would read.
pub fn delegation_from_now(
    kind: KeyKind,
    name: &str,
    key: PublicKey,
    days: u64,
) -> Result<Delegation, IdentityError> {
    check_words(name, None)?;
    let [from, until] = from_now(days);
    Ok(Delegation { kind, name: name.to_owned(), key, from, until })
}

/// From a little before now, since other clocks may be late.
pub(super) fn from_now(days: u64) -> [Time; 2] {
    let now = clock::now();
    [Time(now.0.saturating_sub(EARLY_MS)), now.plus_seconds(days.saturating_mul(86_400))]
}

/// Puts a withdrawn key and its delegation aside, so that another one can be made: `service.key.withdrawn`, then
/// `service.key.withdrawn-2` and so on.
///
/// # Errors
///
/// [`IdentityError::Io`].
pub fn set_aside(directory: &Path, kind: KeyKind) -> Result<(), IdentityError> {
    let files = [key_file(kind), delegation_file(kind)];
    let aside = |file: &str, number: u64| {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        directory.join(format!("{file}.withdrawn{number}"))
    };
    let is_taken = |number: u64| -> Result<bool, IdentityError> {
        for file in &files {
            let path = aside(file, number);
            if path.try_exists().map_err(|cause| IdentityError::Io { path, cause })? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let mut number = 1;
    while is_taken(number)? {
        number += 1;
    }
    for file in &files {
        let path = directory.join(file);
        match std::fs::rename(&path, aside(file, number)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(IdentityError::Io { path, cause });
            }
            _ => {}
        }
    }
    Ok(())
}

/// File with the root key: a seed of 32 bytes, or what a passphrase protects.
pub const ROOT: &str = "root.key";
/// File with the 32-byte seed of the recipient key.
pub const RECIPIENT: &str = "recipient.key";
/// File with the public halves.
pub const PARTY: &str = "party.toml";
const EARLY_MS: u64 = 5 * 60 * 1000;
const MOST_DELEGATION: u64 = 4096;
