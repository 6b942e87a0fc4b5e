//! Asking the host, which is trusted by nobody: every answer is hostile bytes.

use crate::transport::{Connector, Later, Stream, TcpConnector, UnixConnector};
use protocol::{
    merkle::Root,
    storage::{
        Answer, Ask, Body, Failure, FrameError, MAX_BODY, MAX_READ, ObjectName, body_length,
        decode_body, encode_frame,
    },
};
use std::{fmt, io, net::SocketAddr, path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Mutex,
    time::timeout,
};

/// Where blobs are kept. Can lose, alter and withhold them.
pub trait Host: Send + Sync {
    /// One question, one answer.
    fn ask(&self, ask: Ask) -> Later<'_, Result<Answer, HostError>>;
}

/// Why the host gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// No connection.
    #[error("asking the host: {0}")]
    Io(#[from] io::Error),
    /// No answer in time.
    #[error("the host did not answer in {} seconds", PATIENCE.as_secs())]
    Silent,
    /// Bytes that are no answer.
    #[error("the host's answer: {0}")]
    Frame(#[from] FrameError),
    /// An answer to another question.
    #[error("the host answered something else than was asked")]
    OtherAnswer,
    /// The host says it cannot.
    #[error("the host answers {why:?}")]
    Failed {
        /// Its reason.
        why: Failure,
    },
}

/// The host at the other end of a socket.
pub struct StreamHost {
    connector: Box<dyn Connector>,
    open: Mutex<Option<Box<dyn Stream>>>,
}

impl StreamHost {
    /// The host that listens on a Unix socket.
    #[must_use]
    pub fn unix(path: PathBuf) -> Self {
        Self { connector: Box::new(UnixConnector(path)), open: Mutex::new(None) }
    }

    /// The host that listens on a TCP address.
    #[must_use]
    pub fn tcp(address: SocketAddr) -> Self {
        Self { connector: Box::new(TcpConnector(address)), open: Mutex::new(None) }
    }

    async fn exchange(&self, frame: &[u8]) -> Result<Answer, HostError> {
        let mut open = self.open.lock().await;
        let mut stream = match open.take() {
            Some(stream) => stream,
            None => self.connector.connect().await?,
        };
        stream.write_all(frame).await?;
        stream.flush().await?;
        let mut header = [0; 4];
        stream.read_exact(&mut header).await?;
        // The length is the host's word: read as it comes, so that a lie costs no memory.
        let length = body_length(header, MAX_BODY)?;
        let mut body = Vec::new();
        let most = u64::try_from(length).unwrap_or(u64::MAX);
        (&mut stream).take(most).read_to_end(&mut body).await?;
        if body.len() != length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let answer = decode_body(&body)?;
        *open = Some(stream);
        Ok(answer)
    }
}

impl Host for StreamHost {
    fn ask(&self, ask: Ask) -> Later<'_, Result<Answer, HostError>> {
        Box::pin(async move {
            let frame = encode_frame(&ask)?;
            match timeout(PATIENCE, self.exchange(&frame)).await {
                Ok(Ok(answer)) => Ok(answer),
                // A kept connection may be stale; one more try on a fresh one.
                Ok(Err(HostError::Io(_))) => {
                    timeout(PATIENCE, self.exchange(&frame)).await.map_err(|_| HostError::Silent)?
                }
                Ok(Err(error)) => Err(error),
                Err(_) => Err(HostError::Silent),
            }
        })
    }
}

impl fmt::Debug for StreamHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamHost(..)")
    }
}

/// The contract that the operator was given.
pub(crate) async fn contract(host: &dyn Host) -> Result<Vec<u8>, HostError> {
    match host.ask(Ask::Contract {}).await? {
        Answer::Contract { bytes } => Ok(bytes.0),
        other => Err(unexpected(other)),
    }
}

/// A whole dataset, in blocks from first to last: what the host sees depends on `size` alone.
pub(crate) async fn dataset(host: &dyn Host, blob: Root, size: u64) -> Result<Vec<u8>, HostError> {
    let mut bytes = Vec::new();
    let mut offset = 0;
    while offset < size {
        let length = u32::try_from(size - offset).unwrap_or(MAX_READ).min(MAX_READ);
        match host.ask(Ask::Read { blob, offset, length }).await? {
            Answer::Range { bytes: Body(range) } if u64_len(&range) == u64::from(length) => {
                bytes.extend_from_slice(&range);
            }
            // Shorter than the manifest says: not the file that was signed for.
            Answer::Range { .. } => return Err(HostError::OtherAnswer),
            other => return Err(unexpected(other)),
        }
        offset += u64::from(length);
    }
    Ok(bytes)
}

/// Stores `bytes` for good before it returns.
pub(crate) async fn put(
    host: &dyn Host,
    name: ObjectName,
    bytes: Vec<u8>,
) -> Result<(), HostError> {
    match host.ask(Ask::Put { name, bytes: bytes.into() }).await? {
        Answer::Stored {} => Ok(()),
        other => Err(unexpected(other)),
    }
}

fn unexpected(answer: Answer) -> HostError {
    match answer {
        Answer::Failed { why } => HostError::Failed { why },
        _ => HostError::OtherAnswer,
    }
}

fn u64_len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

const PATIENCE: Duration = Duration::from_secs(30);
