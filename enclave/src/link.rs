//! Sends questions to the host, which nobody trusts: every answer is hostile bytes.

use crate::transport::{Later, Stream, TcpTransport, Transport, UnixTransport};
use protocol::{
    kms_grant::SealedGrant,
    merkle::Root,
    storage::{
        Answer, Ask, Body, Failure, FrameError, MAX_BODY, MAX_CONTRACT, MAX_ENVELOPE, MAX_GRANT,
        MAX_OBJECT, MAX_READ, ObjectName, Origin, body_length, decode_body, encode_frame,
    },
};
use std::{fmt, io, net::SocketAddr, path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

/// The host, which keeps blobs. It can lose, alter and withhold them.
pub trait Host: Send + Sync {
    /// Sends one question and gets one answer.
    fn ask(&self, ask: Ask) -> Later<'_, Result<Answer, HostError>>;
}

/// Why the host gave no answer.
///
/// Remedy: see that host and enclave are of one version and that the host's disk is well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The connection failed.
    #[error("asking the host: {0}")]
    Io(#[from] io::Error),
    /// The host did not answer in time.
    #[error("the host did not answer in time")]
    Silent,
    /// The bytes are not an answer.
    #[error("the host's answer: {0}")]
    Frame(#[from] FrameError),
    /// The host answered another question.
    #[error("the host answered something else than was asked")]
    OtherAnswer,
    /// The host says that it cannot do what was asked.
    #[error("the host answers {why:?}")]
    Failed {
        /// The host's reason.
        why: Failure,
    },
}

/// The host at the other end of a socket.
///
/// There is one connection, and one question at a time on it. A question is sent whole before its
/// answer is read, and the host answers after it has read the question. So only one direction ever
/// carries more than a few bytes, and neither side can block the other.
pub struct StreamHost {
    transport: Box<dyn Transport>,
    open: Mutex<Option<Box<dyn Stream>>>,
    /// How long to wait for the answer to one question.
    patience: Duration,
}

impl StreamHost {
    /// The host that listens on this transport.
    #[must_use]
    pub fn at(transport: impl Transport + 'static) -> Self {
        Self { transport: Box::new(transport), open: Mutex::new(None), patience: PATIENCE }
    }

    /// The host that listens on a Unix socket.
    #[must_use]
    pub fn unix(path: PathBuf) -> Self {
        Self::at(UnixTransport::new(path))
    }

    /// The host that listens on a TCP address.
    #[must_use]
    pub fn tcp(address: SocketAddr) -> Self {
        Self::at(TcpTransport::new(address))
    }

    /// Waits at most `patience` until the host listens, and keeps the connection.
    ///
    /// # Errors
    ///
    /// [`HostError::Io`] of the last attempt, or [`HostError::Silent`] if it neither succeeded nor
    /// failed.
    pub async fn wait(&self, patience: Duration) -> Result<(), HostError> {
        let deadline = Instant::now() + patience;
        let mut open = self.open.lock().await;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match timeout(left, self.transport.connect()).await {
                Ok(Ok(stream)) => {
                    *open = Some(stream);
                    return Ok(());
                }
                Ok(Err(_)) if Instant::now() + PAUSE < deadline => sleep(PAUSE).await,
                Ok(Err(cause)) => return Err(cause.into()),
                Err(_) => return Err(HostError::Silent),
            }
        }
    }

    async fn exchange(&self, frame: &[u8], most: usize) -> Result<Answer, HostError> {
        let mut open = self.open.lock().await;
        let mut stream = match open.take() {
            Some(stream) => stream,
            None => self.transport.connect().await?,
        };
        let answer = exchange_on(&mut stream, frame, most).await?;
        *open = Some(stream);
        Ok(answer)
    }

    /// Waits until the host has something to say by itself. Uses a connection of its own. A host that breaks off is asked
    /// again: it may be restarting.
    pub(crate) async fn word(&self) -> Word {
        loop {
            match timeout(self.patience, self.asked_for_a_word()).await {
                Ok(Ok(Some(word))) => return word,
                Ok(Ok(None)) => sleep(PAUSE).await,
                Ok(Err(_)) | Err(_) => sleep(ASK_AGAIN).await,
            }
        }
    }

    async fn asked_for_a_word(&self) -> Result<Option<Word>, HostError> {
        let frame = encode_frame(&Ask::Stop {})?;
        let mut stream = self.transport.connect().await?;
        match exchange_on(&mut stream, &frame, MAX_GRANT.saturating_add(AROUND)).await? {
            Answer::Stop { now } => Ok(now.then_some(Word::End)),
            Answer::Grant { bytes } => Ok(Some(Word::Grant(bytes.0))),
            other => Err(unexpected(other)),
        }
    }
}

/// What a host says by itself.
pub(crate) enum Word {
    /// The operator wants the instance to end.
    End,
    /// An owner gave the operator a grant for AWS KMS.
    Grant(Vec<u8>),
}

/// Sends one question and reads its answer.
async fn exchange_on(
    stream: &mut Box<dyn Stream>,
    frame: &[u8],
    most: usize,
) -> Result<Answer, HostError> {
    stream.write_all(frame).await?;
    stream.flush().await?;
    let mut header = [0; 4];
    stream.read_exact(&mut header).await?;
    // The length is only the host's word: bytes are read as they come, so that a lie costs no
    // memory.
    let length = body_length(header, most)?;
    let mut body = Vec::new();
    let most = u64::try_from(length).unwrap_or(u64::MAX);
    stream.take(most).read_to_end(&mut body).await?;
    if body.len() != length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(decode_body(&body)?)
}

impl Host for StreamHost {
    fn ask(&self, ask: Ask) -> Later<'_, Result<Answer, HostError>> {
        Box::pin(async move {
            let (frame, most) = (encode_frame(&ask)?, longest_answer(&ask));
            match timeout(self.patience, self.exchange(&frame, most)).await {
                Ok(Ok(answer)) => Ok(answer),
                // A kept connection may be stale; try once more on a fresh one.
                Ok(Err(HostError::Io(_))) => timeout(self.patience, self.exchange(&frame, most))
                    .await
                    .map_err(|_| HostError::Silent)?,
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

/// Longest answer to `ask`, the frame included.
fn longest_answer(ask: &Ask) -> usize {
    let bytes = match ask {
        Ask::Contract {} => MAX_CONTRACT,
        Ask::Read { length, .. } => usize::try_from(*length).unwrap_or(usize::MAX),
        Ask::Fetch { .. } => MAX_OBJECT,
        Ask::Unwrap { .. } => MAX_ENVELOPE,
        _ => 0,
    };
    bytes.saturating_add(AROUND).min(MAX_BODY)
}

/// The contract that the operator gave to the host.
pub(crate) async fn contract(host: &dyn Host) -> Result<Vec<u8>, HostError> {
    match host.ask(Ask::Contract {}).await? {
        Answer::Contract { bytes } => Ok(bytes.0),
        other => Err(unexpected(other)),
    }
}

/// What AWS KMS answers when the host shows it `document`, to unwrap the data key of a grant.
pub(crate) async fn unwrap(
    host: &dyn Host,
    sealed: &SealedGrant,
    document: Vec<u8>,
) -> Result<Vec<u8>, HostError> {
    let ask = Ask::Unwrap {
        key: sealed.key.clone(),
        dataset: sealed.dataset.clone(),
        wrapped: sealed.wrapped.clone().into(),
        contract: sealed.contract,
        document: document.into(),
    };
    match host.ask(ask).await? {
        Answer::Unwrapped { envelope } => Ok(envelope.0),
        other => Err(unexpected(other)),
    }
}

/// Reads a whole dataset, in blocks from first to last: what the host sees depends on `size` alone.
pub(crate) async fn dataset(host: &dyn Host, blob: Root, size: u64) -> Result<Vec<u8>, HostError> {
    let mut bytes = Vec::new();
    // Just so much: what grows by doubling takes up to three times its length.
    let room = usize::try_from(size).ok().filter(|size| bytes.try_reserve_exact(*size).is_ok());
    room.ok_or(HostError::OtherAnswer)?;
    let mut offset = 0;
    while offset < size {
        let length = u32::try_from(size - offset).unwrap_or(MAX_READ).min(MAX_READ);
        match host.ask(Ask::Read { blob, offset, length }).await? {
            Answer::Range { bytes: Body(range) } if u64_len(&range) == u64::from(length) => {
                bytes.extend_from_slice(&range);
            }
            // The file is shorter than its manifest says, so it is not the file that was signed
            // for.
            Answer::Range { .. } => return Err(HostError::OtherAnswer),
            other => return Err(unexpected(other)),
        }
        offset += u64::from(length);
    }
    Ok(bytes)
}

/// Stores `bytes`; they are on disk before this returns. A result has an origin, a closing has
/// none.
pub(crate) async fn put(
    host: &dyn Host,
    of: Option<Origin>,
    name: ObjectName,
    bytes: Vec<u8>,
) -> Result<(), HostError> {
    match host.ask(Ask::Put { of, name, bytes: bytes.into() }).await? {
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

/// Bytes of a frame beside those that were asked for.
const AROUND: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause before the host is asked again whether the end is planned, if it did not answer.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Pause between two attempts to reach a host that does not listen yet.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
