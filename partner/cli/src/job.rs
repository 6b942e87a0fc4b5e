//! `glovebox job`: ask a question.

mod asking;
pub(crate) mod named;
pub(crate) mod price;

use crate::{
    common_args::CommonArgs, document, failure::Failure, files, profile::RoomWord, say, words,
};
use client::{job::Wanted, keys::Identity};
use named::AgainWord;
use protocol::{contract::Contract, digest::Digest, message, page::number, receipt::Account};
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

pub(crate) use asking::{Asked, Opening, ask, is_stored};

/// Ask a question, or see what the room holds
#[derive(Debug, clap::Subcommand)]
pub(crate) enum JobCommand {
    Submit(Submit),
    Status(Status),
    Price(price::Price),
}

impl JobCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Submit(submit) => submit.run().await,
            Self::Status(status) => status.run().await,
            Self::Price(price) => price.run(),
        }
    }
}

/// Run a job: it is signed here, paid by every owner and answered by the enclave
///
/// Prints the job's name. Submitting again with --id is the same job, and is not paid twice.
#[derive(Debug, clap::Args)]
pub(crate) struct Submit {
    /// The job's TOML
    job: PathBuf,

    #[command(flatten)]
    common: CommonArgs,

    /// The room: its address, or its name in the party's folder [default: the usual room there]
    #[arg(long)]
    room: Option<RoomWord>,

    /// Open the result into this directory at once, as `glovebox result open` does
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    custody: CustodyArgs,

    /// Party that may read the result [default: the analyst]
    #[arg(long = "receiver", value_name = "NAME")]
    receivers: Vec<String>,

    /// Submit a job again: by its name, of which the first digits are enough, or by an id that you chose for it (32 hex digits)
    #[arg(long, value_name = "HEX")]
    id: Option<AgainWord>,
}

impl Submit {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let asked = Asked {
            wanted: Wanted::Template(files::read_text(&self.job)?),
            file: Some(self.job.clone()),
            addresses: self.custody.addresses()?,
            again: self.id.as_ref().map(|id| id.among_known(&common)).transpose()?,
            receivers: self.receivers.clone(),
            open: self.output.clone().map_or(Opening::Nowhere, Opening::Into),
        };
        let ran = ask(&common, &asked, &mut |_| {}).await?;
        if matches!(asked.open, Opening::Nowhere) {
            say::result(ran.job)?;
            if ran.sealed.is_some() {
                say::note(format_args!(
                    "To read the answer: glovebox result open --job {} -o FOLDER, with the same --dir",
                    ran.job
                ));
            }
        }
        is_stored(&ran)
    }
}

/// Where custodies answer.
#[derive(Debug, clap::Args)]
pub(crate) struct CustodyArgs {
    /// Where a party's custody answers, instead of the contract's address
    #[arg(long, value_name = "NAME=URL")]
    custody: Vec<String>,
}

impl CustodyArgs {
    /// The addresses of custodies that were given, by party.
    pub(crate) fn addresses(&self) -> Result<BTreeMap<String, String>, Failure> {
        let pairs = self.custody.iter().map(|text| {
            let pair = text.split_once('=').map(|(name, url)| (name.to_owned(), url.to_owned()));
            pair.ok_or_else(|| Failure::unclear(format!("--custody {text}: expected NAME=URL")))
        });
        pairs.collect()
    }
}

/// Show what the enclave holds: open datasets, budgets handed over and spent, jobs
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    #[command(flatten)]
    common: CommonArgs,

    /// The room: its address, or its name in the party's folder [default: the usual room there]
    #[arg(long)]
    room: Option<RoomWord>,
}

impl Status {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let identity = Identity::load(&common.dir)?;
        let mut room = common.connect().await?;
        let status = room.status(&identity).await?;
        let instance = room.instance().digest();
        let contract = room.contract();
        document::fields(&as_json(&status, contract, instance))?;
        print(&status, contract, instance)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What an instance holds, as JSON.
fn as_json(status: &message::Status, contract: &Contract, instance: Digest) -> serde_json::Value {
    let datasets = status.datasets.iter().map(|open| {
        serde_json::json!({"dataset": open.dataset, "not_after": open.not_after.to_string()})
    });
    let is_open = |name: &str| status.datasets.iter().any(|open| open.dataset == name);
    let not_open = contract.datasets.keys().filter(|name| !is_open(name));
    let accounts = status.accounts.iter().map(|account| {
        serde_json::json!({
            "dataset": account.dataset, "purpose": account.purpose, "period": account.period,
            "granted_rho": account.granted.rho().value(), "spent_rho": account.spent.rho().value(),
        })
    });
    serde_json::json!({
        "instance": instance,
        "time": status.time.to_string(),
        "datasets": datasets.collect::<Vec<_>>(),
        "not_open": not_open.collect::<Vec<_>>(),
        "accounts": accounts.collect::<Vec<_>>(),
        "jobs": status.jobs.iter().map(|answered| {
            serde_json::json!({"job": answered.job.to_string(), "asked_by": answered.asked_by})
        }).collect::<Vec<_>>(),
        "deliveries": status.deliveries.iter().map(|delivery| serde_json::json!({
            "asked_by": delivery.asked_by, "receiver": delivery.receiver,
            "charged": delivery.charged, "free": delivery.free,
        })).collect::<Vec<_>>(),
        "audit_size": status.audit_size,
        "audit_root": status.audit_root.to_string(),
    })
}

/// Prints what an instance holds.
fn print(status: &message::Status, contract: &Contract, instance: Digest) -> Result<(), Failure> {
    say::result(format_args!("instance {} at {}", instance.short(), number::moment(status.time)))?;
    for open in &status.datasets {
        say::result(format_args!(
            "open     {} until {}",
            open.dataset,
            number::moment(open.not_after)
        ))?;
    }
    for (name, dataset) in &contract.datasets {
        if !status.datasets.iter().any(|open| open.dataset == *name) {
            say::result(format_args!(
                "not open {name}: {}'s grant has expired, or was never made",
                dataset.owner
            ))?;
        }
    }
    let delta = |account: &Account| words::delta_of(contract, &account.dataset, &account.purpose);
    for account in &status.accounts {
        say::result(format_args!(
            "account  {} for {}, {}: {} handed over, {} spent",
            account.dataset,
            account.purpose,
            account.period,
            words::charge(&account.granted, delta(account)),
            words::charge(&account.spent, delta(account))
        ))?;
    }
    for answered in &status.jobs {
        say::result(format_args!("job      {} of {}", answered.job, answered.asked_by))?;
    }
    for delivery in &status.deliveries {
        say::result(format_args!("answers  {}", words::delivery(delivery)))?;
    }
    say::result(format_args!(
        "audit    {} entries, root {}",
        status.audit_size, status.audit_root
    ))?;
    Ok(())
}
