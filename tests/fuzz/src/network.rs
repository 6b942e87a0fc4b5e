//! The host's one port, to which anybody can talk.

use host::{Config, Enclave, Host};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::LazyLock,
    time::Duration,
};

/// A host with an empty store and no enclave.
struct Site {
    host: Host,
    _folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let contract = super::repository().join("tests/vectors/contract-v1/contract.signed");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let config = Config::simulated(&contract, folder.path(), listen, Enclave::External);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
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
