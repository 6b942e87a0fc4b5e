//! `glovebox job`: ask a question.

mod price;

use crate::{
    common_args::CommonArgs, failure::Failure, files, profile::RoomWord, result_files, say, words,
};
use client::{
    job::{
        Custodies, JobError, Options, OwnCustody, Prepared, PreviewNoise, Ran, Resubmission, Step,
        prepare, run,
    },
    keys::Identity,
};
use custody::Ledger;
use protocol::{
    contract::Contract, digest::Digest, job::question_from_toml, message, page::number, policy,
    receipt::Account,
};
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

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

    /// Where a party's custody answers, instead of the contract's address
    #[arg(long, value_name = "NAME=URL")]
    custody: Vec<String>,

    /// Party that may read the result [default: the analyst]
    #[arg(long = "receiver", value_name = "NAME")]
    receivers: Vec<String>,

    /// Submit a job again: by its name, or by an id that you chose for it (32 hex digits)
    #[arg(long, value_name = "HEX")]
    id: Option<Resubmission>,
}

impl Submit {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let identity = Identity::load(&common.dir)?;
        crate::keys::warn_of_ends(&identity);
        let template = files::read_text(&self.job)?;
        let addresses = self.addresses()?;
        let mut room = common.connect().await?;
        let options = Options {
            again: self.id,
            outbox: Some(identity.directory().join("jobs")),
            receivers: (!self.receivers.is_empty()).then(|| self.receivers.clone()),
            ..Options::default()
        };
        // This comes before anything is asked: an owner of data may have to pay from its own
        // ledger.
        let mut ledger = match pays_here(&identity, room.contract(), &template, &addresses)? {
            true => Some(Ledger::open(&identity)?),
            false => None,
        };
        let prepared = prepare(&mut room, &identity, &template, &options).await?;
        if let Some(output) = &self.output {
            // This comes before anything is paid.
            result_files::refuse_another(output, &prepared.name().to_string())?;
        }
        preview(&prepared);
        let own = ledger.as_mut().map(|ledger| -> &mut dyn OwnCustody { ledger });
        let mut custodies = Custodies { addresses, own };
        let ran =
            run(&mut room, &identity, &prepared, &mut custodies, &mut |step| tell(&step)).await;
        let ran = ran.inspect_err(|error| {
            if error.may_pass_later() {
                say::note(format_args!("To try the same job again: --id {}", prepared.name()));
            }
        })?;
        let Some(output) = &self.output else {
            say::result(ran.job)?;
            return is_stored(&ran);
        };
        let sealed = ran.sealed.as_deref().ok_or_else(|| {
            Failure::no(format!(
                "job {} has run, but this party is not a receiver of its result: ask one of them",
                ran.job
            ))
        })?;
        say::note(format_args!("Job {} has run.", ran.job));
        result_files::open(sealed, &identity, &common, room.trust(), ran.job, output)?;
        is_stored(&ran)
    }

    /// The addresses of custodies that were given, by party.
    fn addresses(&self) -> Result<BTreeMap<String, String>, Failure> {
        let pairs = self.custody.iter().map(|text| {
            let pair = text.split_once('=').map(|(name, url)| (name.to_owned(), url.to_owned()));
            pair.ok_or_else(|| Failure::unclear(format!("--custody {text}: expected NAME=URL")))
        });
        pairs.collect()
    }
}

/// Whether the job is paid from the ledger in this folder: it charges a dataset of this party, no custody of the party
/// is known, and the key that countersigns is here. An analyst's folder has neither that key nor the ledger.
fn pays_here(
    identity: &Identity,
    contract: &Contract,
    template: &str,
    addresses: &BTreeMap<String, String>,
) -> Result<bool, Failure> {
    let party = identity.party_in(contract)?;
    let listed = contract.parties.get(party).is_some_and(|listed| listed.custody.is_some());
    if identity.service().is_err() || listed || addresses.contains_key(party) {
        return Ok(false);
    }
    let (analysis, question) = question_from_toml(template, contract).map_err(JobError::from)?;
    // What the contract does not permit is refused when the job is prepared.
    let charged = policy::datasets(contract, &analysis, &question).unwrap_or_default();
    let is_ours =
        |name: &String| contract.datasets.get(name).is_some_and(|dataset| dataset.owner == party);
    Ok(charged.iter().any(is_ours))
}

/// Whether every receiver gets the result from the host.
fn is_stored(ran: &Ran) -> Result<ExitCode, Failure> {
    if ran.not_stored.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let receivers = ran.not_stored.join(" and ");
    Err(Failure::no(format!(
        "the host did not keep the result of job {} for {receivers}, who cannot open it from there (its room \
         for this party's results may be full, or it holds other bytes in their place: its log says which): \
         the job has run and is paid; ask the operator, then submit it again with --id, or hand \
         {receivers} result.json and receipt.cbor",
        ran.job
    )))
}

/// Prints price and noise, before anything is spent.
fn preview(prepared: &Prepared) {
    let preview = prepared.preview();
    say::note(format_args!(
        "Job {}: epsilon {} at delta {} (rho {:.6}) of {}.",
        prepared.name(),
        preview.epsilon,
        preview.delta,
        preview.rho.value(),
        preview.datasets.join(" and ")
    ));
    match preview.noise {
        PreviewNoise::Place { people_off } => say::note(format_args!(
            "  noise moves the choice by at most {} people, with 95 % probability",
            number::size(people_off.ceil())
        )),
        PreviewNoise::Steps { count, step_sd, clip } => say::note(format_args!(
            "  {count} steps; noise s.d. on each sum of one: {}, of which one person moves at most {clip}",
            number::size(step_sd)
        )),
        PreviewNoise::Figures { people_sd, figures } => {
            say::note(format_args!("  noise s.d. on a head count: {}", number::size(people_sd)));
            for figure in figures {
                let sd = number::size(figure.sum_sd);
                say::note(format_args!(
                    "  noise s.d. on the total of {} in one arm or group: {sd}",
                    say::name(&figure.name)
                ));
            }
        }
    }
}

fn tell(step: &Step<'_>) {
    match step {
        Step::Asking { owner, at: Some(at) } => {
            say::note(format_args!(
                "Asking the custody of {owner} at {} to countersign.",
                say::name(at)
            ));
        }
        Step::Asking { owner, at: None } => {
            say::note(format_args!("Countersigning from this party's own ledger ({owner})."));
        }
        Step::Countersigned { owner } => say::note(format_args!("{owner} has countersigned.")),
        Step::Reconnecting => say::note("The connection was lost; trying again."),
        _ => {}
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

    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let identity = Identity::load(&common.dir)?;
        let mut room = common.connect().await?;
        let status = room.status(&identity).await?;
        let instance = room.instance().digest();
        let contract = room.contract();
        if self.json {
            say::json(&as_json(&status, contract, instance))?;
        } else {
            print(&status, contract, instance)?;
        }
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

#[cfg(test)]
mod tests;
