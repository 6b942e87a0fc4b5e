//! HTTP/1.1 to servers that are not believed: the host's store in the clear, and custodies under a key that the contract
//! pins.

use crate::tls;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, client::conn::http1, http::request};
use hyper_util::rt::TokioIo;
use protocol::{contract::CustodyAddress, sign::PublicKey};
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

/// One connection, which is opened when it is first needed, and again after it broke.
#[derive(Debug)]
pub struct Http {
    authority: String,
    /// The key that TLS must prove; without one, text goes in the clear.
    key: Option<PublicKey>,
    sender: Option<http1::SendRequest<Full<Bytes>>>,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body, at most as long as the caller allows.
    pub body: Bytes,
}

/// Why there is no answer.
///
/// Remedy: see that the address is right and that the program there runs, then try again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Nobody answers at the address.
    #[error("{0}")]
    Connect(std::io::Error),
    /// No answer came in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection broke.
    #[error("the connection broke")]
    Broken,
    /// TLS failed.
    #[error("TLS failed: {0}")]
    Tls(std::io::Error),
    /// Another key answers than the one that is pinned.
    #[error(
        "it holds {}, and the address pins the key {pinned}; nothing was sent to it",
        found.as_ref().map_or_else(|| "a key of another kind".to_owned(), |found| format!("the key {found}"))
    )]
    OtherKey {
        /// The key that answers, if it is an Ed25519 key.
        found: Option<PublicKey>,
        /// The key of the address.
        pinned: PublicKey,
    },
}

impl Http {
    /// A connection to this host and port in the clear, which is not opened yet.
    #[must_use]
    pub fn plain(authority: String) -> Self {
        Self { authority, key: None, sender: None }
    }

    /// A connection to a custody, which is not opened yet: over TLS under the key of its address.
    #[must_use]
    pub fn to(address: &CustodyAddress) -> Self {
        let key = address.key().copied();
        Self { authority: address.authority().to_owned(), key, sender: None }
    }

    /// Sends one request. If the connection broke, the next request opens it again.
    ///
    /// # Errors
    ///
    /// [`HttpError`].
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        most: usize,
    ) -> Result<Answer, HttpError> {
        let request = Request::builder().method(method).uri(path);
        self.send_as(request, body, most).await
    }

    /// The same of a request with headers of its own.
    ///
    /// # Errors
    ///
    /// [`HttpError`].
    pub(crate) async fn send_as(
        &mut self,
        request: request::Builder,
        body: Bytes,
        most: usize,
    ) -> Result<Answer, HttpError> {
        let exchange = timeout(PATIENCE, self.exchange(request, body, most)).await;
        let answer = exchange.unwrap_or(Err(HttpError::TimedOut));
        if answer.is_err() {
            self.sender = None;
        }
        answer
    }

    async fn exchange(
        &mut self,
        request: request::Builder,
        body: Bytes,
        most: usize,
    ) -> Result<Answer, HttpError> {
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.open().await?,
        };
        sender.ready().await.map_err(|_| HttpError::Broken)?;
        let request = request.header("host", &self.authority).body(Full::from(body));
        let request = request.map_err(|_| HttpError::Broken)?;
        let response = sender.send_request(request).await.map_err(|_| HttpError::Broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), most).collect().await;
        let body = body.map_err(|_| HttpError::Broken)?.to_bytes();
        self.sender = Some(sender);
        Ok(Answer { status, body })
    }

    async fn open(&self) -> Result<http1::SendRequest<Full<Bytes>>, HttpError> {
        let stream = TcpStream::connect(&self.authority).await.map_err(HttpError::Connect)?;
        stream.set_nodelay(true).map_err(HttpError::Connect)?;
        let Some(pinned) = &self.key else {
            let handshake = http1::handshake(TokioIo::new(stream)).await;
            let (sender, connection) = handshake.map_err(|_| HttpError::Broken)?;
            tokio::spawn(connection);
            return Ok(sender);
        };
        let host = self.authority.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let (stream, key) = tls::prove(stream, host).await.map_err(HttpError::Tls)?;
        let found = ed25519(&key);
        if found.as_ref() != Some(pinned) {
            return Err(HttpError::OtherKey { found, pinned: *pinned });
        }
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|_| HttpError::Broken)?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// The Ed25519 key in DER of a `SubjectPublicKeyInfo` (RFC 8410), if it is one.
fn ed25519(spki: &[u8]) -> Option<PublicKey> {
    let key: [u8; PublicKey::LEN] = spki.strip_prefix(ED25519_SPKI)?.try_into().ok()?;
    Some(key.into())
}

/// What stands before the 32 bytes of the key.
const ED25519_SPKI: &[u8] =
    &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const PATIENCE: Duration = Duration::from_secs(60);
