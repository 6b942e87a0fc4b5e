//! The files of one version of a dataset: what its owner signed about it, and its column keys.

use crate::{common_args::Common, failure::Failure, files, profile};
use client::{grant::own_manifest, keys::Identity};
use protocol::{
    contract::{Contract, Dataset},
    delegation::Delegated,
    key::DataKey,
    manifest::{Manifest, SignedManifest},
    page::number,
    text::in_shell,
};
use sealing::{read_keys_of, sealed_file_of, thousands};
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

/// The number of the next version of `dataset`: the second in which it is sealed, or more, so that no version that lies in the folder
/// `dir` has it or a greater one.
pub(crate) fn next_number(dir: &Path, contract: &Contract, dataset: &str) -> Result<u64, Failure> {
    let dataset = contract.datasets.get(dataset);
    let mut next = client::clock::now().0 / 1000;
    for path in files::find(dir, "manifest")? {
        if let Ok(manifest) = files::read(&path).and_then(|signed| named_by(&signed, &path))
            && dataset.is_some_and(|dataset| manifest.check(dataset).is_ok())
        {
            next = next.max(manifest.version.saturating_add(1));
        }
    }
    Ok(next)
}

/// A version of a dataset that lies in the party's folder and is later than the one that would be granted.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) stem: PathBuf,
    pub(crate) manifest: Manifest,
}

impl Later {
    /// The latest version of `dataset` that lies with its keys in the party's folder or beside `stem`, if it is later than the version
    /// `than`. Versions that another room of the folder names as its own are left out.
    pub(crate) fn than(than: u64, dataset: &Dataset, stem: &Path, common: &Common) -> Option<Self> {
        let others = profile::stems_of_others(&common.dir, common.room_name());
        let beside =
            stem.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let mut folders = vec![common.dir.as_path()];
        folders.extend((!same(beside, &common.dir)).then_some(beside));
        let read = |folder: &Path| Some((folder.to_owned(), std::fs::read_dir(folder).ok()?));
        let files = folders.into_iter().filter_map(read).flat_map(|(folder, entries)| {
            entries.filter_map(move |entry| Some((folder.clone(), entry.ok()?.file_name())))
        });
        let versions = files.filter_map(|(folder, name)| {
            let stem = files::in_folder(&folder, name.to_str()?.strip_suffix(".manifest")?);
            let VersionFiles { manifest: path, keys } = VersionFiles::of(&stem);
            let manifest = named_by(&files::read(&path).ok()?, &path).ok()?;
            let ours =
                manifest.check(dataset).is_ok() && !others.iter().any(|other| same(other, &stem));
            (keys.exists() && ours && manifest.version > than).then_some(Self { stem, manifest })
        });
        versions.max_by_key(|later| later.manifest.version)
    }
}

/// A version in words.
pub(crate) fn in_words(manifest: &Manifest) -> String {
    let without = manifest.opt_outs.map_or_else(String::new, |list| {
        format!(", without who is on the list of opt-outs of {}", number::moment(list.made()))
    });
    let (number, rows) = (manifest.version, thousands(manifest.declared.rows));
    format!("version {number} (room for {rows} rows{without})")
}

/// The command that grants the version whose files have this stem; none is named where it is the usual one of the dataset.
pub(crate) fn grant_command(dataset: &str, stem: Option<&Path>, dir: &Path) -> String {
    let word = |path: &Path| in_shell(&path.display().to_string());
    let mut command = format!("glovebox grant {dataset}");
    if let Some(stem) = stem {
        let VersionFiles { manifest, keys } = VersionFiles::of(stem);
        command += &format!(" --manifest {} --keys {}", word(&manifest), word(&keys));
    }
    command + &in_dir(dir)
}

/// What a command needs beside it that is run from here for the party whose folder is `dir`.
pub(crate) fn in_dir(dir: &Path) -> String {
    let dir_is_here = same(dir, Path::new("."));
    if dir_is_here {
        String::new()
    } else {
        format!(" --dir {}", in_shell(&dir.display().to_string()))
    }
}

/// Whether two paths name one file, or would if it were there.
pub(crate) fn same(one: &Path, other: &Path) -> bool {
    let plain =
        |path: &Path| path.components().filter(|part| part.as_os_str() != ".").collect::<PathBuf>();
    plain(one) == plain(other)
}
