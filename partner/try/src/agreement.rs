//! What there is before a room: a contract that is signed, its parties, and what they have sealed.

use crate::{RehearsalError, SealedDataset, host::SealedFile, made_up::made_up, paper};
use client::{
    grant::{GrantError, own_manifest},
    keys::Identity,
    opt_outs::{self, OptOutsError},
};
use nsm::measure;
use protocol::{
    contract::{Contract, Dataset},
    key::DataKey,
    manifest::SignedManifest,
    opt_outs::OptOuts,
};
use sealing::{Options, Version};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::File,
    path::Path,
};

/// A contract with throw-away keys and a throw-away build, which all of its parties have signed. Any number of rooms
/// can be opened of it, and what was sealed for one can be granted to each.
#[non_exhaustive]
pub struct Agreement {
    /// The contract as it is used.
    pub contract: Contract,
    /// The keys of every party.
    pub parties: BTreeMap<String, Identity>,
    pub(crate) signed: Vec<u8>,
    /// The folder of the keys.
    folder: tempfile::TempDir,
}

/// A sealed table of the owner of a dataset.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sealed {
    /// How the sealing went.
    pub dataset: SealedDataset,
    pub(crate) manifest: SignedManifest,
    pub(crate) keys: BTreeMap<String, DataKey>,
    pub(crate) file: SealedFile,
}

impl fmt::Debug for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agreement").field("contract", &self.contract.name).finish_non_exhaustive()
    }
}

impl Agreement {
    /// Makes keys for every party of the contract in `text`, and has all of them sign it. Its own keys and builds are
    /// replaced; everything else holds.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`] if it is no contract.
    pub fn new(text: &str) -> Result<Self, RehearsalError> {
        let folder = tempfile::tempdir()?;
        let parties = paper::parties(text, folder.path())?;
        let (contract, signed) = paper::contract(text, &parties, &measure(BUILD), false)?;
        Ok(Self { contract, parties, signed, folder })
    }

    /// Seals the table in `input` as version 1 of the dataset `name`, in memory.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub fn seal(
        &self,
        name: &str,
        input: &Path,
        options: &Options,
    ) -> Result<Sealed, RehearsalError> {
        self.sealed(name, |version| {
            let sealing::InMemory { count, padded, manifest, file, keys, .. } =
                sealing::in_memory(input, version, options, &mut |_, _| {})?;
            let dataset = SealedDataset { name: name.to_owned(), count, padded };
            Ok(Sealed { dataset, manifest, keys, file: SealedFile::InMemory(file) })
        })
    }

    /// Seals made-up rows as version 1 of the dataset `name`.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub fn seal_made_up(&self, name: &str) -> Result<Sealed, RehearsalError> {
        let (dataset, _) = self.owned(name)?;
        let table = self.folder.path().join("made-up.csv");
        std::fs::write(&table, made_up(dataset))?;
        self.seal(name, &table, &Options::default())
    }

    /// Seals the table in `input` as [`seal`](Self::seal) does, into three files whose names begin with `output`; rooms
    /// read the sealed one from there.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub fn seal_to_disk(
        &self,
        name: &str,
        input: &Path,
        output: &Path,
        options: &Options,
    ) -> Result<Sealed, RehearsalError> {
        self.sealed(name, |version| {
            let sealing::Sealed { count, padded, manifest, files, .. } =
                sealing::seal(input, version, output, options, &mut |_, _| {})?;
            let keys = sealing::read_keys(&files.keys)?;
            let file = File::open(&files.sealed)?;
            let dataset = SealedDataset { name: name.to_owned(), count, padded };
            Ok(Sealed { dataset, manifest, keys, file: SealedFile::on_disk(file) })
        })
    }

    fn sealed(
        &self,
        name: &str,
        seal: impl FnOnce(&Version<'_>) -> Result<Sealed, RehearsalError>,
    ) -> Result<Sealed, RehearsalError> {
        let (dataset, owner) = self.owned(name)?;
        let contract = &self.contract;
        let salt = client::salts::named_by(owner.directory(), contract)?;
        let key = owner.service()?;
        let version = Version { contract, dataset: name, owner: key, salt: &salt, number: 1 };
        let mut sealed = seal(&version)?;
        if dataset.opt_outs_within_days.is_some() {
            opt_nobody_out(owner, &dataset.lineage)?;
            let bytes = sealed.manifest.as_bytes().to_vec();
            sealed.manifest = own_manifest(bytes, contract, name, owner, None)?;
        }
        Ok(sealed)
    }

    /// The keys of the party `name`.
    pub(crate) fn party(&self, name: &str) -> Result<&Identity, RehearsalError> {
        self.parties.get(name).ok_or_else(|| RehearsalError::Stranger {
            party: name.to_owned(),
            known: self.parties.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// The dataset `name`, and the keys of its owner.
    pub(crate) fn owned(&self, name: &str) -> Result<(&Dataset, &Identity), RehearsalError> {
        let dataset = self.contract.datasets.get(name);
        let owner = dataset.and_then(|dataset| self.parties.get(&dataset.owner));
        let strange = || RehearsalError::StrangeFile {
            dataset: name.to_owned(),
            known: self.contract.datasets.keys().cloned().collect::<Vec<_>>().join(", "),
        };
        dataset.zip(owner).ok_or_else(strange)
    }
}

/// Makes a list of opt-outs with nobody on it, if there is none: the contract wants a list of these days.
fn opt_nobody_out(owner: &Identity, lineage: &str) -> Result<(), GrantError> {
    let (directory, root) = (owner.directory(), owner.root_key());
    if opt_outs::newest(directory, &root, lineage)?.is_some() {
        return Ok(());
    }
    let (number, nonce) = (client::clock::now().0 / 1000, client::keys::random()?);
    let list = OptOuts::new(lineage, number, nonce, &BTreeSet::new());
    let list = list.map_err(|cause| OptOutsError::Unusable { path: directory.into(), cause })?;
    opt_outs::keep(directory, &root, lineage, &owner.root()?.sign(&list))?;
    Ok(())
}

/// Reads a contract that has no keys yet, such as a worked sample, as a rehearsal reads it: with throw-away keys, salt
/// and build. `None` for one that has its own, which is read as it is.
///
/// # Errors
///
/// [`RehearsalError`] if nothing but keys makes it a contract.
pub fn with_throw_away_keys(contract: &str) -> Result<Option<Contract>, RehearsalError> {
    if !paper::lacks_keys(contract) {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let parties = paper::parties(contract, folder.path())?;
    let (contract, _) = paper::contract(contract, &parties, &measure(BUILD), true)?;
    Ok(Some(contract))
}

/// What the build of a rehearsal is measured from.
pub(crate) const BUILD: &[u8] = b"glovebox try";
