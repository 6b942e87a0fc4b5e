use crate::support::{Room, blob, eventually, files, http, json, read_response};
use protocol::merkle::root_of;
use serde_json::json;
use std::{fs, net::SocketAddr, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream};

#[tokio::test]
async fn a_blob_in_three_chunks_appears_whole_under_its_root() {
    let room = Room::new();
    let host = room.host().await;
    let (at, blob) = (host.address(), blob(200_000));
    let upload = format!("/v1/uploads/{}", root_of(&blob));
    let (status, begun) = json(at, "POST", &format!("{upload}?size=200000"), b"").await;
    assert_eq!((status, &begun["offset"], &begun["complete"]), (200, &json!(0), &json!(false)));
    for (from, to) in [(0, 65_536), (65_536, 150_000), (150_000, 200_000)] {
        let target = format!("{upload}?offset={from}");
        let (status, so_far) = json(at, "PATCH", &target, &blob[from..to]).await;
        assert_eq!((status, &so_far["offset"]), (200, &json!(to)));
        assert_eq!(so_far["complete"], json!(to == blob.len()));
        let stored = room.path("blobs/datasets").exists();
        assert_eq!(stored, to == blob.len(), "nothing is visible before the end");
    }
    let stored = room.path("blobs/datasets").join(root_of(&blob).to_string());
    assert_eq!(fs::read(stored).unwrap(), blob);
    assert!(files(&room.path("uploads")).is_empty());
}

#[tokio::test]
async fn a_finished_upload_may_be_begun_ended_and_forgotten_again() {
    let room = Room::new();
    let host = room.host().await;
    let (at, blob) = (host.address(), blob(1000));
    let upload = format!("/v1/uploads/{}", root_of(&blob));
    json(at, "POST", &format!("{upload}?size=1000"), b"").await;
    let first = json(at, "PATCH", &format!("{upload}?offset=0"), &blob).await;
    assert_eq!(first, json(at, "POST", &format!("{upload}?size=1000"), b"").await);
    assert_eq!(first, json(at, "PATCH", &format!("{upload}?offset=1000"), b"").await);
    let (status, problem) = json(at, "PATCH", &format!("{upload}?offset=0"), &blob).await;
    assert_eq!((status, &problem["offset"]), (409, &json!(1000)));
    assert_eq!(http(at, "DELETE", &upload, b"").await.0, 204);
    assert_eq!(first, json(at, "GET", &upload, b"").await);
}

#[tokio::test]
async fn continues_after_a_connection_broke_in_the_middle_of_a_chunk() {
    let room = Room::new();
    let host = room.host().await;
    let (at, blob) = (host.address(), blob(300_000));
    let upload = format!("/v1/uploads/{}", root_of(&blob));
    json(at, "POST", &format!("{upload}?size=300000"), b"").await;
    let mut broken = begin_chunk(at, &upload, blob.len()).await;
    broken.write_all(&blob[..100_000]).await.unwrap();
    broken.flush().await.unwrap();
    eventually("the first bytes are kept", async || {
        json(at, "GET", &upload, b"").await.1["offset"] == json!(100_000)
    })
    .await;
    drop(broken);
    // The next writer waits until the host has noticed.
    let (status, done) =
        json(at, "PATCH", &format!("{upload}?offset=100000"), &blob[100_000..]).await;
    assert_eq!((status, &done["complete"]), (200, &json!(true)));
}

#[tokio::test]
async fn continues_in_the_next_host() {
    let room = Room::new();
    let blob = blob(100_000);
    let upload = format!("/v1/uploads/{}", root_of(&blob));
    let host = room.host().await;
    let at = host.address();
    json(at, "POST", &format!("{upload}?size=100000"), b"").await;
    json(at, "PATCH", &format!("{upload}?offset=0"), &blob[..70_000]).await;
    host.shutdown().await;
    let host = room.host().await;
    let at = host.address();
    let (_, so_far) = json(at, "POST", &format!("{upload}?size=100000"), b"").await;
    assert_eq!(so_far["offset"], json!(70_000));
    let (_, done) = json(at, "PATCH", &format!("{upload}?offset=70000"), &blob[70_000..]).await;
    assert_eq!(done["complete"], json!(true));
}

