//! The folder of an export: its files, the list of them, and the signature of the party under the list.

use crate::{failure::Failure, files};
use client::{files::sha256, keys::Identity};
use protocol::{
    contract::Contract,
    delegation::{Authority, ByDelegate, KeyKind},
    digest::Digest,
    sign::Signed,
    time::{self, Time},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

/// The list of an export's files, and what it is an export of.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    /// Always [`FORMAT`].
    pub(super) format: String,
    /// The contract.
    pub(super) contract: Digest,
    /// What the contract is called.
    pub(super) room: String,
    /// Whose export it is.
    pub(super) party: String,
    /// When it was made, by the party's clock.
    #[serde(with = "time::as_text")]
    pub(super) made: Time,
    /// Every other file but the signature.
    pub(super) files: Vec<ListedFile>,
}

/// One file of an export.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListedFile {
    /// Where it is, seen from the folder, with `/` between folders.
    pub(super) path: String,
    pub(super) bytes: u64,
    /// As `sha256sum` prints it.
    pub(super) sha256: String,
}

/// What the party signs: the exact bytes of the list.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SignedContents {
    contents: Digest,
}

impl Signed for SignedContents {
    const TAG: &'static str = FORMAT;
}

impl ByDelegate for SignedContents {
    const KINDS: &'static [KeyKind] = &[KeyKind::Service, KeyKind::Analyst];
}

/// An export that is written, file by file.
pub(super) struct Writer {
    folder: PathBuf,
    files: Vec<ListedFile>,
}

impl Writer {
    /// Begins a new folder, for its owner alone.
    pub(super) fn begin(folder: &Path) -> Result<Self, Failure> {
        files::refuse_present(folder)?;
        client::files::create_folder(folder).map_err(Failure::writing(folder))?;
        Ok(Self { folder: folder.to_owned(), files: Vec::new() })
    }

    /// Writes a file, whose `path` has `/` between folders.
    pub(super) fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        files::write_bytes_new(&self.folder.join(path), bytes)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let (path, sha256) = (path.to_owned(), sha256(bytes));
        self.files.push(ListedFile { path, bytes: length, sha256 });
        Ok(())
    }

    /// Writes the list, and the signature of the party if it has a key for it. Returns how many files there are, and whether
    /// they are signed.
    pub(super) fn finish(
        self,
        contract: &Contract,
        (party, made): (&str, Time),
        identity: &Identity,
    ) -> Result<(usize, bool), Failure> {
        let Self { folder, files: listed } = self;
        let count = listed.len();
        let contents = Contents {
            format: FORMAT.to_owned(),
            contract: contract.digest,
            room: contract.name.clone(),
            party: party.to_owned(),
            made,
            files: listed,
        };
        let mut text = serde_json::to_vec_pretty(&contents).map_err(Failure::unclear)?;
        text.push(b'\n');
        let signature = identity.sign(&SignedContents { contents: Digest::of(FORMAT, &text) });
        if let Ok(signature) = &signature {
            files::write_bytes_new(&folder.join(SIGNATURE), signature)?;
        }
        files::write_bytes_new(&folder.join(LIST), &text)?;
        Ok((count, signature.is_ok()))
    }
}

/// An export as it lies in a folder, whoever wrote what is in it.
pub(super) struct Folder {
    pub(super) folder: PathBuf,
    pub(super) contents: Contents,
    list: Vec<u8>,
    /// The files that are there, in order, by their paths; false of what is no file.
    present: BTreeMap<String, bool>,
}

