//! The contract of a rehearsal: the user's, with keys made for the occasion.

use crate::{Parties, RehearsalError};
use client::{keys::Identity, salts};
use protocol::{
    contract::{Contract, TAG},
    sign::Jointly,
};
use std::{collections::BTreeMap, fmt, path::Path};
use toml::{Table, Value};

/// Makes fresh keys for every party that the contract names.
pub(crate) fn parties(contract: &str, folder: &Path) -> Result<Parties, RehearsalError> {
    let table: Table = contract.parse()?;
    let parties = table.get("party").and_then(Value::as_array).into_iter().flatten();
    let names = parties.filter_map(|party| party.get("name").and_then(Value::as_str));
    let mut identities = BTreeMap::new();
    for (index, name) in names.enumerate() {
        // The folder is named by a number: a party's name is checked only when the contract is
        // parsed.
        let identity = Identity::create(&folder.join(index.to_string()), name, None)?;
        identities.insert(name.to_owned(), identity);
    }
    Ok(identities)
}

/// Whether the contract lacks what is put in when keys are made: keys of a party, the bucket salt, builds.
pub(crate) fn lacks_keys(text: &str) -> bool {
    let Ok(table) = text.parse::<Table>() else { return false };
    let parties = table.get("party").and_then(Value::as_array).into_iter().flatten();
    let has_keys =
        |party: &Value| ["root_key", "recipient_key"].iter().all(|key| party.get(key).is_some());
    !["bucket_salt", "build"].iter().all(|key| table.contains_key(*key))
        || !parties.into_iter().all(has_keys)
}

/// The contract with those keys and this build, signed by every party. Custodies are left in only `with_custodies`: in a
/// rehearsal nobody answers at their addresses.
pub(crate) fn contract(
    text: &str,
    parties: &Parties,
    pcrs: &BTreeMap<u8, impl fmt::Display>,
    with_custodies: bool,
) -> Result<(Contract, Vec<u8>), RehearsalError> {
    // The user's own contract must be valid by itself, so that errors name the user's own lines.
    let placeholder = Contract::parse(text.as_bytes());
    let mut table: Table = text.parse()?;
    if let Some(listed) = table.get_mut("party").and_then(Value::as_array_mut) {
        for party in listed.iter_mut().filter_map(Value::as_table_mut) {
            let name = party.get("name").and_then(Value::as_str);
            let Some(identity) = name.and_then(|name| parties.get(name)) else { continue };
            let root = identity.root_key().to_string();
            let recipient = identity.recipient()?.public().to_string();
            party.insert("root_key".to_owned(), root.into());
            party.insert("recipient_key".to_owned(), recipient.into());
            if !with_custodies {
                party.remove("custody");
            }
        }
    }
    let salt = salts::fresh()?;
    table.insert("bucket_salt".to_owned(), salt.digest().to_string().into());
    let registers = pcrs.iter().map(|(index, pcr)| (format!("pcr{index}"), pcr.to_string().into()));
    let mut build: Table = registers.collect();
    build.insert("name".to_owned(), "rehearsal".into());
    table.insert("build".to_owned(), Value::Array(vec![build.into()]));
    let rewritten = toml::to_string(&table)?;
    let contract = match (Contract::parse(rewritten.as_bytes()), placeholder) {
        (Ok(contract), _) => contract,
        (Err(_), Err(original)) => return Err(original.into()),
        (Err(rewritten), Ok(_)) => return Err(rewritten.into()),
    };
    let mut joint = Jointly::unsigned(TAG, rewritten.as_bytes());
    for identity in parties.values() {
        joint.add(&identity.root()?);
        salts::keep(identity.directory(), &contract, &salt)?;
    }
    Ok((contract, joint.to_vec()))
}
