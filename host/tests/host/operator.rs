use crate::support::{Room, alive, blob, eventually, http, json};
use host::{Enclave, StartError};
use protocol::{
    contract::TAG,
    hpke::RecipientSecret,
    merkle::root_of,
    sign::{Jointly, SigningKey},
};
use serde_json::json;
use std::{
    fs,
    net::SocketAddr,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

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
    assert_eq!(health, json!({"simulated": true, "enclave": "starting", "enclave_starts": 2}));
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
    let mut host = run(&room);
    let (at, enclave) = started(&room).await;
    json(at, "POST", &format!("{upload}?size=300000"), b"").await;
    json(at, "PATCH", &format!("{upload}?offset=0"), &blob[..200_000]).await;
    host.0.kill().unwrap();
    host.0.wait().unwrap();
    eventually("the enclave ended with its host", async || !alive(enclave)).await;

    fs::remove_file(room.path("run/address")).unwrap();
    let mut host = run(&room);
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
    let mut host = run(&room);
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
    assert_eq!(output.stdout, b"{\"pcrs\": {\"0\": \"00\", \"1\": \"01\", \"2\": \"02\"}}\n");
    assert_eq!(pcrs("/nonexistent").status.code(), Some(2));
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
    let key = SigningKey::from_seed(&Zeroizing::new(vec![1; 32])).unwrap();
    let recipient = RecipientSecret::from_bytes(&[2; 32]).unwrap().public();
    let budget = "[[dataset.budget]]\npurpose = \"measurement\"\nperiod = \"month\"\n\
                  epsilon = 1.0\ndelta = 1e-6\nlifetime_epsilon = 1.0\n";
    let email = "[[dataset.column]]\nname = \"email\"\nrole = \"match_key\"\nkind = \"email\"\n";
    let pcr = "ab".repeat(48);
    let text = format!(
        "contract = 1\nname = \"alone\"\nexpires = \"2099-01-01T00:00:00Z\"\n\
         purposes = [\"measurement\"]\n[[party]]\nname = \"one\"\nsigning_key = \"{}\"\n\
         recipient_key = \"{recipient}\"\n[[dataset]]\nname = \"seen\"\nowner = \"one\"\n{email}\
         [[dataset.column]]\nname = \"arm\"\nrole = \"group\"\ndomain = [\"a\", \"b\"]\n{budget}\
         [[dataset]]\nname = \"done\"\nowner = \"one\"\n{email}[[dataset.column]]\n\
         name = \"spend\"\nrole = \"measure\"\n{budget}[[analysis]]\nname = \"lift\"\n\
         kind = \"lift\"\npurpose = \"measurement\"\nassignment = \"seen\"\narm = \"arm\"\n\
         outcome = \"done\"\nmeasures = [\"spend\"]\nanalysts = [\"one\"]\n\
         receivers = [\"one\"]\n[[build]]\nname = \"none\"\npcr0 = \"{pcr}\"\npcr1 = \"{pcr}\"\n\
         pcr2 = \"{pcr}\"\n",
        key.public(),
    );
    let mut joint = Jointly::unsigned(TAG, text.as_bytes());
    joint.add(&key);
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

fn run(room: &Room) -> Running {
    fs::write(room.contract(), signed_contract()).unwrap();
    let mut command = program();
    command.arg("run").arg("--simulated").args(["--listen", "127.0.0.1:0"]);
    command.args(["--enclave", IDLE_ENCLAVE]);
    command.arg("--contract").arg(room.contract()).arg("--dir").arg(room.dir.path());
    command.stderr(fs::File::create(room.path("stderr")).unwrap());
    Running(command.spawn().unwrap())
}

/// Address and enclave of a host that runs in a process of its own.
async fn started(room: &Room) -> (SocketAddr, u32) {
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
