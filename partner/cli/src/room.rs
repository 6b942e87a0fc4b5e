//! `glovebox room`: take a room along as files, and check what somebody took along.

mod check;
mod contents;
mod evidence;
mod export;
mod findings;
mod questions;
mod report;

use crate::failure::Failure;
use std::process::ExitCode;

/// Take along what a party has of a room, and check such exports offline
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RoomCommand {
    Export(export::Export),
    Check(check::Check),
}

impl RoomCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Export(export) => export.run(),
            Self::Check(check) => check.run(),
        }
    }
}
