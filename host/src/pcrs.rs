//! `glovebox-host pcrs`.

use crate::{failure::Failure, options::enclave_beside};
use attestation_verifier::{Pcr, registers};
use protocol::contract::{Build, Contract};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

/// Print the PCRs of an enclave, for writing a contract
///
/// Prints PCR0, PCR1 and PCR2 as JSON, in hexadecimal. Parties who do not trust this machine
/// rebuild the enclave and compare. The PCRs of an image are in the build manifest beside it;
/// `eif-build measure EIF` computes them from the image itself.
#[derive(Debug, clap::Args)]
pub(crate) struct Pcrs {
    /// Print those of the simulated enclave
    #[arg(long, conflicts_with = "build_manifest")]
    simulated: bool,

    /// Enclave binary [default: glovebox-enclave-simulated beside this program]
    #[arg(long, value_name = "FILE")]
    enclave: Option<PathBuf>,

    /// Print those of the image that this manifest was written for
    #[arg(long, value_name = "FILE")]
    build_manifest: Option<PathBuf>,
}

/// The parts of a build manifest that are needed here.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Registers by number, 0 to 2 at least.
    pub(crate) pcrs: BTreeMap<u8, Pcr>,
    /// The image; `None` if another program wrote the manifest and does not name it.
    pub(crate) eif: Option<Eif>,
}

/// A file, described by size and digest.
#[derive(Debug, Deserialize)]
pub(crate) struct Eif {
    pub(crate) bytes: u64,
    pub(crate) sha384: String,
}

impl Manifest {
    /// Reads a build manifest.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct About {
            eif: Option<Eif>,
        }
        let json =
            fs::read(path).map_err(|cause| Failure::Read { path: path.to_owned(), cause })?;
        let wrong = |why: String| Failure::Manifest { path: path.to_owned(), why };
        let pcrs = registers::parse(&json).map_err(|why| wrong(why.to_string()))?;
        if !(0..3).all(|index| pcrs.contains_key(&index)) {
            return Err(wrong("expected registers 0, 1 and 2 at least".to_owned()));
        }
        let about: About = serde_json::from_slice(&json).map_err(|why| wrong(why.to_string()))?;
        Ok(Self { pcrs, eif: about.eif })
    }
}

/// The build of `contract` that has these PCRs, by number.
pub(crate) fn listed_in<'a>(contract: &'a Contract, pcrs: &BTreeMap<u8, Pcr>) -> Option<&'a Build> {
    let mut builds = contract.builds.iter();
    builds.find(|build| build.pcrs.iter().all(|(index, pcr)| pcrs.get(index) == Some(pcr)))
}

impl Pcrs {
    /// Prints to `out`, or lets the enclave binary write to this program's standard output.
    pub(crate) fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        if let Some(path) = &self.build_manifest {
            let pcrs = of_manifest(path)?;
            let pcrs: BTreeMap<_, _> =
                pcrs.iter().map(|(index, pcr)| (index.to_string(), pcr.to_string())).collect();
            let json = serde_json::json!({ "pcrs": pcrs });
            writeln!(out, "{json}").map_err(Failure::System)?;
            return Ok(ExitCode::SUCCESS);
        }
        if !self.simulated {
            return Err(Failure::NoPcrs);
        }
        let path = self.enclave.map_or_else(enclave_beside, Ok)?;
        let status = Command::new(&path).arg("--print-pcrs").stdin(Stdio::null()).status();
        let status = status.map_err(|cause| Failure::Program { path, cause })?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }
}

/// The PCRs in a build manifest.
pub(crate) fn of_manifest(path: &Path) -> Result<BTreeMap<u8, Pcr>, Failure> {
    Ok(Manifest::read(path)?.pcrs)
}
