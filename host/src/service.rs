//! Answers the enclave's questions over a byte stream.

use crate::{
    config::Config,
    durable::Put,
    kms::{Asked, Relay},
    metrics::{Kept, Metrics},
    owners::Owners,
    results::RESULTS,
    schedule::Schedules,
    store::{PutError, Store, blocking, dataset},
    trace::{Seen, Trace},
    transport::Listener,
    watched::Watched,
};
use protocol::{
    contract::Contract,
    storage::{
        Answer, Ask, Failure, FrameError, MAX_BODY, MAX_CONTRACT, MAX_OBJECT, MAX_READ, ObjectName,
        Origin, STOP_SECONDS, body_length, decode_body, encode_frame,
    },
    text,
};
use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout_at},
};

/// Everything that an answer needs.
#[derive(Debug)]
pub(crate) struct Service {
    contract: PathBuf,
    store: Arc<Store>,
    trace: Arc<Trace>,
    metrics: Arc<Metrics>,
    owners: Arc<Owners>,
    enclave: OnceLock<Watched>,
    /// The runs for which enclaves are started, if enclaves run for these alone.
    schedules: Option<Arc<Schedules>>,
    /// Where AWS KMS is asked, if the operator says.
    kms: Option<Arc<Relay>>,
    leave: watch::Sender<bool>,
}

impl Service {
    pub(crate) fn new(
        config: &Config,
        store: Arc<Store>,
        trace: Arc<Trace>,
        metrics: Arc<Metrics>,
        owners: Arc<Owners>,
        schedules: Option<Arc<Schedules>>,
    ) -> Self {
        let (enclave, leave) = (OnceLock::new(), watch::Sender::new(false));
        let contract = config.contract.clone();
        let kms = config.kms.clone().map(|kms| Arc::new(Relay::new(kms)));
        Self { contract, store, trace, metrics, owners, enclave, schedules, kms, leave }
    }

    /// Sets the enclave whose questions are answered.
    pub(crate) fn is_for(&self, enclave: &Watched) {
        // Only the first call counts: a host has one enclave at a time.
        let _ = self.enclave.set(enclave.clone());
    }

    /// Tells the instance that its end is planned.
    pub(crate) fn ask_to_leave(&self) {
        self.leave.send_replace(true);
    }

    /// Lets the next instance stay, after one was told to leave.
    pub(crate) fn let_stay(&self) {
        self.leave.send_replace(false);
    }

    /// Answers when the operator wants the instance to end, or after a while.
    async fn stop(&self) -> Answer {
        if let Some(took) = self.enclave.get().and_then(Watched::listens) {
            self.metrics.booted(took);
        }
        let mut leave = self.leave.subscribe();
        let until = Instant::now() + Duration::from_secs(STOP_SECONDS);
        let instance = self.kms.as_ref().map_or(0, |relay| relay.instance());
        loop {
            // Grants come at any time, as files.
            let pause = if self.kms.is_some() { until.min(Instant::now() + LOOK) } else { until };
            if timeout_at(pause, leave.wait_for(|leave| *leave)).await.is_ok() {
                return Answer::Stop { now: true };
            }
            if let Some(bytes) = self.offer(instance).await {
                return Answer::Grant { bytes: bytes.into() };
            }
            if Instant::now() >= until {
                return Answer::Stop { now: false };
            }
        }
    }

    /// A grant for AWS KMS that is due to be offered.
    async fn offer(&self, instance: u64) -> Option<Vec<u8>> {
        let relay = Arc::clone(self.kms.as_ref()?);
        blocking(move || io::Result::Ok(relay.next(instance))).await.ok().flatten()
    }

    /// Has AWS KMS unwrap what the enclave asks.
    async fn unwrap(&self, asked: Asked) -> Answer {
        let Some(relay) = &self.kms else { return failed(Failure::Kms) };
        match relay.unwrap(&asked).await {
            Ok(envelope) => Answer::Unwrapped { envelope: envelope.into() },
            Err(why) => {
                tracing::warn!(dataset = %asked.dataset, "an owner's keys do not come by AWS KMS: {why}");
                failed(Failure::Kms)
            }
        }
    }

