//! Plain HTTP/1.1 to servers that are not believed: the host's store, and custodies.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, client::conn::http1};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

/// One connection, which is opened when it is first needed, and again after it broke.
#[derive(Debug)]
pub struct Plain {
    authority: String,
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
}

impl Plain {
    /// A connection to this host and port, which is not opened yet.
    #[must_use]
    pub fn new(authority: String) -> Self {
        Self { authority, sender: None }
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
        let exchange = timeout(PATIENCE, self.exchange(method, path, body, most)).await;
        let answer = exchange.unwrap_or(Err(HttpError::TimedOut));
        if answer.is_err() {
            self.sender = None;
        }
        answer
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        most: usize,
    ) -> Result<Answer, HttpError> {
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.open().await?,
        };
        sender.ready().await.map_err(|_| HttpError::Broken)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority)
            .body(Full::from(body))
            .map_err(|_| HttpError::Broken)?;
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
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|_| HttpError::Broken)?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
