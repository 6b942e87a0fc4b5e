//! `glovebox contract`: write, read, sign and compare contracts.

mod diff;
mod new;
mod show;
mod sign;
mod snippet;
mod successor;

use crate::failure::Failure;
use std::process::ExitCode;

pub(crate) use show::every;

/// Write, read, sign and compare contracts
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ContractCommand {
    New(new::New),
    Show(show::Show),
    Sign(sign::Sign),
    Diff(diff::Diff),
}

impl ContractCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::New(new) => new.run(),
            Self::Show(show) => show.run(),
            Self::Sign(sign) => sign.run(),
            Self::Diff(diff) => diff.run(),
        }
    }
}
