//! `run --qemu` with programs that stand in for QEMU and its vsock device; they are killed for real.

use crate::{
    operator::{Running, program, signal, signed_contract},
    support::{Room, alive, eventually, json},
};
use protocol::storage::{Ask, MAX_BODY, body_length, encode_frame, vsock::MAX_CONNECTIONS};
use serde_json::json;
use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

#[tokio::test]
async fn boots_the_image_waits_for_its_heartbeat_and_carries_both_faces() {
    let site = Site::new();
    let mut host = site.start(&[]);
    let (at, processes) = site.serving(1).await;
    let mut party = TcpStream::connect(at).await.unwrap();
    party.write_all(b"\x16 a handshake").await.unwrap();
    let mut echo = [0; 13];
    party.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"\x16 a handshake");

    let mut enclave = UnixStream::connect(site.room.path("run/vm/v_5001")).await.unwrap();
    enclave.write_all(&encode_frame(&Ask::Contract {}).unwrap()).await.unwrap();
    let mut header = [0; 4];
    enclave.read_exact(&mut header).await.unwrap();
    assert!(body_length(header, MAX_BODY).unwrap() > signed_contract().len());

    let health = json(at, "GET", "/v1/health", b"").await.1;
    assert_eq!(
        health,
        json!({"simulated": false, "enclave": "serving", "enclave_starts": 1, "results_declined": 0, "results_lost": 0})
    );
    signal("TERM", host.0.id());
    assert!(host.0.wait().unwrap().success());
    assert!(!processes.iter().any(|pid| alive(*pid)));
    assert!(!site.room.path("run/vm").exists() && !site.room.path("run/processes").exists());
    let log = site.log();
    let (dir, stand_ins) =
        (site.room.dir.path().display(), site.room.path("bin").display().to_string());
    for line in [
        format!(
            "running: env RUST_LOG=error {stand_ins}/vhost-device-vsock --vm guest-cid=16,socket={dir}/run/vm/vhost,uds-path={dir}/run/vm/v\n"
        ),
        format!(
            "-M nitro-enclave,vsock=c,id=room -accel tcg -cpu max -smp 2 -m 512M -kernel {dir}/image.eif -chardev socket,id=c,path={dir}/run/vm/vhost -display none -nodefaults -no-reboot -serial null -monitor none -append 'reboot=t tsc=reliable quiet'\n"
        ),
        "QEMU: a warning of QEMU's\n".to_owned(),
        "QEMU, for tests: this machine can read everything in".to_owned(),
    ] {
        assert!(log.contains(&line), "{line}\n{log}");
    }
    assert!(!log.contains("canary"), "{log}");
}

#[tokio::test]
async fn shows_the_console_only_when_asked_to() {
    let site = Site::new();
    let mut host = site.start(&["--debug"]);
    site.serving(1).await;
    eventually("the console is in the log", async || {
        site.log().contains("enclave: canary on the console")
    })
    .await;
    signal("INT", host.0.id());
    assert!(host.0.wait().unwrap().success());
}

#[tokio::test]
async fn nothing_outlives_a_host_that_was_killed_and_the_next_one_starts() {
    let site = Site::new();
    let mut host = site.start(&[]);
    let (_, processes) = site.serving(1).await;
    host.0.kill().unwrap();
    host.0.wait().unwrap();
    eventually("QEMU and its device ended with the host", async || {
        !processes.iter().any(|pid| alive(*pid))
    })
    .await;
    assert!(site.room.path("run/vm/v_5001").exists(), "sockets are left");
    fs::remove_file(site.room.path("run/address")).unwrap();
    let mut host = site.start(&[]);
    site.serving(1).await;
    signal("TERM", host.0.id());
    assert!(host.0.wait().unwrap().success());
}

#[tokio::test]
async fn a_host_killed_while_the_image_boots_leaves_nothing_either() {
    let site = Site::new();
    fs::write(site.room.path("bin/silent"), "").unwrap();
    let mut host = site.start(&[]);
    eventually("QEMU runs", async || site.processes().len() == 2).await;
    let processes = site.processes();
    host.0.kill().unwrap();
    host.0.wait().unwrap();
    eventually("both ended", async || !processes.iter().any(|pid| alive(*pid))).await;
}

#[tokio::test]
async fn writes_the_device_down_before_qemu_starts() {
    let site = Site::new();
    fs::write(site.room.path("bin/hang"), "").unwrap();
    let mut host = site.start(&[]);
    eventually("the device is written down", async || site.processes().len() == 1).await;
    assert!(!site.room.path("run/enclave.pid").exists());
    signal("TERM", host.0.id());
    assert!(host.0.wait().unwrap().success());
}

/// So that one that fails is the enclave's fault, however many parties there are.
#[tokio::test]
async fn parties_leave_one_place_at_the_enclave_to_the_hosts_probe() {
    let site = Site::new();
    let mut host = site.start(&[]);
    let (at, _) = site.serving(1).await;
    let call = async || {
        let mut party = TcpStream::connect(at).await.unwrap();
        party.write_all(b"\x16").await.unwrap();
        party
    };
    let mut parties = Vec::new();
    for _ in 1..MAX_CONNECTIONS {
        let mut party = call().await;
        assert_eq!(party.read_u8().await.unwrap(), 0x16);
        parties.push(party);
    }
    let mut last = call().await;
    let answer = timeout(Duration::from_millis(500), last.read_u8()).await;
    assert!(answer.is_err(), "{answer:?}");
    parties.clear();
    assert_eq!(last.read_u8().await.unwrap(), 0x16);
    signal("TERM", host.0.id());
    assert!(host.0.wait().unwrap().success());
}

