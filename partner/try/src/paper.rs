//! The contract of a rehearsal: the user's, with keys made for the occasion.

use crate::RehearsalError;
use client::{keys::Identity, salts};
use protocol::{
    contract::{Contract, ContractError, TAG},
    salt::BucketSalt,
    sign::Jointly,
};
use std::{collections::BTreeMap, fmt, path::Path};
use toml::{Table, Value};

/// The keys of every party, by name.
pub(crate) type Parties = BTreeMap<String, Identity>;

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
    let own: Table = text.parse()?;
    let mut table = own.clone();
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
    // The salt decides which rows of a person count where there are more than may, and who is in a batch. As it is the same each
    // time, nothing but the noise is left to chance.
    let salt = BucketSalt::take(&mut { SALT });
    table.insert("bucket_salt".to_owned(), salt.digest().to_string().into());
    let registers = pcrs.iter().map(|(index, pcr)| (format!("pcr{index}"), pcr.to_string().into()));
    let mut build: Table = registers.collect();
    build.insert("name".to_owned(), "rehearsal".into());
    table.insert("build".to_owned(), Value::Array(vec![build.into()]));
    // Nobody rebuilt the build of a rehearsal.
    table.remove("build_signers");
    let rewritten = toml::to_string(&table)?;
    let contract = Contract::parse(rewritten.as_bytes())
        .map_err(|why| own_mistake(text, &own, &table).unwrap_or(why))?;
    let mut joint = Jointly::unsigned(TAG, rewritten.as_bytes());
    for identity in parties.values() {
        joint.add(&identity.root()?);
        salts::keep(identity.directory(), &contract, &salt)?;
    }
    Ok((contract, joint.to_vec()))
}

/// What is wrong in the user's text, by its own lines. What it leaves out until keys are made is put in line by line first, from
/// the contract that is `complete`; otherwise the parser would speak of nothing else.
fn own_mistake(text: &str, own: &Table, complete: &Table) -> Option<ContractError> {
    let mut lines: Vec<(bool, String)> = Vec::new();
    if let Some(salt) = missing(own, complete, "bucket_salt") {
        lines.push((false, salt));
    }
    let mut parties = tables(own, "party").zip(tables(complete, "party"));
    for line in text.strip_prefix('\u{feff}').unwrap_or(text).split('\n') {
        lines.push((true, line.to_owned()));
        if is_head_of_party(line)
            && let Some((own, complete)) = parties.next()
        {
            let keys = ["root_key", "recipient_key"].into_iter();
            let keys = keys.filter_map(|key| missing(own, complete, key));
            lines.extend(keys.map(|line| (false, line)));
        }
    }
    if !own.contains_key("build") {
        for build in tables(complete, "build") {
            lines.push((false, "[[build]]".to_owned()));
            lines.extend(build.iter().map(|(key, value)| (false, format!("{key} = {value}"))));
        }
    }
    let text: Vec<_> = lines.iter().map(|(_, line)| line.as_str()).collect();
    let ContractError { line, flaw } = Contract::parse(text.join("\n").as_bytes()).err()?;
    let line = lines.iter().take(line).filter(|(is_own, _)| *is_own).count().max(1);
    Some(ContractError { line, flaw })
}

/// The line of a key that a table leaves out.
fn missing(own: &Table, complete: &Table, key: &str) -> Option<String> {
    let value = complete.get(key).filter(|_| !own.contains_key(key))?;
    Some(format!("{key} = {value}"))
}

fn tables<'t>(table: &'t Table, name: &str) -> impl Iterator<Item = &'t Table> {
    let listed = table.get(name).and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(Value::as_table)
}

fn is_head_of_party(line: &str) -> bool {
    let head = line.split('#').next().unwrap_or_default().trim();
    let name = head.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]"));
    name.is_some_and(|name| name.trim() == "party")
}

/// The salt of every rehearsal. It keeps nothing secret: the files and the host are in one process with their owner.
const SALT: [u8; BucketSalt::LEN] = *b"salt of a rehearsal: no secret!!";
