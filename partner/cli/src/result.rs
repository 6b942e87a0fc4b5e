//! `glovebox result`: read an answer.

mod export;
pub(crate) mod given;
mod parquet;
mod show;

use crate::{
    common_args::CommonArgs, failure::Failure, files, profile::RoomWord, result_files, say,
};
use ::page::terminal;
use client::{keys::Identity, store::Store, view};
use given::{Given, GivenFiles};
use protocol::{
    job::JobName,
    page::{Provenance, Source},
    units::Millionths,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Read an answer
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ResultCommand {
    Open(Open),
    View(View),
    Show(show::Show),
    Export(export::Export),
}

impl ResultCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Open(open) => open.run().await,
            Self::View(view) => view.run(),
            Self::Show(show) => show.run(),
            Self::Export(export) => export.run(),
        }
    }
}

/// Open a result, believe it only with its receipt, and show it
///
/// Prints a table; writes result.json (the enclave's exact bytes), receipt.cbor, released.cbor (the figures that
/// were released), report.html and asked.json (who asked what).
#[derive(Debug, clap::Args)]
pub(crate) struct Open {
    /// The sealed result, named JOB.sealed; if it is not given, it is fetched from the room's host
    file: Option<PathBuf>,

    /// The job's name, as `job submit` prints it
    #[arg(long, value_name = "HEX", required_unless_present = "file")]
    job: Option<JobName>,

    /// The room: its address, or its name in the party's folder [default: the usual room there]
    #[arg(long, conflicts_with = "file")]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,

    /// Directory to write into
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

impl Open {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let (contract, trust) = (common.contract()?, common.trust()?);
        let identity = Identity::load(&common.dir)?;
        let party = identity.party_in(&contract)?;
        let given = self.file.as_deref().map(files::read).transpose()?;
        let named = || self.file.as_deref().and_then(Path::file_stem)?.to_str()?.parse().ok();
        let job = self.job.or_else(named);
        let job = job.ok_or_else(|| Failure::unclear("which job is meant? Name it with --job"))?;
        let sealed = match (given, common.known_address()) {
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
        result_files::open(&sealed, &identity, &common, &trust, job, &self.output)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Look at the same figures at another confidence, offline and for nothing
///
/// Checks the receipt, then estimates the answer again from the released figures. The output is
/// derived at home, and says so: no receipt is about it.
#[derive(Debug, clap::Args)]
pub(crate) struct View {
    /// The folder of an opened result: result.json, receipt.cbor and released.cbor
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// Confidence of the intervals, such as 0.9
    #[arg(long, value_name = "SHARE")]
    confidence: f64,

    #[command(flatten)]
    common: CommonArgs,

    /// Print the derived result as JSON
    #[arg(long)]
    json: bool,
}

impl View {
    fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(None)?;
        let confidence = share(self.confidence).map_err(Failure::unclear)?;
        let given = GivenFiles::of(&self.folder);
        let Given { contract, checked, from, .. } = Given::read(&given, &common)?;
        let viewed =
            view::at_confidence(&contract, &checked, confidence).map_err(Failure::unclear)?;
        if self.json {
            say::json(&serde_json::to_value(&viewed).map_err(Failure::unclear)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        let from = Provenance { source: Source::Derived, ..from };
        let page = terminal::summary(&viewed.page(&from)).map_err(Failure::unclear)?;
        say::result(page.trim_end())?;
        say::note(
            "\nThe receipt holds for result.json in this folder. What is printed here was derived from the same \
             figures at home.",
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a share above 0 and below 1, as the user gave it.
fn share(given: f64) -> Result<f64, String> {
    if Millionths::nearest(given).is_some() {
        return Ok(given);
    }
    Err(if (1.0..100.0).contains(&given) {
        format!("--confidence: found {given}; write {} for {given} %", given / 100.0)
    } else {
        format!("--confidence: found {given}, expected a number above 0 and below 1, such as 0.9")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_is_a_share_and_no_percentage() {
        assert_eq!(share(0.9), Ok(0.9));
        let percent = share(90.0).unwrap_err();
        assert!(percent.ends_with("found 90; write 0.9 for 90 %"), "{percent}");
        for given in [0.0, -1.0, 100.0, f64::NAN, 0.999_999_9] {
            assert!(share(given).unwrap_err().contains("above 0 and below 1"), "{given}");
        }
    }
}
