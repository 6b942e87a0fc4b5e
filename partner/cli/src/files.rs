//! Files that several commands read and write.

use crate::{failure::Failure, say};
use attestation_verifier::{Pcr, registers};
use client::trust::Trust;
use protocol::{
    contract::{Contract, TAG},
    sign::{Jointly, PublicKey},
};
use std::{
    collections::BTreeMap,
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Reads the bytes of `path`, at most as many as an object of the host may have.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_at_most(path, MOST_OBJECT)
}

/// Reads the text of `path`.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    read_text_at_most(path, MOST_TEXT)
}

/// Reads the text of `path`, at most `most` bytes.
pub(crate) fn read_text_at_most(path: &Path, most: u64) -> Result<String, Failure> {
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "the text is not UTF-8");
    String::from_utf8(read_at_most(path, most)?).map_err(no_text).map_err(Failure::reading(path))
}

/// Reads a contract's bytes, signed or not.
pub(crate) fn read_contract(path: &Path) -> Result<Vec<u8>, Failure> {
    read_at_most(path, MOST_TEXT)
}

fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    client::files::read_at_most(path, most).map_err(Failure::reading(path))
}

/// Writes `path` whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let part = part_of(path);
    std::fs::write(&part, bytes).map_err(Failure::writing(&part))?;
    std::fs::rename(&part, path).map_err(Failure::writing(path))
}

/// Writes `path` whole or not at all, for its owner alone, in a folder that is made for its owner alone.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(Failure::writing(folder))?;
    }
    let part = part_of(path);
    // A file that a killed command left may be readable by others, and would stay so while it is
    // written again.
    match std::fs::remove_file(&part) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::writing(&part)(cause));
        }
        _ => {}
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
    let written = file.and_then(|mut file| file.write_all(bytes));
    written.map_err(Failure::writing(&part))?;
    std::fs::rename(&part, path).map_err(Failure::writing(path))
}

/// Writes a file that was not there, for its owner alone, whole or not at all, in a folder that is made for its owner alone. A file that
/// is there is left as it is.
pub(crate) fn write_new(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(Failure::writing(folder))?;
    }
    let mut file = create_new(path)?;
    let written = write(&mut file);
    if written.is_err() {
        // Half a file would look like a whole one.
        std::fs::remove_file(path).map_err(Failure::writing(path))?;
    }
    written
}

/// The same for bytes.
pub(crate) fn write_bytes_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_new(path, |file| file.write_all(bytes).map_err(Failure::writing(path)))
}

/// Refuses a file that is there, before any work is done for it.
pub(crate) fn refuse_present(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata().is_ok() { Err(present(path)) } else { Ok(()) }
}

/// Creates `path`, for its owner alone. A file that is there is left as it is.
fn create_new(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => present(path),
        _ => Failure::writing(path)(cause),
    })
}

fn present(path: &Path) -> Failure {
    Failure::unclear(format!(
        "{} exists already, and nothing is written over it: name another file",
        path.display()
    ))
}

/// A file of a party's folder: the name alone in the folder where one is.
pub(crate) fn in_folder(folder: &Path, name: &str) -> PathBuf {
    if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) }
}

/// The files in a folder and below it whose names end in `.end`, in order; none if there is no folder. Links are not followed, and no
/// export of a room is looked into.
pub(crate) fn find(folder: &Path, end: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    if folder.exists() {
        find_below(folder, 0, &mut |path| {
            let is = path.extension().is_some_and(|found| found == end);
            found.extend(Some(path.to_owned()).filter(|_| is));
        })?;
    }
    found.sort();
    Ok(found)
}

/// Shows every file below a folder to `see`.
fn find_below(folder: &Path, depth: usize, see: &mut dyn FnMut(&Path)) -> Result<(), Failure> {
    if folder.join(EXPORT).exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).map_err(Failure::reading(folder))? {
        let entry = entry.map_err(Failure::reading(folder))?;
        let kind = entry.file_type().map_err(Failure::reading(folder))?;
        if kind.is_file() {
            see(&entry.path());
        } else if kind.is_dir() && depth < DEEPEST {
            find_below(&entry.path(), depth.saturating_add(1), see)?;
        }
    }
    Ok(())
}

/// `stem.end`, whatever dots the stem has.
pub(crate) fn with_end(stem: &Path, end: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    PathBuf::from(name)
}

/// The temporary file in which `path` is written before it gets its name.
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// A contract as a file has it: its text, and the signatures, if any.
pub(crate) struct Paper {
    pub(crate) contract: Contract,
    pub(crate) text: Vec<u8>,
    pub(crate) signers: Vec<PublicKey>,
}

