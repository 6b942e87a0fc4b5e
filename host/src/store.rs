//! The blob store: reads go through `object_store`, writes are durable files beneath it.

use crate::{
    config::Limits,
    durable::{self, Put},
    logs::{ListedLog, Logs, MakeRoomError, NoRoomForLog},
    results::{Counts, NoRoom, RESULTS, Results},
};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path as Key};
use protocol::{
    limits,
    merkle::Root,
    storage::{LOGS, ObjectName, Origin},
    stored_log::LogPage,
};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Blobs and objects by name.
#[derive(Debug)]
pub(crate) struct Store {
    objects: Arc<dyn ObjectStore>,
    root: PathBuf,
    scratch: PathBuf,
    /// The results that are kept; locked while one is written.
    results: Arc<Mutex<Results>>,
    /// The logs that are kept; locked while a record is written.
    logs: Arc<Mutex<Logs>>,
}

/// Why an object is not kept.
///
/// Remedy: see that the disk has room and that the host's user may write to its folder.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutError {
    /// There is no room for the result.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// There is no room for a record of a log.
    #[error(transparent)]
    NoRoomForLog(#[from] NoRoomForLog),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<MakeRoomError> for PutError {
    fn from(error: MakeRoomError) -> Self {
        match error {
            MakeRoomError::Full(why) => why.into(),
            MakeRoomError::Io(cause) => cause.into(),
        }
    }
}

impl Store {
    /// Opens the store below `dir`, which is made if it is missing and keeps results and logs of as many bytes as
    /// `limits` allow. Files that an earlier host left half written are removed.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn open(dir: &Path, limits: &Limits) -> io::Result<Self> {
        let (root, scratch) = (dir.join("blobs"), dir.join("tmp"));
        fs::create_dir_all(&root)?;
        fs::create_dir_all(&scratch)?;
        for entry in fs::read_dir(&scratch)? {
            durable::remove_if_there(&entry?.path())?;
        }
        let root = root.canonicalize()?;
        let objects = LocalFileSystem::new_with_prefix(&root).map_err(io::Error::other)?;
        let results = Results::open(&root, &dir.join("results"), limits.results_bytes)?;
        let results = Arc::new(Mutex::new(results));
        let logs = Arc::new(Mutex::new(Logs::open(&root.join(LOGS), limits.logs_bytes)?));
        Ok(Self { objects: Arc::new(objects), root, scratch, results, logs })
    }

    /// Sets whose results share the room from here on: those of the contract's parties.
    pub(crate) fn shared_by(&self, parties: BTreeSet<String>) {
        locked(&self.results).shared_by(parties);
    }

    /// Sets how many bytes all results and all logs may take from here on.
    pub(crate) fn allow(&self, limits: &Limits) {
        locked(&self.results).allow(limits.results_bytes);
        locked(&self.logs).allow(limits.logs_bytes);
    }

    /// The logs that are kept, those first that were last added to.
    pub(crate) fn logs(&self) -> Vec<ListedLog> {
        locked(&self.logs).list(limits::LOGS)
    }

    /// How many logs made room since the host started.
    pub(crate) fn logs_removed(&self) -> u64 {
        locked(&self.logs).removed()
    }

    /// The records of the log of `instance` from number `from` on, as many as fit one answer.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub(crate) async fn log_page(&self, instance: &str, from: u64) -> io::Result<LogPage> {
        let mut page = LogPage::default();
        let (mut bytes, mut number) = (0_usize, from);
        let most = u64::try_from(limits::SIGNED_LOG_RECORD).unwrap_or(u64::MAX);
        while page.records.len() < limits::LOG_PAGE_RECORDS {
            let Ok(name) = ObjectName::log_record(instance, number) else { break };
            let Some(record) = self.read(name.as_str(), 0, most).await? else { break };
            bytes = bytes.saturating_add(record.len());
            if bytes > limits::LOG_PAGE_BYTES {
                break;
            }
            page.add(Vec::from(record));
            number = number.saturating_add(1);
        }
        Ok(page)
    }

    /// What became of results since the host started.
    pub(crate) fn counts(&self) -> Counts {
        locked(&self.results).counts()
    }

    /// Records that somebody was given the object `name`.
    pub(crate) async fn fetched(&self, name: &ObjectName) -> io::Result<()> {
        let (results, name) = (Arc::clone(&self.results), name.to_string());
        blocking(move || locked(&results).fetched(&name)).await
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

    /// Keeps an object. It is on disk when this returns, and never replaces other bytes.
    ///
    /// # Errors
    ///
    /// [`PutError`]: what the file system says, or that a result of this origin or a record has no room. A closing is
    /// always kept: it gives budget back.
    pub(crate) async fn put(
        &self,
        object: &ObjectName,
        origin: Option<Origin>,
        bytes: Vec<u8>,
    ) -> Result<Put, PutError> {
        let (root, scratch, name) = (self.root.clone(), self.scratch.clone(), object.to_string());
        let (results, logs) = (Arc::clone(&self.results), Arc::clone(&self.logs));
        let log_of = object.log_of().map(str::to_owned);
        blocking(move || {
            if let Some(instance) = log_of {
                return put_record(
                    &mut locked(&logs),
                    (&root, &scratch),
                    &instance,
                    (&name, &bytes),
                );
            }
            if !name.starts_with(RESULTS) {
                return Ok(durable::put(&root, &scratch, &name, &bytes)?);
            }
            let mut results = locked(&results);
            if root.join(&name).exists() {
                return Ok(durable::put(&root, &scratch, &name, &bytes)?);
            }
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            for going in results.make_room(origin.as_ref(), length)? {
                results.remove(&root, &going)?;
            }
            results.announce(&name, origin.as_ref())?;
            let put = durable::put(&root, &scratch, &name, &bytes)?;
            if put == Put::Stored {
                results.note(&name, origin, length);
            }
            Ok(put)
        })
        .await
    }

    /// Takes over a whole, checked file as the blob `blob`. This call blocks.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn adopt(&self, blob: &Root, file: &File, path: &Path) -> io::Result<()> {
        durable::adopt(&self.root, &dataset(blob), file, path)
    }

    /// Deletes a dataset's blob, if it is there. This call blocks.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn delete(&self, blob: &Root) -> io::Result<()> {
        let path = self.root.join(dataset(blob));
        durable::remove_if_there(&path)?;
        durable::sync_parent(&path)
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

