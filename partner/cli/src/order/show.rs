//! `glovebox order show`: an order in words, and whether the contract permits it.

use super::words;
use crate::{common_args::CommonArgs, failure::Failure, files, profile::RoomWord, say};
use client::clock;
use protocol::{contract::Contract, delegation::Authority, order::OrderFile};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Say in words what an order asks, when, and what it costs at most; fails if the contract does not permit it
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The order's file
    order: PathBuf,

    /// The room whose contract it is for, in the party's folder [default: the usual room there]
    #[arg(long)]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,
}

impl Show {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let contract = self.common.of(self.room.as_ref())?.contract()?;
        say::result(words::page(&contract, &read(&self.order, &contract)?)?)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The order in a file, which an analyst key signed that is good now.
pub(super) fn read(path: &Path, contract: &Contract) -> Result<OrderFile, Failure> {
    let authority = Authority::at(contract, clock::now());
    OrderFile::open(&authority, &files::read(path)?)
        .map_err(|why| Failure::no(format!("{}: {why}", path.display())))
}
