//! The four verbs of `nitro-cli` that the host uses, and their answers.
//!
//! Source: AWS Nitro Enclaves user guide, "Nitro Enclaves CLI reference". Never run on a real parent
//! instance so far: the tests replay outputs that were written from that guide.

use super::{Program, errors};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    io,
    path::PathBuf,
    pin::pin,
    process::{Output, Stdio},
    sync::OnceLock,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::{sleep, timeout},
};

/// Runs the program `nitro-cli`.
#[derive(Debug)]
pub(crate) struct NitroCli {
    binary: PathBuf,
    /// Set once the log has the command that is run every few seconds.
    told: OnceLock<()>,
}

/// An enclave as `run-enclave` shows it. Fields that are not needed are not read.
#[derive(Debug, Deserialize)]
pub(super) struct Running {
    #[serde(rename = "EnclaveID")]
    pub(super) id: String,
    #[serde(rename = "ProcessID")]
    pub(super) process: u32,
    #[serde(rename = "EnclaveCID")]
    pub(super) cid: u32,
    #[serde(rename = "NumberOfCPUs")]
    pub(super) cpus: u32,
    #[serde(rename = "MemoryMiB")]
    pub(super) memory_mib: u64,
}

/// An enclave as `describe-enclaves` shows it, whoever started it.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) state: Option<String>,
    /// Only for the log: the guide's table and its example spell this field differently.
    pub(super) flags: Option<String>,
    /// Only for the log: this field is not in the guide's example.
    pub(super) pcr0: Option<String>,
}

impl Described {
    /// Reads an enclave. `None` if it has no id: it cannot be ours.
    fn of(shown: &Value) -> Option<Self> {
        let text = |at: &str| shown.pointer(at)?.as_str().map(str::to_owned);
        Some(Self {
            id: text("/EnclaveID")?,
            name: text("/EnclaveName"),
            state: text("/State"),
            flags: text("/Flags"),
            pcr0: text("/Measurements/PCR0"),
        })
    }
}

/// Why `nitro-cli` did not do what it was asked.
///
/// Remedy: run `glovebox-host doctor`, which looks at nitro-cli, its allocator and its permissions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CliError {
    /// The program does not run.
    #[error("running {program}")]
    Run {
        program: String,
        #[source]
        cause: io::Error,
    },
    /// The program takes too long.
    #[error("{program} took more than {seconds} s")]
    Slow { program: String, seconds: u64 },
    /// The program refused.
    #[error("nitro-cli {verb} ended with {status}: {said}")]
    Refused { verb: String, status: String, said: String },
    /// The program's output is not what was expected.
    #[error("found no JSON of an enclave in what nitro-cli {verb} printed")]
    Answer {
        verb: String,
        #[source]
        cause: serde_json::Error,
    },
}

impl NitroCli {
    pub(crate) fn new(binary: PathBuf) -> Self {
        Self { binary, told: OnceLock::new() }
    }

    pub(super) fn program(&self, arguments: &[&str]) -> Program {
        Program::new(&self.binary).with(arguments)
    }

    /// Starts an enclave. Returns once it has sent its heartbeat, which `nitro-cli` answers.
    pub(super) async fn run(&self, program: &Program) -> Result<Running, CliError> {
        tracing::info!("running: {program}");
        ask(program, START).await
    }

    /// All enclaves of this machine that this user may see.
    pub(super) async fn describe(&self) -> Result<Vec<Described>, CliError> {
        let program = self.program(&["describe-enclaves"]);
        self.told.get_or_init(|| tracing::info!("running: {program}"));
        let shown: Vec<Value> = ask(&program, ANSWER).await?;
        Ok(shown.iter().filter_map(Described::of).collect())
    }

    pub(super) async fn terminate(&self, id: &str) -> Result<(), CliError> {
        let program = self.terminating(id);
        tracing::info!("running: {program}");
        said(&program, ANSWER).await.map(drop)
    }

