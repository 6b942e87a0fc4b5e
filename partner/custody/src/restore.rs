//! The contracts under which a restored backup is accounted for.

use super::{accounts::stored, error::LedgerError};
use protocol::{digest::Digest, time::Time};
use rusqlite::{Connection, Transaction, params};

/// A backup that was restored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Restore {
    id: i64,
    /// Begin of the time from which the ledger has forgotten what was handed out.
    pub(super) since: Time,
    pub(super) until: Time,
    /// Whether the backup knew nothing at all.
    pub(super) everything: bool,
}

impl Restore {
    /// Records that this database is a backup that was restored just now.
    pub(super) fn begin(tx: &Transaction<'_>, now: Time) -> Result<(), LedgerError> {
        let newest: Option<i64> =
            tx.query_row("SELECT max(time) FROM slices", [], |row| row.get(0))?;
        tx.execute(
            "INSERT INTO restores (since, until, everything) VALUES (?1, ?2, ?3)",
            params![newest.unwrap_or(stored(now.0)), stored(now.0), newest.is_none()],
        )?;
        // It may have forgotten a cancellation, or instances that it paid: a person looks before a run is paid again.
        tx.execute("UPDATE orders SET suspended = 1 WHERE cancelled_by IS NULL", [])?;
        Ok(())
    }

    /// Records that the backup is accounted for under `contract`.
    pub(super) fn accounted(
        &self,
        tx: &Transaction<'_>,
        contract: Digest,
    ) -> Result<(), LedgerError> {
        let contract = contract.as_bytes().as_slice();
        let sql = "INSERT INTO accounted (restore, contract) VALUES (?1, ?2)";
        tx.execute(sql, params![self.id, contract])?;
        Ok(())
    }
}

/// The restored backups that are not accounted for under `contract`.
pub(super) fn pending(db: &Connection, contract: Digest) -> Result<Vec<Restore>, LedgerError> {
    let mut statement = db.prepare(
        "SELECT id, since, until, everything FROM restores WHERE NOT EXISTS \
         (SELECT 1 FROM accounted WHERE restore = restores.id AND contract = ?1) ORDER BY id",
    )?;
    let rows = statement.query_map([contract.as_bytes().as_slice()], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get(3)?))
    })?;
    let time = |ms| u64::try_from(ms).map(Time).map_err(|_| LedgerError::Corrupt);
    let restore = |row: Result<_, _>| {
        let (id, since, until, everything) = row?;
        Ok(Restore { id, since: time(since)?, until: time(until)?, everything })
    };
    rows.map(restore).collect()
}
