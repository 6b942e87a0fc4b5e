//! A host in this process, and raw HTTP against it.

use host::{Config, Enclave, Host};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) const CONTRACT: &[u8] = b"[contract]\n";

/// A directory with a contract in it.
pub(crate) struct Room {
    pub(crate) dir: TempDir,
}

impl Room {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("contract.toml"), CONTRACT).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn contract(&self) -> PathBuf {
        self.path("contract.toml")
    }

    /// A host with nobody behind it unless the test listens on `DIR/run/enclave.sock`.
    pub(crate) async fn host(&self) -> Host {
        self.host_with(|_| {}).await
    }

    pub(crate) async fn host_with(&self, change: impl FnOnce(&mut Config)) -> Host {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let dir = self.dir.path();
        let mut config = Config::simulated(&self.contract(), dir, listen, Enclave::External);
        change(&mut config);
        host::start(config).await.unwrap()
    }
}

/// Status and body of one request.
pub(crate) async fn http(
    host: SocketAddr,
    method: &str,
    target: &str,
    body: &[u8],
) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: host\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    read_response(&mut stream).await
}

pub(crate) async fn read_response(stream: &mut TcpStream) -> (u16, Vec<u8>) {
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(response[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, response[end + 4..].to_vec())
}

/// Status and JSON of one request.
pub(crate) async fn json(
    host: SocketAddr,
    method: &str,
    target: &str,
    body: &[u8],
) -> (u16, serde_json::Value) {
    let (status, body) = http(host, method, target, body).await;
    (status, serde_json::from_slice(&body).unwrap())
}

/// Tries for ten seconds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("after ten seconds still not: {what}");
}

/// Bytes that differ from block to block.
pub(crate) fn blob(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from((i * 7 + i / 251) % 256).unwrap()).collect()
}

/// An enclave image of one section of zeros, laid out as AWS's `EifHeader` is.
pub(crate) fn eif(size: u64) -> Vec<u8> {
    let mut image = [&b".eif\0\x04"[..], &[0; 20], &1_u16.to_be_bytes()].concat();
    for slot in [548_u64, size] {
        image.extend(slot.to_be_bytes());
        image.extend([0; 31 * 8]);
    }
    image.extend([0; 4]);
    let body =
        [&[0, 1, 0, 0][..], &size.to_be_bytes(), &vec![0; size.try_into().unwrap()]].concat();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&image);
    crc.update(&body);
    image.extend(crc.finalize().to_be_bytes());
    image.extend(body);
    image
}

/// All files below `dir`, by their paths from there.
pub(crate) fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                todo.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(dir).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// Whether a process exists and is not merely waiting for somebody to read its exit status.
pub(crate) fn alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}
