//! Processes that can be killed, the roads between them, and waiting for them.

use crate::repository;
use std::{
    env,
    fs::{self, File},
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Runs the whole demo with a simulated module; leaves everything in `room` and gives what it said.
pub fn simulated_demo(room: &Path) -> String {
    demo("tests/demo.sh", room)
}

/// Runs the six weeks of a standing order, on a clock that is put forward.
pub fn weekly_demo(room: &Path) -> String {
    demo("tests/weekly.sh", room)
}

fn demo(script: &str, room: &Path) -> String {
    let log = File::create(room.with_extension("log")).unwrap();
    // Ends all that the script started, too.
    let ended = Command::new("timeout")
        .args(["--kill-after=10", &PATIENCE.as_secs().to_string(), "sh"])
        .arg(repository(script))
        .env("GLOVEBOX_BIN", program("glovebox").parent().unwrap())
        .env("GLOVEBOX_ROOM", room)
        .env("GLOVEBOX_PORT", free_port().to_string())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .status()
        .unwrap();
    let said = fs::read_to_string(room.with_extension("log")).unwrap();
    fs::remove_file(room.with_extension("log")).unwrap();
    assert!(ended.success(), "{said}");
    said
}

/// A program of this workspace: it lies in the folder above the running test.
pub fn program(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let path = folder.join(name);
    assert!(path.exists(), "there is no {}: run `make build` first", path.display());
    path
}

/// What a command said, and how it ended.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests read it")]
pub struct Said {
    /// Exit code; none if it was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A program that runs; dropped, it is killed with SIGKILL.
#[derive(Debug)]
pub struct Process {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    began: Instant,
}

impl Process {
    /// Starts `name` with the words of `line`, in `folder`; what it says goes to files beside `log`.
    pub fn start(name: &str, line: &str, folder: &Path, log: &Path) -> Self {
        Self::spawn(Command::new(program(name)), line, folder, log)
    }

    /// The same within an address space of `bytes`.
    pub fn start_within(bytes: u64, name: &str, line: &str, folder: &Path, log: &Path) -> Self {
        let mut command = Command::new("prlimit");
        command.arg(format!("--as={bytes}")).arg(program(name));
        Self::spawn(command, line, folder, log)
    }

    fn spawn(mut command: Command, line: &str, folder: &Path, log: &Path) -> Self {
        let [out, err] = ["out", "err"].map(|end| log.with_extension(end));
        let child = command
            .args(line.split_whitespace())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Self { child, out, err, began: Instant::now() }
    }

    /// Standard output so far.
    pub fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// Standard error so far.
    pub fn err(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// Asks it to end, with SIGTERM.
    pub fn terminate(&self) {
        let line = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn end(mut self) -> Said {
        let ended = ended_within(&mut self.child, PATIENCE);
        let said = Said { code: ended.and_then(|it| it.code()), out: self.out(), err: self.err() };
        assert!(ended.is_some(), "no end within {PATIENCE:?}: {said:?}");
        said
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// True while it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sleeps until it is `age` old, or has ended.
    pub fn age(&mut self, age: Duration) {
        while self.began.elapsed() < age && self.runs() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a process ended; none, and it is killed, if it runs for longer than that.
pub fn ended_within(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(ended) = child.try_wait().unwrap() {
            return Some(ended);
        }
        if began.elapsed() >= patience {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// A road to a port, which counts the bytes that go there.
#[derive(Debug)]
pub struct Road {
    /// Where it begins.
    pub address: SocketAddr,
    passed: Arc<AtomicU64>,
}

impl Road {
    /// A road to `end`.
    pub fn to(end: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let passed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&passed);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(end) else { continue };
                let (near2, far2) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let counter = Arc::clone(&counter);
                thread::spawn(move || carry(near, far, &counter));
                thread::spawn(move || carry(far2, near2, &AtomicU64::new(0)));
            }
        });
        Self { address, passed }
    }

    /// Bytes that have gone to the end so far.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
        counter.fetch_add(u64::try_from(length).unwrap(), Ordering::SeqCst);
    }
    // Both may be closed already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// Waits until `holds`; a minute without it is a failure.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(1), "waited a minute until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A port that nobody uses, nor the next one; below those that the system hands to outgoing
/// connections, so that it is still free when a host that was killed comes back.
pub fn free_port() -> u16 {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    loop {
        let process = usize::try_from(std::process::id()).unwrap();
        let next = process * 64 + TAKEN.fetch_add(2, Ordering::Relaxed);
        let port = u16::try_from(10_000 + next % 20_000).unwrap();
        if [port, port + 1].iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return port;
        }
    }
}

/// True while the process of this id and start is neither gone nor dead and unburied.
pub fn alive((pid, start): &(u32, String)) -> bool {
    started(*pid).as_ref() == Some(start)
}

/// When a process started, in ticks; none if there is no such process or it is dead and unburied.
pub fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and brackets; fields 3 and 22 follow its last bracket (proc(5)).
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" { None } else { fields.nth(18).map(str::to_owned) }
}

/// For a program that ends by itself: ten times what the slowest takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(10);
