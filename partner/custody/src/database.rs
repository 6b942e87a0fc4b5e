//! The ledger's database: its file, its format, whose it is.

use super::error::LedgerError;
use protocol::sign::PublicKey;
use rusqlite::Connection;
use std::{path::Path, time::Duration};

/// Makes the tables of a new ledger of `owner`.
pub(super) fn begin(db: &Connection, owner: &PublicKey) -> Result<(), LedgerError> {
    db.execute_batch(SCHEMA)?;
    prepare(db)?;
    db.execute("INSERT INTO owner (key) VALUES (?1)", [owner.as_bytes().as_slice()])?;
    Ok(db.pragma_update(None, "application_id", FORMAT)?)
}

/// Makes the tables that are missing in a ledger that was begun by an earlier build.
pub(super) fn prepare(db: &Connection) -> Result<(), LedgerError> {
    let later = [SHARES, ORDERS, MOVED, REASONS, OPT_OUTS];
    later.iter().try_for_each(|tables| Ok(db.execute_batch(tables)?))
}

/// Fails for a database of another format, or of other keys.
pub(super) fn is_of(db: &Connection, path: &Path, owner: &PublicKey) -> Result<(), LedgerError> {
    let path = path.to_owned();
    let found: i64 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if found != FORMAT {
        return Err(LedgerError::OtherFormat { path, found });
    }
    let key: Vec<u8> = db.query_row("SELECT key FROM owner", [], |row| row.get(0))?;
    if key == owner.as_bytes().as_slice() { Ok(()) } else { Err(LedgerError::OtherKeys { path }) }
}

pub(super) fn connect(path: &Path) -> Result<Connection, LedgerError> {
    let db = Connection::open(path)?;
    db.busy_timeout(Duration::from_secs(10))?;
    // The database must be one file: a write-ahead log that outlives a crash would bring a restored
    // backup up to a generation that it does not have.
    db.pragma_update(None, "journal_mode", "TRUNCATE")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", "ON")?;
    Ok(db)
}

/// The ledger's file, beside the keys.
pub(crate) const DATABASE: &str = "custody.sqlite";
/// `application_id` of this format: "GBX4".
const FORMAT: i64 = 0x4742_5834;
const SCHEMA: &str = include_str!("schema.sql");
const SHARES: &str = include_str!("shares.sql");
const ORDERS: &str = include_str!("orders.sql");
const MOVED: &str = include_str!("moved.sql");
const REASONS: &str = include_str!("reasons.sql");
const OPT_OUTS: &str = include_str!("opt_outs.sql");
