//! One connection after another, and one request after another on each.

use crate::{
    moving::Moving,
    places::{Place, Places},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Request, Response, StatusCode, body::Body as _, body::Incoming, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::limits::AHEAD;
use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

/// How long somebody is waited for.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a server names all of it")]
pub struct Patience {
    /// For the header of a request, from when one may begin.
    pub header: Duration,
    /// For a byte of an answer to be taken.
    pub stalled: Duration,
    /// For a connection's last request to begin.
    pub oldest: Duration,
}

/// Who answers.
pub trait Handler: Send + Sync + 'static {
    /// The answer to one request. Reads the body with [`body`], says on `place` when it has all it needs and
    /// begins to work, and keeps `place` for as long as it works, even if nobody waits for it any more.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        place: Arc<Place>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// Serves one connection until it ends, is cut, or `stop` turns true: then what was begun is still answered.
pub async fn connection<S, H>(
    stream: S,
    place: Place,
    patience: Patience,
    handler: Arc<H>,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Handler,
{
    let place = Arc::new(place);
    let mut cut = pin!(place.cut());
    let service = service_fn(move |request| {
        let (handler, place) = (Arc::clone(&handler), Arc::clone(&place));
        async move {
            let response = handler.answer(request, Arc::clone(&place)).await;
            place.waiting();
            Ok::<_, Infallible>(response)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.header)
        .max_headers(32)
        // Requests that were sent ahead wait at the sender, not here.
        .max_buf_size(AHEAD)
        .serve_connection(TokioIo::new(Moving::new(stream, patience.stalled)), service);
    let mut served = pin!(served);
    let mut last = pin!(async {
        tokio::select! {
            () = sleep(patience.oldest) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    });
    let mut is_last = false;
    loop {
        tokio::select! {
            ended = served.as_mut() => {
                if let Err(cause) = ended {
                    tracing::debug!(%cause, "a connection ended early");
                }
                return;
            }
            () = cut.as_mut() => return tracing::debug!("a connection was cut to make room for another"),
            () = last.as_mut(), if !is_last => {
                is_last = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The whole body of a request, if it has at most `most` bytes and is there within `patience`; otherwise the
/// status to answer with.
///
/// # Errors
///
/// 413 above `most`, before a byte of it is read where its length is said; 408 if it is late; 400 if it
/// breaks off.
pub async fn body(
    incoming: Incoming,
    most: usize,
    patience: Duration,
) -> Result<Bytes, StatusCode> {
    let known = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
    if known > most {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let whole = timeout(patience, Limited::new(incoming, most).collect()).await;
    let whole = whole.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
    let whole = whole.map_err(|cause| {
        if cause.is::<LengthLimitError>() {
            StatusCode::PAYLOAD_TOO_LARGE
        } else {
            StatusCode::BAD_REQUEST
        }
    })?;
    Ok(whole.to_bytes())
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// Serves everybody who connects to `listener` until `stop` completes; then what was begun is still answered.
///
/// # Errors
///
/// None for now: a connection that cannot be accepted is one less.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    places: Arc<Places>,
    patience: Patience,
    handler: Arc<H>,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let greet = |stream| std::future::ready(Some(stream));
    serve_greeted(listener, places, patience, handler, greet, stop).await
}

/// The same behind a handshake: `greet` turns a connection into one that is spoken on. It has as long as the header of a
/// request has, and a connection is cut in it, too, if another needs its place.
///
/// # Errors
///
/// As [`serve`].
pub async fn serve_greeted<H, G, F, S>(
    listener: TcpListener,
    places: Arc<Places>,
    patience: Patience,
    handler: Arc<H>,
    greet: G,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()>
where
    H: Handler,
    G: Fn(TcpStream) -> F,
    F: Future<Output = Option<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = stop.as_mut() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(cause) => {
                // Mostly too many open files: others must end first.
                tracing::warn!(%cause, "a connection was not accepted");
                sleep(REFUSED).await;
                continue;
            }
        };
        let place = tokio::select! {
            () = stop.as_mut() => break,
            place = places.take(Some(address.ip())) => place,
        };
        let _ = stream.set_nodelay(true);
        let (handler, stopped) = (Arc::clone(&handler), stopped.clone());
        let greeted = greet(stream);
        connections.spawn(async move {
            let greeted = tokio::select! {
                greeted = timeout(patience.header, greeted) => greeted,
                () = place.cut() => return,
            };
            if let Ok(Some(stream)) = greeted {
                connection(stream, place, patience, handler, stopped).await;
            }
        });
    }
    drop(listener);
    let _ = stopping.send(true);
    while connections.join_next().await.is_some() {}
    Ok(())
}

const REFUSED: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;
    use std::{net::SocketAddr, time::Instant};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    struct Echo;

    impl Handler for Echo {
        async fn answer(
            self: Arc<Self>,
            request: Request<Incoming>,
            place: Arc<Place>,
        ) -> Response<Full<Bytes>> {
            match body(request.into_body(), 1000, Duration::from_millis(300)).await {
                Ok(body) => {
                    place.busy();
                    Response::new(Full::new(body))
                }
                Err(status) => empty(status),
            }
        }
    }

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let places =
            Places::new(Rules { places: 8, spare: 1, grace: Duration::from_millis(50), share: 8 });
        let patience = Patience {
            header: Duration::from_millis(400),
            stalled: Duration::from_millis(400),
            oldest: Duration::from_mins(1),
        };
        tokio::spawn(serve(listener, places, patience, Arc::new(Echo), std::future::pending()));
        address
    }

    async fn said(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut said = String::new();
        let read = timeout(Duration::from_secs(5), stream.read_to_string(&mut said)).await;
        let _ended = read.expect("nobody hangs for long");
        said
    }

    #[tokio::test]
    async fn a_header_or_a_body_that_does_not_come_ends_the_connection() {
        let address = echo().await;
        assert_eq!(said(address, b"").await, "");
        assert_eq!(said(address, b"POST / HTTP/1.1\r\nhost: e\r\n").await, "");
        let late = b"POST / HTTP/1.1\r\nhost: e\r\ncontent-length: 9\r\n\r\n12345678";
        assert!(said(address, late).await.starts_with("HTTP/1.1 408"));
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_too_long_is_refused_before_it_comes() {
        let address = echo().await;
        let began = Instant::now();
        let long =
            b"POST / HTTP/1.1\r\nhost: e\r\nconnection: close\r\ncontent-length: 1001\r\n\r\n";
        assert!(said(address, long).await.starts_with("HTTP/1.1 413"));
        assert!(began.elapsed() < Duration::from_millis(300));
        let chunk = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
        let chunked =
            format!("POST / HTTP/1.1\r\nhost: e\r\ntransfer-encoding: chunked\r\n\r\n{chunk}");
        assert!(said(address, chunked.as_bytes()).await.starts_with("HTTP/1.1 413"));
    }

    #[tokio::test]
    async fn who_says_nothing_does_not_keep_others_out() {
        let address = echo().await;
        let mut silent = Vec::new();
        for _ in 0..40 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"POST / HT").await.unwrap();
            silent.push(stream);
        }
        let honest =
            b"POST / HTTP/1.1\r\nhost: e\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
        assert!(said(address, honest).await.ends_with("\r\n\r\nhi"));
    }
}
