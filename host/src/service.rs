//! Answers the enclave's questions over a byte stream.

use crate::{
    durable::Put,
    store::{Store, blocking, dataset},
    trace::{Seen, Trace},
    transport::Listener,
};
use protocol::storage::{
    Answer, Ask, Failure, FrameError, MAX_BODY, MAX_CONTRACT, MAX_OBJECT, MAX_READ, body_length,
    decode_body, encode_frame,
};
use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    task::JoinSet,
};

/// What answering takes.
#[derive(Debug)]
pub(crate) struct Service {
    contract: PathBuf,
    store: Arc<Store>,
    trace: Arc<Trace>,
}

impl Service {
    pub(crate) fn new(contract: PathBuf, store: Arc<Store>, trace: Arc<Trace>) -> Self {
        Self { contract, store, trace }
    }

    /// Accepts connections of the enclave until it is dropped.
    pub(crate) async fn serve(self: Arc<Self>, listener: Listener) {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            match listener.accept().await {
                Ok(stream) => {
                    let service = Arc::clone(&self);
                    connections.spawn(async move {
                        if let Err(cause) = service.converse(stream).await {
                            tracing::warn!(%cause, "a conversation with the enclave ended");
                        }
                    });
                }
                Err(cause) => {
                    tracing::warn!(%cause, "accepting the enclave");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// One answer per question, in order, over any byte stream.
    ///
    /// # Errors
    ///
    /// [`ConverseError`] once the stream breaks or carries something else.
    pub(crate) async fn converse(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
    ) -> Result<(), ConverseError> {
        loop {
            let mut header = [0; 4];
            match stream.read_exact(&mut header).await {
                Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                read => read?,
            };
            let mut body = vec![0; body_length(header, MAX_BODY)?];
            stream.read_exact(&mut body).await?;
            let ask = decode_body(&body)?;
            drop(body);
            let answer = self.answer(ask).await;
            stream.write_all(&encode_frame(&answer)?).await?;
        }
    }

    async fn answer(&self, ask: Ask) -> Answer {
        self.note(&ask);
        let answered = match ask {
            Ask::Contract {} => self.contract().await,
            Ask::Size { blob } => self.store.size(&dataset(&blob)).await.map(|size| match size {
                Some(bytes) => Answer::Size { bytes },
                None => failed(Failure::NotFound),
            }),
            Ask::Read { length, .. } if length > MAX_READ => Ok(failed(Failure::TooLarge)),
            Ask::Read { blob, length, offset } => {
                let range = self.store.read(&dataset(&blob), offset, length.into()).await;
                range.map(|range| match range {
                    Some(bytes) => Answer::Range { bytes: Vec::from(bytes).into() },
                    None => failed(Failure::NotFound),
                })
            }
            Ask::Put { bytes, .. } if bytes.0.len() > MAX_OBJECT => Ok(failed(Failure::TooLarge)),
            Ask::Put { name, bytes } => self.store.put(&name, bytes.0).await.map(|put| match put {
                Put::Stored => Answer::Stored {},
                Put::Conflict => failed(Failure::Conflict),
            }),
            Ask::Fetch { name } => {
                let most = u64::try_from(MAX_OBJECT).unwrap_or(u64::MAX);
                let object = self.store.read(name.as_str(), 0, most).await;
                object.map(|object| match object {
                    Some(bytes) => Answer::Object { bytes: Vec::from(bytes).into() },
                    None => failed(Failure::NotFound),
                })
            }
        };
        answered.unwrap_or_else(|cause| {
            tracing::error!(%cause, "answering the enclave");
            failed(Failure::Io)
        })
    }

    /// Read afresh each time: the operator may have put another contract there for the next instance.
    async fn contract(&self) -> io::Result<Answer> {
        let path = self.contract.clone();
        let limit = u64::try_from(MAX_CONTRACT).unwrap_or(u64::MAX);
        let bytes = blocking(move || {
            let mut bytes = Vec::new();
            File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
            io::Result::Ok(bytes)
        });
        Ok(match bytes.await? {
            bytes if bytes.len() > MAX_CONTRACT => failed(Failure::TooLarge),
            bytes => Answer::Contract { bytes: bytes.into() },
        })
    }

    fn note(&self, ask: &Ask) {
        let blob = match ask {
            Ask::Size { blob } | Ask::Read { blob, .. } => Some(dataset(blob)),
            Ask::Put { name, .. } | Ask::Fetch { name } => Some(name.to_string()),
            Ask::Contract {} => None,
        };
        let name = blob.as_deref();
        let (kind, offset, length) = match ask {
            Ask::Contract {} => ("contract", None, None),
            Ask::Size { .. } => ("size", None, None),
            Ask::Read { length, offset, .. } => ("read", Some(*offset), Some(u64::from(*length))),
            Ask::Put { bytes, .. } => ("put", None, u64::try_from(bytes.0.len()).ok()),
            Ask::Fetch { .. } => ("fetch", None, None),
        };
        tracing::debug!(kind, name, offset, length, "the enclave asks");
        self.trace.note(&Seen::Ask { kind, name, offset, length });
    }
}

fn failed(why: Failure) -> Answer {
    Answer::Failed { why }
}

/// Why a conversation with the enclave ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConverseError {
    /// The stream broke.
    #[error("reading or writing")]
    Io(#[from] io::Error),
    /// A malformed frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}
