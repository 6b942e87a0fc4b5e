//! `glovebox contract`: write, read, sign, compare and test contracts.

mod diff;
mod facts;
mod header;
mod lint;
mod new;
mod rebuilt;
mod sentences;
mod show;
mod sign;
mod snippet;
mod successor;
mod test;

use crate::failure::Failure;
use std::process::ExitCode;

pub(crate) use facts::compared;
pub(crate) use sentences::{every, outline};
pub(crate) use sign::Sign;

/// Write, read, sign, compare and test contracts
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ContractCommand {
    New(new::New),
    Show(show::Show),
    Sign(Sign),
    Diff(diff::Diff),
    Test(test::Test),
    Lint(lint::Lint),
}

impl ContractCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::New(new) => new.run(),
            Self::Show(show) => show.run(),
            Self::Sign(sign) => sign.run(),
            Self::Diff(diff) => diff.run(),
            Self::Test(test) => test.run().await,
            Self::Lint(lint) => lint.run(),
        }
    }
}
