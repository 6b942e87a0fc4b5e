//! Uploads that survive a broken connection and a killed host.
//!
//! An unfinished upload is one file, `ROOT.SIZE.part`: its length is the offset, its name says the
//! rest, so there is no second state that could disagree. Whoever writes to it holds its file lock.

use crate::{
    config::Limits,
    durable,
    metrics::Metrics,
    store::{Store, blocking, dataset},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use protocol::{
    merkle::{MerkleBuilder, Root},
    storage::UploadStatus,
};
use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    sync::{Mutex, watch},
    time::{sleep, timeout},
};

/// All uploads.
#[derive(Debug)]
pub(crate) struct Uploads {
    dir: PathBuf,
    store: Arc<Store>,
    limits: watch::Receiver<Limits>,
    metrics: Arc<Metrics>,
    /// Locked while the quota is counted and an upload is added.
    entry: Mutex<()>,
}

impl Uploads {
    /// The uploads in `dir`, made if need be.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn open(
        dir: &Path,
        store: Arc<Store>,
        limits: watch::Receiver<Limits>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned(), store, limits, metrics, entry: Mutex::new(()) })
    }

    /// What is used of what uploads may use.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) async fn room(&self) -> io::Result<Room> {
        let parts = self.parts()?;
        let blob_bytes = self.store.used().await?;
        let promised_bytes =
            parts.iter().fold(blob_bytes, |sum, part| sum.saturating_add(part.size));
        let free_bytes = durable::free_bytes(&self.dir)?;
        Ok(Room { unfinished: parts.len(), blob_bytes, promised_bytes, free_bytes })
    }

    /// Begins an upload of `size` bytes, or says how far it is; finishes one that lacks no byte.
    ///
    /// # Errors
    ///
    /// [`UploadError`], by limit or by size.
    pub(crate) async fn begin(&self, root: Root, size: u64) -> Result<UploadStatus, UploadError> {
        self.try_begin(root, size).await.inspect_err(|error| error.tell(root))
    }

    async fn try_begin(&self, root: Root, size: u64) -> Result<UploadStatus, UploadError> {
        if let Some(stored) = self.stored(root).await? {
            return expect_size(stored, size);
        }
        let entry = self.entry.lock().await;
        let part = match self.find(root)? {
            Some(part) => part,
            None => self.admit(root, size).await?,
        };
        drop(entry);
        let status = expect_size(part.status()?, size)?;
        if status.offset < size {
            return Ok(status);
        }
        match self.claim(&part).await? {
            Some(file) => self.finish(part, file).await,
            None => self.stored(root).await?.ok_or(UploadError::NotFound),
        }
    }

    /// Returns how far an upload is.
    ///
    /// # Errors
    ///
    /// [`UploadError::NotFound`] without one.
    pub(crate) async fn status(&self, root: Root) -> Result<UploadStatus, UploadError> {
        if let Some(stored) = self.stored(root).await? {
            return Ok(stored);
        }
        self.find(root)?.ok_or(UploadError::NotFound)?.status()
    }

    /// Appends `body` at `offset`. What arrived before an error is kept and counts.
    ///
    /// # Errors
    ///
    /// [`UploadError`]; after [`UploadError::WrongRoot`] the upload is gone.
    pub(crate) async fn append(
        &self,
        root: Root,
        offset: u64,
        body: &mut (impl Body<Data = Bytes> + Unpin),
    ) -> Result<UploadStatus, UploadError> {
        self.try_append(root, offset, body).await.inspect_err(|error| error.tell(root))
    }

    async fn try_append(
        &self,
        root: Root,
        offset: u64,
        body: &mut (impl Body<Data = Bytes> + Unpin),
    ) -> Result<UploadStatus, UploadError> {
        let Some((part, file)) = self.find_and_claim(root).await? else {
            let stored = self.stored(root).await?.ok_or(UploadError::NotFound)?;
            return if offset == stored.size && body.is_end_stream() {
                Ok(stored)
            } else {
                Err(UploadError::WrongOffset { offset: stored.size })
            };
        };
        let at = file.metadata()?.len();
        if at != offset {
            return Err(UploadError::WrongOffset { offset: at });
        }
        let room = part.size.saturating_sub(at);
        if body.size_hint().lower() > room {
            return Err(UploadError::TooLarge { limit: part.size });
        }
        let mut file = tokio::fs::File::from_std(file);
        let received = receive(&mut file, body, room, part.size).await;
        let kept = async {
            file.flush().await?;
            file.sync_data().await
        };
        let kept = kept.await.map_err(UploadError::from);
        if let (Err(UploadError::DiskFull), _) | (_, Err(UploadError::DiskFull)) =
            (&received, &kept)
        {
            // If the file stayed, it would keep the disk full for everybody until it is abandoned,
            // for a week.
            durable::remove_if_there(&part.path)?;
            return Err(UploadError::DiskFull);
        }
        kept?;
        received?;
        let file = file.into_std().await;
        let offset = file.metadata()?.len();
        if offset == part.size {
            return self.finish(part, file).await;
        }
        Ok(UploadStatus { root, size: part.size, offset, complete: false })
    }

    /// Forgets an unfinished upload, if there is one.
    ///
    /// # Errors
    ///
    /// [`UploadError::Busy`] while somebody writes to it.
    pub(crate) async fn forget(&self, root: Root) -> Result<(), UploadError> {
        if let Some((part, _lock)) = self.find_and_claim(root).await? {
            durable::remove_if_there(&part.path)?;
            durable::sync_parent(&part.path)?;
        }
        Ok(())
    }

    async fn stored(&self, root: Root) -> Result<Option<UploadStatus>, UploadError> {
        let size = self.store.size(&dataset(&root)).await?;
        Ok(size.map(|size| UploadStatus { root, size, offset: size, complete: true }))
    }

    async fn admit(&self, root: Root, size: u64) -> Result<Part, UploadError> {
        let limits = self.limits.borrow().clone();
        let limit = limits.max_blob_bytes;
        if size > limit {
            return Err(UploadError::TooLarge { limit });
        }
        self.drop_abandoned(limits.abandoned_seconds)?;
        // Before the store is gone through, which takes longer.
        if self.parts()?.len() >= limits.max_uploads {
            return Err(UploadError::TooMany { limit: limits.max_uploads });
        }
        let room = self.room().await?;
        let (promised, quota) = (room.promised_bytes, limits.quota_bytes);
        if promised.saturating_add(size) > quota {
            return Err(UploadError::Quota { size, left: quota.saturating_sub(promised), quota });
        }
        if room.free_bytes < size {
            return Err(UploadError::DiskFull);
        }
        let path = self.dir.join(format!("{root}.{size}.part"));
        File::create_new(&path)?;
        durable::sync_parent(&path)?;
        Ok(Part { root, size, path })
    }

    fn drop_abandoned(&self, seconds: u64) -> io::Result<()> {
        for part in self.parts()? {
            let Ok(file) = File::open(&part.path) else { continue };
            let age = file.metadata()?.modified()?.elapsed().unwrap_or_default();
            if age.as_secs() > seconds && file.try_lock().is_ok() {
                tracing::info!(root = %part.root, "forgetting an abandoned upload");
                durable::remove_if_there(&part.path)?;
            }
        }
        Ok(())
    }

    fn parts(&self) -> io::Result<Vec<Part>> {
        let entries = fs::read_dir(&self.dir)?;
        let parts =
            entries.filter_map(|entry| entry.map(|entry| Part::parse(entry.path())).transpose());
        parts.collect()
    }

    fn find(&self, root: Root) -> io::Result<Option<Part>> {
        Ok(self.parts()?.into_iter().find(|part| part.root == root))
    }

    async fn find_and_claim(&self, root: Root) -> Result<Option<(Part, File)>, UploadError> {
        let Some(part) = self.find(root)? else { return Ok(None) };
        Ok(self.claim(&part).await?.map(|file| (part, file)))
    }

    /// The upload's file, locked; `None` if it was finished or forgotten meanwhile.
    async fn claim(&self, part: &Part) -> Result<Option<File>, UploadError> {
        for _ in 0..CLAIM_TRIES {
            let file = match File::options().append(true).read(true).open(&part.path) {
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened?,
            };
            match file.try_lock() {
                // Between opening and locking, the file may have become a stored blob.
                Ok(()) if is_at(&file, &part.path)? => return Ok(Some(file)),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => sleep(CLAIM_PAUSE).await,
                Err(TryLockError::Error(cause)) => return Err(cause.into()),
            }
        }
        Err(UploadError::Busy)
    }

    /// Checks the root of a whole upload, whose lock the caller holds, and stores or discards it.
    async fn finish(&self, part: Part, mut file: File) -> Result<UploadStatus, UploadError> {
        let (store, metrics) = (Arc::clone(&self.store), Arc::clone(&self.metrics));
        blocking(move || {
            if root_of_file(&mut file)? != part.root {
                durable::remove_if_there(&part.path)?;
                durable::sync_parent(&part.path)?;
                return Err(UploadError::WrongRoot);
            }
            store.adopt(&part.root, &file, &part.path)?;
            metrics.uploaded();
            tracing::info!(root = %part.root, bytes = part.size, "stored a dataset");
            let Part { root, size, .. } = part;
            Ok(UploadStatus { root, size, offset: size, complete: true })
        })
        .await
    }
}

