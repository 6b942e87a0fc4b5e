//! `glovebox-enclave`: the program that the measured image runs.
//!
//! It takes no arguments and reads no environment: everything that could be set would have to be
//! measured. Where to connect is in `protocol::storage::vsock`, and what to do is in the contract.

use enclave::{LifeError, StreamHost, VsockTransport, console, live};
use nsm::{Device, Nsm, NsmError};
use protocol::storage::vsock::{ENCLAVE_PORT, PARENT_CID, STORE_PORT};
use std::{io, process::ExitCode, sync::Arc};

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
    if std::env::args_os().len() > 1 {
        return Err(Failure::Arguments);
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
    #[error("this program takes no arguments")]
    Arguments,
    #[error("{0}")]
    Nsm(#[from] NsmError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Life(#[from] LifeError),
}
