//! What every host needs: a directory, a port, a contract and the right time.

use super::{Check, fail, is_slow, ok, printed, said, slow, warn};
use crate::{
    options::{Options, open_contract},
    pcrs::{listed_in, of_manifest},
};
use host::{OTHERS, now};
use protocol::{contract::Contract, time::Time};
use rustix::fs::{Access, access};
use std::{
    fs::{self, File},
    io,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

pub(super) fn checks(options: &Options, manifest: Option<&Path>) -> Vec<Check> {
    let mut checks = Vec::new();
    match &options.dir {
        None => checks.push(fail(
            "directory",
            "none is named",
            "name one: --dir, or dir in the file of --config",
        )),
        Some(dir) => {
            checks.push(writable(dir));
            checks.push(space(dir));
            let limits = options.limits();
            checks.extend(kept(dir, "results", limits.results_bytes, RESULTS_FULL));
            checks.extend(kept(dir, "logs", limits.logs_bytes, LOGS_FULL));
        }
    }
    checks.extend(contract(options, manifest));
    checks.push(clock());
    checks.push(port(options));
    checks
}

/// Whether a host of this directory runs now.
pub(super) fn is_running(options: &Options) -> bool {
    let lock = options.dir.as_ref().map(|dir| File::open(dir.join("run/lock")));
    matches!(lock, Some(Ok(lock)) if lock.try_lock().is_err())
}

/// Whether the host could make or use it. Nothing is made here: a check leaves all as it was.
fn writable(dir: &Path) -> Check {
    let name = "directory";
    let shown = dir.display();
    let remedy = "give it to the user who runs the host, or choose another";
    let there = nearest(dir);
    let may = fs::metadata(&there).and_then(|found| {
        if !found.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        access(&there, Access::WRITE_OK | Access::EXEC_OK)?;
        Ok(found.permissions().mode())
    });
    match may {
        Err(cause) => fail(name, format!("{}: {}", there.display(), said(&cause)), remedy),
        Ok(_) if there != dir => ok(name, format!("{shown} is not there yet: `run` makes it")),
        // `run` says the same, and starts.
        Ok(mode) if mode & OTHERS != 0 => {
            let found = format!("{shown} is writable, but open to others of this machine");
            warn(name, found, format!("chmod 700 {shown}"))
        }
        Ok(_) => ok(name, format!("{shown} is writable")),
    }
}

/// The directory itself, or the nearest above it that is there.
fn nearest(dir: &Path) -> PathBuf {
    let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let mut ancestors = whole.ancestors();
    match ancestors.find(|path| path.exists()) {
        Some(found) if found == whole => dir.to_owned(),
        found => found.unwrap_or(Path::new("/")).to_owned(),
    }
}

/// The standard library does not tell; `df -Pk` is POSIX.
fn space(dir: &Path) -> Check {
    let name = "disk";
    let shown = dir.display();
    let text = match printed("df".as_ref(), &["-Pk", &nearest(dir).to_string_lossy()]) {
        Ok((_, text)) => text,
        Err(cause) if is_slow(&cause) => return slow(name, "df".as_ref()),
        Err(_) => return warn(name, "df is missing", "install coreutils"),
    };
    let free: Option<u64> =
        text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    let Some(kib) = free else { return warn(name, "df does not say", format!("create {shown}")) };
    let found = format!("{} GiB are free in {shown}", kib >> 20);
    match kib {
        ..LEAST_KIB => fail(name, found, "free some, or mount a larger disk there"),
        LEAST_KIB..WANTED_KIB => {
            warn(name, found, "datasets and results stay here: 10 GiB are a start")
        }
        _ => ok(name, found),
    }
}

/// How much of the room for results, or for audit logs, is taken; nothing before there is one.
fn kept(dir: &Path, what: &'static str, most: u64, when_full: &'static str) -> Option<Check> {
    let taken = bytes_in(&dir.join("blobs").join(what)).ok().filter(|taken| *taken > 0)?;
    let [taken_mib, most_mib] = [taken, most].map(|bytes| bytes.div_ceil(1 << 20));
    let found = format!("they take {taken_mib} of {most_mib} MiB ({what}_bytes)");
    let is_full = taken >= most / 10 * 9;
    Some(if is_full { warn(what, found, when_full) } else { ok(what, found) })
}

/// Bytes of all files below a directory.
fn bytes_in(directory: &Path) -> io::Result<u64> {
    let mut sum = 0_u64;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_directory = entry.file_type()?.is_dir();
        let more = if is_directory { bytes_in(&entry.path())? } else { entry.metadata()?.len() };
        sum = sum.saturating_add(more);
    }
    Ok(sum)
}

