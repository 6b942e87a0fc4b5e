//! Files that several commands read and write.

use crate::failure::Failure;
use client::trust::Trust;
use protocol::{
    contract::{Contract, TAG},
    sign::{Jointly, PublicKey},
};
use std::{
    collections::BTreeMap,
    fs::{DirBuilder, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

/// The bytes of `path`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(Failure::reading(path))
}

/// The text of `path`.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(Failure::reading(path))
}

/// Writes `path` whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    std::fs::write(&part, bytes).map_err(Failure::writing(&part))?;
    std::fs::rename(&part, path).map_err(Failure::writing(path))
}

/// Writes `path` whole or not at all, for its owner alone, in a folder that is made for its owner alone.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(Failure::writing(folder))?;
    }
    let part = path.with_extension("part");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&part);
    let written = file.and_then(|mut file| file.write_all(bytes));
    written.map_err(Failure::writing(&part))?;
    std::fs::rename(&part, path).map_err(Failure::writing(path))
}

/// A contract as a file has it: its text, and whoever signed it.
pub(crate) struct Paper {
    pub(crate) contract: Contract,
    pub(crate) text: Vec<u8>,
    pub(crate) signers: Vec<PublicKey>,
}

impl Paper {
    /// Reads TOML or a signed contract, complete or not.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = read(path)?;
        let (text, signers) = match Jointly::parse(TAG, &bytes) {
            Ok(joint) => {
                (joint.payload().to_vec(), joint.signers().map_err(|why| named(path, why))?)
            }
            Err(_) => (text(path, bytes)?, Vec::new()),
        };
        let contract = Contract::parse(&text).map_err(|why| named(path, why))?;
        Ok(Self { contract, text, signers })
    }
}

/// A contract that every party has signed.
pub(crate) fn signed_contract(path: &Path) -> Result<Contract, Failure> {
    let bytes = read(path)?;
    if Jointly::parse(TAG, &bytes).is_err() && Contract::parse(&bytes).is_ok() {
        return Err(Failure::unclear(format!(
            "{} is not signed yet: give the .signed file that `glovebox contract sign` makes",
            path.display()
        )));
    }
    Contract::open(&bytes).map_err(|why| named(path, why))
}

/// A contract's TOML; a signed file that came to harm is none, and no TOML either.
pub(crate) fn text(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let is_text = std::str::from_utf8(&bytes).is_ok();
    if is_text { Ok(bytes) } else { Err(named(path, "neither TOML nor a whole signed contract")) }
}

/// AWS's root, or the one in the file, which whoever calls this has to name.
pub(crate) fn trust(danger_root: Option<&Path>) -> Result<Trust, Failure> {
    match danger_root {
        None => Ok(Trust::aws()),
        Some(path) => Trust::danger(&read(path)?).map_err(|_| {
            let path = path.display();
            Failure::unclear(format!("{path} is not a certificate, expected one in PEM or DER"))
        }),
    }
}

pub(crate) fn named(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::no(format!("{}: {why}", path.display()))
}

/// The registers of a build: `{"pcrs": {"0": HEX, ..}}`, or what `nitro-cli` prints:
/// `{"Measurements": {"PCR0": HEX, ..}}`.
pub(crate) fn registers(path: &Path) -> Result<BTreeMap<u8, String>, Failure> {
    let unreadable = |why: &str| Failure::unclear(format!("{}: {why}", path.display()));
    let json: serde_json::Value =
        serde_json::from_str(&read_text(path)?).map_err(|e| unreadable(&e.to_string()))?;
    let table = json.get("pcrs").or_else(|| json.get("Measurements"));
    let table = table.and_then(|table| table.as_object());
    let table = table.ok_or_else(|| unreadable("expected {\"pcrs\": {\"0\": HEX, ..}}"))?;
    let mut registers = BTreeMap::new();
    for (key, hex) in table.iter().filter(|(key, _)| *key != "HashAlgorithm") {
        let index = key.strip_prefix("PCR").unwrap_or(key);
        let index = index.parse::<u8>().ok().filter(|parsed| parsed.to_string() == index);
        let pair = index.zip(hex.as_str());
        let (index, hex) = pair.ok_or_else(|| {
            unreadable(&format!("{key:?} is not a register with its value: expected \"0\": HEX"))
        })?;
        if registers.insert(index, hex.to_owned()).is_some() {
            return Err(unreadable(&format!("register {index} is there twice")));
        }
    }
    // Every build has it: what does not name it names no build.
    if !registers.contains_key(&0) {
        return Err(unreadable("register 0 is missing"));
    }
    Ok(registers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_registers(text: &str) -> Result<BTreeMap<u8, String>, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("build.json");
        std::fs::write(&path, text).unwrap();
        registers(&path)
    }

    #[test]
    fn reads_the_registers_of_a_build_in_both_forms() {
        let ours = read_registers(r#"{"pcrs": {"0": "aa", "2": "cc"}}"#).unwrap();
        let nitro =
            r#"{"Measurements": {"HashAlgorithm": "Sha384 { .. }", "PCR0": "aa", "PCR2": "cc"}}"#;
        assert_eq!(ours, BTreeMap::from([(0, "aa".to_owned()), (2, "cc".to_owned())]));
        assert_eq!(read_registers(nitro).unwrap(), ours);
    }

    #[test]
    fn refuses_a_build_that_is_not_wholly_understood() {
        for table in [
            "",
            r#""1": "bb""#,
            r#""0": "aa", "pcr1": "bb""#,
            r#""0": "aa", "note": "old""#,
            r#""0": "aa", "1": 7"#,
            r#""0": "aa", "256": "bb""#,
            r#""0": "aa", "+1": "bb""#,
            r#""0": "aa", "PCR0": "bb""#,
        ] {
            let text = format!("{{\"pcrs\": {{{table}}}}}");
            assert!(read_registers(&text).is_err(), "{table}");
        }
    }
}
