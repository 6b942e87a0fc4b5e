//! The client of the host's store, which keeps ciphertext and is not believed.

mod logs;

pub use logs::KnownLog;

use crate::{
    address::Address,
    http::{Answer, Http, HttpError},
};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use protocol::{
    digest::Digest,
    job::JobName,
    limits,
    merkle::{MerkleBuilder, Root},
    storage::{ObjectName, Problem, ProblemCode, UploadStatus},
    text,
};
use serde::Deserialize;
use std::{
    io::{Read, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

/// A client of the store at a room's address. Dropped connections are opened again.
#[derive(Debug)]
pub struct Store {
    http: Http,
}

/// The host's own report on itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// Whether it runs a simulated enclave.
    pub simulated: bool,
    /// State of the enclave: `serving`, or why it does not serve: `starting`, `stopped`, `closed`
    /// or `contract_ended`.
    pub enclave: String,
    /// How often the host has started an enclave.
    pub enclave_starts: u64,
    /// Results that the host had no room for since it started.
    pub results_declined: u64,
    /// Results of earlier instances that were deleted to make room before anybody had fetched them,
    /// since the host started.
    pub results_lost: u64,
}

impl Store {
    /// The store at `address`; connects when first asked.
    #[must_use]
    pub fn new(address: &Address) -> Self {
        Self { http: Http::plain(address.authority()) }
    }

    /// Uploads the file at `path`, which must have the Merkle root `root`, and continues where an
    /// earlier upload stopped. `progress` gets the bytes at the host and the total.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherFile`] before anything is sent; otherwise what the host says. After any
    /// error the same call continues.
    pub async fn upload(
        &mut self,
        path: &Path,
        root: Root,
        progress: impl FnMut(u64, u64),
    ) -> Result<UploadStatus, StoreError> {
        let io = |cause| StoreError::File { path: path.to_owned(), cause };
        let whole = path.to_owned();
        let reading = tokio::task::spawn_blocking(move || {
            let mut file = std::fs::File::open(whole)?;
            root_of(&mut file).map(|(found, size)| (file, found, size))
        });
        let read = reading.await.map_err(std::io::Error::other).flatten();
        let (file, found, size) = read.map_err(io)?;
        let mut file = File::from_std(file);
        if found != root {
            return Err(StoreError::OtherFile { path: path.to_owned(), found, expected: root });
        }
        self.send_file(&mut file, path, root, size, progress).await
    }

    async fn send_file(
        &mut self,
        file: &mut File,
        path: &Path,
        root: Root,
        size: u64,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<UploadStatus, StoreError> {
        let io = |cause| StoreError::File { path: path.to_owned(), cause };
        let begin = format!("/v1/uploads/{root}?size={size}");
        let mut status: Option<UploadStatus> = None;
        let mut failures = 0;
        loop {
            let step = match &status {
                None => self.json(Method::POST, &begin, Bytes::new()).await,
                Some(now) if now.complete => return Ok(now.clone()),
                Some(now) => {
                    progress(now.offset, size);
                    let chunk = chunk(file, now.offset).await.map_err(io)?;
                    let path = format!("/v1/uploads/{root}?offset={}", now.offset);
                    self.json(Method::PATCH, &path, chunk).await
                }
            };
            match step {
                Ok(next) => {
                    let moved = status.as_ref().is_none_or(|before| next.offset > before.offset);
                    if next.root != root || next.size != size || !(moved || next.complete) {
                        return Err(StoreError::Protocol);
                    }
                    if next.complete {
                        progress(size, size);
                    }
                    failures = 0;
                    status = Some(next);
                }
                Err(error) if error.passes() && failures < RETRIES => {
                    // The next attempt asks for the offset first, so that what the host has is not
                    // sent twice.
                    failures += 1;
                    status = None;
                    tokio::time::sleep(PAUSE * failures).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks how far the upload of a blob has come.
    ///
    /// # Errors
    ///
    /// [`StoreError::Declined`] with `not_found` if there is none.
    pub async fn status(&mut self, root: Root) -> Result<UploadStatus, StoreError> {
        self.json(Method::GET, &format!("/v1/uploads/{root}"), Bytes::new()).await
    }

    /// Makes the host forget an unfinished upload.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn forget(&mut self, root: Root) -> Result<(), StoreError> {
        let path = format!("/v1/uploads/{root}");
        self.fetch(Method::DELETE, &path, Bytes::new(), limits::STORE_REPLY).await.map(drop)
    }

    /// Tells the host whose the stored file `root` is, by its signed manifest, so that its owner can have it deleted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Declined`] with `forbidden` if it is another party's already.
    pub async fn claim(&mut self, root: Root, manifest: Vec<u8>) -> Result<(), StoreError> {
        let path = format!("/v1/owners/{root}");
        self.fetch(Method::PUT, &path, manifest.into(), limits::STORE_REPLY).await.map(drop)
    }

    /// Has the host delete the stored file `root`, as its owner has signed ([`protocol::deletion::Deletion`]). A host may say
    /// that it did, and keep it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Declined`] with `forbidden` if the host takes somebody else for the owner.
    pub async fn delete(&mut self, root: Root, signed: Vec<u8>) -> Result<(), StoreError> {
        let path = format!("/v1/datasets/{root}");
        self.fetch(Method::DELETE, &path, signed.into(), limits::STORE_REPLY).await.map(drop)
    }

    /// A job's package sealed to `receiver`, as the enclave stored it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn result(&mut self, job: JobName, receiver: &str) -> Result<Vec<u8>, StoreError> {
        let name = ObjectName::result(&job.to_string(), &object_part(receiver));
        let name = name.map_err(|_| StoreError::Protocol)?;
        self.object(name.as_str(), limits::SEALED.bytes).await
    }

    /// An instance's closing, as the enclave stored it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn closing(&mut self, instance: Digest) -> Result<Vec<u8>, StoreError> {
        let name = ObjectName::closing(&instance.to_string());
        let name = name.map_err(|_| StoreError::Protocol)?;
        self.object(name.as_str(), limits::CLOSING.bytes).await
    }

    /// Asks for the host's report on itself.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn health(&mut self) -> Result<Health, StoreError> {
        let answer = self.ask(Method::GET, "/v1/health", Bytes::new(), limits::STORE_REPLY).await?;
        // A host whose enclave does not answer sends its report with status 503.
        if !answer.status.is_success() && answer.status != StatusCode::SERVICE_UNAVAILABLE {
            return Err(StoreError::Protocol);
        }
        serde_json::from_slice(&answer.body).map_err(|_| StoreError::Protocol)
    }

    /// Hands in when the runs of an order are, as its analyst signed it.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; a host that runs no enclaves on a schedule has no such path.
    pub async fn schedule(&mut self, signed: Vec<u8>) -> Result<(), StoreError> {
        let put = self.fetch(Method::PUT, "/v1/schedules", signed.into(), limits::STORE_REPLY);
        put.await.map(drop)
    }

    async fn object(&mut self, name: &str, most: usize) -> Result<Vec<u8>, StoreError> {
        let path = format!("/v1/{name}");
        let mut failures = 0;
        loop {
            match self.fetch(Method::GET, &path, Bytes::new(), most).await {
                Err(error) if error.passes() && failures < RETRIES => {
                    failures += 1;
                    tokio::time::sleep(PAUSE * failures).await;
                }
                answer => return Ok(answer?.to_vec()),
            }
        }
    }

    async fn json(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<UploadStatus, StoreError> {
        let body = self.fetch(method, path, body, limits::STORE_REPLY).await?;
        serde_json::from_slice(&body).map_err(|_| StoreError::Protocol)
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        most: usize,
    ) -> Result<Answer, StoreError> {
        self.http.send(method, path, body, most).await.map_err(|error| match error {
            HttpError::Connect(cause) => StoreError::NotListening { cause },
            _ => StoreError::Lost,
        })
    }

    async fn fetch(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        most: usize,
    ) -> Result<Bytes, StoreError> {
        let Answer { status, body } = self.ask(method, path, body, most).await?;
        if status.is_success() {
            return Ok(body);
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => {
                Err(StoreError::Declined { code: problem.code, words: harmless(&problem.message) })
            }
            Err(_) if status == StatusCode::NOT_FOUND => {
                Err(StoreError::Declined { code: ProblemCode::NotFound, words: String::new() })
            }
            Err(_) => Err(StoreError::Protocol),
        }
    }
}

/// Why the store did not do what was asked.
///
/// Remedy: see that the host runs and that the address is a room's, then run the same command again; it continues.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The local file cannot be read.
    #[error("reading {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        cause: std::io::Error,
    },
    /// The file is not the one that the manifest names.
    #[error(
        "{path} is not the file that the manifest names: its root is {found}, expected {expected}; \
             seal it again"
    )]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// Its root.
        found: Root,
        /// The root in the manifest.
        expected: Root,
    },
    /// Nobody answers at the address.
    #[error("nobody listens there: {cause} (is the host running?)")]
    NotListening {
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// The connection broke.
    #[error("the connection to the host was lost: run the same command again, it continues")]
    Lost,
    /// The host declined the request.
    #[error("the host declined: {}", declined(*code, words))]
    Declined {
        /// The reason, for programs.
        code: ProblemCode,
        /// The reason, for people.
        words: String,
    },
    /// The answer is not one of this protocol.
    #[error("the server does not speak this protocol: is this the address of a room?")]
    Protocol,
}

