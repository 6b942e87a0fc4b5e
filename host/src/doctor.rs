//! `glovebox-host doctor`.

use crate::run::{Failure, enclave_beside};
use std::{
    fs,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::{Duration, SystemTime},
};

/// Check whether this machine can run a host, and say how to mend what is wrong
///
/// One line per check. Exits with 0 if all is well and 1 if something is not.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Directory of the host
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,

    /// Address it is to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 7443)))]
    listen: SocketAddr,

    /// Enclave binary [default: glovebox-enclave-simulated beside this program]
    #[arg(long, value_name = "FILE")]
    enclave: Option<PathBuf>,
}

impl Doctor {
    /// Runs the command. The report goes to `out`.
    pub(crate) fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let enclave = self.enclave.map_or_else(enclave_beside, Ok)?;
        let checks = [
            ("directory is writable", writable(&self.dir)),
            ("10 GiB of disk are free", space(&self.dir)),
            ("port is free", port(self.listen)),
            ("enclave binary runs", runs(&enclave)),
            ("clock is plausible", clock()),
        ];
        let mut well = true;
        for (what, found) in checks {
            let line = match found {
                Ok(()) => format!("ok    {what}"),
                Err(mend) => {
                    well = false;
                    format!("FAIL  {what}: {mend}")
                }
            };
            writeln!(out, "{line}").map_err(Failure::System)?;
        }
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What to do, in a sentence.
type Mend = String;

fn writable(dir: &Path) -> Result<(), Mend> {
    let probe = dir.join(".doctor");
    let written = fs::create_dir_all(dir)
        .and_then(|()| fs::write(&probe, b"probe"))
        .and_then(|()| fs::remove_file(&probe));
    written.map_err(|cause| {
        format!("{cause}; give {} to the user who runs the host, or choose another", dir.display())
    })
}

/// The standard library does not tell; `df -Pk` is POSIX.
fn space(dir: &Path) -> Result<(), Mend> {
    let output = Command::new("df").arg("-Pk").arg(dir).stdin(Stdio::null()).output();
    let output = output.map_err(|cause| format!("{cause}; install df (package coreutils)"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let free: Option<u64> =
        text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    match free {
        Some(kibibytes) if kibibytes >= WANTED_KIB => Ok(()),
        Some(kibibytes) => {
            Err(format!("{} MiB are; free some or mount a larger disk", kibibytes / 1024))
        }
        None => Err(format!("df does not say; make sure that {} exists", dir.display())),
    }
}

fn port(address: SocketAddr) -> Result<(), Mend> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => Err(format!(
            "{address} is taken; end that program (ss -ltnp names it) or choose --listen"
        )),
        Err(cause) => Err(format!("{cause}; choose another --listen than {address}")),
    }
}

fn runs(enclave: &Path) -> Result<(), Mend> {
    let output = Command::new(enclave).arg("--print-pcrs").stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() && output.stdout.starts_with(b"PCR0 ") => Ok(()),
        Ok(_) => Err(format!("{} prints no PCRs; install it again", enclave.display())),
        Err(cause) => {
            Err(format!("{cause}; install {} or name it by --enclave", enclave.display()))
        }
    }
}

fn clock() -> Result<(), Mend> {
    if SystemTime::now() >= SystemTime::UNIX_EPOCH + EARLIEST {
        Ok(())
    } else {
        Err("it is before 2026; start an NTP client (timedatectl set-ntp true)".to_owned())
    }
}

const WANTED_KIB: u64 = 10 << 20;
/// 2026-01-01T00:00:00Z.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);
