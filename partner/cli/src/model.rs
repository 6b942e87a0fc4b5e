//! `glovebox model`: a trained model on one's own people, outside of any room.

mod columns;
mod export;
mod fresh;
mod onnx;
mod score;
mod skew;

use crate::{failure::Failure, files};
use fresh::Freshness;
use protocol::{analysis::train::TrainAnswer, result::JobResult};
use std::{path::PathBuf, process::ExitCode};

/// Use a trained model on your own people
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ModelCommand {
    Score(score::Score),
    Export(export::Export),
    Skew(skew::Skew),
}

impl ModelCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Score(score) => score.run(),
            Self::Export(export) => export.run(),
            Self::Skew(skew) => skew.run(),
        }
    }
}

/// Which model.
#[derive(Debug, clap::Args)]
struct ModelArgs {
    /// The result of a training job (result.json), whose answer is the model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// The party's folder, in which newer lists of opt-outs are looked for: its own, and those that later receipts name
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// For how many days a model may be used once there is a newer list of opt-outs than it was learnt with
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    grace_days: u64,
}

impl ModelArgs {
    fn read(&self) -> Result<JobResult<TrainAnswer>, Failure> {
        let path = &self.model;
        let bytes = files::read(path)?;
        let result = JobResult::from_json(&bytes).map_err(|why| files::named(path, why))?;
        let result = result.of::<TrainAnswer>();
        let result = result.ok_or_else(|| {
            let why = "it answers another kind of question: expected the result of a [train] job";
            files::named(path, why)
        })?;
        columns::unmistakable(&result.answer).map_err(|why| files::named(path, why))?;
        Freshness::of(path, &bytes, &self.dir)?.tell(self.grace_days)?;
        Ok(result)
    }
}
