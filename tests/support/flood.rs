//! Parties that ask and ask and never read an answer.

use protocol::{
    canonical,
    message::{AttestRequest, Reply},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::TLS13,
};
use std::{sync::Arc, time::Duration};
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
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
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

/// Believes anybody, as an attacker may.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Nothing moves for so long: it is full.
const QUIET: Duration = Duration::from_millis(500);
