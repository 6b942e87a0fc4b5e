//! The shell on narrow roads: whoever fills a connection in both directions harms only that one.

use crate::flood;
use enclave::{Booted, Host, Later, Listener, Stream, UnixTransport, serve};
use nsm::Nsm;
use privacy::sampler::Exact;
use protocol::{message::Reply, storage::vsock::MAX_CONNECTIONS};
use std::{io, sync::Arc, time::Duration};
use tests::{HostileHost, Parties};
use tokio::{
    io::{DuplexStream, duplex},
    net::UnixStream,
    sync::mpsc,
    time::timeout,
};

/// Pipes of a few bytes, as a listener.
struct Narrow(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Narrow {
    fn accept(&mut self) -> Later<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async {
            let stream = self.0.recv().await.ok_or(io::ErrorKind::NotConnected)?;
            let stream: Box<dyn Stream> = Box::new(stream);
            Ok(stream)
        })
    }
}

async fn serving(listener: impl Listener + 'static) {
    let parties = Parties::new();
    let nsm: Arc<dyn Nsm> = parties.module.clone();
    let host: Arc<dyn Host> = HostileHost::new(&parties);
    let attested = Booted::boot(nsm, host).unwrap().contract().await.unwrap().attest().unwrap();
    let seed = attested.noise_seed().unwrap();
    let serving = attested.open(Box::new(Exact::from_seed(*seed)), 1 << 30).unwrap();
    tokio::spawn(serve(Arc::new(serving), listener));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_full_both_ways_leave_the_last_place_to_others_on_narrow_pipes() {
    let (connect, listener) = mpsc::unbounded_channel();
    serving(Narrow(listener)).await;
    let connection = || {
        let (near, far) = duplex(256);
        connect.send(far).unwrap();
        std::future::ready(near)
    };
    others_are_served(connection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_full_both_ways_leave_the_last_place_to_others_on_unix_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("enclave.sock");
    serving(UnixTransport::bind(&path).unwrap()).await;
    others_are_served(|| async { UnixStream::connect(&path).await.unwrap() }).await;
}

/// All places but one are filled until nothing moves; the last one works as ever.
async fn others_are_served<F, S>(connect: impl Fn() -> F)
where
    F: Future<Output = S>,
    S: Stream + 'static,
{
    let mut full = Vec::new();
    for _ in 1..MAX_CONNECTIONS {
        let stream = connect().await;
        full.push(tokio::spawn(flood::flood(stream)));
    }
    let mut stuck = Vec::new();
    for one in full {
        stuck.push(one.await.unwrap());
    }
    for one in &stuck {
        assert!(one.sent < 4 << 20, "{} bytes are under way on one connection", one.sent);
    }
    for _ in 0..3 {
        let stream = connect().await;
        let reply = timeout(Duration::from_secs(20), flood::attest(stream)).await;
        assert!(matches!(reply, Ok(Reply::Attested(_))), "{reply:?}");
    }
    // Who hangs up gives the place back.
    drop(stuck);
    let mut again = Vec::new();
    for _ in 1..MAX_CONNECTIONS {
        let stream = connect().await;
        let reply = timeout(Duration::from_secs(20), flood::greet(stream)).await;
        again.push(reply.unwrap());
    }
}
