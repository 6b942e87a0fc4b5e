//! Nitro mode against a stand-in that replays what AWS documents of nitro-cli. No Nitro was at hand;
//! in the place of vsock there are two Unix sockets.

use crate::{
    operator::{IDLE_ENCLAVE, Running, program, signal},
    support::{Room, alive, eventually, http},
};
use host::{Config, Enclave, Host, Image, Transport};
use std::{
    fs,
    io::Write,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixListener},
};

#[tokio::test]
async fn runs_looks_and_terminates_by_the_documented_commands_and_says_them() {
    let site = Site::new();
    let host = site.start(|_| {}).await;
    let front = UnixListener::bind(site.room.path("front.sock")).unwrap();
    assert!(host.serving(Duration::from_secs(10)).await);
    assert_eq!(host.enclave_pid(), Some(12345));
    while tokio::time::timeout(Duration::from_millis(100), front.accept()).await.is_ok() {}
    let mut party = TcpStream::connect(host.address()).await.unwrap();
    party.write_all(b"\x16hello").await.unwrap();
    let (mut enclave, _) = front.accept().await.unwrap();
    let mut heard = [0; 6];
    enclave.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"\x16hello");
    host.shutdown().await;

    let image = site.room.path("image.eif").display().to_string();
    let run = format!(
        "run-enclave --enclave-name {} --cpu-count 2 --memory 1024 --eif-path {image} --enclave-cid 16",
        site.name()
    );
    let terminate = format!("terminate-enclave --enclave-id {ID}");
    assert_eq!(site.calls(), ["describe-enclaves", &run, "describe-enclaves", &terminate]);
    let log = site.log();
    let cli = site.room.path("nitro-cli").display().to_string();
    assert!(log.contains(&format!("running: {cli} {run}\n")), "{log}");
    assert!(log.contains(&format!("running: {cli} {terminate}\n")), "{log}");
    assert_eq!(log.matches(&format!("running: {cli} describe-enclaves\n")).count(), 1, "{log}");
    assert!(log.contains("pcr0=\"7fb5c55bc2ecbb68"), "{log}");
    assert!(!log.contains("canary"), "{log}");
}

#[tokio::test]
async fn debug_mode_has_a_console_which_ends_with_the_enclave() {
    let site = Site::new();
    let host = site.start(|image| image.debug = true).await;
    eventually("the console is in the log", async || site.log().contains("canary on the console"))
        .await;
    let console = fs::read_to_string(site.room.path("console.pid")).unwrap();
    let console: u32 = console.trim().parse().unwrap();
    assert!(alive(console));
    host.shutdown().await;
    eventually("the console ended", async || !alive(console)).await;
    let calls = site.calls();
    assert!(calls[1].ends_with(" --enclave-cid 16 --debug-mode"), "{calls:?}");
    assert!(calls.contains(&format!("console --enclave-id {ID}")), "{calls:?}");
}

#[tokio::test]
async fn says_in_words_why_nitro_cli_refuses_and_tries_again() {
    let site = Site::new();
    let refusal = "Start allocating memory...\n[ E27 ] Insufficient memory available. User provided \
                   `memory` is 1024 MB, which is more than the available hugepage memory.\n[ E36 ] \
                   Enclave boot failure.\n[ E39 ] Enclave process connection failure.\nFor more \
                   details, please visit https://docs.aws.amazon.com/enclaves/latest/user/cli-errors.html#E27\n";
    fs::write(site.room.path("refusal"), refusal).unwrap();
    let host = site.start(|_| {}).await;
    eventually("it was tried twice", async || {
        site.calls().iter().filter(|call| call.starts_with("run-enclave")).count() >= 2
    })
    .await;
    let log = site.log();
    for words in [
        "nitro-cli run-enclave ended with exit status: 39: E27: fewer huge pages are free",
        "raise memory_mib in",
        "; E39: ",
    ] {
        assert!(log.contains(words), "{words}\n{log}");
    }
    fs::remove_file(site.room.path("refusal")).unwrap();
    let _front = UnixListener::bind(site.room.path("front.sock")).unwrap();
    assert!(host.serving(Duration::from_secs(10)).await);
    host.shutdown().await;
}

