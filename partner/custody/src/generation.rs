//! A counter beside the database that only grows. It tells a restored backup from the current
//! ledger.

use client::files;
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// The number of changes of the ledger, as durable as the ledger and outside of it.
///
/// At each change the database commits n first, then this file says n, then the answer leaves. So
/// this file knows of everything that was answered, and a database that is behind it has forgotten
/// something that was handed out. (A database that is one ahead lost power before the answer left.)
#[derive(Debug)]
pub(super) struct Generation {
    path: PathBuf,
    /// The lock that a process holds while it changes the ledger.
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

    /// Reads the counter. A file that is missing or does not hold a number counts as
    /// [`Self::LOST`], so that a lost counter stops the ledger rather than frees it.
    pub(super) fn read(&self) -> io::Result<u64> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(text.trim().parse().unwrap_or(Self::LOST)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::InvalidData => Ok(Self::LOST),
                _ => Err(error),
            },
        }
    }

    /// Begins at 0 with a new database. A counter that is already there stays.
    pub(super) fn begin(&self) -> io::Result<()> {
        if self.path.try_exists()? { Ok(()) } else { self.write(0) }
    }

    /// Stands for a lost counter: nobody knows how often the ledger has changed.
    pub(super) const LOST: u64 = u64::MAX;

    pub(super) fn write(&self, generation: u64) -> io::Result<()> {
        files::replace(&self.path, format!("{generation}\n").as_bytes())
    }
}

const COUNTER: &str = "custody.generation";
const LOCK: &str = "custody.lock";