impl Paper {
    /// Reads TOML or a signed contract, complete or not.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let (text, signers) = contract_text(path)?;
        let contract = Contract::parse(&text).map_err(|why| named(path, why))?;
        Ok(Self { contract, text, signers })
    }

    /// The same for what is only looked at: a contract without keys, such as a worked sample, gets throw-away ones, as
    /// `glovebox try` gives it, and that is said.
    pub(crate) fn read_or_fill(path: &Path) -> Result<Self, Failure> {
        let (text, signers) = contract_text(path)?;
        let words = String::from_utf8_lossy(&text);
        match rehearsal::with_throw_away_keys(&words).map_err(|why| named(path, why))? {
            Some(contract) => {
                say::note(format_args!(
                    "{} has no keys of its own, or not all: throw-away keys, bucket salt and build were put in. Nobody \
                     can sign it so; `glovebox contract new` writes one that can be signed.",
                    path.display()
                ));
                Ok(Self { contract, text, signers })
            }
            None => {
                let contract = Contract::parse(&text).map_err(|why| named(path, why))?;
                Ok(Self { contract, text, signers })
            }
        }
    }
}

/// The TOML of a contract, signed or not, and the keys that signed it. Whether the TOML is a valid
/// contract is not checked here.
pub(crate) fn contract_text(path: &Path) -> Result<(Vec<u8>, Vec<PublicKey>), Failure> {
    let bytes = read_contract(path)?;
    match Jointly::parse(TAG, &bytes) {
        Ok(joint) => {
            let signers = joint.signers().map_err(|why| named(path, why))?;
            Ok((joint.payload().to_vec(), signers))
        }
        Err(_) => Ok((text(path, bytes)?, Vec::new())),
    }
}

/// Reads a contract that every party has signed.
pub(crate) fn signed_contract(path: &Path) -> Result<Contract, Failure> {
    let bytes = read_contract(path)?;
    if Jointly::parse(TAG, &bytes).is_err() && Contract::parse(&bytes).is_ok() {
        return Err(Failure::unclear(format!(
            "{} is not signed yet: give the .signed file that `glovebox contract sign` makes",
            path.display()
        )));
    }
    Contract::open(&bytes).map_err(|why| named(path, why))
}

/// Takes the bytes as a contract's TOML. A damaged signed file is refused: it is not TOML either.
pub(crate) fn text(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let is_text = std::str::from_utf8(&bytes).is_ok();
    if is_text { Ok(bytes) } else { Err(named(path, "neither TOML nor a whole signed contract")) }
}

/// The root to believe: AWS's, or the one in the file that the caller names.
pub(crate) fn trust(danger_root: Option<&Path>) -> Result<Trust, Failure> {
    match danger_root {
        None => Ok(Trust::aws()),
        Some(path) => Trust::danger(&read_at_most(path, MOST_TEXT)?).map_err(|_| {
            let path = path.display();
            Failure::unclear(format!("{path} is not a certificate, expected one in PEM or DER"))
        }),
    }
}

pub(crate) fn named(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::no(format!("{}: {why}", path.display()))
}

/// Reads the registers of a build, in any of the shapes that [`registers::parse`] takes.
pub(crate) fn registers(path: &Path) -> Result<BTreeMap<u8, Pcr>, Failure> {
    let unreadable = |why: &str| Failure::unclear(format!("{}: {why}", path.display()));
    let found = registers::parse(&read_at_most(path, MOST_TEXT)?)
        .map_err(|why| unreadable(&why.to_string()))?;
    // Every build has register 0, so registers without it name no build.
    if found.contains_key(&0) { Ok(found) } else { Err(unreadable("register 0 is missing")) }
}

/// The list that makes a folder an export of a room.
pub(crate) const EXPORT: &str = "export.json";
/// Folders below a party's in which files are looked for.
const DEEPEST: usize = 6;
/// Largest text that is read, in bytes: a contract has at most 1 MiB, with its signatures.
const MOST_TEXT: u64 = 2 << 20;
/// Largest other file that is read, in bytes: a result, a receipt or a manifest.
const MOST_OBJECT: u64 = 65 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_private_is_for_its_owner_alone_whatever_was_there_before() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        let path = folder.join("result.json");
        write_private(&path, b"one").unwrap();
        for open in [&path, &folder.join("result.json.part")] {
            std::fs::write(open, b"open to others").unwrap();
            std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o666)).unwrap();
        }
        write_private(&path, b"two").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((std::fs::read(&path).unwrap(), mode(&path)), (b"two".to_vec(), 0o600));
        assert_eq!([mode(&folder), mode(&dir.path().join("a"))], [0o700; 2]);
    }

    #[test]
    fn a_build_is_read_as_nitro_cli_prints_it_and_has_a_first_register() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("build.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            registers(&path).map(|found| found.into_keys().collect::<Vec<_>>())
        };
        let pcr = "ab".repeat(48);
        let printed = format!(
            "{{\"Measurements\": {{\"HashAlgorithm\": \"Sha384 {{ ... }}\", \"PCR0\": \"{pcr}\"}}}}"
        );
        assert_eq!(read(&printed).unwrap(), [0]);
        let refused = read(&printed.replace("PCR0", "PCR1")).unwrap_err();
        assert!(refused.to_string().contains("register 0 is missing"), "{refused}");
        let refused = read(&format!("[{printed}]")).unwrap_err();
        assert!(refused.to_string().contains("an array of 1"), "{refused}");
    }
}
