use crate::{
    alone,
    support::{Room, alive, blob, eventually, http, json},
};
use host::{Enclave, StartError};
use protocol::{contract::TAG, merkle::root_of, sign::Jointly};
use serde_json::json;
use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

#[tokio::test]
async fn starts_another_enclave_when_one_dies_and_none_after_the_end() {
    let room = Room::new();
    let host = room
        .host_with(|config| config.enclave = Enclave::Child { binary: IDLE_ENCLAVE.into() })
        .await;
    let first = host.enclave_pid().unwrap();
    signal("KILL", first);
    eventually("another enclave runs", async || {
        host.enclave_pid().is_some_and(|pid| pid != first && alive(pid))
    })
    .await;
    let health = json(host.address(), "GET", "/v1/health", b"").await.1;
    assert_eq!(
        health,
        json!({"simulated": true, "enclave": "starting", "enclave_starts": 2, "results_declined": 0, "results_lost": 0})
    );
    let second = host.enclave_pid().unwrap();
    let asked = Instant::now();
    host.shutdown().await;
    assert!(!alive(second));
    assert!(asked.elapsed() < Duration::from_secs(4), "it ended by itself, before it was killed");
    assert!(!room.path("run/enclave.pid").exists());
}

#[tokio::test]
async fn an_upload_continues_after_the_host_was_killed_and_no_enclave_stays_behind() {
    let room = Room::new();
    let blob = blob(300_000);
    let upload = format!("/v1/uploads/{}", root_of(&blob));
    let mut host = run(&room, IDLE_ENCLAVE);
    let (at, enclave) = started(&room).await;
    json(at, "POST", &format!("{upload}?size=300000"), b"").await;
    json(at, "PATCH", &format!("{upload}?offset=0"), &blob[..200_000]).await;
    host.0.kill().unwrap();
    host.0.wait().unwrap();
    eventually("the enclave ended with its host", async || !alive(enclave)).await;

    fs::remove_file(room.path("run/address")).unwrap();
    let mut host = run(&room, IDLE_ENCLAVE);
    let (at, enclave) = started(&room).await;
    let (_, so_far) = json(at, "GET", &upload, b"").await;
    assert_eq!(so_far["offset"], json!(200_000));
    let (_, done) = json(at, "PATCH", &format!("{upload}?offset=200000"), &blob[200_000..]).await;
    assert_eq!(done["complete"], json!(true));
    signal("TERM", host.0.id());
    assert!(host.0.wait().unwrap().success());
    assert!(!alive(enclave));
}

#[tokio::test]
async fn says_simulated_first_and_passes_the_enclaves_lines_on() {
    let room = Room::new();
    let mut host = run(&room, IDLE_ENCLAVE);
    started(&room).await;
    eventually("the enclave's console was read", async || {
        fs::read_to_string(room.path("stderr")).unwrap().contains("enclave: called with")
    })
    .await;
    signal("INT", host.0.id());
    host.0.wait().unwrap();
    let log = fs::read_to_string(room.path("stderr")).unwrap();
    let dir = room.dir.path().display();
    let called = format!(
        "called with --listen-unix {dir}/run/enclave.sock --host-unix {dir}/run/host.sock \
         --simulated-ca {dir}/simulated-ca"
    );
    assert!(log.contains(&called), "{log}");
    assert!(log.lines().any(|line| line.starts_with("SIMULATED")), "{log}");
    assert!(log.contains("https://127.0.0.1:"), "{log}");
}

