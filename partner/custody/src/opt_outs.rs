//! Which list of opt-outs a ledger has seen last: no slice is cut, and no key granted, for an older one.

use super::error::LedgerError;
use protocol::{
    canonical, contract::Contract, opt_outs::NamedOptOuts, refusal::Refusal, sign::PublicKey,
    time::Time,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::{collections::BTreeMap, path::Path};

/// Refuses a job that reads one of `datasets` with an older list than the ledger knows, or than lies in the party's
/// folder `directory`; records the lists that it names.
///
/// # Errors
///
/// [`Refusal::OlderOptOuts`]; [`LedgerError::FutureOptOuts`], and [`LedgerError`] if it is not known which list is the newest.
pub(super) fn note(
    tx: &Transaction<'_>,
    directory: &Path,
    contract: &Contract,
    (datasets, named): (&[&str], &BTreeMap<String, NamedOptOuts>),
    now: Time,
) -> Result<(), LedgerError> {
    let root: Vec<u8> = tx.query_row("SELECT key FROM owner", [], |row| row.get(0))?;
    let root = <[u8; PublicKey::LEN]>::try_from(root).map_err(|_| LedgerError::Corrupt)?;
    for name in datasets {
        let Some(dataset) = contract.datasets.get(*name) else { continue };
        let lineage = dataset.lineage.as_str();
        let asked = named.get(*name);
        let known = known(tx, lineage)?;
        let made = client::opt_outs::newest(directory, &root.into(), lineage)?;
        let made = made.map(|kept| kept.list.named());
        if known.iter().chain(&made).any(|newest| !newest.may_be_followed_by(asked)) {
            let (dataset, owner) = ((*name).to_owned(), dataset.owner.clone());
            return Err(LedgerError::refused(Refusal::OlderOptOuts { dataset, owner }));
        }
        if let Some(asked) = asked.filter(|asked| known.as_ref() != Some(asked)) {
            // A manifest names it, which a service key signs: a stolen one must not end all later lists.
            if asked.made() > now.plus_seconds(AHEAD_SECONDS) {
                let (dataset, number) = ((*name).to_owned(), asked.number);
                return Err(LedgerError::FutureOptOuts { dataset, number });
            }
            tx.execute(
                "INSERT OR REPLACE INTO opt_outs (lineage, named) VALUES (?1, ?2)",
                params![lineage, canonical::to_vec(asked)],
            )?;
        }
    }
    Ok(())
}

/// The list of a lineage that the ledger saw last.
pub(super) fn known(db: &Connection, lineage: &str) -> Result<Option<NamedOptOuts>, LedgerError> {
    let named = db
        .query_row("SELECT named FROM opt_outs WHERE lineage = ?1", [lineage], |row| {
            row.get::<_, Vec<u8>>(0)
        })
        .optional()?;
    let read = |bytes: Vec<u8>| canonical::from_slice(&bytes).map_err(|_| LedgerError::Corrupt);
    named.map(read).transpose()
}

/// By how much a list may be ahead of this clock: a day, since lists are numbered by the second in which they are made.
const AHEAD_SECONDS: u64 = 24 * 3600;
