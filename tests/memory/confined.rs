//! A process that may have only so much memory.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::Duration,
};
use tests::{processes::Site, running::Said};

/// A limit on the memory of one process, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Confined {
    pid: u32,
    group: Option<PathBuf>,
}

impl Confined {
    /// Lets the process `pid` have `bytes` at most.
    pub(crate) fn new(pid: u32, bytes: u64) -> Self {
        let group = group_for(pid, bytes);
        if group.is_none() {
            limit(pid, "as", bytes + reserved(pid));
        }
        Self { pid, group }
    }

    /// Lets it have `number` descriptors at most.
    pub(crate) fn allow_descriptors(&self, number: u64) {
        limit(self.pid, "nofile", number);
    }

    /// The most memory that it ever had.
    pub(crate) fn peak_kib(&self) -> u64 {
        peak_of(self.pid).expect("the process lives")
    }

    /// Runs `glovebox LINE` to its end within `bytes`: what it said, and its peak in KiB.
    pub(crate) fn run(site: &Site, line: &str, bytes: u64) -> (Said, u64) {
        let mut child = site.begin_within(line, bytes);
        let mut peak = 0;
        while child.runs() {
            peak = peak.max(peak_of(child.pid()).unwrap_or(0));
            thread::sleep(Duration::from_millis(5));
        }
        (child.end(), peak)
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        let Some(group) = &self.group else { return };
        // A group with a process in it cannot be removed: back to where everybody is.
        let root = group.parent().unwrap().join("cgroup.procs");
        let _ = fs::write(root, self.pid.to_string());
        let _ = fs::remove_dir(group);
    }
}

/// A memory cgroup of either version with the process in it; none where none can be made.
fn group_for(pid: u32, bytes: u64) -> Option<PathBuf> {
    for (root, limit) in
        [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
    {
        let group = PathBuf::from(root).join(format!("glovebox-test-{pid}"));
        if fs::create_dir(&group).is_err() {
            continue;
        }
        let made = group.join(limit).exists()
            && fs::write(group.join(limit), bytes.to_string()).is_ok()
            && fs::write(group.join("cgroup.procs"), pid.to_string()).is_ok();
        if made {
            return Some(group);
        }
        let _ = fs::remove_dir(&group);
    }
    None
}

/// Address space that is set aside and not used, such as that of the stacks of threads.
fn reserved(pid: u32) -> u64 {
    let kib = |name: &str| field(pid, name).unwrap_or(0);
    (kib("VmSize:").saturating_sub(kib("VmRSS:"))) * 1024
}

fn limit(pid: u32, what: &str, most: u64) {
    let limited = Command::new("prlimit")
        .args([format!("--pid={pid}"), format!("--{what}={most}")])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(limited.success(), "prlimit --{what}={most}");
}

fn peak_of(pid: u32) -> Option<u64> {
    field(pid, "VmHWM:")
}

fn field(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.trim_start_matches(name).trim().trim_end_matches(" kB").parse().ok()
}