/// As after `glovebox-host run 2>&1 | head -1`, or when the reader of a log died.
#[tokio::test]
async fn a_host_whose_log_nobody_reads_any_more_still_looks_after_its_enclave() {
    let room = Room::new();
    let mut command = run_command(&room, "");
    command.args(["--listen", "127.0.0.1:0", "--enclave", IDLE_ENCLAVE]);
    let mut host = Running(command.stderr(Stdio::piped()).spawn().unwrap());
    drop(host.0.stderr.take());
    let (at, first) = started(&room).await;
    signal("KILL", first);
    eventually("another enclave runs", async || {
        let health = json(at, "GET", "/v1/health", b"").await.1;
        health["enclave_starts"] == json!(2) && health["enclave"] == json!("starting")
    })
    .await;
    let (_, second) = started(&room).await;
    assert!(second != first && alive(second));
    signal("TERM", host.0.id());
    assert_eq!(host.0.wait().unwrap().code(), Some(0));
    assert!(!alive(second));
}

#[tokio::test]
async fn a_second_signal_waits_for_no_enclave() {
    let room = Room::new();
    let enclave = room.path("stubborn");
    fs::write(&enclave, "#!/bin/sh\nexec sleep 600\n").unwrap();
    fs::set_permissions(&enclave, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = run_command(&room, "");
    command.args(["--listen", "127.0.0.1:0", "--enclave"]).arg(&enclave);
    command.stderr(fs::File::create(room.path("stderr")).unwrap());
    let mut host = Running(command.spawn().unwrap());
    let (_, enclave) = started(&room).await;
    let asked = Instant::now();
    for line in ["ending; a second signal", "ending without waiting"] {
        signal("TERM", host.0.id());
        eventually(line, async || fs::read_to_string(room.path("stderr")).unwrap().contains(line))
            .await;
    }
    assert_eq!(host.0.wait().unwrap().code(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    eventually("it was killed", async || !alive(enclave)).await;
}

#[tokio::test]
async fn closes_the_directories_it_makes_and_leaves_others_as_they_are() {
    let room = Room::new();
    let mode = |name: &str| fs::metadata(room.path(name)).unwrap().permissions().mode() & 0o7777;
    fs::create_dir(room.path("open")).unwrap();
    fs::set_permissions(room.path("open"), fs::Permissions::from_mode(0o755)).unwrap();
    for (dir, expected, warns) in [("open", 0o755, true), ("new", 0o700, false)] {
        let mut command = run_command(&room, dir);
        command.args(["--listen", "127.0.0.1:0", "--enclave", IDLE_ENCLAVE]);
        command.stderr(fs::File::create(room.path("stderr")).unwrap());
        let mut host = Running(command.spawn().unwrap());
        eventually("the host is up", async || room.path(dir).join("run/address").exists()).await;
        signal("TERM", host.0.id());
        host.0.wait().unwrap();
        assert_eq!((mode(dir), mode(&format!("{dir}/run"))), (expected, 0o700));
        let log = fs::read_to_string(room.path("stderr")).unwrap();
        let warning =
            format!("{dir} is open to others of this machine", dir = room.path(dir).display());
        assert_eq!(log.contains(&warning), warns, "{log}");
    }
}

#[tokio::test]
async fn takes_options_from_a_file_and_the_command_line_wins() {
    let room = Room::new();
    fs::write(room.contract(), signed_contract()).unwrap();
    let config = room.path("host.toml");
    let lines = format!(
        "simulated = true\ncontract = {:?}\ndir = \"/nonexistent\"\nlisten = \"127.0.0.1:0\"\n\
         enclave = \"{IDLE_ENCLAVE}\"\n[limits]\nmax_blob_bytes = 10\n",
        room.contract(),
    );
    fs::write(&config, lines).unwrap();
    let mut host = program();
    host.arg("run").arg("--config").arg(&config).arg("--dir").arg(room.dir.path());
    let mut host = Running(host.stderr(Stdio::null()).spawn().unwrap());
    let (at, _) = started(&room).await;
    let target = format!("/v1/uploads/{}?size=11", root_of(b"x"));
    assert_eq!(http(at, "POST", &target, b"").await.0, 413);
    signal("TERM", host.0.id());
    assert!(host.0.wait().unwrap().success());

    fs::write(&config, "simulated = true\ncolour = 1\n").unwrap();
    let output = program().arg("run").arg("--config").arg(&config).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = format!("{}, line 2: unknown field `colour`", config.display());
    assert!(text(&output).contains(&said), "{}", text(&output));
}

#[test]
fn takes_exactly_one_mode_and_the_command_lines_before_the_files() {
    let room = Room::new();
    let config = room.path("host.toml");
    let refused = |lines: &str, more: &[&str]| {
        fs::write(&config, lines).unwrap();
        let output = program().arg("run").arg("--config").arg(&config).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        text(&output)
    };
    let two = refused("nitro = \"x.eif\"\nsimulated = true\n", &[]);
    assert!(two.contains("found 2 modes, expected one of"), "{two}");
    assert!(refused("", &[]).contains("found no mode, expected one of --simulated"));
    assert!(refused("", &["--simulated", "--qemu", "x"]).contains("cannot be used with"));
    // Complaints about the image, not about two modes.
    fs::write(room.contract(), signed_contract()).unwrap();
    let rest = format!("contract = {:?}\ndir = {:?}\n", room.contract(), room.path("d"));
    let one = refused(&format!("simulated = true\n{rest}"), &["--nitro", "/nonexistent.eif"]);
    assert!(one.contains("using /nonexistent.eif: No such file"), "{one}");
    let low = refused(&format!("cid = 3\nnitro = \"x\"\n{rest}"), &[]);
    assert!(low.contains("found cid 3, expected one above 3"), "{low}");
    for option in ["--cpus", "--memory-mib"] {
        let none = refused(&format!("nitro = \"x\"\n{rest}"), &[option, "0"]);
        assert!(none.contains(&format!("found {option} 0, expected at least 1")), "{none}");
    }
}

#[test]
fn prints_the_pcrs_of_a_build_manifest_and_refuses_half_a_one() {
    let room = Room::new();
    let (path, pcr) = (room.path("build.json"), "ab".repeat(48));
    let pcrs = |json: serde_json::Value| {
        fs::write(&path, json.to_string()).unwrap();
        program().args(["pcrs", "--build-manifest"]).arg(&path).output().unwrap()
    };
    let all = json!({"0": pcr, "1": pcr, "2": pcr});
    let output = pcrs(json!({"version": 1, "pcrs": all, "kernel": {}}));
    assert_eq!(output.stdout, format!("{}\n", json!({"pcrs": all})).as_bytes());
    for flawed in [
        json!({}),
        json!({"pcrs": {"0": pcr, "1": pcr}}),
        json!({"pcrs": {"0": pcr, "1": pcr, "2": "ab"}}),
    ] {
        assert_eq!(pcrs(flawed).status.code(), Some(2));
    }
    let none = program().arg("pcrs").output().unwrap();
    assert!(text(&none).contains("eif-build measure"), "{}", text(&none));
}

#[tokio::test]
async fn refuses_a_second_host_in_the_same_directory() {
    let room = Room::new();
    let first = room.host().await;
    let config = host::Config::simulated(
        &room.contract(),
        room.dir.path(),
        SocketAddr::from(([127, 0, 0, 1], 0)),
        Enclave::External,
    );
    let second = host::start(config.clone()).await;
    assert!(matches!(second, Err(StartError::Taken { .. })), "{second:?}");
    first.shutdown().await;
    host::start(config).await.unwrap();
}

#[tokio::test]
async fn refuses_a_missing_contract_a_missing_enclave_and_a_path_too_long_for_a_socket() {
    let room = Room::new();
    let config = host::Config::simulated(
        &room.contract(),
        room.dir.path(),
        SocketAddr::from(([127, 0, 0, 1], 0)),
        Enclave::External,
    );
    let mut missing = config.clone();
    missing.contract = room.path("none.toml");
    let refused = host::start(missing).await;
    assert!(matches!(refused, Err(StartError::Use { path, .. }) if path.ends_with("none.toml")));
    let mut missing = config.clone();
    missing.enclave = Enclave::Child { binary: room.path("none") };
    let refused = host::start(missing).await;
    assert!(matches!(refused, Err(StartError::Use { path, .. }) if path.ends_with("none")));
    let mut deep = config;
    deep.dir = room.path(&"d".repeat(100));
    let refused = host::start(deep).await;
    assert!(matches!(refused, Err(StartError::SocketPath { .. })));
}

#[test]
fn prints_the_pcrs_that_the_enclave_prints() {
    let pcrs = |enclave: &str| {
        program().args(["pcrs", "--simulated", "--enclave", enclave]).output().unwrap()
    };
    let output = pcrs(IDLE_ENCLAVE);
    assert_eq!(output.status.code(), Some(0));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let pcr = "ab".repeat(48);
    assert_eq!(printed, serde_json::json!({"pcrs": {"0": pcr, "1": pcr, "2": pcr}}));
    assert_eq!(pcrs("/nonexistent").status.code(), Some(2));
}

/// By its code systemd starts a host again, or does not.
#[test]
fn a_port_that_is_taken_is_another_failure_than_an_address_that_is_none() {
    let room = Room::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let run = |listen: &str| {
        let mut command = run_command(&room, "");
        command.args(["--enclave", IDLE_ENCLAVE, "--listen", listen]).output().unwrap()
    };
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&address);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains(&format!("listening on {address}: Address already in use")));
    assert_eq!(run("nowhere").status.code(), Some(2));
}

#[test]
fn starts_nothing_that_is_not_asked_for_as_simulated() {
    let room = Room::new();
    let mut run = program();
    run.arg("run").arg("--contract").arg(room.contract()).arg("--dir").arg(room.dir.path());
    let output = run.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("--simulated"));
}

