//! One host in a folder at a time.

use crate::{StartError, using};
use std::{
    fs::{File, TryLockError},
    path::Path,
    thread::sleep,
    time::Duration,
};

/// Locks the file at `path` for as long as it is held: one host at a time has a folder.
pub(crate) fn take(path: &Path) -> Result<File, StartError> {
    let lock = File::create(path).map_err(using(path))?;
    for _ in 0..LOCK_TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            // A host that has just ended, or a program that it was about to start, may hold it for a moment.
            Err(TryLockError::WouldBlock) => sleep(LOCK_PAUSE),
            Err(TryLockError::Error(cause)) => {
                return Err(StartError::Use { path: path.to_owned(), cause });
            }
        }
    }
    Err(StartError::Taken { dir: path.parent().unwrap_or(path).to_owned() })
}

/// How often a lock is tried that another process holds.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