impl StoreError {
    /// Whether the same request may succeed in a moment.
    fn passes(&self) -> bool {
        match self {
            Self::NotListening { .. } | Self::Lost => true,
            Self::Declined { code, .. } => {
                matches!(code, ProblemCode::Busy | ProblemCode::WrongOffset)
            }
            _ => false,
        }
    }

    /// Whether the host does not have the object (yet).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Declined { code: ProblemCode::NotFound, .. })
    }
}

/// A party's name as part of an object's name, which has no `_`. The names of two parties of one
/// contract never become the same: they would look alike, and the contract's parser refuses that.
pub(crate) fn object_part(party: &str) -> String {
    party.replace('_', "-")
}

/// The host's words with hidden characters spelt out, or nothing if they name an option: a host may
/// say anything, and must neither move the reader's cursor nor tell how to call this program. Our
/// own host names no option.
fn harmless(words: &str) -> String {
    let shown: String = text::visible(words).chars().take(200).collect();
    if shown.contains("--") { String::new() } else { shown }
}

fn declined(code: ProblemCode, words: &str) -> String {
    let ours = match code {
        ProblemCode::NotFound => "there is no such thing",
        ProblemCode::Forbidden => "it does not do this for whoever signed it",
        ProblemCode::WrongRoot => "what arrived is not the file; it was discarded, upload it again",
        ProblemCode::WrongSize => "the upload was begun with another size; forget it first",
        ProblemCode::TooLarge => "larger than the operator allows",
        ProblemCode::TooManyUploads => "too many unfinished uploads; finish or forget one",
        ProblemCode::QuotaExceeded => {
            "the file does not fit into what is left of the operator's quota"
        }
        ProblemCode::DiskFull => {
            "the operator's disk is full: tell the operator, then upload it again"
        }
        ProblemCode::Busy => "somebody else writes to this upload",
        ProblemCode::Io => "its disk failed",
        _ => "it did not understand",
    };
    if words.is_empty() { ours.to_owned() } else { format!("{ours} (it says: {words})") }
}

/// The Merkle root of all that `from` has, by which the host knows a sealed file, and its length in bytes. Blocks.
///
/// # Errors
///
/// What reading it says.
pub fn root_of(from: &mut impl Read) -> std::io::Result<(Root, u64)> {
    let mut builder = MerkleBuilder::new();
    let mut buffer = vec![0; CHUNK];
    let mut size = 0_u64;
    loop {
        let read = from.read(&mut buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok((builder.finish(), size));
        }
        builder.update(bytes);
        size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

async fn chunk(file: &mut File, offset: u64) -> std::io::Result<Bytes> {
    file.seek(SeekFrom::Start(offset)).await?;
    let mut bytes = Vec::with_capacity(CHUNK);
    let most = u64::try_from(CHUNK).unwrap_or(u64::MAX);
    file.take(most).read_to_end(&mut bytes).await?;
    Ok(bytes.into())
}

/// Bytes that are sent at once.
const CHUNK: usize = 2 << 20;
/// Failures in a row after which the upload gives up.
const RETRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
