//! The sealed files of a party's folder, and how many rows each has of a person.

use crate::{common_args::Common, failure::Failure, files, version};
use client::{files::read_at_most, keys::Identity, opt_outs, salts};
use protocol::{
    contract::Contract, digest::Digest, identity::MatchKey, manifest::Manifest, opt_outs::OptOuts,
    salt::BucketSalt, time::Time,
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
    /// The same with each list of opt-outs that the owner has made, the oldest first.
    pub(super) listed: Vec<WithList>,
}

/// One version, with one list of opt-outs applied.
#[derive(Debug)]
pub(super) struct WithList {
    /// When the list was made.
    pub(super) made: Time,
    /// The manifest that names the list.
    pub(super) manifest: Digest,
    /// At most so many of the person's rows are left: those with an identifier that is not on the list.
    pub(super) rows: Result<u64, String>,
}

impl FoundVersion {
    /// The person's rows that would count if the version were granted now.
    pub(super) fn counting(&self) -> Result<u64, &String> {
        match self.listed.last() {
            Some(list) => list.rows.as_ref().copied(),
            None => self.person.as_ref().map(|person| person.rows),
        }
    }

    /// The person's rows that count where this manifest was granted; `None` for the manifest of another version.
    fn rows_by(&self, manifest: &Digest) -> Option<Result<u64, &String>> {
        if self.manifest == *manifest {
            return Some(self.person.as_ref().map(|person| person.rows));
        }
        let list = self.listed.iter().find(|list| list.manifest == *manifest)?;
        Some(list.rows.as_ref().copied())
    }
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
        let rows = self.found.iter().find_map(|version| version.rows_by(manifest))?;
        rows.ok().map(|rows| rows > 0)
    }
}

/// Looks for a person in each sealed file of the party's folder that is of a dataset under `contract`.
pub(super) fn search(
    common: &Common,
    contract: &Contract,
    identity: &Identity,
    person: &[MatchKey],
) -> Result<Versions, Failure> {
    let party = identity.party_in(contract)?;
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
    let mut found = Vec::new();
    for ((dataset, number, digest), (stem, manifest)) in manifests {
        let lists = opt_outs::all(&common.dir, &identity.root_key(), &manifest.lineage);
        let lists = lists.map_err(Failure::unclear)?;
        let rows =
            |person: &[MatchKey]| count(&stem, (contract, &dataset), &manifest, &salt, person);
        let all = rows(person);
        let listed = lists.iter().map(|kept| with_list(&kept.list, &manifest, person, &all, &rows));
        let listed = listed.collect();
        found.push(FoundVersion { dataset, number, manifest: digest, stem, person: all, listed });
    }
    Ok(Versions { own, found })
}

/// What is left of the person in a version once a list is applied. A row that has an identifier on the list is out, whichever
/// else it has: so what is counted are rows with those that are not on it, or more.
fn with_list(
    list: &OptOuts,
    manifest: &Manifest,
    person: &[MatchKey],
    all: &Result<PersonRows, String>,
    rows: &dyn Fn(&[MatchKey]) -> Result<PersonRows, String>,
) -> WithList {
    let (keys, named) = (list.keys(), list.named());
    let rest: Vec<_> = person.iter().filter(|key| !keys.contains(key)).copied().collect();
    let rows = match all {
        Ok(_) if rest.is_empty() => Ok(0),
        Ok(all) if rest.len() == person.len() => Ok(all.rows),
        Ok(_) => rows(&rest).map(|left| left.rows),
        Err(why) => Err(why.clone()),
    };
    let manifest = Manifest { opt_outs: Some(named), ..manifest.clone() }.digest();
    WithList { made: named.made(), manifest, rows }
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
