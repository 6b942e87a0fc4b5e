//! The TCP port: one byte decides between the enclave and the store.

use crate::{config::Limits, http::Http, pipe, supervisor::Watched, trace::Trace};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

/// What a new connection needs.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) enclave: Watched,
    pub(crate) http: Arc<Http>,
    pub(crate) limits: Limits,
    pub(crate) trace: Arc<Trace>,
}

impl Front {
    /// Accepts connections until it is dropped, and they end with it.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(self.limits.max_connections));
        let front = Arc::new(self);
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let front = Arc::clone(&front);
                    connections.spawn(async move {
                        front.greet(stream).await;
                        drop(place);
                    });
                }
                Err(cause) => {
                    // Mostly too many open files: others must end first.
                    tracing::warn!(%cause, "accepting a connection");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn greet(&self, stream: TcpStream) {
        let mut first = [0];
        let idle = Duration::from_secs(self.limits.idle_seconds.max(1));
        match timeout(FIRST_BYTE, stream.peek(&mut first)).await {
            Ok(Ok(1)) if first == TLS_HANDSHAKE => {
                // Handshakes are small and wait for each other.
                let _ = stream.set_nodelay(true);
                let Some(_place) = self.enclave.place(PLACE).await else {
                    return tracing::warn!("no place at the enclave for a connection");
                };
                pipe::carry(stream, &self.enclave, idle, &self.trace).await;
            }
            Ok(Ok(1)) => Http::serve(Arc::clone(&self.http), stream).await,
            _ => {}
        }
    }
}

/// Content type of a TLS record that begins a handshake: RFC 8446, section 5.1. No HTTP method
/// begins with it.
const TLS_HANDSHAKE: [u8; 1] = [0x16];
const FIRST_BYTE: Duration = Duration::from_secs(10);
/// How long a connection waits for others to end.
const PLACE: Duration = Duration::from_secs(20);
