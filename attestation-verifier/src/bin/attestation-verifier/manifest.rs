//! Build manifests, as far as they name registers.

use std::{collections::BTreeMap, fmt, path::Path};

use attestation_verifier::Pcr;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use crate::{failure::Failure, input};

/// The registers that a manifest names, each once.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<u8, Pcr>, Failure> {
    let bytes = input::read_raw(path, LONGEST)?;
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|cause| Failure::Manifest { path: path.to_owned(), cause })?;
    Ok(manifest.pcrs.0)
}

/// The number of a register, in the one way to write it.
pub(crate) fn index(text: &str) -> Option<u8> {
    text.parse().ok().filter(|index: &u8| *index < 32 && index.to_string() == text)
}

#[derive(Deserialize)]
struct Manifest {
    pcrs: Registers,
}

struct Registers(BTreeMap<u8, Pcr>);

impl<'de> Deserialize<'de> for Registers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByIndex)
    }
}

/// A map would keep the last of two values for one register, and say nothing.
struct ByIndex;

impl<'de> Visitor<'de> for ByIndex {
    type Value = Registers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("registers by their numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Registers, A::Error> {
        let mut pcrs = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            let index = index(&key);
            let index = index.ok_or_else(|| Error::custom(format!("no register is {key:?}")))?;
            if pcrs.insert(index, value.parse().map_err(Error::custom)?).is_some() {
                return Err(Error::custom(format!("register {index} occurs twice")));
            }
        }
        Ok(Registers(pcrs))
    }
}

const LONGEST: u64 = 1 << 20;
