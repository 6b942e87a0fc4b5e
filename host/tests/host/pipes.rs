use crate::support::{Room, blob, eventually, http};
use std::{fs, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixListener},
    time::timeout,
};

const TLS: u8 = 0x16;

#[tokio::test]
async fn carries_tls_both_ways_and_each_side_may_end_first() {
    let room = Room::new();
    let trace = room.path("trace.jsonl");
    let host = room.host_with(|config| config.trace = Some(trace.clone())).await;
    let enclave = UnixListener::bind(room.path("run/enclave.sock")).unwrap();
    // Reads until the party has ended and only then answers: works if the pipe half-closes.
    let enclave = tokio::spawn(async move {
        let (mut stream, _) = enclave.accept().await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        stream.write_all(b"answer").await.unwrap();
        heard
    });
    let mut said = blob(1_000_000);
    said[0] = TLS;
    let mut party = TcpStream::connect(host.address()).await.unwrap();
    party.write_all(&said).await.unwrap();
    party.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(10), party.read_to_end(&mut answer)).await;
    ended.expect("both sides end").unwrap();
    assert_eq!(answer, b"answer");
    assert!(enclave.await.unwrap() == said, "the enclave heard every byte as it was");
    let line = "{\"event\":\"pipe\",\"to_enclave\":1000000,\"from_enclave\":6}\n";
    eventually("the trace has the connection", async || {
        fs::read_to_string(&trace).unwrap() == line
    })
    .await;
}

#[tokio::test]
async fn waits_for_an_enclave_that_is_just_starting() {
    let room = Room::new();
    let host = room.host().await;
    let mut party = TcpStream::connect(host.address()).await.unwrap();
    party.write_all(&[TLS, 1]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let enclave = UnixListener::bind(room.path("run/enclave.sock")).unwrap();
    let (mut stream, _) = enclave.accept().await.unwrap();
    let mut heard = [0; 2];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, [TLS, 1]);
}

#[tokio::test]
async fn closes_a_connection_that_both_sides_forgot() {
    let room = Room::new();
    let host = room.host_with(|config| config.limits.idle_seconds = 1).await;
    let enclave = UnixListener::bind(room.path("run/enclave.sock")).unwrap();
    let mut party = TcpStream::connect(host.address()).await.unwrap();
    party.write_all(&[TLS]).await.unwrap();
    let (_stream, _) = enclave.accept().await.unwrap();
    let ended = timeout(Duration::from_secs(8), party.read(&mut [0; 8])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "found {ended:?}");
}

#[tokio::test]
async fn plain_http_never_reaches_the_enclave() {
    let room = Room::new();
    let host = room.host().await;
    let enclave = UnixListener::bind(room.path("run/enclave.sock")).unwrap();
    for method in ["GET", "POST", "\u{15}GET"] {
        let mut party = TcpStream::connect(host.address()).await.unwrap();
        let request = format!("{method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        party.write_all(request.as_bytes()).await.unwrap();
        party.read_to_end(&mut Vec::new()).await.unwrap();
    }
    assert!(timeout(Duration::from_millis(200), enclave.accept()).await.is_err());
}

#[tokio::test]
async fn accepts_no_more_connections_than_allowed_and_goes_on_when_one_ends() {
    let room = Room::new();
    let host = room.host_with(|config| config.limits.max_connections = 1).await;
    let at = host.address();
    let silent = TcpStream::connect(at).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let second = tokio::spawn(async move { http(at, "GET", "/v1/health", b"").await.0 });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!second.is_finished());
    drop(silent);
    assert_eq!(timeout(Duration::from_secs(5), second).await.unwrap().unwrap(), 503);
}