pub(crate) const IDLE_ENCLAVE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/host/idle-enclave.sh");

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glovebox-host"));
    command.stdin(Stdio::null());
    command
}

/// A host in a process of its own, which a failing test does not leave behind.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has mostly ended already.
        let _ = self.0.kill();
    }
}

/// A contract that one party made with itself and signed.
pub(crate) fn signed_contract() -> Vec<u8> {
    contract_until("2099-01-01T00:00:00Z")
}

/// A contract that one party made with itself and signed, until `expires`.
pub(crate) fn contract_until(expires: &str) -> Vec<u8> {
    let mut joint = Jointly::unsigned(TAG, alone::contract(expires).as_bytes());
    joint.add(&alone::key(1));
    joint.to_vec()
}

#[test]
fn starts_nothing_with_a_contract_that_is_not_signed() {
    let room = Room::new();
    let mut run = program();
    run.arg("run").arg("--simulated").arg("--contract").arg(room.contract());
    let output = run.arg("--dir").arg(room.dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("glovebox contract sign"), "{}", text(&output));
}

pub(crate) fn run(room: &Room, enclave: &str) -> Running {
    let mut command = run_command(room, "");
    command.args(["--listen", "127.0.0.1:0", "--enclave", enclave]);
    command.stderr(fs::File::create(room.path("stderr")).unwrap());
    Running(command.spawn().unwrap())
}

/// A host in the room's directory `dir`.
fn run_command(room: &Room, dir: &str) -> Command {
    fs::write(room.contract(), signed_contract()).unwrap();
    let mut command = program();
    command.arg("run").arg("--simulated");
    command.arg("--contract").arg(room.contract()).arg("--dir").arg(room.path(dir));
    command
}

/// Address and enclave of a host that runs in a process of its own.
pub(crate) async fn started(room: &Room) -> (SocketAddr, u32) {
    eventually("the host is up", async || {
        room.path("run/address").exists() && room.path("run/enclave.pid").exists()
    })
    .await;
    let read = |name| fs::read_to_string(room.path(name)).unwrap().trim().to_owned();
    (read("run/address").parse().unwrap(), read("run/enclave.pid").parse().unwrap())
}

pub(crate) fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
