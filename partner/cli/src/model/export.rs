//! `glovebox model export`: a model as a file that other programs score with.

use super::{ModelArgs, columns, onnx};
use crate::{document, failure::Failure, files, say};
use std::{path::PathBuf, process::ExitCode};

/// Write a model as ONNX, for programs that score elsewhere
///
/// The file has the model's bins in it: it takes people's values as `glovebox model score` does, in inputs called
/// DATASET.COLUMN and DATASET.rows, and gives `score` and `says`. A number is a 64-bit float, NaN if it is missing. A value
/// from a list is text without blanks around it, empty if it is missing. Where the model does not count the rows of a dataset
/// there is no such input: leave the values of people without rows missing. The file has weights and bins, and no data that
/// they were learnt from.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    #[command(flatten)]
    model: ModelArgs,

    /// Where to write it; a file that is there is not written over
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,
}

impl Export {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let result = self.model.read()?;
        if result.answer.network.is_some() {
            let why = "a dense model is not exported yet: score with glovebox model score, or ask for model = \"additive\"";
            return Err(Failure::no(why));
        }
        let bytes = onnx::encoded(&result);
        files::write_new(&self.onnx, |file| {
            file.write_all(&bytes).map_err(Failure::writing(&self.onnx))
        })?;
        let columns = columns::names(&result.answer);
        document::fields(&serde_json::json!({"file": self.onnx, "inputs": columns}))?;
        let columns = columns.join(", ");
        say::note(format_args!(
            "{} scores by {}. It has no receipt of its own: keep result.json and receipt.cbor beside it.",
            self.onnx.display(),
            say::name(columns)
        ));
        Ok(ExitCode::SUCCESS)
    }
}
