//! A counter beside the database that only grows: it tells a restored backup from the ledger.

use client::files;
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// How many times the ledger has changed, as durable as the ledger and outside of it.
///
/// Order at each change: the database commits n, then this file says n, then the answer leaves. So
/// whatever was answered, this file knows of; a database that is behind this file has forgotten
/// something that was handed out. (A database that is one ahead lost its power before the answer.)
#[derive(Debug)]
pub(super) struct Generation {
    path: PathBuf,
    /// Held while the ledger is changed, by whichever process changes it.
    lock: File,
}

impl Generation {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join(LOCK);
        let mut options = OpenOptions::new();
        let lock = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Ok(Self { path: directory.join(COUNTER), lock: lock.open(path)? })
    }

    pub(super) fn lock(&self) -> io::Result<()> {
        self.lock.lock()
    }

    pub(super) fn unlock(&self) -> io::Result<()> {
        self.lock.unlock()
    }

    /// The counter. A file that is missing or no number counts as [`Self::LOST`], so that a lost
    /// counter stops the ledger rather than frees it.
    pub(super) fn read(&self) -> io::Result<u64> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(text.trim().parse().unwrap_or(Self::LOST)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::InvalidData => Ok(Self::LOST),
                _ => Err(error),
            },
        }
    }

    /// Begins at 0 with a new database; a counter that is there already stays.
    pub(super) fn begin(&self) -> io::Result<()> {
        if self.path.try_exists()? { Ok(()) } else { self.write(0) }
    }

    /// Nobody knows how often the ledger has changed.
    pub(super) const LOST: u64 = u64::MAX;

    pub(super) fn write(&self, generation: u64) -> io::Result<()> {
        files::replace(&self.path, format!("{generation}\n").as_bytes())
    }
}

const COUNTER: &str = "custody.generation";
const LOCK: &str = "custody.lock";
