//! The sealed files of a party's folder, and how many rows each has of a person.

use crate::{common_args::Common, failure::Failure, files, version};
use client::{files::read_at_most, salts};
use protocol::{
    contract::Contract, digest::Digest, identity::MatchKey, manifest::Manifest, salt::BucketSalt,
};
use sealing::{PersonRows, find_person, read_keys_of};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// One version of a dataset of the party.
#[derive(Debug)]
pub(super) struct FoundVersion {
    pub(super) dataset: String,
    pub(super) number: u64,
    pub(super) manifest: Digest,
    /// Where its files are, without their ends.
    pub(super) stem: PathBuf,
    /// The person's rows, or why they cannot be counted.
    pub(super) person: Result<PersonRows, String>,
}

/// What was found of the party's datasets under one contract.
pub(super) struct Versions {
    /// The names of the party's datasets.
    pub(super) own: Vec<String>,
    /// By dataset, the oldest first.
    pub(super) found: Vec<FoundVersion>,
}

impl Versions {
    /// Whether the person is in the version with this manifest; `None` if that cannot be told.
    pub(super) fn has(&self, manifest: &Digest) -> Option<bool> {
        let version = self.found.iter().find(|version| version.manifest == *manifest)?;
        version.person.as_ref().ok().map(|person| person.rows > 0)
    }
}

/// Looks for a person in each sealed file of the party's folder that is of a dataset under `contract`.
pub(super) fn search(
    common: &Common,
    contract: &Contract,
    party: &str,
    person: &[MatchKey],
) -> Result<Versions, Failure> {
    let owned = contract.datasets.iter().filter(|(_, dataset)| dataset.owner == party);
    let own: Vec<String> = owned.map(|(name, _)| name.clone()).collect();
    let mut manifests = BTreeMap::new();
    for path in files::find(&common.dir, "manifest")? {
        // A file that is no manifest is none of a version.
        let Ok(manifest) = version::named_by(&files::read(&path)?, &path) else { continue };
        let of = own.iter().find(|name| {
            contract.datasets.get(*name).is_some_and(|dataset| manifest.check(dataset).is_ok())
        });
        if let Some(dataset) = of {
            let key = (dataset.clone(), manifest.version, manifest.digest());
            manifests.entry(key).or_insert((path.with_extension(""), manifest));
        }
    }
    if manifests.is_empty() {
        return Ok(Versions { own, found: Vec::new() });
    }
    let salt = salts::named_by(&common.dir, contract).map_err(Failure::unclear)?;
    let found = manifests.into_iter().map(|((dataset, number, digest), (stem, manifest))| {
        let person = count(&stem, (contract, &dataset), &manifest, &salt, person);
        FoundVersion { dataset, number, manifest: digest, stem, person }
    });
    Ok(Versions { own, found: found.collect() })
}

/// The person's rows in one version, or why they cannot be counted.
fn count(
    stem: &Path,
    (contract, name): (&Contract, &str),
    manifest: &Manifest,
    salt: &BucketSalt,
    person: &[MatchKey],
) -> Result<PersonRows, String> {
    let dataset = contract.datasets.get(name).ok_or("it is of no dataset of the contract")?;
    let [sealed, keys] = ["sealed", "keys"].map(|end| files::with_end(stem, end));
    let keys = read_keys_of(&manifest.root, &keys).map_err(|why| why.to_string())?;
    let file = read_at_most(&sealed, manifest.size);
    let file = file.map_err(|why| format!("{}: {why}", sealed.display()))?;
    find_person(&file, manifest, dataset, &keys, salt, person).map_err(|why| why.to_string())
}
