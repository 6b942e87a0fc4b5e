use crate::support::{CONTRACT, Room, blob, http, json};
use protocol::{
    canonical,
    digest::Digest,
    merkle::{Root, root_of},
    storage::{
        Answer, Ask, Body, Failure, MAX_BODY, MAX_OBJECT, MAX_READ, ObjectName, Origin,
        body_length, decode_body, encode_frame,
    },
    stored_log::LogPage,
};
use std::fs;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

#[tokio::test]
async fn the_enclave_reads_contract_and_ranges() {
    let room = Room::new();
    let host = room.host().await;
    let blob = blob(1_500_000);
    let root = upload(&host, &blob).await;
    let mut stream = connect(&room).await;
    let contract = ask(&mut stream, &Ask::Contract {}).await;
    assert_eq!(contract, Answer::Contract { bytes: CONTRACT.to_vec().into() });
    let size = ask(&mut stream, &Ask::Size { blob: root }).await;
    assert_eq!(size, Answer::Size { bytes: 1_500_000 });
    for (offset, length) in [(0, 0), (0, 1), (65_536, MAX_READ), (1_499_999, 1), (1_499_990, 100)] {
        let from = usize::try_from(offset).unwrap();
        let to = (from + usize::try_from(length).unwrap()).min(blob.len());
        let range = ask(&mut stream, &Ask::Read { blob: root, length, offset }).await;
        assert_eq!(range, Answer::Range { bytes: blob[from..to].to_vec().into() });
    }
    for offset in [1_500_000, u64::MAX] {
        let range = ask(&mut stream, &Ask::Read { blob: root, length: 10, offset }).await;
        assert_eq!(range, Answer::Range { bytes: Body::default() });
    }
}

#[tokio::test]
async fn says_what_it_lacks_and_what_is_too_large() {
    let room = Room::new();
    let _host = room.host().await;
    let mut stream = connect(&room).await;
    let (none, name) = (root_of(b"none"), ObjectName::closing("none").unwrap());
    for (question, why) in [
        (Ask::Size { blob: none }, Failure::NotFound),
        (Ask::Read { blob: none, length: 1, offset: 0 }, Failure::NotFound),
        (Ask::Read { blob: none, length: MAX_READ + 1, offset: 0 }, Failure::TooLarge),
        (Ask::Fetch { name: name.clone() }, Failure::NotFound),
        (Ask::Put { of: None, name, bytes: vec![0; MAX_OBJECT + 1].into() }, Failure::TooLarge),
    ] {
        assert_eq!(ask(&mut stream, &question).await, Answer::Failed { why });
    }
    fs::remove_file(room.contract()).unwrap();
    let contract = ask(&mut stream, &Ask::Contract {}).await;
    assert_eq!(contract, Answer::Failed { why: Failure::Io });
}

#[tokio::test]
async fn a_result_is_kept_once_for_ever_and_served_to_parties() {
    let room = Room::new();
    let name = ObjectName::result("job-1", "acme").unwrap();
    let put =
        |bytes: &[u8]| Ask::Put { of: None, name: name.clone(), bytes: bytes.to_vec().into() };
    let host = room.host().await;
    let mut stream = connect(&room).await;
    assert_eq!(ask(&mut stream, &put(b"sealed")).await, Answer::Stored {});
    assert_eq!(ask(&mut stream, &put(b"sealed")).await, Answer::Stored {});
    let conflict = Answer::Failed { why: Failure::Conflict };
    assert_eq!(ask(&mut stream, &put(b"other")).await, conflict);
    host.shutdown().await;

    let host = room.host().await;
    let mut stream = connect(&room).await;
    assert_eq!(ask(&mut stream, &put(b"other")).await, conflict);
    let fetched = ask(&mut stream, &Ask::Fetch { name: name.clone() }).await;
    assert_eq!(fetched, Answer::Object { bytes: b"sealed".to_vec().into() });
    let served = http(host.address(), "GET", "/v1/results/job-1/acme", b"").await;
    assert_eq!(served, (200, b"sealed".to_vec()));
    let other = json(host.address(), "GET", "/v1/results/job-1/other", b"").await;
    assert_eq!((other.0, &other.1["code"]), (404, &"not_found".into()));
}

