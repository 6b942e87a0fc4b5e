//! Whether a ledger is still here, or was moved to another place.

use super::error::LedgerError;
use protocol::{digest::Digest, time::Time};
use rusqlite::{Connection, OptionalExtension};
use std::{io, path::Path};

/// Where and when a ledger went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LedgerMove {
    /// The place, by the digest of its secret.
    pub destination: Digest,
    /// When.
    pub time: Time,
}

/// Fails for a ledger that was moved to another place.
pub(super) fn must_be_here(db: &Connection, directory: &Path) -> Result<(), LedgerError> {
    match moved(db, directory)? {
        None => Ok(()),
        Some(LedgerMove { destination, time }) => Err(LedgerError::Moved { to: destination, time }),
    }
}

pub(super) fn moved(db: &Connection, directory: &Path) -> Result<Option<LedgerMove>, LedgerError> {
    if let Some(found) = row(db)? {
        return Ok(Some(found));
    }
    let path = directory.join(MARK);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let destination = text.trim().parse().map_err(|_| LedgerError::Corrupt)?;
            Ok(Some(LedgerMove { destination, time: Time(0) }))
        }
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(LedgerError::Io { path, cause }),
    }
}

pub(super) fn row(db: &Connection) -> Result<Option<LedgerMove>, LedgerError> {
    let sql = "SELECT destination, time FROM moved";
    let found: Option<(Vec<u8>, i64)> =
        db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((destination, time)) = found else { return Ok(None) };
    let destination = Digest::try_from(destination.as_slice()).map_err(|_| LedgerError::Corrupt)?;
    let time = u64::try_from(time).map(Time).map_err(|_| LedgerError::Corrupt)?;
    Ok(Some(LedgerMove { destination, time }))
}

/// Says that a ledger was moved away from here, whatever database lies beside it.
pub(super) const MARK: &str = "custody.moved";
