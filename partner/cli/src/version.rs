//! The files of one version of a dataset: what its owner signed about it, and its column keys.

use crate::{failure::Failure, files};
use client::{grant::own_manifest, keys::Identity};
use protocol::{
    contract::Contract,
    delegation::Delegated,
    key::DataKey,
    manifest::{Manifest, SignedManifest},
};
use sealing::{read_keys_of, sealed_file_of};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Where the files of a version are.
#[derive(Clone, Debug)]
pub(crate) struct VersionFiles {
    pub(crate) manifest: PathBuf,
    pub(crate) keys: PathBuf,
}

impl VersionFiles {
    /// `STEM.manifest` and `STEM.keys`.
    pub(crate) fn of(stem: &Path) -> Self {
        let [manifest, keys] = ["manifest", "keys"].map(|end| files::with_end(stem, end));
        Self { manifest, keys }
    }

    /// The manifest, as the owner of `dataset` may grant it: signed anew if need be ([`own_manifest`]).
    pub(crate) fn signed(
        &self,
        contract: &Contract,
        dataset: &str,
        identity: &Identity,
    ) -> Result<SignedManifest, Failure> {
        let manifest = files::read(&self.manifest)?;
        let sealed = sealed_file_of(&self.keys).map_err(Failure::unclear)?;
        Ok(own_manifest(manifest, contract, dataset, identity, sealed.as_deref())?)
    }

    /// The column keys of the sealed file that `manifest` is about.
    pub(crate) fn keys_of(
        &self,
        manifest: &SignedManifest,
    ) -> Result<BTreeMap<String, DataKey>, Failure> {
        read_keys_of(&manifest.manifest().root, &self.keys).map_err(Failure::unclear)
    }
}

/// What a manifest says, whoever signed it: only for telling which file is meant. The enclave checks whose word it is.
pub(crate) fn named_by(signed: &[u8], path: &Path) -> Result<Manifest, Failure> {
    let manifest = Delegated::parse(signed).and_then(|parts| parts.of_anybody::<Manifest>());
    manifest.map_err(|why| Failure::no(format!("{}: {why}", path.display())))
}