#[tokio::test]
async fn starts_both_again_when_either_is_killed() {
    let site = Site::new();
    let mut host = site.start(&[]);
    for (starts, victim) in [(1, 0), (2, 1)] {
        let (_, processes) = site.serving(starts).await;
        signal("KILL", processes[victim]);
        eventually("the other one ended", async || !alive(processes[1 - victim])).await;
    }
    site.serving(3).await;
    signal("TERM", host.0.id());
    assert!(host.0.wait().unwrap().success());
    assert!(site.log().contains("vhost-device-vsock ended by itself"), "{}", site.log());
}

#[tokio::test]
async fn gives_up_on_an_enclave_without_heartbeat_and_on_a_device_that_is_deaf() {
    let site = Site::new();
    fs::write(site.room.path("bin/silent"), "").unwrap();
    let mut host = site.start(&["--boot-seconds", "2"]);
    eventually("the silent one was given up", async || {
        site.log().contains("found no heartbeat within 2 s")
    })
    .await;
    site.serving(2).await;
    signal("TERM", host.0.id());
    assert!(host.0.wait().unwrap().success());

    let site = Site::new();
    fs::write(site.room.path("bin/wedge"), "").unwrap();
    let mut host = site.start(&["--boot-seconds", "2"]);
    eventually("the deaf one was given up", async || {
        site.log().contains("it runs, but accepted no connection within 2 s")
    })
    .await;
    site.serving(2).await;
    signal("TERM", host.0.id());
    assert!(host.0.wait().unwrap().success());
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_and_control_c_still_works() {
    let site = Site::new();
    fs::remove_file(site.room.path("bin/qemu")).unwrap();
    let mut host = site.start(&[]);
    eventually("the log says it", async || {
        let log = site.log();
        log.contains("bin/qemu: No such file") && log.contains("QEMU ended by itself")
    })
    .await;
    let asked = Instant::now();
    signal("INT", host.0.id());
    assert!(host.0.wait().unwrap().success());
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[test]
fn refuses_what_is_no_image_and_a_directory_with_a_comma() {
    let site = Site::new();
    fs::write(site.room.path("image.eif"), "#!/bin/sh").unwrap();
    let output = site.command(&[]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("found no enclave image in"), "{text}");
    fs::write(site.room.path("image.eif"), ".eif and more").unwrap();
    let comma = site.room.path("a,b").display().to_string();
    let output = site.command(&["--dir", &comma]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("found a comma in"), "{text}");
}

/// A directory with a contract, an image and the programs that stand in.
struct Site {
    room: Room,
}

impl Site {
    fn new() -> Self {
        let room = Room::new();
        fs::write(room.contract(), signed_contract()).unwrap();
        fs::write(room.path("image.eif"), ".eif and more").unwrap();
        fs::create_dir(room.path("bin")).unwrap();
        let stand_ins = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/host/stand-ins"));
        symlink(stand_ins.join("qemu"), room.path("bin/qemu")).unwrap();
        symlink(stand_ins.join("vhost-device-vsock"), room.path("bin/vhost-device-vsock")).unwrap();
        Self { room }
    }

    fn command(&self, more: &[&str]) -> std::process::Command {
        let config = self.room.path("host.toml");
        let text = format!(
            "qemu = {:?}\ncontract = {:?}\nlisten = \"127.0.0.1:0\"\nmemory_mib = 512\n\
             module_id = \"room\"\nappend = \"tsc=reliable quiet\"\nqemu_binary = {:?}\n",
            self.room.path("image.eif"),
            self.room.contract(),
            self.room.path("bin/qemu"),
        );
        fs::write(&config, text).unwrap();
        let mut command = program();
        command.arg("run").arg("--config").arg(config);
        command.env("GLOVEBOX_QEMU", self.room.dir.path());
        if !more.contains(&"--dir") {
            command.arg("--dir").arg(self.room.dir.path());
        }
        command.args(more);
        command
    }

    fn start(&self, more: &[&str]) -> Running {
        let log = fs::File::options().create(true).append(true).open(self.room.path("log"));
        Running(self.command(more).stderr(Stdio::from(log.unwrap())).spawn().unwrap())
    }

    /// Address, and the ids of device and QEMU, once the enclave serves for the `starts`-th time.
    async fn serving(&self, starts: u64) -> (SocketAddr, Vec<u32>) {
        let address = self.room.path("run/address");
        eventually("the host is up", async || {
            fs::read_to_string(&address).is_ok_and(|text| text.ends_with('\n'))
        })
        .await;
        let at = fs::read_to_string(&address).unwrap().trim().parse().unwrap();
        eventually("the enclave serves", async || {
            let health = json(at, "GET", "/v1/health", b"").await.1;
            health["enclave"] == json!("serving") && health["enclave_starts"] == json!(starts)
        })
        .await;
        (at, self.processes())
    }

    fn processes(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.room.path("run/processes")).unwrap_or_default();
        let pids = text.lines().skip(1).filter_map(|line| line.split(' ').next()?.parse().ok());
        pids.collect()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.room.path("log")).unwrap_or_default()
    }
}
