//! What an owner says of one version of its dataset, and signs.

use crate::{
    canonical,
    contract::Dataset,
    delegation::{Authority, ByDelegate, Delegated, KeyError, KeyKind},
    digest::Digest,
    limits::{self, Size, at_most},
    merkle::Root,
    opt_outs::NamedOptOuts,
    sealed::{self, Declared, SealedColumn, Shape},
    sign::Signed,
    time::Time,
};
use serde::{Deserialize, Serialize};

/// One sealed file: the host stores it under its Merkle root and can only lose it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What custody's ledger is kept by.
    pub lineage: String,
    /// Grows with each version of the same lineage.
    pub version: u64,
    /// Merkle root over 64 KiB blocks of ciphertext.
    pub root: Root,
    /// Length of the file in bytes.
    pub size: u64,
    /// What the owner says of the size of its table, from which the size of the file follows.
    pub declared: Declared,
    /// Columns in the order of the file.
    #[serde(deserialize_with = "at_most::<{ limits::COLUMNS }, _, _>")]
    pub columns: Vec<SealedColumn>,
    /// The AAD prefix; empty for a file whose writer has none, such as pyarrow's key tools.
    #[serde(with = "serde_bytes")]
    pub aad_prefix: Vec<u8>,
    /// The list of opt-outs that is applied to the file, if its owner ever made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt_outs: Option<NamedOptOuts>,
}

impl Signed for Manifest {
    const TAG: &'static str = "glovebox manifest v2";
    const SIZE: Size = limits::MANIFEST;
}

impl ByDelegate for Manifest {
    const KINDS: &'static [KeyKind] = &[KeyKind::Service];
}

/// A manifest that its owner signed, with the bytes that were signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedManifest {
    bytes: Vec<u8>,
    manifest: Manifest,
    digest: Digest,
    until: Time,
}

impl SignedManifest {
    /// Parses `bytes`, which a service key of `owner` must have signed.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn open(bytes: Vec<u8>, authority: &Authority<'_>, owner: &str) -> Result<Self, KeyError> {
        let (manifest, signed_by) = authority.open_of::<Manifest>(&bytes, owner)?;
        let digest = manifest.digest();
        Ok(Self { bytes, manifest, digest, until: signed_by.until() })
    }

    /// What it says.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// When the key that signed it ends.
    #[must_use]
    pub fn until(&self) -> Time {
        self.until
    }

    /// Identity of this version of the dataset, whichever of its owner's keys signed it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The signed bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The digest that a signed manifest has if it holds; none for other bytes. Proves nothing.
#[must_use]
pub fn digest_of(signed: &[u8]) -> Option<Digest> {
    Some(Digest::of(Manifest::TAG, Delegated::parse(signed).ok()?.payload()))
}

impl Manifest {
    /// Identity of this version of the dataset.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(Self::TAG, &canonical::to_vec(self))
    }

    /// The buckets of the file.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.declared.shape()
    }

    /// Checks what can be checked without the file.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] naming what does not fit `dataset`.
    pub fn check(&self, dataset: &Dataset) -> Result<(), ManifestError> {
        if self.lineage != dataset.lineage {
            return Err(ManifestError::Lineage);
        }
        if self.columns != sealed::layout(dataset) {
            return Err(ManifestError::Columns);
        }
        if !self.declared.is_valid() {
            return Err(ManifestError::Declared);
        }
        let least: u64 = self.columns.iter().map(|c| c.physical.width()).sum();
        let least = least.saturating_mul(self.shape().rows());
        let most = least.saturating_add(least / 8).saturating_add(1 << 20);
        if !(least..=most).contains(&self.size) {
            return Err(ManifestError::Size);
        }
        if !matches!(self.aad_prefix.len(), 0 | 32) {
            return Err(ManifestError::Prefix);
        }
        if self.opt_outs.is_some_and(|named| !named.is_on_grid()) {
            return Err(ManifestError::OptOuts);
        }
        Ok(())
    }
}

/// Why a manifest does not fit its dataset.
///
/// Remedy: the owner seals the dataset again under this contract (`glovebox seal`), with the program of this
/// version.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ManifestError {
    /// Another lineage.
    #[error("the manifest is of another lineage than the contract's dataset")]
    Lineage,
    /// Other columns.
    #[error("the manifest's columns are not those of the contract")]
    Columns,
    /// Declared numbers that are off their grids or above their limits.
    #[error(
        "the manifest declares a number of rows, or of rows of one person, that is not on its public grid or \
         above the limit"
    )]
    Declared,
    /// A size that no such file has.
    #[error("the manifest's size cannot be that of a file with so many declared rows")]
    Size,
    /// A prefix of the wrong length.
    #[error("the manifest's AAD prefix has another length than 32 bytes")]
    Prefix,
    /// A list of opt-outs whose places are off their grid.
    #[error(
        "the manifest names a list of opt-outs with a number of places that is not on the public grid"
    )]
    OptOuts,
}
