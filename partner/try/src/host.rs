//! A host that keeps everything in memory.

use bytes::Bytes;
use enclave::{Host, HostError};
use protocol::{
    job::JobName,
    merkle::Root,
    storage::{Answer, Ask, Failure, ObjectName},
};
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

/// Keeps everything in memory, and answers as the real host does.
pub(crate) struct MemoryHost {
    contract: Vec<u8>,
    blobs: Mutex<BTreeMap<Root, Bytes>>,
    objects: Mutex<BTreeMap<ObjectName, Vec<u8>>>,
}

impl MemoryHost {
    pub(crate) fn new(contract: Vec<u8>) -> Self {
        Self { contract, blobs: Mutex::default(), objects: Mutex::default() }
    }

    pub(crate) fn keep(&self, root: Root, file: Bytes) {
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
            Ask::Read { blob, offset, length } => {
                let Some(file) = blobs.get(&blob) else { return failed(Failure::NotFound) };
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(file.len());
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let end = start.saturating_add(length).min(file.len());
                let range = file.get(start..end).unwrap_or_default().to_vec();
                Answer::Range { bytes: range.into() }
            }
            Ask::Size { blob } => match blobs.get(&blob) {
                Some(file) => Answer::Size { bytes: u64::try_from(file.len()).unwrap_or(u64::MAX) },
                None => failed(Failure::NotFound),
            },
            Ask::Put { name, bytes, .. } => {
                objects.insert(name, bytes.0);
                Answer::Stored {}
            }
            Ask::Stop {} => Answer::Stop { now: false },
            Ask::Fetch { name } => match objects.get(&name) {
                Some(bytes) => Answer::Object { bytes: bytes.clone().into() },
                None => failed(Failure::NotFound),
            },
        }
    }
}

impl Host for MemoryHost {
    fn ask(
        &self,
        ask: Ask,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, HostError>> + Send + '_>> {
        let answer = self.answer(ask);
        Box::pin(async move { Ok(answer) })
    }
}
