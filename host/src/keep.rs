//! `glovebox-host keep`: the program through which the host starts other programs. It is not for
//! people.

use crate::failure::Failure;
use rustix::process::{Pid, Signal, getppid, kill_process_group, set_parent_process_death_signal};
use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Become a program that ends when its parent does, or run one when standard input closes
#[derive(Debug, clap::Args)]
pub(crate) struct Keep {
    /// Become the program, and be killed when the process with this id ends
    #[arg(long, value_name = "PID", required_unless_present = "after")]
    parent: Option<i32>,

    /// Run the program when standard input closes
    #[arg(long, conflicts_with = "parent")]
    after: bool,

    /// Kill it, and what it started, after this many seconds
    #[arg(long, value_name = "N", requires = "after", default_value_t = 60)]
    seconds: u64,

    /// The program and its arguments
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

impl Keep {
    /// Returns only if the program did not start, or after `--after`.
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let mut words = self.program.into_iter();
        let program = words.next().unwrap_or_default();
        let mut command = Command::new(&program);
        command.args(words);
        let running = |cause| Failure::Program { path: program.into(), cause };
        if self.after {
            io::copy(&mut io::stdin(), &mut io::sink()).map_err(Failure::System)?;
            // The reader of its output is gone: a write to it would end the program before it is
            // done.
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            // The program gets a group of its own, so that everything it started ends with it.
            let mut child = command.process_group(0).spawn().map_err(running)?;
            let limit = Duration::from_secs(self.seconds);
            let success = ended(&mut child, limit).map_err(Failure::System)?;
            return Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        // The death signal is kept across exec (prctl(2)). A parent that ended before this line is
        // noticed after it.
        let asked = set_parent_process_death_signal(Some(Signal::KILL));
        asked.map_err(|cause| Failure::System(cause.into()))?;
        if getppid() != self.parent.and_then(Pid::from_raw) {
            return Err(Failure::NoParent);
        }
        Err(running(command.exec()))
    }
}

/// Whether the program succeeded in time. After that nothing of its group is left.
fn ended(child: &mut Child, limit: Duration) -> io::Result<bool> {
    let began = Instant::now();
    while began.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    // Nobody has waited for the child yet, so its number is still that of its group.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        kill_process_group(group, Signal::KILL)?;
    }
    child.wait()?;
    Ok(false)
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
