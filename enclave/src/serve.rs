//! HTTP over TLS over any transport.

use crate::{
    session::Serving,
    transport::{Listener, Stream},
};
use bytes::Bytes;
use front::{Handler, Moving, Patience, Place, Places, Rules, body, connection, empty};
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use protocol::{
    canonical, limits,
    message::Reply,
    refusal::Refusal,
    storage::vsock::{MAX_CONNECTIONS, STALLED_SECONDS},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

/// Serves `room` until the listener fails for good.
pub async fn serve(room: Arc<Serving>, mut listener: impl Listener) {
    let ticking = Arc::clone(&room);
    tokio::spawn(async move {
        loop {
            sleep(TICK).await;
            ticking.tick().await;
        }
    });
    let acceptor = TlsAcceptor::from(Arc::clone(&room.tls.config));
    let places = Places::new(RULES);
    // Nothing stops the server but the end of the enclave.
    let (_stopping, stop) = watch::channel(false);
    loop {
        // Strangers come through the host, which names no address of theirs.
        let place = places.take(None).await;
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // The place was taken before anybody connected: the wait begins now.
        place.waiting();
        let room = Room(Arc::clone(&room));
        tokio::spawn(greet(room, acceptor.clone(), stream, place, stop.clone()));
    }
}

/// Serves one connection. Its failures concern no other connection.
async fn greet(
    room: Room,
    acceptor: TlsAcceptor,
    stream: Box<dyn Stream>,
    place: Place,
    stop: watch::Receiver<bool>,
) {
    let stream = Moving::new(stream, PATIENCE.stalled);
    let greeted = tokio::select! {
        greeted = timeout(HANDSHAKE, acceptor.accept(stream)) => greeted,
        () = place.cut() => return,
    };
    let Ok(Ok(stream)) = greeted else { return };
    connection(stream, place, PATIENCE, Arc::new(room), stop).await;
}

/// The room as an HTTP service.
struct Room(Arc<Serving>);

impl Handler for Room {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        place: Arc<Place>,
    ) -> Response<Full<Bytes>> {
        if request.method() != Method::POST {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let is_attest = match request.uri().path() {
            "/v1/attest" => true,
            "/v1/request" => false,
            _ => return empty(StatusCode::NOT_FOUND),
        };
        let most = if is_attest { limits::ATTEST } else { limits::REQUEST };
        let body = match body(request.into_body(), most.bytes, BODY).await {
            Ok(body) => body,
            Err(status) => return empty(status),
        };
        let room = Arc::clone(&self.0);
        let reply = if is_attest {
            room.attest(&body)
        } else {
            // Hyper drops this future if the connection breaks, which the host can cause at will.
            // What was begun is finished all the same: a paid job is kept for a retry.
            let answering = tokio::spawn(async move { room.answer(&body, &place).await });
            answering.await.unwrap_or(Reply::Refused(Refusal::Internal))
        };
        let status = match &reply {
            Reply::Refused(Refusal::Malformed) => StatusCode::BAD_REQUEST,
            Reply::Refused(
                Refusal::RateLimited | Refusal::Busy { .. } | Refusal::ShareUsed { .. },
            ) => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::OK,
        };
        let mut response = Response::new(Full::new(canonical::to_vec(&reply).into()));
        *response.status_mut() = status;
        let kind = header::HeaderValue::from_static("application/cbor");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

const RULES: Rules = Rules {
    places: MAX_CONNECTIONS,
    spare: MAX_CONNECTIONS / 8,
    // Time for a handshake and a request from far away.
    grace: Duration::from_secs(1),
    share: MAX_CONNECTIONS / 4,
};
const PATIENCE: Patience = Patience {
    header: Duration::from_secs(60),
    stalled: Duration::from_secs(STALLED_SECONDS),
    // Places are few, and others wait for one.
    oldest: Duration::from_secs(600),
};
const TICK: Duration = Duration::from_secs(5);
const HANDSHAKE: Duration = Duration::from_secs(10);
const BODY: Duration = Duration::from_secs(20);
