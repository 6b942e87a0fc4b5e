//! The TCP port: one byte decides between the enclave and the store.

use crate::{
    config::Limits,
    http::Http,
    metrics::{Connection, Metrics},
    pipe::{self, Eyes},
    trace::Trace,
    watched::Watched,
};
use ::front::{Place, Places, Rules};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

/// Everything that a new connection needs.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) enclave: Watched,
    pub(crate) http: Arc<Http>,
    pub(crate) limits: watch::Receiver<Limits>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) trace: Arc<Trace>,
}

impl Front {
    /// Accepts connections until it is dropped, and they end with it.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let places = self.limits.borrow().max_connections;
        let places = Places::new(Rules { places, spare: places / 8, grace: GRACE, share: places });
        let front = Arc::new(self);
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, from)) => {
                    let place = places.take(Some(from.ip())).await;
                    let front = Arc::clone(&front);
                    connections.spawn(async move { front.greet(stream, place).await });
                }
                Err(cause) => {
                    // The cause is mostly too many open files: other connections must end first.
                    tracing::warn!(%cause, "accepting a connection");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn greet(&self, stream: TcpStream, place: Place) {
        let mut first = [0];
        let idle = Duration::from_secs(self.limits.borrow().idle_seconds.max(1));
        let peeked = tokio::select! {
            peeked = timeout(FIRST_BYTE, stream.peek(&mut first)) => peeked,
            () = place.cut() => return,
        };
        match peeked {
            Ok(Ok(1)) if first == TLS_HANDSHAKE => {
                // Handshakes are small and wait for each other.
                let _ = stream.set_nodelay(true);
                let inside = tokio::select! {
                    inside = self.enclave.place(PLACE) => inside,
                    () = place.cut() => return,
                };
                let Some(_inside) = inside else {
                    self.metrics.connection(Connection::NoPlace);
                    return tracing::warn!("no place at the enclave for a connection");
                };
                // Only the enclave can tell whether the connection is a party's, and cuts it if it
                // must.
                place.busy();
                let seen = Eyes { metrics: &self.metrics, trace: &self.trace };
                pipe::carry(stream, &self.enclave, idle, seen).await;
            }
            Ok(Ok(1)) => Http::serve(Arc::clone(&self.http), stream, place).await,
            _ => {}
        }
    }
}

/// Content type of a TLS record that begins a handshake: RFC 8446, section 5.1. No HTTP method
/// begins with it.
const TLS_HANDSHAKE: [u8; 1] = [0x16];
const FIRST_BYTE: Duration = Duration::from_secs(10);
/// Time that every new connection has to say something.
const GRACE: Duration = Duration::from_millis(500);
/// How long a connection waits for others to end.
const PLACE: Duration = Duration::from_secs(20);
