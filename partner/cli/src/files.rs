//! Files that several commands read and write.

use crate::failure::Failure;
use client::trust::Trust;
use protocol::{
    contract::{Contract, TAG},
    sign::{Jointly, PublicKey},
};
use std::{collections::BTreeMap, path::Path};

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
            Ok(joint) => (joint.payload().to_vec(), joint.signers().map_err(Failure::no)?),
            Err(_) => (bytes, Vec::new()),
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

/// AWS's root, or the one in the file, which whoever calls this has to name.
pub(crate) fn trust(danger_root: Option<&Path>) -> Result<Trust, Failure> {
    match danger_root {
        None => Ok(Trust::aws()),
        Some(path) => Trust::danger(&read(path)?).map_err(|why| {
            Failure::unclear(format!(
                "{}: {why:?}, expected a certificate in PEM or DER",
                path.display()
            ))
        }),
    }
}

fn named(path: &Path, why: impl std::fmt::Display) -> Failure {
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
    let pairs = table.iter().filter_map(|(key, hex)| {
        let index = key.trim_start_matches("PCR").parse().ok()?;
        Some((index, hex.as_str()?.to_owned()))
    });
    Ok(pairs.collect())
}
