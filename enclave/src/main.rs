//! `glovebox-enclave`: the program that the measured image runs.
//!
//! It takes no arguments and reads no environment: everything that could be set would have to be
//! measured. Where to connect is in `protocol::storage::vsock`, and what to do is in the contract. Alone `--version` is
//! answered, for whoever has the file in hand, and nothing runs then.

use enclave::{LifeError, StreamHost, VsockTransport, console, live};
use nsm::{Device, Nsm, NsmError};
use protocol::storage::vsock::{ENCLAVE_PORT, PARENT_CID, STORE_PORT};
use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

fn main() -> ExitCode {
    console::start();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (None, _) => {}
        (Some(asked), None) if asked == "--version" => {
            return Ok(io::stdout().write_all(VERSION.as_bytes())?);
        }
        _ => return Err(Failure::Arguments),
    }
    // The module comes first: without one this is not an enclave, and must not ask anybody for
    // anything.
    let nsm: Arc<dyn Nsm> = Arc::new(Device::open()?);
    let host = StreamHost::at(VsockTransport::new(PARENT_CID, STORE_PORT));
    let listen = VsockTransport::new(PARENT_CID, ENCLAVE_PORT);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(live(nsm, host, &listen, ""))?)
}

/// Why the enclave's program ends.
///
/// Remedy: start the enclave by `glovebox-host run`, which passes it what it needs.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("this program takes no arguments but --version")]
    Arguments,
    #[error("{0}")]
    Nsm(#[from] NsmError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Life(#[from] LifeError),
}

/// Without the commit. The image would be another one at each commit, whatever it changes, and a copy of the sources without
/// their history would make yet another: nobody could hold the registers of two builds to the same sources.
const VERSION: &str = concat!(
    "glovebox-enclave ",
    env!("CARGO_PKG_VERSION"),
    "\nNo commit is part of this program, so that the same sources make the same image. Which build it is, is said by \
     the registers of its image (`eif-build measure`); the build's manifest claims the commit.\n"
);
