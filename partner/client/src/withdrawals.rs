//! The keys that parties withdrew, as far as this party was told: one file for each, signed by a root key.

use crate::files;
use protocol::{
    contract::Contract,
    delegation::{KeyError, Withdrawal, Withdrawn},
    limits,
    sign::{self, Envelope, PublicKey, SignatureError},
};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Every withdrawal that is kept in the party's `directory`, as it was signed.
///
/// # Errors
///
/// [`WithdrawalError::Io`].
pub fn all(directory: &Path) -> Result<Vec<Vec<u8>>, WithdrawalError> {
    let folder = directory.join(FOLDER);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |cause| WithdrawalError::Io { path, cause }
    };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(io(&folder)(cause)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(io(&folder))?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: &PathBuf| files::read_at_most(path, MOST).map_err(io(path));
    paths.iter().map(read).collect()
}

/// The keys that parties of `contract` withdrew. What parties of other contracts withdrew is left out.
///
/// # Errors
///
/// [`WithdrawalError`]: if it is not known which, nothing is signed or handed out.
pub fn under(directory: &Path, contract: &Contract) -> Result<Withdrawn, WithdrawalError> {
    let mut withdrawn = Withdrawn::default();
    for bytes in all(directory)? {
        match withdrawn.take(contract, &bytes) {
            Ok(_) | Err(KeyError::Stranger) => {}
            Err(cause) => return Err(WithdrawalError::Unreadable { cause }),
        }
    }
    Ok(withdrawn)
}

/// Those of [`all`] that a party of `contract` signed: what is of the business of who serves this contract.
///
/// # Errors
///
/// [`WithdrawalError::Io`].
pub fn of_parties(directory: &Path, contract: &Contract) -> Result<Vec<Vec<u8>>, WithdrawalError> {
    let mut found = all(directory)?;
    found.retain(|bytes| {
        let root = Envelope::parse(bytes).map(|envelope| envelope.claimed_signer());
        root.is_ok_and(|root| contract.party_of(&root).is_some())
    });
    Ok(found)
}

/// Whether it is kept in `directory` that the root key `root` withdrew `key`.
///
/// # Errors
///
/// [`WithdrawalError::Io`].
pub fn has(directory: &Path, root: &PublicKey, key: &PublicKey) -> Result<bool, WithdrawalError> {
    let of = |bytes: &Vec<u8>| sign::open::<Withdrawal>(bytes, root).ok();
    Ok(all(directory)?.iter().filter_map(of).any(|withdrawal| withdrawal.key == *key))
}

/// Whether another withdrawal by the root key `root`, of `key`, may be kept in `directory`. Of one party no more are kept
/// anywhere than [`limits::WITHDRAWALS`], and a folder with more of them could not be used.
///
/// None is ever forgotten: a withdrawal does not say when the delegation of its key ends, and there may be several.
///
/// # Errors
///
/// [`WithdrawalError::Full`] that says what to do, or [`WithdrawalError::Io`].
pub fn has_room(
    directory: &Path,
    root: &PublicKey,
    key: &PublicKey,
) -> Result<(), WithdrawalError> {
    let of = |bytes: &Vec<u8>| sign::open::<Withdrawal>(bytes, root).ok();
    let all = all(directory)?;
    let known: BTreeSet<PublicKey> =
        all.iter().filter_map(of).map(|withdrawal| withdrawal.key).collect();
    if known.len() < limits::WITHDRAWALS || known.contains(key) {
        return Ok(());
    }
    Err(WithdrawalError::Full { folder: directory.join(FOLDER) })
}

/// Keeps a withdrawal, whoever's root key signed it; says where. Kept twice it is kept once.
///
/// # Errors
///
/// [`WithdrawalError`] if it is not one, or cannot be kept.
pub fn keep(directory: &Path, bytes: &[u8]) -> Result<PathBuf, WithdrawalError> {
    let envelope = Envelope::parse(bytes).map_err(WithdrawalError::Signature)?;
    let withdrawal: Withdrawal =
        envelope.verify(&envelope.claimed_signer()).map_err(WithdrawalError::Signature)?;
    // All of both keys: nobody makes another withdrawal that would take its place.
    has_room(directory, &envelope.claimed_signer(), &withdrawal.key)?;
    let root = hex::encode(envelope.claimed_signer().as_bytes());
    let name = format!("{root}-{}", hex::encode(withdrawal.key.as_bytes()));
    let folder = directory.join(FOLDER);
    let path = folder.join(name).with_extension(EXTENSION);
    files::create_folder(&folder)
        .and_then(|()| files::replace(&path, bytes))
        .map_err(|cause| WithdrawalError::Io { path: path.clone(), cause })?;
    Ok(path)
}

/// Why withdrawals are not read or kept.
///
/// Remedy: give the .withdrawal file as `glovebox keys withdraw` wrote it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WithdrawalError {
    /// No withdrawal.
    #[error("not a withdrawal of a key: {0}")]
    Signature(#[source] SignatureError),
    /// A file that says nothing that can be obeyed.
    #[error("a file among the withdrawals of keys cannot be obeyed: {cause}")]
    Unreadable {
        /// Why.
        cause: KeyError,
    },
    /// One party withdrew as many keys as are kept of one.
    #[error(
        "{folder} has {} withdrawals by this root key, and no instance or custody keeps more of one party: let the \
         delegation of the key end, or make a party with a new root key (`glovebox init` in another folder) and \
         name it in a contract that replaces this one",
        limits::WITHDRAWALS
    )]
    Full {
        /// The folder of withdrawals.
        folder: PathBuf,
    },
    /// Reading or writing.
    #[error("reading or writing {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// The folder of withdrawals in a party's folder.
pub const FOLDER: &str = "withdrawals";
/// How the name of such a file ends.
pub const EXTENSION: &str = "withdrawal";
const MOST: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::sign::SigningKey;
    use zeroize::Zeroizing;

    #[test]
    fn no_more_withdrawals_of_one_party_are_kept_than_can_be_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let root = |seed: u8| SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap();
        let key = |number: usize| {
            let seed = [u8::try_from(number % 256).unwrap(), u8::try_from(number / 256).unwrap()];
            SigningKey::from_seed(&Zeroizing::new(seed.repeat(16))).unwrap().public()
        };
        let withdraw = |seed: u8, number: usize| {
            let withdrawal = Withdrawal { key: key(number), name: "k".to_owned() };
            keep(dir.path(), &root(seed).sign(&withdrawal))
        };
        // `keep` looks at all of them each time; this test need not.
        let folder = dir.path().join(FOLDER);
        let first = withdraw(1, 0).unwrap();
        for number in 1..limits::WITHDRAWALS - 1 {
            let withdrawal = Withdrawal { key: key(number), name: "k".to_owned() };
            let path = folder.join(number.to_string()).with_extension(EXTENSION);
            fs::write(path, root(1).sign(&withdrawal)).unwrap();
        }
        withdraw(1, limits::WITHDRAWALS - 1).unwrap();
        let full = withdraw(1, limits::WITHDRAWALS).unwrap_err();
        assert!(matches!(full, WithdrawalError::Full { .. }), "{full}");
        assert_eq!(all(dir.path()).unwrap().len(), limits::WITHDRAWALS);
        // One that is kept may come again, and another party has room of its own.
        assert_eq!(withdraw(1, 0).unwrap(), first);
        withdraw(2, limits::WITHDRAWALS).unwrap();
        let known = root(1).public();
        has_room(dir.path(), &known, &key(7)).unwrap();
        has_room(dir.path(), &known, &key(1000)).unwrap_err();
    }
}
