//! The three ways to run an enclave.

mod child;
mod errors;
mod keeper;
mod nitro;
mod nitro_cli;
mod qemu;
mod remains;

pub(crate) use child::Child;
pub(crate) use keeper::Keeper;
pub(crate) use nitro::Nitro;
pub(crate) use nitro_cli::NitroCli;
pub(crate) use qemu::Qemu;
pub(crate) use remains::Remains;

use crate::{
    transport::Transport,
    watched::{Stop, Watched},
};
use protocol::text;
use std::{ffi::OsString, fmt, io, path::PathBuf, process::ExitStatus, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    time::{Instant, sleep},
};

/// A machine that runs the enclave.
#[derive(Debug)]
pub(crate) enum Machine {
    Child(Child),
    Nitro(Nitro),
    Qemu(Qemu),
}

impl Machine {
    /// Starts an enclave and stays with it until `stop` is asked for. Then it leaves nothing
    /// behind.
    ///
    /// # Errors
    ///
    /// [`Death`] if it ended for any other reason, or did not end; see [`Machine::clear`].
    pub(crate) async fn live(&self, watched: &Watched, stop: &mut Stop) -> Result<(), Death> {
        match self {
            Self::Child(child) => child.live(watched, stop).await,
            Self::Nitro(nitro) => nitro.live(watched, stop).await,
            Self::Qemu(qemu) => qemu.live(watched, stop).await,
        }
    }

    /// Cleans up once more after a death that may have left something behind.
    ///
    /// # Errors
    ///
    /// [`Death`] if something may be there still.
    pub(crate) async fn clear(&self) -> Result<(), Death> {
        match self {
            // The kernel ends these with the host.
            Self::Child(_) | Self::Qemu(_) => Ok(()),
            Self::Nitro(nitro) => nitro.clear().await,
        }
    }
}

/// Why an enclave ended.
///
/// Remedy: start the host again; with --debug the enclave's console says why it ended (never with data of a party).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Death {
    /// A process ended.
    #[error("{program} ended by itself ({status})")]
    Ended { program: &'static str, status: ExitStatus },
    /// The enclave did not start in time.
    #[error("found no heartbeat within {seconds} s of its start")]
    Silent { seconds: u64 },
    /// The enclave started, but nothing listens in it.
    #[error(
        "it runs, but accepted no connection within {seconds} s; with --debug its console says why"
    )]
    Deaf { seconds: u64 },
    /// The enclave stopped accepting connections.
    #[error("it stopped accepting connections")]
    Wedged,
    /// `nitro-cli` no longer lists the enclave.
    #[error("found it in state {state}, expected RUNNING")]
    Vanished { state: String },
    /// The state of the enclave could not be found out in time.
    #[error("nitro-cli did not say within {seconds} s whether an earlier host left one")]
    Unknown { seconds: u64 },
    /// `nitro-cli` did not do what it was asked.
    #[error(transparent)]
    Nitro(#[from] nitro_cli::CliError),
    /// The operating system failed.
    #[error("{doing}")]
    System {
        doing: &'static str,
        #[source]
        cause: io::Error,
    },
}

impl Death {
    /// The cause in a word: one of [`crate::metrics::DEATHS`].
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            Self::Ended { .. } => "ended",
            Self::Silent { .. } => "silent",
            Self::Deaf { .. } => "deaf",
            Self::Wedged => "wedged",
            Self::Vanished { .. } => "vanished",
            Self::Unknown { .. } => "unknown",
            Self::Nitro(_) => "nitro_cli",
            Self::System { .. } => "system",
        }
    }
}

fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Death {
    move |cause| Death::System { doing, cause }
}

/// A program with its arguments. `Display` prints the command as a person would type it.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

impl Program {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), arguments: Vec::new() }
    }

    pub(crate) fn with(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", quoted(&self.path.to_string_lossy()))?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(f, " {}", quoted(&argument.to_string_lossy())))
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Waits until the enclave accepts a connection.
async fn accepting(transport: &Transport, patience: Duration) -> Result<(), Death> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if transport.connect().await.is_ok() {
            return Ok(());
        }
        sleep(BETWEEN_TRIES).await;
    }
    Err(Death::Deaf { seconds: patience.as_secs() })
}

/// Copies what a program says to the host's log, line by line.
async fn relay(who: &'static str, console: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(console);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut lines).take(LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                let text = text::visible(text.trim_end_matches(['\n', '\r']));
                match who {
                    "enclave" => of_enclave(&text),
                    _ => tracing::warn!("{who}: {text}"),
                }
            }
        }
    }
}

/// Logs a line of the enclave's console at the level that the enclave gave it.
fn of_enclave(line: &str) {
    match line.split_once(' ') {
        Some(("ERROR", text)) => tracing::error!(target: "enclave", "{text}"),
        Some(("WARN", text)) => tracing::warn!(target: "enclave", "{text}"),
        Some(("INFO", text)) => tracing::info!(target: "enclave", "{text}"),
        _ => tracing::info!(target: "enclave", "{line}"),
    }
}

const BETWEEN_TRIES: Duration = Duration::from_millis(200);
/// Longest line that is kept whole, in bytes.
const LINE: u64 = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_shown_as_a_shell_would_read_it() {
        let program = Program::new("/opt/my tools/qemu").with(["-m", "512M", "it's", ""]);
        assert_eq!(program.to_string(), r"'/opt/my tools/qemu' -m 512M 'it'\''s' ''");
    }
}
