//! The HTTP front of host, enclave and custody, and the host's one port, to which anybody can talk.

use bytes::Bytes;
use front::{Handler, Patience, Place, Places, Rules};
use host::{Config, Enclave, Host};
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::{Builder, Runtime},
    sync::watch,
};

/// A host with an empty store and no enclave.
struct Site {
    host: Host,
    _folder: tempfile::TempDir,
    _runtime: Runtime,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let contract = super::repository().join("tests/vectors/contract-v2/contract.signed");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let config = Config::simulated(&contract, folder.path(), listen, Enclave::External);
    let runtime = Runtime::new().expect("a runtime");
    let host = runtime.block_on(host::start(config)).expect("a host");
    Site { host, _folder: folder, _runtime: runtime }
});

/// Whatever is said, the host answers in HTTP or ends the connection.
pub(super) fn http(bytes: &[u8]) {
    // What begins like TLS goes to the enclave, of which there is none.
    if bytes.first().is_none_or(|first| *first == 0x16) {
        return;
    }
    let mut stream = TcpStream::connect(SITE.host.address()).expect("the host listens");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket");
    // The host may have ended the connection before it has all.
    let _sent = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.")),
        Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "no answer"),
    }
}

/// Sends the body back, if it has at most a thousand bytes.
struct Echo;

impl Handler for Echo {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        place: Arc<Place>,
    ) -> Response<Full<Bytes>> {
        match front::body(request.into_body(), 1000, PATIENCE.header).await {
            Ok(body) => {
                assert!(body.len() <= 1000);
                place.busy();
                Response::new(Full::new(body))
            }
            Err(status) => front::empty(status),
        }
    }
}

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
}

/// Whatever is said, the front answers in HTTP or ends the connection.
pub(super) fn front(bytes: &[u8]) {
    let places = Places::new(Rules { places: 2, spare: 0, grace: PATIENCE.header, share: 2 });
    let talk = async {
        let (mut near, far) = tokio::io::duplex(1 << 16);
        let place = places.take(None).await;
        let (_stopping, stop) = watch::channel(false);
        let served = front::connection(far, place, PATIENCE, Arc::new(Echo), stop);
        let said = async {
            near.write_all(bytes).await.expect("there is room");
            near.shutdown().await.expect("it is still there");
            let mut answer = Vec::new();
            near.read_to_end(&mut answer).await.expect("it ends");
            answer
        };
        tokio::join!(served, said).1
    };
    let answer = RUNTIME.with(|runtime| runtime.block_on(talk));
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."));
}

const PATIENCE: Patience = Patience {
    header: Duration::from_secs(2),
    stalled: Duration::from_secs(2),
    oldest: Duration::from_secs(5),
};