#[tokio::test]
async fn finishes_an_upload_whose_last_byte_came_just_before_a_crash() {
    let room = Room::new();
    let blob = blob(80_000);
    let root = root_of(&blob);
    fs::create_dir_all(room.path("uploads")).unwrap();
    fs::write(room.path("uploads").join(format!("{root}.80000.part")), &blob).unwrap();
    let host = room.host().await;
    let target = format!("/v1/uploads/{root}?size=80000");
    let (status, done) = json(host.address(), "POST", &target, b"").await;
    assert_eq!((status, &done["complete"]), (200, &json!(true)));
}

#[tokio::test]
async fn refuses_a_chunk_at_another_offset_and_says_where_to_go_on() {
    let room = Room::new();
    let host = room.host().await;
    let (at, blob) = (host.address(), blob(5000));
    let upload = format!("/v1/uploads/{}", root_of(&blob));
    json(at, "POST", &format!("{upload}?size=5000"), b"").await;
    json(at, "PATCH", &format!("{upload}?offset=0"), &blob[..2000]).await;
    for offset in [0, 1999, 2001, 5000, u64::MAX] {
        let target = format!("{upload}?offset={offset}");
        let (status, problem) = json(at, "PATCH", &target, &blob[2000..2001]).await;
        assert_eq!((status, &problem["code"]), (409, &json!("wrong_offset")));
        assert_eq!(problem["offset"], json!(2000));
    }
}

