//! A room whose enclave is an image booted under QEMU, by `glovebox-host run --qemu`.

mod authority;
mod image;

pub(crate) use authority::{Authority, word};
pub(crate) use image::{Image, Kind};

use attestation_verifier::Pcr;
use client::{room::Room, trust::Trust};
use protocol::contract::Contract;
use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tests::{
    repository,
    running::{Process, Said, ended_within, free_port, program},
};

/// What `make qemu` has built.
pub(crate) struct Bed {
    pub(crate) eif: PathBuf,
    pub(crate) manifest: PathBuf,
    qemu: PathBuf,
    device: PathBuf,
}

impl Bed {
    /// Fails if something is missing: nothing here is ever skipped in silence.
    pub(crate) fn found() -> Self {
        let of = |variable: &str, usual: &str| {
            let named = env::var_os(variable).map(PathBuf::from);
            let path = named.unwrap_or_else(|| repository("target").join(usual));
            assert!(path.is_file(), "there is no {}: run `make qemu`", path.display());
            path.canonicalize().unwrap()
        };
        Self {
            eif: of("GLOVEBOX_TEST_EIF", "eif/glovebox.eif"),
            manifest: of("GLOVEBOX_TEST_BUILD_MANIFEST", "eif/build-manifest.json"),
            qemu: of("GLOVEBOX_TEST_QEMU", "qemu/bin/qemu-system-x86_64"),
            device: of("GLOVEBOX_TEST_VHOST_DEVICE_VSOCK", "qemu/bin/vhost-device-vsock"),
        }
    }

    pub(crate) fn image(&self) -> Image {
        Image(fs::read(&self.eif).unwrap())
    }

    /// What the build manifest says of this image, through the host's own reader.
    pub(crate) fn build(&self) -> String {
        let output = Command::new(program("glovebox-host"))
            .args(["pcrs", "--build-manifest"])
            .arg(&self.manifest)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// PCRs as a build manifest that `glovebox contract new` reads.
pub(crate) fn build_of(pcrs: &BTreeMap<u8, Pcr>) -> String {
    let mut text = String::new();
    for (index, pcr) in pcrs {
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}\"{index}\": \"{pcr}\"").unwrap();
    }
    format!("{{\"pcrs\": {{{text}}}}}\n")
}

/// Both parties and the operator, on one machine.
pub(crate) struct Site {
    bed: Bed,
    folder: TempDir,
    pub(crate) port: u16,
    authority: Authority,
    host: Option<Child>,
    custody: Option<Process>,
    processes: AtomicUsize,
}

impl Site {
    /// Keys of both parties, and a contract for `build` that both have signed.
    pub(crate) fn new(bed: Bed, build: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::in_folder(folder.path().join("ca"));
        let (port, processes) = (free_port(), AtomicUsize::new(0));
        let site = Self { bed, folder, port, authority, host: None, custody: None, processes };
        site.ok("init --name publisher --dir publisher");
        let custody = site.custody_address();
        site.ok(&format!("init --name retailer --dir retailer --custody http://{custody}"));
        site.contract("contract", build);
        site
    }

