//! A connection carried between a party and the enclave, unread.

use crate::{
    metrics::{Connection, Metrics},
    trace::{Seen, Trace},
    watched::Watched,
};
use protocol::storage::vsock::STALLED_SECONDS;
use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Where it is written down that a connection was carried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eyes<'a> {
    pub(crate) metrics: &'a Metrics,
    pub(crate) trace: &'a Trace,
}

/// Carries bytes both ways until both sides have ended, one breaks, or both are silent for `idle`.
pub(crate) async fn carry(mut party: TcpStream, enclave: &Watched, idle: Duration, seen: Eyes<'_>) {
    let enclave = match enclave.connect(PATIENCE).await {
        Ok(enclave) => enclave,
        Err(cause) => {
            seen.metrics.connection(Connection::NoEnclave);
            return tracing::warn!(%cause, "no enclave for a connection");
        }
    };
    seen.metrics.connection(Connection::Carried);
    let (to_enclave, from_enclave) = (AtomicU64::new(0), AtomicU64::new(0));
    {
        let (mut party_in, mut party_out) = party.split();
        let (mut enclave_in, mut enclave_out) = split(enclave);
        let carried = async {
            tokio::try_join!(
                one_way(&mut party_in, &mut enclave_out, &to_enclave),
                one_way(&mut enclave_in, &mut party_out, &from_enclave),
            )
        };
        tokio::select! {
            ended = carried => if let Err(cause) = ended {
                tracing::debug!(%cause, "a connection broke");
            },
            () = silence(idle, &to_enclave, &from_enclave) => {
                tracing::info!(idle_seconds = idle.as_secs(), "closing a silent connection");
            }
        }
    }
    seen.trace.note(&Seen::Pipe {
        to_enclave: to_enclave.into_inner(),
        from_enclave: from_enclave.into_inner(),
    });
}

async fn one_way(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    carried: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer).await?;
        let Some(mut bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            // The other direction may still carry bytes.
            return match to.shutdown().await {
                Err(cause) if cause.kind() != io::ErrorKind::NotConnected => Err(cause),
                _ => Ok(()),
            };
        };
        while !bytes.is_empty() {
            // Both sides of a vsock can fill up and wait for each other for ever.
            let written = timeout(STALL, to.write(bytes)).await.map_err(io::Error::from)??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(written..).unwrap_or_default();
            carried.fetch_add(u64::try_from(written).unwrap_or(0), Ordering::Relaxed);
        }
    }
}

/// Ends once neither count has moved for between one and two times half of `idle`.
async fn silence(idle: Duration, one: &AtomicU64, other: &AtomicU64) {
    let counts = || (one.load(Ordering::Relaxed), other.load(Ordering::Relaxed));
    let mut before = counts();
    let mut quiet = 0;
    while quiet < 2 {
        sleep(idle / 2).await;
        let now = counts();
        quiet = if now == before { quiet + 1 } else { 0 };
        before = now;
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
const STALL: Duration = Duration::from_secs(STALLED_SECONDS);
const BUFFER: usize = 32 * 1024;
