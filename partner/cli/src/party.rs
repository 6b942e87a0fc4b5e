//! `glovebox party`: what a party's folder agrees to, and the service that does it unattended.

mod join;
mod serve;
pub(crate) mod show;

use crate::failure::Failure;
use std::process::ExitCode;

pub(crate) use serve::Read as Journal;

/// Keep the rooms that this party takes part in, see what its folder agrees to, and serve unattended
#[derive(Debug, clap::Subcommand)]
pub(crate) enum PartyCommand {
    Join(join::Join),
    Show(show::Show),
    Serve(serve::Serve),
    Stop(serve::Stop),
    Resume(serve::Resume),
    Accept(serve::Accept),
}

impl PartyCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Join(join) => join.run(),
            Self::Show(show) => show.run(),
            Self::Serve(serve) => serve.run().await,
            Self::Stop(stop) => stop.run(),
            Self::Resume(resume) => resume.run(),
            Self::Accept(accept) => accept.run(),
        }
    }
}
