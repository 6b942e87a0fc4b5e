//! The blob store: reads go through `object_store`, writes are durable files beneath it.

use crate::durable::{self, Put};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path as Key};
use protocol::{merkle::Root, storage::ObjectName};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Blobs and objects under their names.
#[derive(Debug)]
pub(crate) struct Store {
    objects: Arc<dyn ObjectStore>,
    root: PathBuf,
    scratch: PathBuf,
    /// Bytes of results, and how many there may be.
    results: Arc<AtomicU64>,
    most_results: u64,
}

impl Store {
    /// The store below `dir`, which keeps results of at most `most_results` bytes, made if need be; files that an earlier host left half written go.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn open(dir: &Path, most_results: u64) -> io::Result<Self> {
        let (root, scratch) = (dir.join("blobs"), dir.join("tmp"));
        fs::create_dir_all(&root)?;
        fs::create_dir_all(&scratch)?;
        for entry in fs::read_dir(&scratch)? {
            durable::remove_if_there(&entry?.path())?;
        }
        let root = root.canonicalize()?;
        let objects = LocalFileSystem::new_with_prefix(&root).map_err(io::Error::other)?;
        let results = Arc::new(AtomicU64::new(bytes_in(&root.join(RESULTS))?));
        Ok(Self { objects: Arc::new(objects), root, scratch, results, most_results })
    }

    /// The length of what `name` holds, in bytes; `None` if it holds nothing.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub(crate) async fn size(&self, name: &str) -> io::Result<Option<u64>> {
        match self.objects.head(&Key::from(name)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(io::Error::other(cause)),
        }
    }

    /// At most `length` bytes from `offset`: those that exist. `None` if `name` holds nothing.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub(crate) async fn read(
        &self,
        name: &str,
        offset: u64,
        length: u64,
    ) -> io::Result<Option<Bytes>> {
        let Some(size) = self.size(name).await? else { return Ok(None) };
        let end = offset.saturating_add(length).min(size);
        if offset >= end {
            return Ok(Some(Bytes::new()));
        }
        match self.objects.get_range(&Key::from(name), offset..end).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(cause) => Err(io::Error::other(cause)),
        }
    }

    /// Keeps an object: durable when this returns, never replacing other bytes.
    ///
    /// # Errors
    ///
    /// What the file system says, or that a result would be more than the operator allows. A closing is
    /// always kept: it gives budget back.
    pub(crate) async fn put(&self, name: &ObjectName, bytes: Vec<u8>) -> io::Result<Put> {
        let (root, scratch, name) = (self.root.clone(), self.scratch.clone(), name.to_string());
        let (results, most) = (Arc::clone(&self.results), self.most_results);
        blocking(move || {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let is_new = name.starts_with(RESULTS) && !root.join(&name).exists();
            if is_new && results.load(Ordering::Relaxed).saturating_add(length) > most {
                let full = format!("results take the {most} bytes that the operator allows");
                return Err(io::Error::new(io::ErrorKind::QuotaExceeded, full));
            }
            let put = durable::put(&root, &scratch, &name, &bytes)?;
            if is_new && put == Put::Stored {
                results.fetch_add(length, Ordering::Relaxed);
            }
            Ok(put)
        })
        .await
    }

    /// Takes over a whole, checked file as the blob `blob`. Blocks.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn adopt(&self, blob: &Root, file: &File, path: &Path) -> io::Result<()> {
        durable::adopt(&self.root, &dataset(blob), file, path)
    }

    /// Bytes in all blobs and objects.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub(crate) async fn used(&self) -> io::Result<u64> {
        let sizes = self.objects.list(None).map_ok(|meta| meta.size);
        let used = sizes.try_fold(0, |sum: u64, size| async move { Ok(sum.saturating_add(size)) });
        used.await.map_err(io::Error::other)
    }
}

/// Bytes of all files below `folder`; 0 if the folder does not exist.
fn bytes_in(folder: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut sum = 0_u64;
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        let more = if kind.is_dir() { bytes_in(&entry.path())? } else { entry.metadata()?.len() };
        sum = sum.saturating_add(more);
    }
    Ok(sum)
}

/// Where results are, below all blobs and objects.
const RESULTS: &str = "results/";

/// Where a dataset's blob is.
pub(crate) fn dataset(blob: &Root) -> String {
    format!("datasets/{blob}")
}

/// Runs file-system work where it may block.
///
/// # Errors
///
/// Those of `work`, or that the runtime is shutting down.
pub(crate) async fn blocking<T: Send + 'static, E: From<io::Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(cause) => Err(io::Error::other(cause).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(job: &str) -> ObjectName {
        ObjectName::result(job, "publisher").unwrap()
    }

    #[tokio::test]
    async fn results_have_a_quota_also_after_a_restart_and_a_closing_is_always_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 100).unwrap();
        assert_eq!(store.put(&result("a"), vec![1; 60]).await.unwrap(), Put::Stored);
        // What is there already takes no more.
        assert_eq!(store.put(&result("a"), vec![1; 60]).await.unwrap(), Put::Stored);
        assert_eq!(store.put(&result("a"), vec![2; 60]).await.unwrap(), Put::Conflict);
        let full = |put: io::Result<Put>| put.unwrap_err().kind() == io::ErrorKind::QuotaExceeded;
        assert!(full(store.put(&result("b"), vec![1; 41]).await));
        let store = Store::open(dir.path(), 100).unwrap();
        assert!(full(store.put(&result("b"), vec![1; 41]).await));
        assert_eq!(store.put(&result("b"), vec![1; 40]).await.unwrap(), Put::Stored);
        let closing = ObjectName::closing("c").unwrap();
        assert_eq!(store.put(&closing, vec![1; 500]).await.unwrap(), Put::Stored);
    }
}
