//! `glovebox`: the command line of a party.

mod audit;
mod budget;
mod build;
mod close;
mod common_args;
mod contract;
mod counted;
mod custody;
mod delete;
mod dispute;
mod document;
mod dsr;
mod failure;
mod files;
mod grant;
mod identifiers;
mod init;
mod job;
mod keys;
mod kms;
mod model;
mod optout;
mod order;
mod outline;
mod party;
mod passphrase;
mod people;
mod plan;
mod privacy;
mod profile;
mod reading;
mod receipt;
mod rehearse;
mod result;
mod result_files;
mod room;
mod salt;
mod say;
mod seal;
mod service;
mod settle;
mod ui;
mod unchecked;
mod upload;
mod verify;
mod version;
mod words;

use attestation_verifier::sources;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use failure::Failure;
use std::{process::ExitCode, sync::LazyLock};

/// A party's side of a data clean room: verify the room, seal, grant, ask, and check the answer
///
/// Exit code: 0 yes, 1 no or refused, 2 could not tell or wrong usage, such as a file to write that exists already.
#[derive(Debug, Parser)]
#[command(name = "glovebox", version = VERSION.as_str(), long_version = LONG_VERSION.as_str())]
struct Cli {
    /// Print one line of JSON in place of text: what was found, why it failed, the exit code
    /// (protocol/spec/commands-v1.md)
    #[arg(long, global = true)]
    json: bool,

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
    Dsr(dsr::Dsr),
    #[command(subcommand)]
    Optout(optout::OptOutCommand),
    Grant(grant::Grant),
    #[command(subcommand)]
    Kms(kms::KmsCommand),
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
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    #[command(subcommand)]
    Room(room::RoomCommand),
    Budget(budget::Budget),
    #[command(subcommand)]
    Privacy(privacy::PrivacyCommand),
    Close(close::Close),
    #[command(subcommand)]
    Order(order::OrderCommand),
    #[command(subcommand)]
    Model(model::ModelCommand),
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    Ui(ui::Ui),
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
            Self::Dsr(dsr) => dsr.run(),
            Self::Optout(optout) => optout.run(),
            Self::Grant(grant) => grant.run().await,
            Self::Kms(kms) => kms.run(),
            Self::Custody(custody) => custody.run().await,
            Self::Job(job) => job.run().await,
            Self::Result(result) => result.run().await,
            Self::Receipt(receipt) => receipt.run(),
            Self::Dispute(dispute) => dispute.run().await,
            Self::Audit(audit) => audit.run().await,
            Self::Room(room) => room.run(),
            Self::Budget(budget) => budget.run(),
            Self::Privacy(privacy) => privacy.run(),
            Self::Close(close) => close.run().await,
            Self::Order(order) => order.run().await,
            Self::Model(model) => model.run(),
            Self::Plan(plan) => plan.run(),
            Self::Ui(ui) => ui.run().await,
            Self::Try(rehearsal) => rehearsal.run().await,
        }
    }
}

/// What `-V` says.
static VERSION: LazyLock<String> =
    LazyLock::new(|| sources::in_words(env!("CARGO_PKG_VERSION"), option_env!("GLOVEBOX_COMMIT")));

/// What `--version` says.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{}\nThe commit is what whoever built this program said of its sources. It says nothing of an enclave: which \
         build one runs is said by its registers. `glovebox verify` checks those that a contract names, and a build's \
         manifest claims its commit.",
        *VERSION
    )
});

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::command().try_get_matches().and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches)?;
        if cli.json {
            document::begin(words(&matches));
        }
        Ok(cli)
    });
    let cli = match cli {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let done = cli.command.run().await;
    // A reader that closes the pipe, as `head` does, has read enough.
    if let Some(failure) = done.as_ref().err().filter(|failure| !failure.is_closed_pipe()) {
        say::error(failure);
    }
    document::end(done)
}

/// The words that name a command, such as `job price`.
fn words(matches: &ArgMatches) -> String {
    let below = std::iter::successors(matches.subcommand(), |(_, matches)| matches.subcommand());
    below.map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

/// Says what is wrong with the command line, or prints the help that was asked for.
fn misused(error: &clap::Error) -> ExitCode {
    // If it cannot be printed, nobody reads it.
    let _ = error.print();
    let mut flags = std::env::args_os().skip(1).take_while(|word| word != "--");
    if error.use_stderr() && flags.any(|word| word == "--json") {
        document::misused(error.render().to_string().trim());
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::from(2), ExitCode::from)
}
