//! Which list of opt-outs a ledger has seen last: no slice is cut, and no key granted, for an older one.

use super::{error::LedgerError, ledger::Ledger};
use protocol::{
    canonical, contract::Contract, opt_outs::NamedOptOuts, refusal::Refusal, sign::PublicKey,
    time::Time,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::{collections::BTreeMap, path::Path};

impl Ledger {
    /// The newest list of opt-outs of `lineage` that the ledger knows.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the ledger cannot be read.
    pub fn known_opt_outs(&self, lineage: &str) -> Result<Option<NamedOptOuts>, LedgerError> {
        known(self.db(), lineage)
    }

    /// Notes that the party's `dataset` has the list `named` from now on, none if it has none: whoever makes a list, or grants
    /// the dataset with one, says so here first. Refuses an older list than the ledger knows, or than lies in its folder.
    ///
    /// # Errors
    ///
    /// [`LedgerError::OlderOptOuts`], [`LedgerError::FutureOptOuts`], or if the ledger cannot be read or written.
    pub fn note_opt_outs(
        &mut self,
        contract: &Contract,
        dataset: &str,
        named: Option<&NamedOptOuts>,
        now: Time,
    ) -> Result<(), LedgerError> {
        let directory = self.directory();
        let named = named.map(|named| (dataset.to_owned(), *named)).into_iter().collect();
        let noted = self.beside_the_accounts(|tx| {
            note(tx, &directory, contract, ([dataset].as_slice(), &named), now)
        });
        noted.map_err(|error| match error {
            LedgerError::Refused(why) if matches!(*why, Refusal::OlderOptOuts { .. }) => {
                let folder = directory.join(client::opt_outs::FOLDER);
                LedgerError::OlderOptOuts { dataset: dataset.to_owned(), folder }
            }
            other => other,
        })
    }
}

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
fn known(db: &Connection, lineage: &str) -> Result<Option<NamedOptOuts>, LedgerError> {
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