#[tokio::test]
async fn refuses_bytes_with_another_root_and_forgets_them() {
    let room = Room::new();
    let host = room.host().await;
    let (at, mut blob) = (host.address(), blob(150_000));
    let upload = format!("/v1/uploads/{}", root_of(&blob));
    json(at, "POST", &format!("{upload}?size=150000"), b"").await;
    blob[70_000] ^= 1;
    let (status, problem) = json(at, "PATCH", &format!("{upload}?offset=0"), &blob).await;
    assert_eq!((status, &problem["code"]), (422, &json!("wrong_root")));
    assert!(files(&room.path("uploads")).is_empty() && files(&room.path("blobs")).is_empty());
    // The right bytes get another chance.
    blob[70_000] ^= 1;
    json(at, "POST", &format!("{upload}?size=150000"), b"").await;
    let (status, _) = json(at, "PATCH", &format!("{upload}?offset=0"), &blob).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn refuses_more_bytes_than_announced_also_when_they_come_without_a_length() {
    let room = Room::new();
    let host = room.host().await;
    let (at, blob) = (host.address(), blob(1_000_000));
    let upload = format!("/v1/uploads/{}", root_of(&blob));
    json(at, "POST", &format!("{upload}?size=999999"), b"").await;
    let (status, problem) = json(at, "PATCH", &format!("{upload}?offset=0"), &blob).await;
    assert_eq!((status, &problem["code"]), (413, &json!("too_large")));
    assert_eq!(json(at, "GET", &upload, b"").await.1["offset"], json!(0));

    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = format!(
        "PATCH {upload}?offset=0 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\nf4240\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&blob).await.unwrap();
    stream.write_all(b"\r\n0\r\n\r\n").await.unwrap();
    assert_eq!(read_response(&mut stream).await.0, 413);
}

#[tokio::test]
async fn refuses_another_size_until_the_upload_is_forgotten() {
    let room = Room::new();
    let host = room.host().await;
    let at = host.address();
    let upload = format!("/v1/uploads/{}", root_of(b"blob"));
    json(at, "POST", &format!("{upload}?size=5"), b"").await;
    let (status, problem) = json(at, "POST", &format!("{upload}?size=4"), b"").await;
    assert_eq!(
        (status, &problem["code"], &problem["size"]),
        (409, &json!("wrong_size"), &json!(5))
    );
    assert_eq!(http(at, "DELETE", &upload, b"").await.0, 204);
    let (status, _) = json(at, "POST", &format!("{upload}?size=4"), b"").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn refuses_uploads_beyond_each_limit() {
    let room = Room::new();
    let host = room
        .host_with(|config| {
            config.limits.max_blob_bytes = 1000;
            config.limits.quota_bytes = 1500;
            config.limits.max_uploads = 2;
        })
        .await;
    let at = host.address();
    let begin = async |name: &[u8], size: u64| {
        let target = format!("/v1/uploads/{}?size={size}", root_of(name));
        let (status, answer) = json(at, "POST", &target, b"").await;
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(begin(b"a", 1001).await, (413, "too_large".to_owned()));
    assert_eq!(begin(b"a", 1000).await.0, 200);
    assert_eq!(begin(b"b", 501).await, (507, "quota_exceeded".to_owned()));
    assert_eq!(begin(b"b", 500).await.0, 200);
    assert_eq!(begin(b"c", 1).await, (429, "too_many_uploads".to_owned()));
    assert_eq!(begin(b"a", 1000).await.0, 200, "one that is begun is not counted again");
    assert_eq!(begin(b"a", 0).await, (400, "bad_request".to_owned()));
}

#[tokio::test]
async fn an_abandoned_upload_makes_room() {
    let room = Room::new();
    let host = room
        .host_with(|config| {
            config.limits.max_uploads = 1;
            config.limits.abandoned_seconds = 0;
        })
        .await;
    let at = host.address();
    let begin = async |name: &[u8]| {
        json(at, "POST", &format!("/v1/uploads/{}?size=9", root_of(name)), b"").await.0
    };
    assert_eq!(begin(b"a").await, 200);
    assert_eq!(begin(b"b").await, 429);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(begin(b"b").await, 200);
}

#[tokio::test]
async fn a_second_writer_waits_for_the_first() {
    let room = Room::new();
    let host = room.host().await;
    let (at, blob) = (host.address(), blob(200_000));
    let upload = format!("/v1/uploads/{}", root_of(&blob));
    json(at, "POST", &format!("{upload}?size=200000"), b"").await;
    let mut first = begin_chunk(at, &upload, blob.len()).await;
    first.write_all(&blob[..100_000]).await.unwrap();
    eventually("the first writer's bytes came", async || {
        json(at, "GET", &upload, b"").await.1["offset"] == json!(100_000)
    })
    .await;
    let (target, rest) = (format!("{upload}?offset=100000"), blob[100_000..].to_vec());
    let second = tokio::spawn(async move { json(at, "PATCH", &target, &rest).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!second.is_finished());
    first.write_all(&blob[100_000..]).await.unwrap();
    assert_eq!(read_response(&mut first).await.0, 200);
    let (status, problem) = second.await.unwrap();
    assert_eq!((status, &problem["offset"]), (409, &json!(200_000)));
    assert_eq!(json(at, "GET", &upload, b"").await.1["complete"], json!(true));
}

/// A connection that has announced a chunk at offset 0 and sent nothing of it.
async fn begin_chunk(at: SocketAddr, upload: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = format!(
        "PATCH {upload}?offset=0 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn refuses_names_that_climb_out_of_the_store() {
    let room = Room::new();
    let host = room.host().await;
    let at = host.address();
    fs::write(room.path("secret"), b"secret").unwrap();
    for target in [
        "/v1/results/../secret",
        "/v1/results/a/..",
        "/v1/results/a/../../../secret",
        "/v1/results/..%2f..%2fsecret/x",
        "/v1/results/a/%2e%2e",
        "/v1/results/.tmp/x",
        "/v1/results//secret",
        "/v1/closings/..",
        "/v1/closings/a%00",
        "/v1/uploads/../../secret",
        "/secret",
        "//secret",
        "/",
    ] {
        let (status, body) = http(at, "GET", target, b"").await;
        assert!(matches!(status, 400 | 404), "{target} gave {status}");
        assert!(!body.windows(6).any(|bytes| bytes == b"secret"), "{target}");
    }
    let before = files(room.dir.path());
    for root in ["..", "../x", &"A".repeat(96), &"a".repeat(95), "%2e%2e%2fx"] {
        let (status, _) = http(at, "POST", &format!("/v1/uploads/{root}?size=5"), b"").await;
        assert!(matches!(status, 400 | 404), "{root} gave {status}");
    }
    assert_eq!(files(room.dir.path()), before);
}

#[tokio::test]
async fn refuses_requests_that_it_does_not_know() {
    let room = Room::new();
    let host = room.host().await;
    let at = host.address();
    let upload = format!("/v1/uploads/{}", root_of(b"x"));
    for (method, target, expected) in [
        ("PUT", upload.clone(), 404),
        ("POST", upload.clone(), 400),
        ("POST", format!("{upload}?size=+5"), 400),
        ("POST", format!("{upload}?size=5&more=1"), 400),
        ("POST", format!("{upload}?size=99999999999999999999"), 400),
        ("GET", upload.clone(), 404),
        ("PATCH", format!("{upload}?offset=0"), 404),
        ("POST", "/v1/health".to_owned(), 404),
    ] {
        assert_eq!(http(at, method, &target, b"").await.0, expected, "{method} {target}");
    }
}