#[tokio::test]
async fn a_result_without_room_is_told_from_a_failing_disk_and_counted() {
    let room = Room::new();
    let host = room.host_with(|config| config.limits.results_bytes = 100).await;
    let mut stream = connect(&room).await;
    let put = |instance: u8, job: &str, length| {
        let instance = [instance; Digest::LEN].into();
        let of = Some(Origin { analyst: "acme".to_owned(), instance, run: None });
        let name = ObjectName::result(job, "acme").unwrap();
        Ask::Put { of, name, bytes: vec![1; length].into() }
    };
    let full = Answer::Failed { why: Failure::Full };
    assert_eq!(ask(&mut stream, &put(1, "job-1", 60)).await, Answer::Stored {});
    assert_eq!(ask(&mut stream, &put(1, "job-2", 41)).await, full);
    // Of the next instance it has room, in the place of what nobody fetched.
    assert_eq!(ask(&mut stream, &put(2, "job-2", 41)).await, Answer::Stored {});
    assert_eq!(ask(&mut stream, &put(2, "job-3", 59)).await, Answer::Stored {});
    assert_eq!(http(host.address(), "GET", "/v1/results/job-1/acme", b"").await.0, 404);
    assert_eq!(http(host.address(), "GET", "/v1/results/job-2/acme", b"").await.0, 200);
    assert_eq!(ask(&mut stream, &put(3, "job-4", 41)).await, Answer::Stored {});
    let served = http(host.address(), "GET", "/v1/results/job-2/acme", b"").await;
    assert_eq!(served.0, 404, "what was fetched goes first");
    let health = json(host.address(), "GET", "/v1/health", b"").await.1;
    assert_eq!((&health["results_declined"], &health["results_lost"]), (&1.into(), &1.into()));
}

#[tokio::test]
async fn a_log_is_kept_served_from_any_record_on_and_makes_room_as_a_whole() {
    let room = Room::new();
    let few = |config: &mut host::Config| config.limits.logs_bytes = 100;
    let host = room.host_with(few).await;
    let mut stream = connect(&room).await;
    let record = |instance: &str, number: u64, bytes: Vec<u8>| {
        let name = ObjectName::log_record(instance, number).unwrap();
        Ask::Put { of: None, name, bytes: bytes.into() }
    };
    let opening = |instance: &str| {
        let name = ObjectName::log_opening(instance).unwrap();
        Ask::Put { of: None, name, bytes: b"opening".to_vec().into() }
    };
    for instance in ["a1", "b2"] {
        assert_eq!(ask(&mut stream, &opening(instance)).await, Answer::Stored {});
        for number in 0..3 {
            let put = record(instance, number, vec![u8::try_from(number).unwrap(); 10]);
            assert_eq!(ask(&mut stream, &put).await, Answer::Stored {});
        }
    }
    let conflict = ask(&mut stream, &record("b2", 1, vec![9; 10])).await;
    assert_eq!(conflict, Answer::Failed { why: Failure::Conflict });
    // A killed host forgets nothing.
    host.shutdown().await;
    let host = room.host_with(few).await;
    let at = host.address();
    let mut stream = connect(&room).await;
    let served = http(at, "GET", "/v1/logs/b2/opening", b"").await;
    assert_eq!(served, (200, b"opening".to_vec()));
    let page = |bytes: &[u8]| -> Vec<Vec<u8>> {
        let page: LogPage = canonical::from_slice(bytes).unwrap();
        page.records.into_iter().map(|record| record.into_vec()).collect()
    };
    for (from, expected) in [(0, 3), (2, 1), (3, 0), (u64::MAX, 0)] {
        let (status, bytes) = http(at, "GET", &format!("/v1/logs/b2?from={from}"), b"").await;
        let records = page(&bytes);
        assert_eq!((status, records.len()), (200, expected));
        assert!(records.last().is_none_or(|last| *last == [2; 10]));
    }
    let known = |listed: &serde_json::Value| -> Vec<(String, u64)> {
        let name = |log: &serde_json::Value| log["instance"].as_str().unwrap().to_owned();
        let logs = listed.as_array().unwrap().iter();
        logs.map(|log| (name(log), log["records"].as_u64().unwrap())).collect()
    };
    let listed = json(at, "GET", "/v1/logs", b"").await.1;
    assert_eq!(known(&listed).len(), 2);
    for target in ["/v1/logs/b2", "/v1/logs/b2?from=-1", "/v1/logs/..?from=0", "/v1/logs/B?from=0"]
    {
        assert_eq!(http(at, "GET", target, b"").await.0, 400, "{target}");
    }
    assert_eq!(http(at, "GET", "/v1/logs/c3/opening", b"").await.0, 404);
    // The instance that writes keeps all of its own; another one's goes as a whole.
    assert_eq!(ask(&mut stream, &record("b2", 3, vec![3; 60])).await, Answer::Stored {});
    let listed = json(at, "GET", "/v1/logs", b"").await.1;
    assert_eq!(known(&listed), [("b2".to_owned(), 4)]);
    assert_eq!(http(at, "GET", "/v1/logs/a1/opening", b"").await.0, 404);
    let full = ask(&mut stream, &record("b2", 4, vec![4; 9])).await;
    assert_eq!(full, Answer::Failed { why: Failure::Full });
}