#[tokio::test]
async fn terminates_what_a_killed_host_left_and_spares_other_enclaves() {
    let site = Site::new();
    fs::write(site.room.path("running"), "somebody-elses\n").unwrap();
    let host = site.start(|_| {}).await;
    eventually("it runs", async || host.enclave_pid().is_some()).await;
    host.shutdown().await;
    assert!(!site.calls()[..2].iter().any(|call| call.starts_with("terminate")));

    let site = Site::new();
    let name = site.name_before_any_enclave().await;
    fs::write(site.room.path("running"), name).unwrap();
    let host = site.start(|_| {}).await;
    eventually("the leftover is gone", async || !site.room.path("running").exists()).await;
    host.shutdown().await;
    let calls = site.calls();
    assert_eq!(
        calls[..2],
        ["describe-enclaves".to_owned(), format!("terminate-enclave --enclave-id {ID}")]
    );
}

#[tokio::test]
async fn terminates_the_enclave_though_its_keeper_was_killed_and_nitro_cli_fails_once() {
    let site = Site::new();
    let host = site.start(|_| {}).await;
    eventually("its keeper waits", async || site.keepers().len() == 1).await;
    signal("KILL", site.keepers()[0]);
    fs::write(site.room.path("unwilling"), "once\n").unwrap();
    assert!(host.shutdown().await);
    assert!(!site.room.path("running").exists());
    assert!(site.log().contains("exit status: 11: E11: nitro-cli lost the"), "{}", site.log());
    eventually("no keeper is left", async || site.keepers().is_empty()).await;
}

#[tokio::test]
async fn ends_cleanly_when_nitro_cli_refuses_to_terminate_what_goes_by_itself() {
    for goes in ["gone", "going"] {
        let site = Site::new();
        let host = site.start(|_| {}).await;
        eventually("it runs", async || host.enclave_pid().is_some()).await;
        let refusals = format!("once\n{goes}\n{}", "always\n".repeat(100));
        fs::write(site.room.path("unwilling"), refusals).unwrap();
        assert!(host.shutdown().await, "{}", site.log());
        assert!(!site.room.path("running").exists());
        // One that counted as left would be an error before the host looks once more.
        assert!(!site.log().contains("ERROR"), "{}", site.log());
    }
}

