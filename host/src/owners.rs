//! Whose a stored file is, so that its owner alone has it deleted.
//!
//! The first party of the contract whose signed manifest names a stored file owns it. Until the file is here, its root is known
//! to nobody but who sealed it, and who uploads it says so at once.

use crate::{
    clock::now,
    durable::{self, Put},
    store::{Store, blocking},
};
use protocol::{
    contract::Contract, delegation::Authority, deletion::Deletion, limits, manifest::Manifest,
    merkle::Root,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// The owners of stored files, and the contract whose parties may be some.
#[derive(Debug)]
pub(crate) struct Owners {
    records: PathBuf,
    scratch: PathBuf,
    store: Arc<Store>,
    contract: RwLock<Option<Arc<Contract>>>,
}

/// Why something is not done for somebody who says to be the owner.
///
/// Remedy: sign with a service key of the party that uploaded the file first, by a right clock; a file that nobody has spoken for gets
/// its owner when it is uploaded again (`glovebox upload`).
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnerError {
    /// The contract that the host serves cannot be read.
    #[error("the contract of this host cannot be read, so it knows no owner")]
    NoContract,
    /// No service key of a party signed it.
    #[error("expected what a service key of a party of this host's contract signed")]
    NotSigned,
    /// It was signed for something else.
    #[error("it was signed for another file, another contract or another time")]
    NotThis,
    /// There is no such file.
    #[error("no such file is stored here")]
    NotFound,
    /// The owner is somebody else.
    #[error("another party owns it, or nobody has said whose it is")]
    NotTheirs,
    /// The disk failed.
    #[error("the host could not read or write its store")]
    Io(#[from] io::Error),
}

impl Owners {
    /// The owners that are written down in `dir`.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn open(dir: &Path, store: Arc<Store>) -> io::Result<Self> {
        let (records, scratch) = (dir.join("owners"), dir.join("tmp"));
        fs::create_dir_all(&records)?;
        Ok(Self { records, scratch, store, contract: RwLock::new(None) })
    }

    /// Sets whose word counts from here on: that of the contract's parties.
    pub(crate) fn of(&self, contract: Contract) {
        *self.contract.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(contract));
    }

    fn contract(&self) -> Result<Arc<Contract>, OwnerError> {
        let contract = self.contract.read().unwrap_or_else(PoisonError::into_inner).clone();
        contract.ok_or(OwnerError::NoContract)
    }

    /// Writes down that the party whose signed manifest names the stored file `root` owns it.
    ///
    /// # Errors
    ///
    /// [`OwnerError`]; of a file that somebody owns, only its owner's manifest is taken.
    pub(crate) async fn claim(&self, root: Root, signed: &[u8]) -> Result<(), OwnerError> {
        let contract = self.contract()?;
        let (manifest, by) = Authority::at(&contract, now())
            .open::<Manifest>(signed)
            .map_err(|_| OwnerError::NotSigned)?;
        if manifest.root != root {
            return Err(OwnerError::NotThis);
        }
        let owner = owner(&contract, by.party())?;
        if self.store.size(&crate::store::dataset(&root)).await?.is_none() {
            return Err(OwnerError::NotFound);
        }
        let (records, scratch) = (self.records.clone(), self.scratch.clone());
        // What is written down never changes: of two that claim a file, the first has it.
        let put =
            blocking(move || durable::put(&records, &scratch, &root.to_string(), owner.as_bytes()));
        match put.await? {
            Put::Stored => Ok(()),
            Put::Conflict => Err(OwnerError::NotTheirs),
        }
    }

    /// Deletes the file that `signed` names, if its owner signed that.
    ///
    /// # Errors
    ///
    /// [`OwnerError`]; then the file is as it was.
    pub(crate) async fn delete(&self, root: Root, signed: &[u8]) -> Result<(), OwnerError> {
        let (contract, now) = (self.contract()?, now());
        let (deletion, by) = Authority::at(&contract, now)
            .open::<Deletion>(signed)
            .map_err(|_| OwnerError::NotSigned)?;
        let is_now = deletion.time.0.abs_diff(now.0) <= limits::DELETION_MS;
        if (deletion.contract, deletion.root) != (contract.digest, root) || !is_now {
            return Err(OwnerError::NotThis);
        }
        let (owner, record) = (owner(&contract, by.party())?, self.records.join(root.to_string()));
        let party = by.party().to_owned();
        let store = Arc::clone(&self.store);
        blocking(move || {
            match fs::read_to_string(&record) {
                Ok(found) if found == owner => {}
                Ok(_) => return Err(OwnerError::NotTheirs),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                    return Err(OwnerError::NotTheirs);
                }
                Err(cause) => return Err(cause.into()),
            }
            // Last the record: if this breaks off, the owner may say it again.
            store.delete(&root)?;
            durable::remove_if_there(&record)?;
            durable::sync_parent(&record)?;
            tracing::info!(%root, party, "deleted a dataset, as its owner said");
            Ok(())
        })
        .await
    }
}

/// What is written down of an owner: its root key, which stays when contracts change.
fn owner(contract: &Contract, party: &str) -> Result<String, OwnerError> {
    let party = contract.parties.get(party).ok_or(OwnerError::NotSigned)?;
    Ok(party.root_key.to_string())
}