    /// Updates what is known about the instance, from an object that is now kept.
    fn kept(&self, name: &ObjectName) {
        if !name.as_str().starts_with(CLOSINGS) {
            return;
        }
        self.metrics.closing();
        if let Some(enclave) = self.enclave.get() {
            enclave.closed();
        }
        if *self.leave.borrow() {
            tracing::info!(closing = %name, "the instance left its closing: what it did not spend can return");
        } else {
            tracing::warn!(
                closing = %name,
                "the room is CLOSED: an owner has ended it, its keys are gone and it answers no question \
                 any more; once every owner has its closing, start this program again for a new instance"
            );
        }
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
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Answers the questions on any byte stream, one after the other.
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
        // The question about a planned stop is about no job.
        if !matches!(ask, Ask::Stop {}) {
            self.note(&ask);
        }
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
            Ask::Put { of, name, bytes } => self.put(of, &name, bytes.0).await,
            Ask::Stop {} => Ok(self.stop().await),
            Ask::Unwrap { key, dataset, wrapped, contract, document } => {
                let (wrapped, document) = (wrapped.0, document.0);
                Ok(self.unwrap(Asked { key, contract, dataset, wrapped, document }).await)
            }
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

    async fn put(
        &self,
        of: Option<Origin>,
        name: &ObjectName,
        bytes: Vec<u8>,
    ) -> io::Result<Answer> {
        let analyst = of.as_ref().map_or_else(String::new, |of| text::visible(&of.analyst));
        let run = of.as_ref().and_then(|of| of.run);
        let put = self.store.put(name, of, bytes).await;
        let became = match &put {
            Ok(Put::Stored) => Kept::Stored,
            Ok(Put::Conflict) => Kept::Conflict,
            Err(PutError::NoRoom(_) | PutError::NoRoomForLog(_)) => Kept::NoRoom,
            Err(PutError::Io(_)) => Kept::Failed,
        };
        if name.as_str().starts_with(RESULTS) {
            self.metrics.result(became);
        } else if name.log_of().is_some() {
            self.metrics.log(became);
        }
        match put {
            Ok(Put::Stored) => {
                self.kept(name);
                if let (Some(run), Some(schedules)) = (run, &self.schedules) {
                    schedules.answered(run);
                }
                Ok(Answer::Stored {})
            }
            Ok(Put::Conflict) => Ok(failed(Failure::Conflict)),
            Err(PutError::NoRoom(why)) => {
                tracing::warn!(%name, %analyst, "a result is not kept here, and its analyst is told: {why}");
                Ok(failed(Failure::Full))
            }
            Err(PutError::NoRoomForLog(why)) => {
                tracing::error!(%name, "the instance answers nothing until its log is kept: {why}");
                Ok(failed(Failure::Full))
            }
            Err(PutError::Io(cause)) => Err(cause),
        }
    }

    /// The contract is read afresh each time: the operator may have put another one there for the
    /// next instance.
    async fn contract(&self) -> io::Result<Answer> {
        let path = self.contract.clone();
        let limit = u64::try_from(MAX_CONTRACT).unwrap_or(u64::MAX);
        let bytes = blocking(move || {
            let mut bytes = Vec::new();
            File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
            io::Result::Ok(bytes)
        });
        let bytes = bytes.await?;
        if bytes.len() > MAX_CONTRACT {
            return Ok(failed(Failure::TooLarge));
        }
        // Whoever asks is a new instance, which has no keys.
        if let Some(relay) = &self.kms {
            relay.begin();
        }
        // Another instance may have other parties. One whose contract does not open asks for
        // nothing more.
        if let Ok(contract) = Contract::open(&bytes) {
            self.store.shared_by(contract.parties.keys().cloned().collect());
            self.owners.of(contract);
        }
        Ok(Answer::Contract { bytes: bytes.into() })
    }

    fn note(&self, ask: &Ask) {
        let blob = match ask {
            Ask::Size { blob } | Ask::Read { blob, .. } => Some(dataset(blob)),
            Ask::Put { name, .. } | Ask::Fetch { name } => Some(name.to_string()),
            Ask::Unwrap { dataset, .. } => Some(dataset.clone()),
            Ask::Contract {} | Ask::Stop {} => None,
        };
        let name = blob.as_deref();
        let analyst = match ask {
            Ask::Put { of: Some(of), .. } => Some(of.analyst.as_str()),
            _ => None,
        };
        let (kind, offset, length) = match ask {
            Ask::Contract {} => ("contract", None, None),
            Ask::Size { .. } => ("size", None, None),
            Ask::Read { length, offset, .. } => ("read", Some(*offset), Some(u64::from(*length))),
            Ask::Put { bytes, .. } => ("put", None, u64::try_from(bytes.0.len()).ok()),
            Ask::Fetch { .. } => ("fetch", None, None),
            Ask::Stop {} => ("stop", None, None),
            Ask::Unwrap { .. } => ("unwrap", None, None),
        };
        tracing::debug!(kind, name, analyst, offset, length, "the enclave asks");
        self.trace.note(&Seen::Ask { kind, name, analyst, offset, length });
    }
}

fn failed(why: Failure) -> Answer {
    Answer::Failed { why }
}

/// How long a new grant for AWS KMS may lie before it is seen.
const LOOK: Duration = Duration::from_secs(1);
/// Where closings are kept: protocol/spec/storage-v1.md, section 1.
const CLOSINGS: &str = "closings/";

/// Why a conversation with the enclave ended.
///
/// Remedy: start the host again if the enclave has ended; its log says which.
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
