//! `glovebox result show`: somebody else's result.

use super::given::{Given, GivenFiles};
use crate::{common_args::CommonArgs, document, failure::Failure, files, say};
use ::page::{html, terminal};
use std::{path::PathBuf, process::ExitCode};

/// Show a result that somebody gave you, after checking it
///
/// Needs the contract, which may be its TOML alone, and no keys. Nothing is shown unless the receipt holds and is about
/// this very file.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The result: result.json, byte for byte
    result: PathBuf,

    /// Its receipt: receipt.cbor
    receipt: PathBuf,

    /// The released figures, from which every figure of the result is derived again: released.cbor
    released: Option<PathBuf>,

    /// Also write the whole page as HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArgs,
}

impl Show {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(None)?;
        let given = GivenFiles {
            result: self.result.clone(),
            receipt: self.receipt.clone(),
            released: self.released.clone(),
        };
        let given = Given::read(&given, &common)?;
        let page = given.result.page(&given.from);
        if let Some(path) = &self.html {
            let drawn = html::page(&page).map_err(Failure::unclear)?;
            files::write_bytes_new(path, drawn.as_bytes())?;
        }
        document::fields(&serde_json::json!({
            "job": given.result.job, "simulated": given.from.simulated, "checks": given.checked.checks.len(),
            "answer_derived": given.checked.released.is_some(), "result": given.result, "page": page,
        }))?;
        let summary = terminal::summary(&page).map_err(Failure::unclear)?;
        say::result(summary.trim_end())?;
        say::note(format_args!("\n{}", given.what_holds()));
        Ok(ExitCode::SUCCESS)
    }
}
