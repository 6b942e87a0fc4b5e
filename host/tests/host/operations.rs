//! What an operator sees without asking anybody: health, log lines, and an end that is planned.

use crate::{
    enclave_side::{ask, connect},
    operator::{IDLE_ENCLAVE, Running, contract_until, program, run, signal, started},
    support::{Room, blob, eventually, files, http, json},
};
use host::Enclave;
use protocol::{
    merkle::root_of,
    storage::{Answer, Ask, ObjectName, encode_frame},
};
use serde_json::json;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    time::{Duration, Instant},
};
use tokio::{io::AsyncWriteExt, net::UnixListener};

fn closing() -> Ask {
    let name = ObjectName::closing("0123").unwrap();
    Ask::Put { of: None, name, bytes: b"closing".to_vec().into() }
}

pub(crate) async fn health(at: std::net::SocketAddr) -> (u16, String) {
    let (status, health) = json(at, "GET", "/v1/health", b"").await;
    (status, health["enclave"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn health_is_green_while_a_party_would_be_answered_and_at_no_other_time() {
    let room = Room::new();
    let host = room.host().await;
    assert_eq!(health(host.address()).await, (503, "stopped".to_owned()));
    let listener = UnixListener::bind(room.path("run/enclave.sock")).unwrap();
    assert_eq!(health(host.address()).await, (200, "serving".to_owned()));
    // An owner closes: the instance listens still, and answers no question any more.
    let mut enclave = connect(&room).await;
    assert_eq!(ask(&mut enclave, &closing()).await, Answer::Stored {});
    assert_eq!(health(host.address()).await, (503, "closed".to_owned()));
    drop((listener, host));

    let room = Room::new();
    let starting = |config: &mut host::Config| {
        config.enclave = Enclave::Child { binary: IDLE_ENCLAVE.into() };
    };
    let host = room.host_with(starting).await;
    assert_eq!(health(host.address()).await, (503, "starting".to_owned()));
}

#[tokio::test]
async fn an_ended_contract_starts_nothing_and_is_not_served_in_silence() {
    let room = Room::new();
    fs::write(room.contract(), contract_until("2026-01-01T00:00:00Z")).unwrap();
    let mut command = program();
    command.args(["run", "--simulated", "--listen", "127.0.0.1:0", "--enclave", IDLE_ENCLAVE]);
    command.arg("--contract").arg(room.contract()).arg("--dir").arg(room.path("host"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("ended at 2026-01-01T00:00:00Z: agree on a new one"), "{said}");
    assert!(!room.path("host").exists(), "nothing was started");

    // One that ends while it is served.
    let host = room.host().await;
    let _listener = UnixListener::bind(room.path("run/enclave.sock")).unwrap();
    assert_eq!(health(host.address()).await, (503, "contract_ended".to_owned()));
}

/// Levels are what alerts go by.
#[tokio::test]
async fn lines_of_the_enclave_keep_the_level_that_it_gave_them() {
    let room = Room::new();
    let enclave = room.path("enclave");
    let lines = "WARN a result could not be stored\nERROR no document\nINFO instance 1 is serving\n\
                 unlevelled\nINFO evil \u{202e}txt\n";
    fs::write(&enclave, format!("#!/bin/sh\ncat <<'END'\n{lines}END\nexec cat >/dev/null\n"))
        .unwrap();
    fs::set_permissions(&enclave, fs::Permissions::from_mode(0o755)).unwrap();
    let mut host = run(&room, enclave.to_str().unwrap());
    started(&room).await;
    let log = || fs::read_to_string(room.path("stderr")).unwrap();
    eventually("its lines were read", async || log().contains("evil")).await;
    signal("TERM", host.0.id());
    host.0.wait().unwrap();
    for line in [
        " WARN enclave: a result could not be stored\n",
        "ERROR enclave: no document\n",
        " INFO enclave: instance 1 is serving\n",
        " INFO enclave: unlevelled\n",
        " INFO enclave: evil \\u{202e}txt\n",
    ] {
        assert!(log().contains(line), "{line}: {}", log());
    }
}

#[tokio::test]
async fn a_planned_stop_waits_for_the_closing_of_an_instance_that_asks() {
    for (name, said) in [("TERM", "ending"), ("HUP", "SIGHUP")] {
        let room = Room::new();
        let mut host = run(&room, IDLE_ENCLAVE);
        started(&room).await;
        let mut waiting = connect(&room).await;
        waiting.write_all(&encode_frame(&Ask::Stop {}).unwrap()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        signal(name, host.0.id());
        // The next answer on this road is that to the question above.
        let told = crate::enclave_side::answer(&mut waiting).await;
        assert_eq!(told, Answer::Stop { now: true });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(host.0.try_wait().unwrap().is_none(), "it waits for the closing");
        let mut road = connect(&room).await;
        assert_eq!(ask(&mut road, &closing()).await, Answer::Stored {});
        assert_eq!(host.0.wait().unwrap().code(), Some(0));
        let log = fs::read_to_string(room.path("stderr")).unwrap();
        assert!(log.contains(said) && log.contains("the instance left its closing"), "{log}");
        assert!(room.path("blobs/closings/0123").exists());
    }
}

#[tokio::test]
async fn an_instance_that_does_not_ask_is_not_waited_for_and_one_that_is_mute_not_for_ever() {
    let room = Room::new();
    let mut host = run(&room, IDLE_ENCLAVE);
    started(&room).await;
    let asked = Instant::now();
    signal("TERM", host.0.id());
    assert_eq!(host.0.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5));

    let room = Room::new();
    let mut host = run(&room, IDLE_ENCLAVE);
    started(&room).await;
    let mut mute = connect(&room).await;
    mute.write_all(&encode_frame(&Ask::Stop {}).unwrap()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    signal("TERM", host.0.id());
    assert_eq!(host.0.wait().unwrap().code(), Some(0));
    let log = fs::read_to_string(room.path("stderr")).unwrap();
    assert!(log.contains("WARN host: the instance left no closing within 15 s"), "{log}");
}

#[tokio::test]
async fn a_room_that_an_owner_closed_is_told_of_loudly() {
    let room = Room::new();
    let mut host = run(&room, IDLE_ENCLAVE);
    started(&room).await;
    let mut enclave = connect(&room).await;
    assert_eq!(ask(&mut enclave, &closing()).await, Answer::Stored {});
    signal("TERM", host.0.id());
    host.0.wait().unwrap();
    let log = fs::read_to_string(room.path("stderr")).unwrap();
    let told = log.lines().filter(|line| line.contains(" WARN ") && line.contains("CLOSED"));
    assert_eq!(told.count(), 1, "{log}");
}

/// `/dev/full` stands for a disk that is full: it takes no byte, and says so as a disk does.
#[tokio::test]
async fn a_full_disk_is_told_from_the_quota_to_the_partner_and_to_the_operator() {
    let room = Room::new();
    let mut host =
        run_with_limits(&room, "quota_bytes = 1000000\nmax_blob_bytes = 9000000000000000\n");
    let (at, _) = started(&room).await;
    let blob = blob(300_000);
    let upload = format!("/v1/uploads/{}", root_of(&blob));
    let part = room.path("uploads").join(format!("{}.300000.part", root_of(&blob)));
    symlink("/dev/full", &part).unwrap();
    let (status, problem) = json(at, "PATCH", &format!("{upload}?offset=0"), &blob).await;
    assert_eq!((status, &problem["code"]), (507, &json!("disk_full")), "{problem}");
    assert!(files(&room.path("uploads")).is_empty(), "what does not fit keeps no place");
    // Begun anew, it arrives.
    json(at, "POST", &format!("{upload}?size=300000"), b"").await;
    assert_eq!(http(at, "PATCH", &format!("{upload}?offset=0"), &blob).await.0, 200);

    let other = format!("/v1/uploads/{}", root_of(b"other"));
    let (status, problem) = json(at, "POST", &format!("{other}?size=800000"), b"").await;
    assert_eq!((status, &problem["code"]), (507, &json!("quota_exceeded")), "{problem}");
    signal("TERM", host.0.id());
    host.0.wait().unwrap();
    let log = fs::read_to_string(room.path("stderr")).unwrap();
    let warned: Vec<&str> = log.lines().filter(|line| line.contains("an upload was")).collect();
    assert_eq!(warned.len(), 2, "{log}");
    assert!(warned[0].contains(" WARN ") && warned[0].contains("the disk has no room"), "{log}");
    let lacks =
        "it has 800000 bytes, and 700000 bytes are left of the quota of 1000000 (quota_bytes)";
    assert!(warned[1].contains(lacks), "{log}");
}

#[tokio::test]
async fn a_blob_that_the_disk_has_no_room_for_is_declined_before_its_first_byte() {
    let room = Room::new();
    let mut host = run_with_limits(
        &room,
        "quota_bytes = 9000000000000000000\nmax_blob_bytes = 9000000000000000000\n",
    );
    let (at, _) = started(&room).await;
    let target = format!("/v1/uploads/{}?size=8000000000000000000", root_of(b"huge"));
    let (status, problem) = json(at, "POST", &target, b"").await;
    assert_eq!((status, &problem["code"]), (507, &json!("disk_full")), "{problem}");
    assert!(files(&room.path("uploads")).is_empty());
    signal("TERM", host.0.id());
    host.0.wait().unwrap();
}

fn run_with_limits(room: &Room, limits: &str) -> Running {
    run_with_config(room, IDLE_ENCLAVE, "", limits)
}

/// A host whose options are in a file, `more` of them and its limits among them.
pub(crate) fn run_with_config(room: &Room, enclave: &str, more: &str, limits: &str) -> Running {
    fs::write(room.contract(), contract_until("2099-01-01T00:00:00Z")).unwrap();
    let config = room.path("host.toml");
    let (contract, dir) = (room.contract(), room.dir.path());
    let lines = format!(
        "simulated = true\ncontract = {contract:?}\ndir = {dir:?}\nlisten = \"127.0.0.1:0\"\n\
         enclave = \"{enclave}\"\n{more}[limits]\n{limits}"
    );
    fs::write(&config, lines).unwrap();
    let mut command = program();
    command.arg("run").arg("--config").arg(&config);
    command.stderr(fs::File::create(room.path("stderr")).unwrap());
    Running(command.spawn().unwrap())
}
