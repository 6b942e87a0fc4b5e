//! Processes that a host may have left running when it was killed.

use crate::durable::remove_if_there;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::{fmt::Write, fs, io, path::PathBuf};

/// A file with the processes that must not outlive the host. The kernel's death signal should end
/// them already.
#[derive(Clone, Debug)]
pub(crate) struct Remains {
    pub(crate) file: PathBuf,
}

impl Remains {
    /// Records the processes that run.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn record(&self, processes: &[u32]) -> io::Result<()> {
        let mut text = format!("{}\n", boot());
        for pid in processes {
            if let Some(start) = start_of(*pid) {
                writeln!(text, "{pid} {start}").map_err(io::Error::other)?;
            }
        }
        fs::write(&self.file, text)
    }

    /// Kills recorded processes that still run, and returns how many there were.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn sweep(&self) -> io::Result<usize> {
        let text = match fs::read_to_string(&self.file) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(0),
            read => read?,
        };
        let mut lines = text.lines();
        let mut killed = 0;
        if lines.next() == Some(boot().as_str()) {
            killed = lines.filter(|line| kill(line).is_some()).count();
        }
        remove_if_there(&self.file)?;
        Ok(killed)
    }
}

/// Kills one process; `None` if there is none, or its number belongs to another one by now.
fn kill(line: &str) -> Option<()> {
    let (pid, start) = line.split_once(' ')?;
    let pid: u32 = pid.parse().ok()?;
    // The handle comes before the question which process it is: so the number cannot change hands
    // in between.
    let handle = pidfd_open(Pid::from_raw(pid.try_into().ok()?)?, PidfdFlags::empty()).ok()?;
    (start_of(pid)? == start).then_some(())?;
    tracing::warn!(pid, "killing a process that an earlier host left behind");
    pidfd_send_signal(handle, Signal::KILL).ok()
}

/// Field 22 of `/proc/PID/stat`, in ticks since boot. With the number it names one process for
/// ever.
fn start_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    (fields.next()? != "Z").then(|| fields.nth(18).map(str::to_owned))?
}

fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    #[test]
    fn kills_exactly_what_was_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let remains = Remains { file: dir.path().join("processes") };
        let (mut ours, mut other) = (sleeper(), sleeper());
        remains.record(&[ours.id()]).unwrap();
        assert_eq!(remains.sweep().unwrap(), 1);
        assert!(!ours.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        assert_eq!(remains.sweep().unwrap(), 0, "the file is gone");
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn spares_a_process_that_only_has_the_same_number() {
        let dir = tempfile::tempdir().unwrap();
        let remains = Remains { file: dir.path().join("processes") };
        let mut other = sleeper();
        let start: u64 = start_of(other.id()).unwrap().parse().unwrap();
        for text in [
            format!("{}\n{} {}\n", boot(), other.id(), start - 1),
            format!("another-boot\n{} {start}\n", other.id()),
            format!("{}\n{} {start} more\n-1 0\n0 0\nx\n", boot(), other.id()),
        ] {
            fs::write(&remains.file, text).unwrap();
            assert_eq!(remains.sweep().unwrap(), 0);
            assert!(other.try_wait().unwrap().is_none());
        }
        other.kill().unwrap();
        other.wait().unwrap();
    }

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").spawn().unwrap()
    }
}