fn contract(options: &Options, manifest: Option<&Path>) -> Vec<Check> {
    let name = "contract";
    let Some(path) = &options.contract else {
        let remedy = "name it before `run`: --contract, or contract in the file of --config";
        return vec![fail(name, "none is named", remedy)];
    };
    let contract = match open_contract(path) {
        Ok(contract) => contract,
        Err(failure) => {
            let cause = std::error::Error::source(&failure);
            let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
            let remedy =
                "every party signs it: glovebox contract sign; give the host the .signed file";
            return vec![fail(name, format!("{failure}{cause}"), remedy)];
        }
    };
    let mut checks = vec![term(&contract)];
    checks.extend(manifest.map(|manifest| listed(&contract, manifest)));
    checks
}

fn term(contract: &Contract) -> Check {
    let Contract { name: title, expires, parties, .. } = contract;
    let names: Vec<&str> = parties.keys().map(String::as_str).collect();
    let found = format!("`{title}`, signed by {}, ends {expires}", names.join(" and "));
    let soon = now().plus_seconds(TWO_WEEKS);
    let renew = "agree on a new one: glovebox contract new, with supersedes";
    match *expires {
        expires if expires <= now() => fail("contract", found, renew),
        expires if expires <= soon => warn("contract", found, renew),
        _ => ok("contract", found),
    }
}

/// An enclave refuses a contract that does not list its PCRs: better to hear it now.
fn listed(contract: &Contract, manifest: &Path) -> Check {
    let name = "build";
    let pcrs = match of_manifest(manifest) {
        Ok(pcrs) => pcrs,
        Err(failure) => {
            return fail(name, failure.to_string(), "name the manifest beside the image");
        }
    };
    match listed_in(contract, &pcrs) {
        Some(build) => ok(name, format!("the contract lists this one as `{}`", build.name)),
        None => fail(
            name,
            "the contract does not list this one, and the enclave will refuse to open it",
            "take the image that the parties agreed on, or agree on this one",
        ),
    }
}

fn clock() -> Check {
    let name = "clock";
    let found = now().to_string();
    if now() < EARLIEST {
        return fail(name, format!("it is {found} here"), NTP);
    }
    match printed("timedatectl".as_ref(), &["show", "--property=NTPSynchronized", "--value"]) {
        Ok((true, text)) if text == "yes" => ok(name, format!("{found}, kept by NTP")),
        Ok((true, _)) => warn(name, format!("{found}, not kept by NTP"), NTP),
        Err(cause) if is_slow(&cause) => slow(name, "timedatectl".as_ref()),
        _ => warn(name, format!("{found}; timedatectl does not say whether NTP keeps it"), NTP),
    }
}

fn port(options: &Options) -> Check {
    let (name, address) = ("port", options.listen());
    if is_running(options) {
        return ok(name, format!("{address}: this directory's host runs now"));
    }
    match TcpListener::bind(address) {
        Ok(_) => reach(options, address),
        Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => fail(
            name,
            format!("{address} is taken"),
            "end that program (ss -ltnp names it), or choose another listen",
        ),
        Err(cause) => fail(name, format!("{address}: {}", said(&cause)), "choose another listen"),
    }
}

fn reach(options: &Options, address: SocketAddr) -> Check {
    let (name, found) = ("port", format!("{address} is free"));
    if options.nitro.is_some() && address.ip().is_loopback() {
        let found = format!("{found}, but parties cannot reach it from other machines");
        return warn(
            name,
            found,
            "set listen = \"0.0.0.0:7443\" and open it in the security group",
        );
    }
    ok(name, found)
}

const NTP: &str = "start an NTP client: sudo systemctl enable --now chronyd";
/// 2026-01-01T00:00:00Z.
const RESULTS_FULL: &str = "raise results_bytes in [limits]; until then a party's new results replace those of \
     instances that are over, and a party that has used up its share keeps no more";
const LOGS_FULL: &str = "raise logs_bytes in [limits]; until then the audit logs of instances that are over make room, and an \
     enclave whose own log finds none answers nothing more";
const EARLIEST: Time = Time(1_767_225_600_000);
/// 1 GiB.
const LEAST_KIB: u64 = 1 << 20;
/// 10 GiB.
const WANTED_KIB: u64 = 10 << 20;
const TWO_WEEKS: u64 = 14 * 86_400;