#[tokio::test]
async fn what_is_no_frame_ends_the_conversation_and_only_that_one() {
    let room = Room::new();
    let _host = room.host().await;
    let mut good = connect(&room).await;
    let valid = encode_frame(&Ask::Contract {}).unwrap();
    for bytes in [
        &[0xff; 8][..],
        &u32::try_from(MAX_BODY + 1).unwrap().to_be_bytes(),
        &[0, 0, 0, 1, 0xf6],
        &encode_frame(&Answer::Stored {}).unwrap(),
        &[&[0, 0, 0, valid[3] + 1], &valid[4..], &[0]].concat(),
    ] {
        let mut bad = connect(&room).await;
        bad.write_all(bytes).await.unwrap();
        assert_eq!(bad.read(&mut [0; 8]).await.unwrap_or(0), 0, "answered {bytes:02x?}");
    }
    let contract = ask(&mut good, &Ask::Contract {}).await;
    assert!(matches!(contract, Answer::Contract { .. }));
}

#[tokio::test]
async fn the_trace_holds_each_question_and_no_content() {
    let room = Room::new();
    let trace = room.path("trace.jsonl");
    let host = room.host_with(|config| config.trace = Some(trace.clone())).await;
    let root = upload(&host, b"canary-in-a-blob").await;
    let mut stream = connect(&room).await;
    let name = ObjectName::closing("a1").unwrap();
    for question in [
        Ask::Contract {},
        Ask::Size { blob: root },
        Ask::Read { blob: root, length: 7, offset: 3 },
        Ask::Put { of: None, name: name.clone(), bytes: b"canary".to_vec().into() },
        Ask::Fetch { name },
    ] {
        ask(&mut stream, &question).await;
    }
    let expected = format!(
        r#"{{"event":"ask","kind":"contract"}}
{{"event":"ask","kind":"size","name":"datasets/{root}"}}
{{"event":"ask","kind":"read","name":"datasets/{root}","offset":3,"length":7}}
{{"event":"ask","kind":"put","name":"closings/a1","length":6}}
{{"event":"ask","kind":"fetch","name":"closings/a1"}}
"#
    );
    assert_eq!(fs::read_to_string(trace).unwrap(), expected);
}

pub(crate) async fn connect(room: &Room) -> UnixStream {
    UnixStream::connect(room.path("run/host.sock")).await.unwrap()
}

pub(crate) async fn ask(stream: &mut UnixStream, question: &Ask) -> Answer {
    // One byte above the object limit still fits into a frame.
    stream.write_all(&encode_frame(question).unwrap()).await.unwrap();
    answer(stream).await
}

pub(crate) async fn answer(stream: &mut UnixStream) -> Answer {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.unwrap();
    let mut body = vec![0; body_length(header, MAX_BODY).unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    decode_body(&body).unwrap()
}

async fn upload(host: &host::Host, blob: &[u8]) -> Root {
    let root = root_of(blob);
    let target = format!("/v1/uploads/{root}?size={}", blob.len());
    assert_eq!(http(host.address(), "POST", &target, b"").await.0, 200);
    let target = format!("/v1/uploads/{root}?offset=0");
    assert_eq!(http(host.address(), "PATCH", &target, blob).await.0, 200);
    root
}
