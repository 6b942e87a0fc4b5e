//! `glovebox-host pcrs`.

use crate::run::{Failure, enclave_beside};
use std::{
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

/// Print the PCRs of an enclave, for writing a contract
///
/// Three lines: PCR0, PCR1 and PCR2, each in hex. Parties who do not trust this machine rebuild the
/// enclave and compare.
#[derive(Debug, clap::Args)]
pub(crate) struct Pcrs {
    /// Those of the simulated enclave
    #[arg(long)]
    simulated: bool,

    /// Enclave binary [default: glovebox-enclave-simulated beside this program]
    #[arg(long, value_name = "FILE")]
    enclave: Option<PathBuf>,
}

impl Pcrs {
    /// Runs the enclave binary, which writes to this program's standard output.
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        if !self.simulated {
            return Err(Failure::OnlySimulated);
        }
        let path = self.enclave.map_or_else(enclave_beside, Ok)?;
        let status = Command::new(&path).arg("--print-pcrs").stdin(Stdio::null()).status();
        let status = status.map_err(|cause| Failure::Enclave { path, cause })?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }
}