/// Keeps a part of the log of `instance`.
fn put_record(
    logs: &mut Logs,
    (root, scratch): (&Path, &Path),
    instance: &str,
    (name, bytes): (&str, &[u8]),
) -> Result<Put, PutError> {
    if root.join(name).exists() {
        return Ok(durable::put(root, scratch, name, bytes)?);
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    logs.make_room(instance, length)?;
    let put = durable::put(root, scratch, name, bytes)?;
    if put == Put::Stored {
        logs.note(instance, length);
    }
    Ok(put)
}

/// Results and logs change in whole steps, so a panic elsewhere leaves them usable.
fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::digest::Digest;

    const ROOM: u64 = 300;

    fn limits() -> Limits {
        Limits { results_bytes: ROOM, logs_bytes: ROOM, ..Limits::default() }
    }

    fn open(dir: &Path) -> Store {
        let store = Store::open(dir, &limits()).unwrap();
        store.shared_by(["publisher", "retailer", "agency"].map(str::to_owned).into());
        store
    }

    async fn put(store: &Store, instance: u8, analyst: &str, job: &str, bytes: usize) -> bool {
        // Which is the oldest is told by files' times, which a kernel counts in steps of some milliseconds.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let name = ObjectName::result(job, "receiver").unwrap();
        let (analyst, instance) = (analyst.to_owned(), [instance; Digest::LEN].into());
        let origin = Some(Origin { analyst, instance, run: None });
        match store.put(&name, origin, vec![1; bytes]).await {
            Ok(put) => put == Put::Stored,
            Err(PutError::NoRoom(_)) => false,
            Err(other) => panic!("{other}"),
        }
    }

    async fn holds(store: &Store, job: &str) -> bool {
        store.size(&format!("results/{job}/receiver")).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn a_party_that_fills_its_share_leaves_the_others_theirs_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        assert!(put(&store, 1, "retailer", "a", 60).await);
        // What is there already takes no more.
        assert!(put(&store, 1, "retailer", "a", 60).await);
        assert!(!put(&store, 1, "retailer", "b", 41).await);
        drop(store);
        let store = open(dir.path());
        assert!(!put(&store, 1, "retailer", "b", 41).await);
        assert!(put(&store, 1, "retailer", "b", 40).await);
        assert!(
            put(&store, 1, "publisher", "c", 100).await && put(&store, 1, "agency", "d", 100).await
        );
        assert_eq!(store.counts(), Counts { declined: 1, unread: 0 });
        // Nothing of the instance that runs made room, and a closing is always kept.
        for job in ["a", "b", "c", "d"] {
            assert!(holds(&store, job).await, "{job}");
        }
        let closing = ObjectName::closing("c").unwrap();
        assert_eq!(store.put(&closing, None, vec![1; 500]).await.unwrap(), Put::Stored);
    }

    #[tokio::test]
    async fn results_of_earlier_instances_make_room_within_the_share_of_who_asks() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for job in ["a", "b", "c"] {
            assert!(put(&store, 1, "retailer", job, 30).await);
        }
        assert!(put(&store, 1, "publisher", "others", 100).await);
        store.fetched(&ObjectName::result("b", "receiver").unwrap()).await.unwrap();
        drop(store);
        let store = open(dir.path());
        // Fetched ones first, then the oldest; nobody else's.
        assert!(put(&store, 2, "retailer", "d", 40).await);
        assert_eq!((holds(&store, "a").await, holds(&store, "b").await), (true, false));
        assert_eq!(store.counts(), Counts::default());
        assert!(put(&store, 2, "retailer", "e", 30).await);
        assert_eq!((holds(&store, "a").await, holds(&store, "c").await), (false, true));
        assert_eq!(store.counts(), Counts { declined: 0, unread: 1 });
        // If it is not enough that they go, none goes.
        assert!(!put(&store, 2, "retailer", "f", 31).await);
        assert!(holds(&store, "c").await && holds(&store, "others").await);
    }

    #[tokio::test]
    async fn records_come_back_in_order_and_in_pages_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let roomy = Limits { logs_bytes: 1 << 30, ..limits() };
        let mut store = Store::open(dir.path(), &roomy).unwrap();
        let many = u64::try_from(limits::LOG_PAGE_RECORDS + 2).unwrap();
        store.put(&ObjectName::log_opening("a").unwrap(), None, vec![0; 9]).await.unwrap();
        for number in 0..many {
            let name = ObjectName::log_record("a", number).unwrap();
            let bytes = number.to_be_bytes().to_vec();
            assert_eq!(store.put(&name, None, bytes.clone()).await.unwrap(), Put::Stored);
            assert_eq!(store.put(&name, None, bytes).await.unwrap(), Put::Stored, "again");
            if number == 100 {
                drop(store);
                store = Store::open(dir.path(), &roomy).unwrap();
            }
        }
        let name = ObjectName::log_record("a", 0).unwrap();
        assert_eq!(store.put(&name, None, b"other".to_vec()).await.unwrap(), Put::Conflict);
        let first = store.log_page("a", 0).await.unwrap().records;
        assert_eq!(first.len(), limits::LOG_PAGE_RECORDS);
        let rest = store.log_page("a", many - 2).await.unwrap().records;
        let rest: Vec<_> = rest.into_iter().map(|record| record.into_vec()).collect();
        assert_eq!(rest, [many - 2, many - 1].map(|n| n.to_be_bytes().to_vec()));
        assert_eq!(store.log_page("a", many).await.unwrap().records.len(), 0);
        assert_eq!(store.log_page("b", 0).await.unwrap().records.len(), 0);
        // One that is lost ends what is told: nobody takes a later one for it.
        fs::remove_file(dir.path().join("blobs/logs/a/3")).unwrap();
        assert_eq!(store.log_page("a", 0).await.unwrap().records.len(), 3);
        // A page has few bytes, however many records there are.
        let (most, fit) =
            (limits::SIGNED_LOG_RECORD, limits::LOG_PAGE_BYTES / limits::SIGNED_LOG_RECORD);
        for number in 0..u64::try_from(fit + 2).unwrap() {
            let name = ObjectName::log_record("large", number).unwrap();
            store.put(&name, None, vec![1; most]).await.unwrap();
        }
        assert_eq!(store.log_page("large", 0).await.unwrap().records.len(), fit);
        assert_eq!(store.log_page("large", 2).await.unwrap().records.len(), fit);
        assert_eq!(store.log_page("large", 4).await.unwrap().records.len(), fit - 2);
    }

    #[tokio::test]
    async fn what_nobody_has_a_share_for_makes_room_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &limits()).unwrap();
        // An earlier program noted no origin; an earlier contract had another party, and fewer.
        let name = ObjectName::result("old", "receiver").unwrap();
        store.put(&name, None, vec![1; 100]).await.unwrap();
        assert!(put(&store, 1, "former", "gone", 60).await);
        assert!(put(&store, 1, "publisher", "more", 140).await);
        drop(store);
        let store = open(dir.path());
        assert!(put(&store, 2, "agency", "new", 100).await);
        assert!(!holds(&store, "old").await && holds(&store, "gone").await);
        assert!(put(&store, 2, "retailer", "newer", 100).await);
        assert!(!holds(&store, "gone").await && !holds(&store, "more").await);
    }
}