impl Folder {
    /// Reads the list, and looks which files there are.
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(LIST);
        let not_one = || {
            Failure::unclear(format!(
                "{} is not there: expected the folder of an export, as `glovebox room export` writes it",
                path.display()
            ))
        };
        let list = if path.is_file() { files::read(&path)? } else { return Err(not_one()) };
        let contents: Option<Contents> = serde_json::from_slice(&list).ok();
        let contents = contents.filter(|contents| contents.format == FORMAT).ok_or_else(|| {
            files::named(
                &path,
                format!("expected a list of format {FORMAT}, as `glovebox room export` makes it"),
            )
        })?;
        let mut present = BTreeMap::new();
        walk(folder, "", 0, &mut present)?;
        Ok(Self { folder: folder.to_owned(), contents, list, present })
    }

    /// Each file that is not what the list says, with what is wrong.
    pub(super) fn differences(&self) -> Vec<(String, Difference)> {
        let mut found = Vec::new();
        let mut listed: BTreeMap<&str, &ListedFile> = BTreeMap::new();
        for file in &self.contents.files {
            let twice = listed.insert(&file.path, file).is_some();
            if twice || !is_inside(&file.path) {
                found.push((file.path.clone(), Difference::Strange));
            } else if self.present.get(&file.path) != Some(&true) {
                found.push((file.path.clone(), Difference::Missing));
            } else if !self.is_as_listed(file) {
                found.push((file.path.clone(), Difference::Changed));
            }
        }
        let own = [LIST, SIGNATURE];
        let added = self
            .present
            .keys()
            .filter(|path| !listed.contains_key(path.as_str()) && !own.contains(&path.as_str()));
        found.extend(added.map(|path| (path.clone(), Difference::Added)));
        found
    }

    /// Whether a file has the bytes that the list says. One that is too long to be read has not.
    fn is_as_listed(&self, file: &ListedFile) -> bool {
        self.read(&file.path).is_ok_and(|bytes| {
            u64::try_from(bytes.len()) == Ok(file.bytes) && sha256(&bytes) == file.sha256
        })
    }

    /// Who signed the list, in words; `Ok(None)` if nobody did.
    pub(super) fn signed_by(&self, contract: &Contract) -> Result<Option<String>, String> {
        if self.present.get(SIGNATURE) != Some(&true) {
            return Ok(None);
        }
        let signature = self.read(SIGNATURE).map_err(|why| why.to_string())?;
        // The keys may be over by now: the signature then was made before.
        let opened = Authority::at_any_time(contract)
            .open_of::<SignedContents>(&signature, &self.contents.party);
        let (signed, by) = opened.map_err(|why| why.to_string())?;
        if signed.contents == Digest::of(FORMAT, &self.list) {
            Ok(Some(by.to_string()))
        } else {
            Err(format!(
                "{} signed another list of files: take the whole export again",
                self.contents.party
            ))
        }
    }

    /// The files in one folder of the export whose names have this end, in order.
    pub(super) fn names(&self, folder: &str, end: &str) -> Vec<String> {
        let inside = self.present.iter().filter(|(path, is_file)| {
            **is_file && path.starts_with(&format!("{folder}/")) && path.ends_with(end)
        });
        inside.map(|(path, _)| path.clone()).collect()
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.present.get(path) == Some(&true)
    }

    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        files::read(&self.folder.join(path))
    }

    /// A file as it is named to people.
    pub(super) fn shown(&self, path: &str) -> String {
        self.folder.join(path).display().to_string()
    }
}

/// How a file is not what the list says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Difference {
    Missing,
    Changed,
    Added,
    /// The list names it twice, or outside of the folder.
    Strange,
}

/// Whether a path leads to something inside the folder that it is seen from.
fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Finds what is in a folder; links are not followed.
fn walk(
    folder: &Path,
    before: &str,
    depth: usize,
    found: &mut BTreeMap<String, bool>,
) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder).map_err(Failure::reading(folder))? {
        let entry = entry.map_err(Failure::reading(folder))?;
        let name = entry.file_name();
        let path = format!("{before}{}", name.to_string_lossy());
        let kind = entry.file_type().map_err(Failure::reading(folder))?;
        if kind.is_dir() && depth < DEEPEST {
            walk(&entry.path(), &format!("{path}/"), depth + 1, found)?;
        } else {
            found.insert(path, kind.is_file() && name.to_str().is_some());
        }
    }
    Ok(())
}

pub(super) const CONTRACT: &str = "contract.signed";
pub(super) const LEDGER: &str = "ledger.json";
pub(super) const RESULTS: &str = crate::result_files::RESULTS;
pub(super) const LOGS: &str = crate::audit::FOLDER;
pub(super) const CLOSINGS: &str = "closings";
pub(super) const DOCUMENTS: &str = crate::verify::DOCUMENTS;
pub(super) const LIST: &str = files::EXPORT;
const SIGNATURE: &str = "export.signature";
/// Folders below the export in which files are looked for.
const DEEPEST: usize = 8;
/// The format of the list, and the domain tag of what is signed.
pub(super) const FORMAT: &str = "glovebox-room-export-v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_of_a_list_leads_out_of_its_folder() {
        for path in ["results/a/receipt.cbor", "ledger.json"] {
            assert!(is_inside(path), "{path}");
        }
        for path in ["", "/etc/passwd", "../a", "results/../../a", "."] {
            assert!(!is_inside(path), "{path}");
        }
    }
}
