//! TLS 1.3 that proves possession of some key. The attestation then says whose key it is.

use super::RoomError;
use crate::address::Address;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use protocol::{canonical, limits::Size, message::Reply};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

/// HTTP/1.1 over TLS 1.3 to a peer that holds [`Self::peer_key`].
#[derive(Debug)]
pub(super) struct Channel {
    sender: http1::SendRequest<Full<Bytes>>,
    host: String,
    peer_key: Vec<u8>,
}

impl Channel {
    pub(super) async fn open(address: &Address) -> Result<Self, RoomError> {
        let patience = |_| RoomError::TimedOut { seconds: CONNECT.as_secs() };
        let not_listening = |cause| RoomError::NotListening { address: address.to_string(), cause };
        let stream = timeout(CONNECT, TcpStream::connect(address.authority()))
            .await
            .map_err(patience)?
            .map_err(not_listening)?;
        stream.set_nodelay(true).map_err(not_listening)?;
        let tls = |cause| RoomError::Tls { cause };
        let other = |cause: TlsError| RoomError::Tls { cause: io::Error::other(cause) };
        let config = config().map_err(other)?;
        // A name proves nothing here: the key is checked against the attestation.
        let name = ServerName::try_from(address.host().to_owned())
            .unwrap_or(ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let stream = timeout(CONNECT, connecting).await.map_err(patience)?.map_err(tls)?;
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let missing = || other(CertificateError::BadEncoding.into());
        let certificate = certificates.first().ok_or_else(missing)?;
        let parsed = ParsedCertificate::try_from(certificate).map_err(other)?;
        let peer_key = parsed.subject_public_key_info().to_vec();
        let (sender, connection) = timeout(CONNECT, http1::handshake(TokioIo::new(stream)))
            .await
            .map_err(patience)?
            .map_err(|_| RoomError::Lost)?;
        // The task ends when the sender is dropped or the peer hangs up, and the sender sees
        // either.
        tokio::spawn(connection);
        Ok(Self { sender, host: address.authority(), peer_key })
    }

    /// DER of the `SubjectPublicKeyInfo` of the key that the peer has proven to hold.
    pub(super) fn peer_key(&self) -> &[u8] {
        &self.peer_key
    }

    pub(super) async fn post(
        &mut self,
        path: &str,
        body: Vec<u8>,
        most: Size,
        patience: Duration,
    ) -> Result<Reply, RoomError> {
        let exchange = async {
            self.sender.ready().await.map_err(|_| RoomError::Lost)?;
            let request = Request::post(path)
                .header("host", &self.host)
                .header("content-type", "application/cbor")
                .body(Full::from(body))
                .map_err(|_| RoomError::Protocol { what: "a request that HTTP can carry" })?;
            let response = self.sender.send_request(request).await.map_err(|_| RoomError::Lost)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), most.bytes).collect().await;
            let body = body.map_err(|cause| {
                if cause.is::<LengthLimitError>() {
                    RoomError::Protocol { what: "an answer of the length that its kind has" }
                } else {
                    RoomError::Lost
                }
            })?;
            canonical::from_slice_within(&body.to_bytes(), most).map_err(|_| {
                if status.is_success() {
                    RoomError::Protocol { what: "a message of this protocol" }
                } else {
                    RoomError::Http { status: status.as_u16() }
                }
            })
        };
        let late = |_| RoomError::TimedOut { seconds: patience.as_secs() };
        timeout(patience, exchange).await.map_err(late)?
    }
}

fn config() -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKeyProven { provider }))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(config)
}

/// Accepts any name and issuer, and checks only that the peer signed the handshake with its key.
#[derive(Debug)]
struct AnyKeyProven {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyKeyProven {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

const CONNECT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
