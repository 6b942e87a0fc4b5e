use super::facts::compared;
use crate::{document, failure::Failure, files::Paper, say};
use std::{path::PathBuf, process::ExitCode};

/// Say in words what one contract changes in another
///
/// Exits with 0 if they say the same, with 1 if they do not, and with 2 if one is no contract.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// The older contract
    before: PathBuf,
    /// The newer contract
    after: PathBuf,
}

impl Diff {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let read = |path| Paper::read(path).map_err(Failure::unanswered);
        let (before, after) = (read(&self.before)?, read(&self.after)?);
        let changes = compared(&before.contract, &after.contract);
        document::fields(&serde_json::json!({
            "changes": changes, "same_text": before.text == after.text,
        }))?;
        for change in &changes {
            say::result(change)?;
        }
        if !changes.is_empty() {
            return Ok(ExitCode::FAILURE);
        }
        say::result(if before.text == after.text {
            "the same contract, byte for byte"
        } else {
            "they say the same in other bytes (comments, spaces, order): the digests differ, so each \
             party has to sign the new one"
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
