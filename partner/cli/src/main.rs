//! `glovebox`: the command line of a party.

mod budget;
mod build;
mod close;
mod common_args;
mod contract;
mod custody;
mod delete;
mod dispute;
mod failure;
mod files;
mod grant;
mod init;
mod job;
mod keys;
mod model;
mod order;
mod party;
mod passphrase;
mod people;
mod privacy;
mod profile;
mod reading;
mod receipt;
mod rehearse;
mod result;
mod result_files;
mod salt;
mod say;
mod seal;
mod service;
mod settle;
mod upload;
mod verify;
mod version;
mod words;

use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

/// A party's side of a data clean room: verify the room, seal, grant, ask, and check the answer
///
/// Exit code: 0 yes, 1 no or refused, 2 could not tell or wrong usage.
#[derive(Debug, Parser)]
#[command(name = "glovebox", version, long_version = VERSION)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(init::Init),
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    #[command(subcommand)]
    Contract(contract::ContractCommand),
    #[command(subcommand)]
    Build(build::BuildCommand),
    #[command(subcommand)]
    Party(party::PartyCommand),
    Journal(party::Journal),
    Verify(verify::Verify),
    Seal(seal::Seal),
    Upload(upload::Upload),
    Delete(delete::Delete),
    Grant(grant::Grant),
    #[command(subcommand)]
    Custody(custody::CustodyCommand),
    #[command(subcommand)]
    Job(job::JobCommand),
    #[command(subcommand)]
    Result(result::ResultCommand),
    #[command(subcommand)]
    Receipt(receipt::ReceiptCommand),
    #[command(subcommand)]
    Dispute(dispute::DisputeCommand),
    Budget(budget::Budget),
    #[command(subcommand)]
    Privacy(privacy::PrivacyCommand),
    Close(close::Close),
    #[command(subcommand)]
    Order(order::OrderCommand),
    #[command(subcommand)]
    Model(model::ModelCommand),
    Try(rehearse::Try),
}

impl Command {
    async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Init(init) => init.run(),
            Self::Keys(keys) => keys.run().await,
            Self::Contract(contract) => contract.run().await,
            Self::Build(build) => build.run(),
            Self::Party(party) => party.run().await,
            Self::Journal(journal) => journal.run(),
            Self::Verify(verify) => verify.run().await,
            Self::Seal(seal) => seal.run(),
            Self::Upload(upload) => upload.run().await,
            Self::Delete(delete) => delete.run().await,
            Self::Grant(grant) => grant.run().await,
            Self::Custody(custody) => custody.run().await,
            Self::Job(job) => job.run().await,
            Self::Result(result) => result.run().await,
            Self::Receipt(receipt) => receipt.run(),
            Self::Dispute(dispute) => dispute.run(),
            Self::Budget(budget) => budget.run(),
            Self::Privacy(privacy) => privacy.run(),
            Self::Close(close) => close.run().await,
            Self::Order(order) => order.run().await,
            Self::Model(model) => model.run(),
            Self::Try(rehearsal) => rehearsal.run().await,
        }
    }
}

/// The version of the package, without a commit: the same sources make the same program, in a
/// checkout or not.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nNo commit is part of this program, so that the same sources make the same program anywhere. Which build \
     an enclave runs is said by its registers: `glovebox verify` checks those that a contract names, and a build's \
     manifest claims its commit."
);

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().command.run().await.unwrap_or_else(|failure| {
        // A reader that closes the pipe, as `head` does, has read enough.
        if !failure.is_closed_pipe() {
            say::note(format_args!("glovebox: {failure}"));
        }
        failure.exit_code()
    })
}
