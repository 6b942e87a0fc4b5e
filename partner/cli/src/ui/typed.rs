//! What is typed into the terminal that runs the page.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::mpsc;

/// Lines of standard input. A thread reads them, which ends with the program.
#[derive(Debug)]
pub(super) struct Typed {
    lines: mpsc::Receiver<String>,
    paused: Arc<AtomicBool>,
}

impl Typed {
    pub(super) fn begin() -> Self {
        let (send, lines) = mpsc::channel(16);
        let paused = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&paused);
        thread::spawn(move || read(&send, &stop));
        Self { lines, paused }
    }

    /// The next line; none once standard input has ended.
    pub(super) async fn next(&mut self) -> Option<String> {
        self.lines.recv().await
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lines.is_closed() && self.lines.is_empty()
    }

    /// Forgets what was typed until now.
    pub(super) fn forget(&mut self) {
        while self.lines.try_recv().is_ok() {}
    }

    /// Leaves the terminal alone while `work` asks there for itself, such as for a passphrase.
    pub(super) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.paused.store(true, Ordering::SeqCst);
        // Longer than the reader looks at one time.
        thread::sleep(LOOK * 2);
        let done = work();
        self.paused.store(false, Ordering::SeqCst);
        done
    }
}

fn read(lines: &mpsc::Sender<String>, paused: &AtomicBool) {
    let Ok(stdin) = std::io::stdin().as_fd().try_clone_to_owned() else { return };
    let mut stdin = BufReader::new(File::from(stdin));
    loop {
        if paused.load(Ordering::SeqCst) {
            thread::sleep(LOOK);
            continue;
        }
        // Nothing is taken from the terminal before a line is there: whoever asks meanwhile gets it.
        if stdin.buffer().is_empty() && !is_ready(stdin.get_ref()) {
            continue;
        }
        let mut line = String::new();
        match stdin.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if lines.blocking_send(line).is_err() => return,
            Ok(_) => {}
        }
    }
}

/// Whether there is something to read, or the end, within a look.
fn is_ready(file: &File) -> bool {
    let look = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
    let mut files = [PollFd::new(file, PollFlags::IN)];
    poll(&mut files, Some(&look)).is_ok_and(|ready| ready > 0)
}

const LOOK: Duration = Duration::from_millis(100);
