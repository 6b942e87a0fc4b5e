//! `glovebox result`: read an answer.

use crate::{failure::Failure, files, opened, under::Under};
use client::{address::Address, keys::Identity, store::Store};
use protocol::job::JobName;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Read an answer
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ResultCommand {
    Open(Open),
}

impl ResultCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Open(open) => open.run().await,
        }
    }
}

/// Open a result, believe it only with its receipt, and show it
///
/// Prints a table; writes result.json (the enclave's exact bytes), receipt.cbor and report.html.
#[derive(Debug, clap::Args)]
pub(crate) struct Open {
    /// The sealed result, named JOB.sealed; without it, it is fetched from the room's host
    #[arg(required_unless_present = "room")]
    file: Option<PathBuf>,

    /// The job's name, as `job submit` prints it
    #[arg(long, value_name = "HEX", required_unless_present = "file")]
    job: Option<JobName>,

    /// Address of the room
    #[arg(long, value_name = "URL", conflicts_with = "file")]
    room: Option<Address>,

    #[command(flatten)]
    under: Under,

    /// Where to write
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

impl Open {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let (contract, trust) = (self.under.contract()?, self.under.trust()?);
        let identity = Identity::load(&self.under.dir)?;
        let party = identity.party_in(&contract)?;
        let given = self.file.as_deref().map(files::read).transpose()?;
        let named = || self.file.as_deref().and_then(Path::file_stem)?.to_str()?.parse().ok();
        let job = self.job.or_else(named);
        let job = job.ok_or_else(|| Failure::unclear("which job is it? name it with --job"))?;
        let sealed = match (given, &self.room) {
            (Some(sealed), _) => sealed,
            (None, Some(room)) => match Store::new(room).result(job, party).await {
                Err(error) if error.is_not_found() => {
                    return Err(Failure::unclear(format!(
                        "the host has no result of job {job} for {party}: it has not run yet, or \
                         {party} is not one of its receivers"
                    )));
                }
                found => found?,
            },
            (None, None) => return Err(Failure::unclear("expected a file, or --room")),
        };
        opened::open(&sealed, &identity, &self.under, &trust, job, &self.output)?;
        Ok(ExitCode::SUCCESS)
    }
}
