//! `glovebox plan`: what a question would find, before anything is asked.

mod geo;

use crate::failure::Failure;
use std::process::ExitCode;

/// Plan a question on your own figures; nothing is spent and nobody is asked
#[derive(Debug, clap::Subcommand)]
pub(crate) enum PlanCommand {
    Geo(geo::Geo),
}

impl PlanCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Geo(geo) => geo.run(),
        }
    }
}
