//! Makes a party's keys together with the ledger of everything that will be handed out with them.

use super::{database::DATABASE, error::LedgerError, ledger::Ledger};
use client::keys::{Identity, Passphrase};
use std::path::Path;

/// Makes a party's keys in `directory`, as [`Identity::create`] does, and its ledger beside them; the root key under a
/// passphrase if there is one.
///
/// # Errors
///
/// [`LedgerError::Exists`] and [`LedgerError::Keys`] rather than overwrite anything, or if the files cannot be
/// made.
pub fn create(
    directory: &Path,
    name: &str,
    custody: Option<&str>,
    passphrase: Option<&Passphrase>,
) -> Result<Identity, LedgerError> {
    let path = directory.join(DATABASE);
    match path.try_exists() {
        Ok(false) => {}
        Ok(true) => return Err(LedgerError::Exists { path }),
        Err(cause) => return Err(LedgerError::Io { path, cause }),
    }
    let identity = match passphrase {
        Some(passphrase) => Identity::create_protected(directory, name, custody, passphrase),
        None => Identity::create(directory, name, custody),
    };
    let identity = identity.map_err(|why| LedgerError::Keys(Box::new(why)))?;
    Ledger::begin(directory, &identity.root_key())?;
    Ok(identity)
}
