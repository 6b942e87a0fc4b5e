//! `glovebox party`: what a party's folder agrees to.

mod join;
mod show;

use crate::failure::Failure;
use std::process::ExitCode;

/// Keep the rooms that this party takes part in, and see what its folder agrees to
#[derive(Debug, clap::Subcommand)]
pub(crate) enum PartyCommand {
    Join(join::Join),
    Show(show::Show),
}

impl PartyCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Join(join) => join.run(),
            Self::Show(show) => show.run(),
        }
    }
}
