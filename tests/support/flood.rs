//! Parties that ask and ask and never read an answer.

use protocol::{
    canonical,
    message::{AttestRequest, Reply},
};
use rustls::pki_types::ServerName;
use std::{sync::Arc, time::Duration};
use tests::believing_anyone;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Sends requests over `stream` until nothing has moved for a while, and reads none of the answers.
/// The connection stays as full as it is for as long as the returned value lives.
pub(crate) async fn flood<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Full<S> {
    let mut stream = greet(stream).await;
    // Its answer is longer than the question is.
    let request = b"POST /v1/nothing HTTP/1.1\r\nhost: e\r\ncontent-length: 0\r\n\r\n".repeat(256);
    let mut sent = 0;
    while let Ok(Ok(())) = timeout(QUIET, stream.write_all(&request)).await {
        sent += request.len();
    }
    Full { sent, _stream: stream }
}

/// Asks for a document, and reads the reply.
pub(crate) async fn attest<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Reply {
    let body = canonical::to_vec(&AttestRequest { nonce: vec![7; 32] });
    let head = format!(
        "POST /v1/attest HTTP/1.1\r\nhost: e\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = greet(stream).await;
    stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    let mut said = Vec::new();
    // The other end may hang up without a farewell.
    let _ended = stream.read_to_end(&mut said).await;
    let body = said.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    canonical::from_slice(&said[body..]).unwrap()
}

/// A TLS connection to whoever is there.
pub(crate) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> TlsStream<S> {
    let config = believing_anyone();
    let name = ServerName::try_from("enclave").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.unwrap()
}

/// A connection in which nothing moves any more.
pub(crate) struct Full<S> {
    /// Bytes that fitted in.
    pub(crate) sent: usize,
    _stream: TlsStream<S>,
}

/// Nothing moves for so long: it is full.
const QUIET: Duration = Duration::from_millis(500);
