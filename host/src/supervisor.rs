//! Keeps the enclave's process alive, and lets it die with the host.
//!
//! The child lives as long as the pipe on its standard input: the kernel closes that when the host
//! dies, however it dies, and the child then ends by itself. An enclave that was started again is
//! a new instance without keys.

use std::{
    ffi::OsString,
    fs, io,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process,
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::durable::remove_if_there;

/// How to start the enclave.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) binary: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) pid_file: PathBuf,
    pub(crate) socket: PathBuf,
}

impl Child {
    /// Starts it. It is killed when the returned value is dropped.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn spawn(&self, watched: &Watched) -> io::Result<process::Child> {
        // The socket of an enclave that was killed would still be there and refuse connections.
        remove_if_there(&self.socket)?;
        let mut child = process::Command::new(&self.binary)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Control-C at the terminal is for the host, which then ends the enclave in order.
            .process_group(0)
            .spawn()?;
        let pid = child.id().unwrap_or(0);
        watched.0.pid.store(pid, Ordering::Relaxed);
        watched.0.starts.fetch_add(1, Ordering::Relaxed);
        fs::write(&self.pid_file, format!("{pid}\n"))?;
        child.stdout.take().map(|console| tokio::spawn(relay(console)));
        child.stderr.take().map(|console| tokio::spawn(relay(console)));
        tracing::info!(pid, "the enclave was started");
        Ok(child)
    }
}

/// What is known about the child.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched(Arc<Facts>);

#[derive(Debug, Default)]
struct Facts {
    /// 0 while there is none.
    pid: AtomicU32,
    starts: AtomicU64,
}

impl Watched {
    /// The process id, while there is a process.
    pub(crate) fn pid(&self) -> Option<u32> {
        Some(self.0.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// How often an enclave was started.
    pub(crate) fn starts(&self) -> u64 {
        self.0.starts.load(Ordering::Relaxed)
    }
}

/// Starts another enclave whenever one ends, each pause twice as long, until `stopping` says so.
pub(crate) async fn keep_alive(
    command: Child,
    first: process::Child,
    watched: Watched,
    mut stopping: watch::Receiver<bool>,
) {
    let mut running = Some(first);
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        if let Some(mut child) = running {
            // Taken out, since waiting for a child would close its standard input at once.
            let stdin = child.stdin.take();
            let ended = tokio::select! {
                ended = child.wait() => Some(ended),
                _ = stopping.wait_for(|stop| *stop) => None,
            };
            drop(stdin);
            match ended {
                None => end(&mut child).await,
                Some(Ok(status)) => tracing::error!(%status, "the enclave ended by itself"),
                Some(Err(cause)) => tracing::error!(%cause, "waiting for the enclave"),
            }
            watched.0.pid.store(0, Ordering::Relaxed);
            // A leftover names a process that is gone; the next start replaces it.
            let _ = remove_if_there(&command.pid_file);
        }
        if began.elapsed() > STEADY {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            () = sleep(pause) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        pause = LONGEST_PAUSE.min(pause * 2);
        running = command.spawn(&watched).map_or_else(
            |cause| {
                tracing::error!(%cause, "starting the enclave");
                None
            },
            Some,
        );
    }
}

/// Its standard input is closed already: time to go, and a kill if it does not.
async fn end(child: &mut process::Child) {
    if timeout(GRACE, child.wait()).await.is_err() {
        tracing::warn!("the enclave did not end when its input closed; killing it");
        if let Err(cause) = child.kill().await {
            tracing::error!(%cause, "killing the enclave");
        }
    }
}

/// Copies what the enclave says on its console to the host's log, line by line.
async fn relay(console: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(console);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut lines).take(LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                let text: String = text.chars().filter(|c| !c.is_control()).collect();
                tracing::info!(target: "enclave", "{text}");
            }
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An enclave that lived so long did not die of its configuration.
const STEADY: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(5);
/// Longest line that is kept whole, in bytes.
const LINE: u64 = 8192;
