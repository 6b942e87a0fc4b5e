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
    sync::Arc,
};

/// Blobs and objects under their names.
#[derive(Debug)]
pub(crate) struct Store {
    objects: Arc<dyn ObjectStore>,
    root: PathBuf,
    scratch: PathBuf,
}

impl Store {
    /// The store below `dir`, made if need be; files that an earlier host left half written go.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let (root, scratch) = (dir.join("blobs"), dir.join("tmp"));
        fs::create_dir_all(&root)?;
        fs::create_dir_all(&scratch)?;
        for entry in fs::read_dir(&scratch)? {
            durable::remove_if_there(&entry?.path())?;
        }
        let root = root.canonicalize()?;
        let objects = LocalFileSystem::new_with_prefix(&root).map_err(io::Error::other)?;
        Ok(Self { objects: Arc::new(objects), root, scratch })
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
    /// What the file system says.
    pub(crate) async fn put(&self, name: &ObjectName, bytes: Vec<u8>) -> io::Result<Put> {
        let (root, scratch, name) = (self.root.clone(), self.scratch.clone(), name.to_string());
        blocking(move || durable::put(&root, &scratch, &name, &bytes)).await
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
