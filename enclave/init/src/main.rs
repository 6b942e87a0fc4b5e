//! PID 1 of the enclave: mounts, checks and seeds, sends the heartbeat, starts the enclave, reaps
//! processes.
//!
//! Everything it does is fixed by the boot ramdisk, hence by PCR0. (PCR1 covers that ramdisk too, but a
//! later one, which only PCR0 and PCR2 cover, may replace its files.) It reads no command line and no
//! environment, loads no module and opens no shell. What it prints goes to the console, which only
//! exists in debug mode, and says nothing that the image does not say already.

mod entropy;
mod heartbeat;
mod mounts;
mod order;
mod processes;

use nix::sys::reboot::{RebootMode, reboot};
use std::{
    fmt,
    io::{self, Write},
    path::Path,
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    // What follows ends the machine.
    if std::process::id() != 1 {
        say("this is PID 1 of an enclave, and nothing to run by hand");
        return ExitCode::from(2);
    }
    match run() {
        Ok(ended) => say(format_args!("the enclave {ended}")),
        Err(failure) => say(failure),
    }
    // A reboot ends the enclave on Nitro, and under QEMU with the `reboot=t` that the host adds.
    // Powering off only halts where there is no ACPI.
    let Err(errno) = reboot(RebootMode::RB_AUTOBOOT);
    say(errno);
    // If PID 1 ends, the kernel panics, and that reboots as well (`panic=-1`).
    ExitCode::FAILURE
}

fn run() -> Result<processes::Ended, Failure> {
    mounts::mount_all()?;
    entropy::seed()?;
    order::Order::read(Path::new(ORDER))?.check(Path::new(ENCLAVE))?;
    match heartbeat::exchange() {
        heartbeat::Answer::Heard => say("heartbeat answered"),
        heartbeat::Answer::NotYet => say("no answer to the heartbeat yet, starting all the same"),
    }
    Ok(processes::run(&mut Command::new(ENCLAVE))?)
}

/// Prints one line on the console.
fn say(line: impl fmt::Display) {
    // If the console is gone, nobody is left to tell.
    let _unheard = writeln!(io::stderr(), "init: {line}");
}

/// Why PID 1 ends.
///
/// Remedy: see the cause that is named; PID 1 ends the enclave, and the host's log says so.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Mount(#[from] mounts::MountError),
    #[error("{0}")]
    Entropy(#[from] entropy::EntropyError),
    #[error("{0}")]
    Order(#[from] order::OrderError),
    #[error("starting {ENCLAVE}: {0}")]
    Start(#[from] io::Error),
}

/// File in the boot ramdisk that says which enclave to start.
const ORDER: &str = "/etc/enclave";
/// The enclave's program in the application ramdisk.
const ENCLAVE: &str = "/enclave";