#[tokio::test]
async fn tries_each_enclave_of_its_name_though_the_first_is_not_terminated() {
    let site = Site::new();
    let name = site.name_before_any_enclave().await;
    let first = format!(r#"{{"EnclaveID": "first", "EnclaveName": "{name}"}}"#);
    fs::write(site.room.path("foreign"), first).unwrap();
    fs::write(site.room.path("running"), name).unwrap();
    let host = site.start(|_| {}).await;
    eventually("the second is gone", async || !site.room.path("running").exists()).await;
    let [first, second] = ["first", ID].map(|id| format!("terminate-enclave --enclave-id {id}"));
    assert_eq!(site.calls()[..3], ["describe-enclaves", &first, &second]);
    fs::remove_file(site.room.path("foreign")).unwrap();
    eventually("another one is started", async || {
        site.calls().iter().any(|call| call.starts_with("run-enclave"))
    })
    .await;
    assert!(host.shutdown().await);
}

#[tokio::test]
async fn says_at_its_end_that_an_enclave_is_left() {
    let site = Site::new();
    let host = site.start(|_| {}).await;
    eventually("it runs", async || host.enclave_pid().is_some()).await;
    fs::write(site.room.path("unwilling"), "always\n".repeat(100)).unwrap();
    assert!(!host.shutdown().await);
    assert!(
        site.log().contains("the enclave may still run: nitro-cli terminate"),
        "{}",
        site.log()
    );
}

#[tokio::test]
async fn terminates_what_started_although_the_answer_was_not_understood() {
    let site = Site::new();
    fs::write(site.room.path("garbage"), "").unwrap();
    let host = site.start(|_| {}).await;
    eventually("the answer was not understood", async || {
        site.log().contains("found no JSON of an enclave in what nitro-cli run-enclave printed")
    })
    .await;
    assert!(host.shutdown().await);
    assert!(!site.room.path("running").exists());
}

#[tokio::test]
async fn an_odd_enclave_of_somebody_else_hides_nothing() {
    let site = Site::new();
    let odd = r#"7, {"EnclaveID": 7}, {"EnclaveID": "x", "Flags": [], "Measurements": {}}"#;
    fs::write(site.room.path("foreign"), odd).unwrap();
    let host = site.start(|_| {}).await;
    let _front = UnixListener::bind(site.room.path("front.sock")).unwrap();
    assert!(host.serving(Duration::from_secs(10)).await, "{}", site.log());
    host.shutdown().await;
}

#[tokio::test]
async fn starts_another_when_nitro_cli_knows_the_enclave_no_more() {
    let site = Site::new();
    let host = site.start(|_| {}).await;
    let _front = UnixListener::bind(site.room.path("front.sock")).unwrap();
    assert!(host.serving(Duration::from_secs(10)).await);
    fs::remove_file(site.room.path("running")).unwrap();
    eventually("another one runs", async || site.room.path("running").exists()).await;
    assert!(site.log().contains("found it in state GONE, expected RUNNING"), "{}", site.log());
    host.shutdown().await;
}

#[tokio::test]
async fn gives_up_on_an_enclave_that_accepts_nothing() {
    let site = Site::new();
    let host = site.start(|image| image.boot_seconds = 1).await;
    eventually("it was given up", async || {
        site.log().contains("it runs, but accepted no connection within")
    })
    .await;
    assert!(site.calls().contains(&format!("terminate-enclave --enclave-id {ID}")));
    host.shutdown().await;
}

/// Run by the next test, in a process of its own.
#[tokio::test]
#[ignore = "is there to be killed"]
async fn a_host_to_be_killed() {
    let dir = std::env::var_os("TO_BE_KILLED_IN").expect("run by the next test");
    let site = Site::new();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let enclave = site.enclave(Path::new(&dir), |image| image.debug = true);
    let config = Config::of_image(&site.room.contract(), Path::new(&dir), listen, enclave);
    let _host = host::start(config).await.unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn the_enclave_and_its_console_end_with_a_host_that_was_killed() {
    let site = Site::new();
    let mut host = std::process::Command::new(std::env::current_exe().unwrap());
    host.args(["--exact", "nitro::a_host_to_be_killed", "--ignored"]);
    host.env("TO_BE_KILLED_IN", site.room.dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut host = Running(host.spawn().unwrap());
    let console = site.room.path("console.pid");
    eventually("the enclave runs", async || {
        fs::read_to_string(&console).is_ok_and(|text| text.ends_with('\n'))
    })
    .await;
    let console: u32 = fs::read_to_string(console).unwrap().trim().parse().unwrap();
    host.0.kill().unwrap();
    host.0.wait().unwrap();
    eventually("it was terminated", async || !site.room.path("running").exists()).await;
    eventually("the console ended", async || !alive(console)).await;
}

#[test]
fn the_keeper_terminates_the_enclave_when_its_host_is_gone() {
    let site = Site::new();
    fs::write(site.room.path("running"), "x").unwrap();
    let mut keeper = program();
    keeper.args(["keep", "--after", "--"]).arg(site.room.path("nitro-cli"));
    keeper.args(["terminate-enclave", "--enclave-id", ID]).stdin(Stdio::piped());
    let mut keeper = keeper.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(site.room.path("running").exists());
    // As they are when the host was killed.
    drop((keeper.stdout.take(), keeper.stderr.take()));
    drop(keeper.stdin.take());
    assert!(keeper.wait().unwrap().success());
    assert!(!site.room.path("running").exists());
}

#[test]
fn the_keeper_ends_what_takes_too_long_and_all_that_it_started() {
    let room = Room::new();
    let script = format!("sleep 600 & echo $$ $! >{}; wait", room.path("pids").display());
    let mut keeper = program();
    keeper.args(["keep", "--after", "--seconds", "1", "--", "sh", "-c", &script]);
    assert_eq!(keeper.output().unwrap().status.code(), Some(1));
    let pids = fs::read_to_string(room.path("pids")).unwrap();
    let pids: Vec<u32> = pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 2);
    // Killed, which the kernel may take a moment for on a busy machine.
    let began = Instant::now();
    while pids.iter().any(|pid| alive(*pid)) {
        assert!(began.elapsed() < Duration::from_secs(30), "{pids:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// As long as it is only asked what an earlier host may have left.
#[tokio::test]
async fn a_nitro_cli_that_hangs_at_the_first_question_keeps_no_host_from_ending() {
    let site = Site::new();
    fs::write(site.room.path("hang"), "").unwrap();
    let host = site.start(|_| {}).await;
    eventually("it was asked", async || site.calls() == ["describe-enclaves"]).await;
    let asked = Instant::now();
    assert!(!host.shutdown().await);
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    let said = "nitro-cli did not say within 5 s whether an earlier host left one";
    assert!(site.log().contains(said), "{}", site.log());
}

#[test]
fn the_keeper_starts_nothing_for_a_parent_that_is_gone() {
    let mut keeper = program();
    keeper.args(["keep", "--parent", "1", "--", IDLE_ENCLAVE]);
    let output = keeper.output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
}

/// A directory with a contract, an image and a nitro-cli that keeps its state there.
struct Site {
    room: Room,
    log: Arc<Mutex<Vec<u8>>>,
    _logging: tracing::subscriber::DefaultGuard,
}

impl Site {
    fn new() -> Self {
        let room = Room::new();
        fs::write(room.path("image.eif"), ".eif and more").unwrap();
        symlink(NITRO_CLI, room.path("nitro-cli")).unwrap();
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer({
            let log = log.clone();
            move || log.clone()
        });
        let logging = tracing::subscriber::set_default(subscriber.finish());
        Self { room, log: log.0, _logging: logging }
    }

    async fn start(&self, change: impl FnOnce(&mut Image)) -> Host {
        let enclave = self.enclave(self.room.dir.path(), change);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let dir = self.room.dir.path();
        let host = host::start(Config::of_image(&self.room.contract(), dir, listen, enclave)).await;
        let host = host.unwrap();
        let health = http(host.address(), "GET", "/v1/health", b"").await.0;
        assert!(health == 200 || health == 503, "the host answers, whatever its enclave does");
        host
    }

    fn enclave(&self, dir: &Path, change: impl FnOnce(&mut Image)) -> Enclave {
        let keeper = Path::new(env!("CARGO_BIN_EXE_glovebox-host"));
        let mut image = Image::new(&self.room.path("image.eif"), keeper);
        change(&mut image);
        let (enclave, host) = (dir.join("front.sock"), dir.join("store.sock"));
        let transport = Transport::Unix { enclave, host };
        Enclave::Nitro { image, nitro_cli: dir.join("nitro-cli"), transport }
    }

    /// What nitro-cli was called with; looking twice counts once.
    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.room.path("calls")).unwrap_or_default();
        let mut calls: Vec<String> = text.lines().map(str::to_owned).collect();
        calls.dedup();
        calls
    }

    /// Process ids of the keepers that would terminate this site's enclave.
    fn keepers(&self) -> Vec<u32> {
        let cli = self.room.path("nitro-cli").display().to_string();
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let entry = entry.unwrap();
            let called = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            let ours = called.contains("keep\0--after\0") && called.contains(&cli);
            ours.then(|| entry.file_name().to_str()?.parse().ok())?
        });
        pids.collect()
    }

    /// The name that this host gives to enclaves. From here on `run-enclave` is refused.
    async fn name_before_any_enclave(&self) -> String {
        fs::write(self.room.path("refusal"), "no").unwrap();
        let host = self.start(|_| {}).await;
        eventually("it was tried", async || self.calls().len() > 1).await;
        host.shutdown().await;
        let name = self.name();
        fs::write(self.room.path("calls"), "").unwrap();
        name
    }

    fn name(&self) -> String {
        let calls = self.calls();
        let run = calls.iter().find(|call| call.starts_with("run-enclave")).unwrap();
        run.split(' ').nth(2).unwrap().to_owned()
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const NITRO_CLI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/host/stand-ins/nitro-cli");
const ID: &str = "i-0123456789abcdef0-enc0192837465abcdef";