    pub(super) fn terminating(&self, id: &str) -> Program {
        self.program(&["terminate-enclave", "--enclave-id", id])
    }
}

async fn ask<T: DeserializeOwned>(program: &Program, patience: Duration) -> Result<T, CliError> {
    let stdout = said(program, patience).await?;
    serde_json::from_slice(&stdout).map_err(|cause| CliError::Answer { verb: verb(program), cause })
}

async fn said(program: &Program, patience: Duration) -> Result<Vec<u8>, CliError> {
    let seconds = patience.as_secs();
    let mut output = pin!(timeout(patience, output(program)));
    let output = tokio::select! {
        output = &mut output => output,
        () = sleep(QUIET) => {
            tracing::info!("waiting for an answer, {seconds} s at most: {program}");
            output.await
        }
    };
    let output = output
        .map_err(|_| CliError::Slow { program: program.to_string(), seconds })?
        .map_err(|cause| CliError::Run { program: program.to_string(), cause })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stderr.as_slice(), b" ", output.stdout.as_slice()].concat();
    Err(CliError::Refused {
        verb: verb(program),
        status: output.status.to_string(),
        said: in_words(&String::from_utf8_lossy(&said)),
    })
}

/// Runs the program. If this future is dropped before its end, nothing that the program started
/// outlives it.
async fn output(program: &Program) -> io::Result<Output> {
    let mut command = Command::new(&program.path);
    command.args(&program.arguments).stdin(Stdio::null()).process_group(0);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    // The program is waited for last: until then no other group can have its number.
    let (stdout, stderr) = tokio::try_join!(whole(out), whole(err))?;
    group.leave();
    Ok(Output { status: child.wait().await?, stdout, stderr })
}

async fn whole(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// A process group, which is killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // The whole group may have ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn verb(program: &Program) -> String {
    program
        .arguments
        .first()
        .map(|argument| argument.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// One line: each known code with its remedy, or otherwise the output.
fn in_words(said: &str) -> String {
    let explained: Vec<String> = errors::codes(said)
        .into_iter()
        .filter_map(|code| Some(format!("{code}: {}", errors::explain(code)?)))
        .collect();
    if explained.is_empty() {
        let words: Vec<&str> = said.split_whitespace().collect();
        words.join(" ").chars().take(LONGEST).collect()
    } else {
        explained.join("; ")
    }
}

/// Large images take long to be loaded and hashed.
const START: Duration = Duration::from_secs(180);
const ANSWER: Duration = Duration::from_secs(30);
/// After this time the log says what is waited for.
const QUIET: Duration = Duration::from_secs(5);
/// Characters of a message that is passed on.
const LONGEST: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_program_started_ends_with_it_when_it_takes_too_long() {
        let dir = tempfile::tempdir().unwrap();
        let pids = dir.path().join("pids");
        let script = format!("sleep 600 & echo $$ $! > {}; wait", pids.display());
        let program = Program::new("sh").with(["-c", &script]);
        let waited = timeout(Duration::from_secs(1), output(&program)).await;
        assert!(waited.is_err());
        let pids = std::fs::read_to_string(pids).unwrap();
        let alive = |pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
        };
        for pid in pids.split_whitespace() {
            for _ in 0..100 {
                if alive(pid) {
                    sleep(Duration::from_millis(50)).await;
                }
            }
            assert!(!alive(pid), "{pid}");
        }
    }

    #[test]
    fn an_error_is_told_with_its_remedy_and_an_unknown_one_as_it_is() {
        let said = "Start allocating memory...\n[ E26 ] Insufficient memory requested. User \
                    provided `memory` is 64 MB\nFor more details, please visit ...#E26\n";
        assert_eq!(
            in_words(said),
            "E26: the image needs about four times its size in memory; raise memory_mib"
        );
        assert_eq!(in_words(" [ E99 ]  something\n new "), "[ E99 ] something new");
    }
}