/// What is used of what uploads may use, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Uploads that were begun and not finished.
    pub(crate) unfinished: usize,
    /// Of all blobs and objects.
    pub(crate) blob_bytes: u64,
    /// The same, with the whole sizes of unfinished uploads.
    pub(crate) promised_bytes: u64,
    /// What the file system has left.
    pub(crate) free_bytes: u64,
}

/// An unfinished upload.
#[derive(Debug)]
struct Part {
    root: Root,
    size: u64,
    path: PathBuf,
}

impl Part {
    /// `None` for a file that is not named like an upload.
    fn parse(path: PathBuf) -> Option<Self> {
        let (root, size) = path.file_name()?.to_str()?.strip_suffix(".part")?.split_once('.')?;
        Some(Self { root: root.parse().ok()?, size: size.parse().ok()?, path })
    }

    /// Counts only bytes that have reached the disk, so that the uploader may forget them.
    fn status(&self) -> Result<UploadStatus, UploadError> {
        let file = match File::open(&self.path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(UploadError::NotFound);
            }
            opened => opened?,
        };
        let offset = file.metadata()?.len();
        file.sync_data()?;
        Ok(UploadStatus { root: self.root, size: self.size, offset, complete: false })
    }
}

/// Why an upload did not go on.
///
/// Remedy: run `glovebox upload` again, which continues where it stopped; limits are the operator's (quota_bytes).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum UploadError {
    /// There is no such upload.
    #[error("no such upload: begin it with POST")]
    NotFound,
    /// The chunk does not begin where the host's bytes end.
    #[error("the upload goes on at offset {offset}")]
    WrongOffset { offset: u64 },
    /// The upload was begun with another size.
    #[error("this blob was begun with {size} bytes")]
    WrongSize { size: u64 },
    /// There are more bytes than announced or allowed.
    #[error("more bytes than the limit of {limit}")]
    TooLarge { limit: u64 },
    /// The bytes are not the announced blob.
    #[error("the bytes do not have this root and were discarded")]
    WrongRoot,
    /// There are too many unfinished uploads.
    #[error("{limit} uploads are unfinished, which is the limit")]
    TooMany { limit: usize },
    /// Somebody else writes to the upload.
    #[error("another connection writes to this upload")]
    Busy,
    /// The operator's quota is used up.
    #[error("it has {size} bytes, and {left} bytes are left of the quota of {quota} (quota_bytes)")]
    Quota { size: u64, left: u64, quota: u64 },
    /// The body ended early or stalled.
    #[error("the body broke off: ask for the offset and go on")]
    Interrupted,
    /// The disk is full, whatever the quota says.
    #[error("the disk has no room for it")]
    DiskFull,
    /// The disk failed.
    #[error("the host could not read or write its store")]
    Io(#[source] io::Error),
}