    /// Another contract of the same parties, `NAME.toml.signed`.
    pub(crate) fn contract(&self, name: &str, build: &str) {
        fs::write(self.path(&format!("{name}.json")), build).unwrap();
        self.ok(&format!(
            "contract new --name hillstrom --party publisher/party.toml \
             --party retailer/party.toml --pcrs {name}.json -o {name}.toml"
        ));
        self.ok(&format!("contract sign {name}.toml --dir publisher"));
        self.ok(&format!("contract sign {name}.toml.signed --dir retailer"));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    fn custody_address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port + 1))
    }

    /// Begins `glovebox LINE`, where `ROOM` is the room's address and `UNDER` the contract and the
    /// throw-away root.
    fn begin(&self, line: &str) -> Process {
        let root = word(&self.authority.root());
        let under = format!("--contract contract.toml.signed --danger-root {root}");
        let room = format!("https://{}", self.address());
        let line = line.replace("UNDER", &under).replace("ROOM", &room);
        self.spawn("glovebox", &line.replace("ROOT", &root))
    }

    fn spawn(&self, name: &str, line: &str) -> Process {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        fs::create_dir_all(self.path("logs")).unwrap();
        let log = self.path("logs").join(format!("{number}-{name}"));
        Process::start(name, line, self.folder.path(), &log)
    }

    pub(crate) fn run(&self, line: &str) -> Said {
        self.begin(line).end()
    }

    pub(crate) fn ok(&self, line: &str) -> String {
        let said = self.run(line);
        let log = self.log();
        assert_eq!(said.code, Some(0), "glovebox {line}: {}{}\n{log}", said.out, said.err);
        said.out.trim().to_owned()
    }

    /// The small verifier's exit code.
    pub(crate) fn verifier(&self, line: &str) -> Option<i32> {
        let root = word(&self.authority.root());
        self.spawn("attestation-verifier", &line.replace("ROOT", &root)).end().code
    }

    /// Starts the host on `eif` and contract `NAME.toml.signed`; waits for nothing.
    pub(crate) fn start(&mut self, eif: &Path, contract: &str, more: &[&str]) {
        let log = File::options().create(true).append(true).open(self.path("host.log")).unwrap();
        let host = Command::new(program("glovebox-host"))
            .args(["run", "--dir", "host", "--debug", "--memory-mib", MEMORY_MIB, "--cpus", "2"])
            .args(["--contract", &format!("{contract}.toml.signed")])
            .args(["--listen", &self.address().to_string()])
            .args(["--qemu".as_ref(), eif.as_os_str()])
            .args(["--qemu-binary".as_ref(), self.bed.qemu.as_os_str()])
            .args(["--vhost-device-vsock".as_ref(), self.bed.device.as_os_str()])
            .args(more)
            .envs(self.authority.environment())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.host = Some(host);
    }

    /// Starts the image that was built, and waits until it serves.
    pub(crate) fn boot(&mut self) {
        let eif = self.bed.eif.clone();
        self.start(&eif, "contract", &[]);
        self.serves();
    }

    /// Waits until the enclave accepts connections.
    pub(crate) fn serves(&self) {
        let began = Instant::now();
        while self.health().as_deref() != Some("serving") {
            let log = self.log();
            assert!(began.elapsed() < PATIENCE, "the enclave does not serve:\n{log}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the host says of its enclave; none while there is no host.
    pub(crate) fn health(&self) -> Option<String> {
        let mut stream = TcpStream::connect(self.address()).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(b"GET /v1/health HTTP/1.0\r\nHost: host\r\n\r\n").ok()?;
        let mut said = String::new();
        stream.read_to_string(&mut said).ok()?;
        let (_, body) = said.split_once("\r\n\r\n")?;
        let body: serde_json::Value = serde_json::from_str(body).ok()?;
        assert_eq!(body["simulated"], false, "{body}");
        Some(body["enclave"].as_str()?.to_owned())
    }

    /// Everything that host and enclave have said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("host.log")).unwrap_or_default()
    }

    pub(crate) fn start_custody(&mut self) {
        let line = "custody serve UNDER --room ROOM --dir retailer --listen";
        let custody = self.begin(&format!("{line} {}", self.custody_address()));
        let began = Instant::now();
        while !custody.out().contains("http://") {
            assert!(began.elapsed() < PATIENCE, "{}{}", custody.out(), custody.err());
            thread::sleep(Duration::from_millis(20));
        }
        self.custody = Some(custody);
    }

    /// A connection that this very process believes.
    pub(crate) async fn connect(&self) -> Room {
        let root = fs::read(self.authority.root()).unwrap();
        let signed = fs::read(self.path("contract.toml.signed")).unwrap();
        let contract = Contract::open(&signed).unwrap();
        let address = format!("https://{}", self.address()).parse().unwrap();
        let trust = Trust::danger(&root).unwrap();
        Room::connect(&address, &contract, &trust, &[]).await.unwrap()
    }

    /// Digest of the instance that serves now.
    pub(crate) fn instance(&self) -> String {
        let text = self.ok("job status --room ROOM UNDER --dir publisher --json");
        let status: serde_json::Value = serde_json::from_str(&text).unwrap();
        status["result"]["instance"].as_str().unwrap().to_owned()
    }

    /// Process ids of the site's `name`: its folder is on their command lines.
    pub(crate) fn processes(&self, name: &str) -> Vec<u32> {
        let folder = self.folder.path().display().to_string();
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let entry = entry.ok()?;
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read_to_string(entry.path().join("cmdline")).ok()?;
            let program = line.split('\0').next()?;
            let here = fs::read_link(entry.path().join("cwd")).ok();
            let ours = line.contains(&folder)
                || here.is_some_and(|here| here.starts_with(self.folder.path()));
            (ours && program.contains(name)).then_some(pid)
        });
        pids.collect()
    }

    /// `kill -9` of QEMU, of vhost-device-vsock, or of the host; false if there is none now.
    pub(crate) fn kill(&mut self, name: &str) -> bool {
        if name == "glovebox-host" {
            let mut host = self.host.take().unwrap();
            host.kill().unwrap();
            host.wait().unwrap();
            return true;
        }
        let pids = self.processes(name);
        for pid in &pids {
            // It may be gone already.
            let _ = Command::new("sh").args(["-c", &format!("kill -9 {pid}")]).status().unwrap();
        }
        !pids.is_empty()
    }

    /// Ends the host in order, as an operator does.
    pub(crate) fn stop(&mut self) {
        let mut host = self.host.take().unwrap();
        let pid = host.id();
        Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().unwrap();
        let ended = ended_within(&mut host, PATIENCE);
        let success = ended.is_some_and(|ended| ended.success());
        assert!(success, "{ended:?}\n{}", self.log());
    }

    /// Waits until no process of the host's is left.
    pub(crate) fn nothing_remains(&self) {
        let began = Instant::now();
        loop {
            let left: Vec<u32> = ["qemu", "vhost-device-vsock", "glovebox-host"]
                .iter()
                .flat_map(|name| self.processes(name))
                .collect();
            if left.is_empty() {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(15), "orphans: {left:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut host) = self.host.take() {
            // Whatever it started ends with it.
            let _ = host.kill();
            let _ = host.wait();
        }
    }
}

/// Enough for the image, the tables of the demo and a job over them.
const MEMORY_MIB: &str = "2048";
/// Translated code on a busy machine is slow.
const PATIENCE: Duration = Duration::from_mins(3);
