//! The files that sealing leaves: all of them, or none.

use super::{BadRow, Files, Options, SealError, keys, row::Row};
use client::files;
use protocol::{key::DataKey, manifest::SignedManifest};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Where the files will be. What was written is removed unless it is published.
pub(super) struct Output {
    sealed: Pending,
    manifest: PathBuf,
    keys: PathBuf,
    rejects: Rejects,
}

impl Output {
    /// Fails if any of the files is there already.
    pub(super) fn reserve(stem: &Path, options: &Options) -> Result<Self, SealError> {
        let [sealed, manifest, keys] = [SEALED, MANIFEST, KEYS].map(|end| with_end(stem, end));
        for path in [&manifest, &keys] {
            refuse_existing(path)?;
        }
        let rejects = Rejects::reserve(options.reject_file.as_deref())?;
        Ok(Self { sealed: Pending::reserve(sealed)?, manifest, keys, rejects })
    }

    pub(super) fn rejects(&self) -> &Rejects {
        &self.rejects
    }

    /// Where rows may be set aside.
    pub(super) fn spill(&self) -> PathBuf {
        with_end(&self.sealed.path, ".spill")
    }

    pub(super) fn create_sealed(&self) -> Result<File, SealError> {
        self.sealed.create()
    }

    /// Puts all files in place. Keys first: a file without keys is worth nothing.
    pub(super) fn publish(
        self,
        manifest: &SignedManifest,
        keys: &BTreeMap<String, DataKey>,
    ) -> Result<Files, SealError> {
        create(&self.keys, &keys::to_json(keys, Some(&manifest.manifest().root)))?;
        let rest = create(&self.manifest, manifest.as_bytes()).and_then(|()| {
            let rejects = self.rejects.publish()?;
            Ok((self.sealed.publish()?, rejects))
        });
        match rest {
            Ok((sealed, rejects)) => {
                Ok(Files { sealed, manifest: self.manifest, keys: self.keys, rejects })
            }
            Err(cause) => {
                for path in [&self.keys, &self.manifest] {
                    // The first error says more than one from cleaning up.
                    let _ = fs::remove_file(path);
                }
                Err(cause)
            }
        }
    }
}

/// Where bad rows go, if anywhere: the table's own columns, then where and why.
pub(super) struct Rejects {
    file: Option<Pending>,
    writer: RefCell<Option<csv::Writer<File>>>,
}

impl Rejects {
    pub(super) fn reserve(path: Option<&Path>) -> Result<Self, SealError> {
        let file = path.map(|path| Pending::reserve(path.to_owned())).transpose()?;
        Ok(Self { file, writer: RefCell::new(None) })
    }

    pub(super) fn add(
        &self,
        header: &[String],
        row: &Row<'_>,
        bad: &[BadRow],
    ) -> Result<(), SealError> {
        let Some(file) = &self.file else { return Ok(()) };
        let failed = |e: csv::Error| file.failed(e.into());
        let mut slot = self.writer.borrow_mut();
        if slot.is_none() {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(file.create()?);
            let columns = header.iter().map(String::as_str).chain(REJECT_COLUMNS);
            writer.write_record(columns).map_err(failed)?;
            *slot = Some(writer);
        }
        let Some(writer) = slot.as_mut() else { return Ok(()) };
        // Of a row that was rejected before, where it is in the table that it comes from.
        let here = || bad.first().map(BadRow::place).unwrap_or_default();
        let at = row.origin().map_or_else(here, str::to_owned);
        let reasons: Vec<_> = bad
            .iter()
            .map(|bad| match &bad.column {
                Some(column) => format!("{column}: {}", bad.reason),
                None => bad.reason.to_string(),
            })
            .collect();
        let mut record = row.verbatim();
        record.push_field(at.as_bytes());
        record.push_field(reasons.join("; ").as_bytes());
        writer.write_byte_record(&record).map_err(failed)
    }

    /// Puts the file in place, if there was a bad row.
    pub(super) fn publish(&self) -> Result<Option<PathBuf>, SealError> {
        match (&self.file, self.writer.borrow_mut().take()) {
            (Some(file), Some(mut writer)) => {
                writer.flush().map_err(|cause| file.failed(cause))?;
                drop(writer);
                file.publish().map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// A file that is written beside its place and moved there once it is whole.
struct Pending {
    path: PathBuf,
    partial: PathBuf,
}

impl Pending {
    fn reserve(path: PathBuf) -> Result<Self, SealError> {
        refuse_existing(&path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(SealError::NoFolder { path: folder.to_owned() });
        }
        let partial = with_end(&path, ".partial");
        let pending = Self { path, partial };
        // Before the pass over the data it shows whether the folder can be written to.
        pending.create()?;
        Ok(pending)
    }

    /// Only the owner may read it: rejected rows are in the clear.
    fn create(&self) -> Result<File, SealError> {
        // One that a killed command left may be open to others, and would stay so.
        match fs::remove_file(&self.partial) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(self.failed(cause)),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        options.open(&self.partial).map_err(|cause| self.failed(cause))
    }

    fn publish(&self) -> Result<PathBuf, SealError> {
        let synced = File::open(&self.partial).and_then(|file| file.sync_all());
        let moved = synced.and_then(|()| fs::rename(&self.partial, &self.path));
        moved.map_err(|cause| self.failed(cause))?;
        Ok(self.path.clone())
    }

    fn failed(&self, cause: io::Error) -> SealError {
        SealError::Io { path: self.path.clone(), cause }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Gone already if it was published or never begun.
        let _ = fs::remove_file(&self.partial);
    }
}

/// Writes a new file that only its owner may read.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), SealError> {
    files::create_private(path, bytes).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => SealError::Exists { path: path.to_owned() },
        _ => SealError::Io { path: path.to_owned(), cause },
    })
}

fn refuse_existing(path: &Path) -> Result<(), SealError> {
    match path.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(SealError::Exists { path: path.to_owned() }),
        Err(cause) => Err(SealError::Io { path: path.to_owned(), cause }),
    }
}

/// `stem` with `end` after its whole name, dots and all.
pub(super) fn with_end(stem: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(stem);
    name.push(end);
    name.into()
}

pub(super) const SEALED: &str = ".sealed";
pub(super) const MANIFEST: &str = ".manifest";
pub(super) const KEYS: &str = ".keys";
/// What a file of rejected rows has behind the columns of the table.
pub(super) const REJECT_COLUMNS: [&str; 2] = ["glovebox_at", "glovebox_reason"];
