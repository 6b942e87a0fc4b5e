//! Against a host that forgets, stalls and lies.

use super::*;
use axum::{
    Router,
    extract::{Path as UrlPath, RawQuery, State},
    routing::{patch, post},
};
use protocol::merkle::root_of;
use std::sync::{Arc, Mutex};

/// What a simulated host holds, and how it misbehaves.
#[derive(Default)]
struct Host {
    bytes: Vec<u8>,
    size: u64,
    /// Chunks that it loses half of before it answers with an error.
    breaks: usize,
    /// Answers every chunk without taking it.
    stalls: bool,
}

type Shared = Arc<Mutex<Host>>;

fn status(host: &Host, root: Root) -> UploadStatus {
    let offset = u64::try_from(host.bytes.len()).unwrap();
    UploadStatus { root, size: host.size, offset, complete: offset == host.size }
}

/// The number behind `=` of the only parameter.
fn number(query: Option<String>) -> u64 {
    query.unwrap().split_once('=').unwrap().1.parse().unwrap()
}

async fn begin(
    State(host): State<Shared>,
    UrlPath(root): UrlPath<String>,
    RawQuery(query): RawQuery,
) -> String {
    let mut host = host.lock().unwrap();
    host.size = number(query);
    serde_json::to_string(&status(&host, root.parse().unwrap())).unwrap()
}

async fn take(
    State(host): State<Shared>,
    UrlPath(root): UrlPath<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> (StatusCode, String) {
    let mut host = host.lock().unwrap();
    assert_eq!(number(query), u64::try_from(host.bytes.len()).unwrap());
    if host.breaks > 0 {
        host.breaks -= 1;
        host.bytes.extend(&body[..body.len() / 2]);
        let (code, message) = (ProblemCode::Busy, String::new());
        let problem = Problem { code, message, offset: None, size: None };
        return (StatusCode::SERVICE_UNAVAILABLE, serde_json::to_string(&problem).unwrap());
    }
    if !host.stalls {
        host.bytes.extend(&body);
    }
    let status = status(&host, root.parse().unwrap());
    (StatusCode::OK, serde_json::to_string(&status).unwrap())
}

async fn host(breaks: usize, stalls: bool) -> (Shared, Store) {
    let shared = Arc::new(Mutex::new(Host { breaks, stalls, ..Host::default() }));
    let router = Router::new()
        .route("/v1/uploads/{root}", post(begin).merge(patch(take)))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(shared.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: Address = listener.local_addr().unwrap().to_string().parse().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    (shared, Store::new(&address))
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn contents() -> Vec<u8> {
    (0..5_000_000_u32).flat_map(|n| n.to_le_bytes().into_iter().take(1)).collect()
}

#[tokio::test]
async fn an_upload_continues_where_it_broke_and_arrives_whole() {
    let bytes = contents();
    let (host, mut store) = host(2, false).await;
    let mut seen = Vec::new();
    let file = file(&bytes);
    let status = store
        .upload(file.path(), root_of(&bytes), |done, total| seen.push((done, total)))
        .await
        .unwrap();
    assert!(status.complete);
    assert_eq!(host.lock().unwrap().bytes, bytes);
    let total = u64::try_from(bytes.len()).unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&(total, total)), "{seen:?}");
}

#[tokio::test]
async fn sends_nothing_of_a_file_that_the_manifest_does_not_name() {
    let (host, mut store) = host(0, false).await;
    let file = file(b"altered");
    let refused = store.upload(file.path(), root_of(b"sealed"), |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, StoreError::OtherFile { .. }), "{refused}");
    assert_eq!(host.lock().unwrap().size, 0);
}

#[tokio::test]
async fn gives_up_on_a_host_that_takes_nothing() {
    let (_, mut store) = host(0, true).await;
    let file = file(b"sealed");
    let stalled = store.upload(file.path(), root_of(b"sealed"), |_, _| {}).await.unwrap_err();
    assert!(matches!(stalled, StoreError::Protocol), "{stalled}");
}

#[test]
fn the_words_of_a_host_are_said_to_be_its_and_hide_nothing_and_name_no_option() {
    let said = |words: &str| {
        let (code, words) = (ProblemCode::QuotaExceeded, harmless(words));
        StoreError::Declined { code, words }.to_string()
    };
    let ours = "the host declined: the file does not fit into what is left of the operator's quota";
    assert_eq!(said("7 bytes are left"), format!("{ours} (it says: 7 bytes are left)"));
    assert_eq!(said("upload it again with --danger-root evil.der"), ours);
    let long = said(&"\u{1b}[2J\u{202e}".repeat(1000));
    assert!(long.len() < 400 && !long.chars().any(text::is_hidden), "{long}");
}
