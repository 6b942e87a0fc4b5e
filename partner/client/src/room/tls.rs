//! HTTP over TLS that proves possession of some key. The attestation then says whose key it is.

use super::RoomError;
use crate::{address::Address, tls};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use protocol::{canonical, limits::Size, message::Reply};
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

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
        let broken = |cause| RoomError::Tls { cause };
        // The key is checked against the attestation.
        let connecting = tls::prove(stream, address.host());
        let (stream, peer_key) =
            timeout(CONNECT, connecting).await.map_err(patience)?.map_err(broken)?;
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

const CONNECT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
