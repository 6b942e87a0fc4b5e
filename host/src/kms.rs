//! Relays between an enclave and AWS KMS: grants that owners gave the operator, and KMS's answers to the enclave's documents.
//!
//! Whoever signs requests with the operator's credentials is a program of its own on this machine, such as aws-sigv4-proxy: no
//! credential and no TLS to AWS is here.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, client::conn::http1};
use hyper_util::rt::TokioIo;
use protocol::{
    digest::Digest,
    kms_grant::context,
    storage::{MAX_ENVELOPE, MAX_GRANT},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio::{net::TcpStream, time::timeout};

/// Where an operator has KMS asked, and keeps what owners gave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Kms {
    /// A program on this machine that signs what it is sent, and hands it on to AWS KMS.
    proxy: SocketAddr,
    /// The folder of files that `glovebox grant --kms` wrote.
    grants: PathBuf,
}

impl Kms {
    /// A proxy on this machine, and a folder. `None` for an address of another machine: what is sent there is signed with this one's
    /// credentials.
    #[must_use]
    pub fn new(proxy: SocketAddr, grants: &Path) -> Option<Self> {
        proxy.ip().is_loopback().then(|| Self { proxy, grants: grants.to_owned() })
    }
}

/// The relay of a running host.
#[derive(Debug)]
pub(crate) struct Relay {
    kms: Kms,
    offered: Mutex<Offered>,
}

/// What the instance that runs was offered.
#[derive(Debug, Default)]
struct Offered {
    /// Which instance it is, counted: a connection of one that died would take what is meant for the next.
    instance: u64,
    /// Which state of a file, and when.
    files: BTreeMap<PathBuf, (SystemTime, Instant)>,
}

impl Offered {
    /// Whether a file is new, has changed, or was last looked at a while ago; it is looked at now.
    fn is_due(&mut self, path: &Path, changed: SystemTime) -> bool {
        let lately = |(seen, at): &(SystemTime, Instant)| *seen == changed && at.elapsed() < AGAIN;
        if self.files.get(path).is_some_and(lately) {
            return false;
        }
        self.files.insert(path.to_owned(), (changed, Instant::now()));
        true
    }
}

/// What the enclave asks of KMS.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) contract: Digest,
    pub(crate) dataset: String,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) document: Vec<u8>,
}

impl Relay {
    pub(crate) fn new(kms: Kms) -> Self {
        Self { kms, offered: Mutex::default() }
    }

    /// Forgets what was offered: another instance has none of it.
    pub(crate) fn begin(&self) {
        let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        offered.instance = offered.instance.wrapping_add(1);
        offered.files.clear();
    }

    /// Which instance runs.
    pub(crate) fn instance(&self) -> u64 {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner).instance
    }

    /// A grant that this instance was not offered lately, if there is one. Reads the disk.
    pub(crate) fn next(&self, instance: u64) -> Option<Vec<u8>> {
        let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        if offered.instance != instance {
            return None;
        }
        let folder = &self.kms.grants;
        let found = match fs::read_dir(folder) {
            Ok(found) => found,
            Err(cause) => {
                if offered.is_due(folder, SystemTime::UNIX_EPOCH) {
                    tracing::warn!(folder = %folder.display(), %cause, "the folder of grants for KMS cannot be read");
                }
                return None;
            }
        };
        for path in found.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.extension().is_none_or(|end| end != GRANT_END) {
                continue;
            }
            let changed = fs::metadata(&path).and_then(|about| about.modified());
            if !changed.is_ok_and(|changed| offered.is_due(&path, changed)) {
                continue;
            }
            match read(&path) {
                Ok(bytes) => return Some(bytes),
                Err(cause) => {
                    tracing::warn!(file = %path.display(), %cause, "a grant for KMS cannot be read");
                }
            }
        }
        None
    }

    /// Has KMS unwrap what the enclave asks, and brings its envelope. Nothing in it can be read here.
    pub(crate) async fn unwrap(&self, asked: &Asked) -> Result<Vec<u8>, KmsError> {
        let question = Question {
            key_id: &asked.key,
            ciphertext_blob: BASE64.encode(&asked.wrapped),
            encryption_context: context(asked.contract, &asked.dataset),
            recipient: Recipient {
                key_encryption_algorithm: "RSAES_OAEP_SHA_256",
                attestation_document: BASE64.encode(&asked.document),
            },
        };
        let body = serde_json::to_vec(&question).map_err(|_| KmsError::Answer)?;
        let (status, body) =
            timeout(PATIENCE, self.exchange(body)).await.map_err(|_| KmsError::Silent)??;
        if status != StatusCode::OK {
            let said: Declined = serde_json::from_slice(&body).unwrap_or_default();
            let kind: String = said.kind.chars().take(100).collect();
            return Err(KmsError::Declined { status: status.as_u16(), kind });
        }
        let answer: Unwrapped = serde_json::from_slice(&body).map_err(|_| KmsError::Answer)?;
        let envelope = BASE64.decode(answer.ciphertext_for_recipient);
        envelope.ok().filter(|bytes| bytes.len() <= MAX_ENVELOPE).ok_or(KmsError::Answer)
    }

    async fn exchange(&self, body: Vec<u8>) -> Result<(StatusCode, Bytes), KmsError> {
        let stream = TcpStream::connect(self.kms.proxy).await?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|_| KmsError::Broken)?;
        tokio::spawn(connection);
        let request = Request::post("/")
            .header("host", self.kms.proxy.to_string())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "TrentService.Decrypt")
            .body(Full::<Bytes>::from(body))
            .map_err(|_| KmsError::Broken)?;
        let response = sender.send_request(request).await.map_err(|_| KmsError::Broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_ANSWER).collect().await;
        Ok((status, body.map_err(|_| KmsError::Broken)?.to_bytes()))
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let length = fs::metadata(path)?.len();
    if length > u64::try_from(MAX_GRANT).unwrap_or(u64::MAX) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than any grant"));
    }
    fs::read(path)
}

/// `Decrypt` (AWS KMS API reference).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    key_id: &'a str,
    ciphertext_blob: String,
    encryption_context: BTreeMap<String, String>,
    recipient: Recipient,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Recipient {
    key_encryption_algorithm: &'static str,
    attestation_document: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Unwrapped {
    ciphertext_for_recipient: String,
}

#[derive(Default, Deserialize)]
struct Declined {
    #[serde(rename = "__type", default)]
    kind: String,
}

/// Why KMS gave no answer for the enclave.
///
/// Remedy: see that the program at --kms runs, that its credentials may call kms:Decrypt with this key, and what `glovebox kms lint` says of the key's policy; the host
/// asks again in a minute.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum KmsError {
    /// Nobody answers at the address.
    #[error("the program at --kms: {0}")]
    Connect(#[from] io::Error),
    /// The connection broke.
    #[error("the connection to the program at --kms broke")]
    Broken,
    /// No answer came in time.
    #[error("the program at --kms did not answer in time")]
    Silent,
    /// KMS declined.
    #[error("KMS answered with status {status} {kind}")]
    Declined {
        /// The HTTP status.
        status: u16,
        /// What KMS calls it.
        kind: String,
    },
    /// The answer has no envelope.
    #[error(
        "the answer has no CiphertextForRecipient: it is not that of KMS to an enclave's document"
    )]
    Answer,
}

/// How a file's name ends that `glovebox grant --kms` writes.
const GRANT_END: &str = "kms-grant";
/// An instance that has taken a grant does nothing when it is offered again.
const AGAIN: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(20);
/// An envelope in base64, and what is around it.
const MOST_ANSWER: usize = 32 << 10;
