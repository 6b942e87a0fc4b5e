//! A host in this process.

use bytes::Bytes;
use enclave::{Host, HostError};
use protocol::{
    job::JobName,
    merkle::Root,
    storage::{Answer, Ask, Failure, ObjectName},
};
use std::{
    collections::BTreeMap,
    fs::File,
    future::Future,
    os::unix::fs::FileExt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

/// A sealed file, in memory or on the disk.
#[derive(Clone, Debug)]
pub(crate) enum SealedFile {
    InMemory(Bytes),
    OnDisk(Arc<File>),
}

impl SealedFile {
    pub(crate) fn on_disk(file: File) -> Self {
        Self::OnDisk(Arc::new(file))
    }

    fn size(&self) -> Option<u64> {
        match self {
            Self::InMemory(bytes) => u64::try_from(bytes.len()).ok(),
            Self::OnDisk(file) => file.metadata().ok().map(|known| known.len()),
        }
    }

    /// At most so many bytes from there; fewer where the file ends.
    fn read(&self, offset: u64, length: u32) -> Option<Vec<u8>> {
        let end = self.size()?.min(offset.saturating_add(length.into()));
        let length = usize::try_from(end.saturating_sub(offset)).ok()?;
        match self {
            Self::InMemory(bytes) => {
                let start = usize::try_from(offset).ok()?;
                Some(
                    bytes
                        .get(start..)
                        .and_then(|rest| rest.get(..length))
                        .unwrap_or_default()
                        .to_vec(),
                )
            }
            Self::OnDisk(file) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, offset).ok()?;
                Some(bytes)
            }
        }
    }
}

/// Keeps results in memory and sealed files where they are, and answers as the real host does.
pub(crate) struct OwnHost {
    contract: Vec<u8>,
    blobs: Mutex<BTreeMap<Root, SealedFile>>,
    objects: Mutex<BTreeMap<ObjectName, Vec<u8>>>,
}

impl OwnHost {
    pub(crate) fn new(contract: Vec<u8>) -> Self {
        Self { contract, blobs: Mutex::default(), objects: Mutex::default() }
    }

    pub(crate) fn keep(&self, root: Root, file: SealedFile) {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner).insert(root, file);
    }

    /// The result of `job` that the enclave stored for `receiver`.
    pub(crate) fn result(&self, job: JobName, receiver: &str) -> Option<Vec<u8>> {
        let name = ObjectName::result(&job.to_string(), &receiver.replace('_', "-")).ok()?;
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned()
    }

    fn answer(&self, ask: Ask) -> Answer {
        let blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |why| Answer::Failed { why };
        match ask {
            Ask::Contract {} => Answer::Contract { bytes: self.contract.clone().into() },
            Ask::Read { blob, offset, length } => match blobs.get(&blob) {
                Some(file) => match file.read(offset, length) {
                    Some(range) => Answer::Range { bytes: range.into() },
                    None => failed(Failure::Io),
                },
                None => failed(Failure::NotFound),
            },
            Ask::Size { blob } => match blobs.get(&blob).map(SealedFile::size) {
                Some(Some(bytes)) => Answer::Size { bytes },
                Some(None) => failed(Failure::Io),
                None => failed(Failure::NotFound),
            },
            Ask::Put { name, bytes, .. } => {
                objects.insert(name, bytes.0);
                Answer::Stored {}
            }
            Ask::Stop {} => Answer::Stop { now: false },
            Ask::Unwrap { .. } => failed(Failure::Kms),
            Ask::Fetch { name } => match objects.get(&name) {
                Some(bytes) => Answer::Object { bytes: bytes.clone().into() },
                None => failed(Failure::NotFound),
            },
        }
    }
}

impl Host for OwnHost {
    fn ask(
        &self,
        ask: Ask,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, HostError>> + Send + '_>> {
        let answer = self.answer(ask);
        Box::pin(async move { Ok(answer) })
    }
}