impl From<io::Error> for UploadError {
    fn from(cause: io::Error) -> Self {
        match cause.kind() {
            // The file system's own quota is used up, not the one in the host's configuration.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io(cause),
        }
    }
}

impl UploadError {
    /// One line for the operator about an upload that goes on only if somebody does something. What
    /// ends by itself (a place to go on at, a connection that broke) is the uploader's alone.
    fn tell(&self, root: Root) {
        match self {
            Self::NotFound | Self::WrongOffset { .. } | Self::Busy | Self::Interrupted => {}
            Self::Io(cause) => tracing::error!(%root, %cause, "an upload failed: {self}"),
            _ => tracing::warn!(%root, "an upload was declined: {self}"),
        }
    }
}

async fn receive(
    file: &mut tokio::fs::File,
    body: &mut (impl Body<Data = Bytes> + Unpin),
    mut room: u64,
    limit: u64,
) -> Result<(), UploadError> {
    loop {
        let frame = match timeout(STALL, body.frame()).await {
            Ok(None) => return Ok(()),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) | Err(_) => return Err(UploadError::Interrupted),
        };
        let Ok(bytes) = frame.into_data() else { continue };
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        room = room.checked_sub(length).ok_or(UploadError::TooLarge { limit })?;
        file.write_all(&bytes).await?;
    }
}

fn expect_size(status: UploadStatus, size: u64) -> Result<UploadStatus, UploadError> {
    if status.size == size { Ok(status) } else { Err(UploadError::WrongSize { size: status.size }) }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(cause),
    }
}

fn root_of_file(file: &mut File) -> io::Result<Root> {
    file.rewind()?;
    let mut builder = MerkleBuilder::new();
    let mut buffer = vec![0; READ];
    loop {
        let length = file.read(&mut buffer)?;
        match buffer.get(..length) {
            Some([]) | None => return Ok(builder.finish()),
            Some(bytes) => builder.update(bytes),
        }
    }
}

const STALL: Duration = Duration::from_secs(60);
const CLAIM_TRIES: u32 = 100;
const CLAIM_PAUSE: Duration = Duration::from_millis(100);
const READ: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_renamed_or_replaced_is_no_longer_at_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part");
        let file = File::create(&path).unwrap();
        assert!(is_at(&file, &path).unwrap());
        fs::rename(&path, dir.path().join("stored")).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        File::create(&path).unwrap();
        assert!(!is_at(&file, &path).unwrap());
    }
}
