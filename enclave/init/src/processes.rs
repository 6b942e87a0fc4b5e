//! Runs the enclave's process, and reaps every orphan that it leaves.

use nix::{
    errno::Errno,
    sys::wait::{WaitStatus, wait},
    unistd::Pid,
};
use std::{
    fmt, io,
    process::{Command, Stdio},
};

/// How the enclave ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// It ended by itself, with this status.
    Status(i32),
    /// A signal ended it, after a fault or for lack of memory.
    Signal(i32),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "ended with status {status}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
        }
    }
}

/// Starts `program` with an empty environment, and reaps processes until it ends.
///
/// # Errors
///
/// If it does not start.
pub(crate) fn run(program: &mut Command) -> io::Result<Ended> {
    let child = program.env_clear().current_dir("/").stdin(Stdio::null()).spawn()?;
    let child = i32::try_from(child.id()).map_err(|_| io::ErrorKind::InvalidData)?;
    loop {
        match wait() {
            Ok(WaitStatus::Exited(pid, status)) if pid == Pid::from_raw(child) => {
                return Ok(Ended::Status(status));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == Pid::from_raw(child) => {
                #[expect(clippy::as_conversions, reason = "a signal is its number")]
                return Ok(Ended::Signal(signal as i32));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, for `wait` takes whichever child of this process ends first.
    #[test]
    fn says_how_the_program_ended_and_gives_it_no_environment() {
        let shell = |script: &str| run(Command::new("/bin/sh").args(["-c", script])).unwrap();
        assert_eq!(shell("exit 7"), Ended::Status(7));
        assert_eq!(shell("kill -9 $$"), Ended::Signal(9));
        assert_eq!(shell("(sleep 0.05 &) ; exit 3"), Ended::Status(3));
        assert_eq!(shell("test -z \"$HOME\" && test \"$PWD\" = /"), Ended::Status(0));
        run(&mut Command::new("/nonexistent")).unwrap_err();
    }
}
