//! HTTP over TLS over whatever transport there is.

use crate::{
    session::Serving,
    stall::Moving,
    transport::{Listener, Stream},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::{
    canonical,
    message::Reply,
    refusal::Refusal,
    storage::vsock::{MAX_CONNECTIONS, STALLED_SECONDS},
};
use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
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
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (room, acceptor) = (Arc::clone(&room), acceptor.clone());
        tokio::spawn(connection(room, acceptor, stream, Arc::new(place)));
    }
}

/// One connection. Its failures are nobody's business but its own.
async fn connection(
    room: Arc<Serving>,
    acceptor: TlsAcceptor,
    stream: Box<dyn Stream>,
    place: Arc<OwnedSemaphorePermit>,
) {
    let stream = Moving::new(stream, Duration::from_secs(STALLED_SECONDS));
    let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(stream)).await else { return };
    let service = service_fn(move |request| {
        let (room, place) = (Arc::clone(&room), Arc::clone(&place));
        async move { Ok::<_, Infallible>(respond(room, request, place).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_headers(32)
        // Requests that were sent ahead wait at the sender, not here.
        .max_buf_size(MAX_AHEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = sleep(OLDEST) => {
            // What was begun is still answered.
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn respond(
    room: Arc<Serving>,
    request: Request<Incoming>,
    place: Arc<OwnedSemaphorePermit>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    if request.method() != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED);
    }
    let body = timeout(BODY, Limited::new(request.into_body(), MAX_BODY).collect()).await;
    let Ok(Ok(body)) = body else { return plain(StatusCode::PAYLOAD_TOO_LARGE) };
    let body = body.to_bytes();
    let reply = match path.as_str() {
        "/v1/attest" => room.attest(&body),
        "/v1/request" => {
            // Hyper drops this future if the connection breaks, which the host can do at will. What
            // was begun is finished all the same: a job that is paid for is kept for a retry.
            let answering = tokio::spawn(async move {
                let reply = room.answer(&body).await;
                drop(place);
                reply
            });
            answering.await.unwrap_or(Reply::Refused(Refusal::Internal))
        }
        _ => return plain(StatusCode::NOT_FOUND),
    };
    let status = match &reply {
        Reply::Refused(Refusal::Malformed) => StatusCode::BAD_REQUEST,
        Reply::Refused(Refusal::RateLimited) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::OK,
    };
    let mut response = Response::new(Full::new(canonical::to_vec(&reply).into()));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("application/cbor");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}

const TICK: Duration = Duration::from_secs(5);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may stay open between requests.
const IDLE: Duration = Duration::from_secs(60);
/// How long a connection may go on asking: places are few, and others wait for one.
const OLDEST: Duration = Duration::from_secs(600);
const BODY: Duration = Duration::from_secs(60);
const MAX_BODY: usize = 4 << 20;
/// Bytes of one connection that are read before they are asked for.
const MAX_AHEAD: usize = 64 << 10;
