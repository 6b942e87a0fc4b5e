//! Asking: a job is signed, paid by every owner, answered, and its result opened.

use crate::{common_args::Common, document, failure::Failure, files, result_files, say};
use client::{
    job::{
        Custodies, JobError, Options, OwnCustody, Prepared, PreviewNoise, Ran, Resubmission, Step,
        Wanted, prepare, run,
    },
    keys::Identity,
};
use custody::Ledger;
use protocol::{contract::Contract, job::JobName, page::number, policy};
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

/// A question, before it is signed.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The job's TOML, or the job that is checked.
    pub(crate) wanted: Wanted,
    /// The file that it was read from.
    pub(crate) file: Option<PathBuf>,
    /// Where custodies answer that were named, by party.
    pub(crate) addresses: BTreeMap<String, String>,
    /// An earlier job that this one is once more.
    pub(crate) again: Option<Resubmission>,
    /// Who may read the answer; whoever asks, if it is empty.
    pub(crate) receivers: Vec<String>,
    /// Where the result is opened.
    pub(crate) open: Opening,
}

/// Where a result is opened.
#[derive(Clone, Debug)]
pub(crate) enum Opening {
    /// It stays at the host.
    Nowhere,
    /// In this folder.
    Into(PathBuf),
    /// In a folder of this one that is called as the job.
    Within(PathBuf),
}

impl Asked {
    /// The failure with the name of the job's file, if the file is what is wrong.
    fn of_file(&self, error: JobError) -> Failure {
        match (error, &self.file) {
            (JobError::Template(why), Some(file)) => files::named(file, why),
            (error, _) => error.into(),
        }
    }
}

impl Opening {
    fn folder(&self, job: JobName) -> Option<PathBuf> {
        match self {
            Self::Nowhere => None,
            Self::Into(folder) => Some(folder.clone()),
            Self::Within(folder) => Some(folder.join(job.to_string())),
        }
    }
}

/// Signs and submits what is asked, and opens the answer where that is wanted. `heard` is told of each step, as the terminal is.
pub(crate) async fn ask(
    common: &Common,
    asked: &Asked,
    heard: &mut (dyn FnMut(&Step<'_>) + Send),
) -> Result<Ran, Failure> {
    let identity = Identity::load(&common.dir)?;
    crate::keys::warn_of_ends(&identity);
    let mut room = common.connect().await?;
    let options = Options {
        again: asked.again,
        outbox: Some(identity.directory().join("jobs")),
        receivers: (!asked.receivers.is_empty()).then(|| asked.receivers.clone()),
        ..Options::default()
    };
    // This comes before anything is asked: an owner of data may have to pay from its own
    // ledger.
    let pays = pays_here(&identity, room.contract(), &asked.wanted, &asked.addresses);
    let mut ledger = match pays.map_err(|error| asked.of_file(error))? {
        true => Some(Ledger::open(&identity)?),
        false => None,
    };
    let prepared = prepare(&mut room, &identity, asked.wanted.clone(), &options).await;
    let prepared = prepared.map_err(|error| asked.of_file(error))?;
    let folder = asked.open.folder(prepared.name());
    if let Some(folder) = &folder {
        // This comes before anything is paid.
        result_files::refuse_another(folder, &prepared.name().to_string())?;
    }
    preview(&prepared)?;
    let own = ledger.as_mut().map(|ledger| -> &mut dyn OwnCustody { ledger });
    let mut custodies = Custodies { addresses: asked.addresses.clone(), own };
    let mut told = |step: Step<'_>| {
        tell(&step);
        heard(&step);
    };
    let ran = run(&mut room, &identity, &prepared, &mut custodies, &mut told).await;
    let ran = ran.inspect_err(|error| {
        if error.may_pass_later() {
            say::note(format_args!("To try the same job again: --id {}", prepared.name()));
        }
    })?;
    document::fields(&serde_json::json!({
        "job": ran.job.to_string(), "not_stored": ran.not_stored,
    }))?;
    if let Some(folder) = &folder {
        let sealed = ran.sealed.as_deref().ok_or_else(|| {
            Failure::no(format!(
                "job {} has run, but this party is not a receiver of its result: ask one of them",
                ran.job
            ))
        })?;
        say::note(format_args!("Job {} has run.", ran.job));
        result_files::open(sealed, &identity, common, room.trust(), ran.job, folder)?;
    }
    Ok(ran)
}

/// Whether the job is paid from the ledger in this folder: it charges a dataset of this party, no custody of the party
/// is known, and the key that countersigns is here. An analyst's folder has neither that key nor the ledger.
pub(super) fn pays_here(
    identity: &Identity,
    contract: &Contract,
    wanted: &Wanted,
    addresses: &BTreeMap<String, String>,
) -> Result<bool, JobError> {
    let party = identity.party_in(contract)?;
    let listed = contract.parties.get(party).is_some_and(|listed| listed.custody.is_some());
    if identity.service().is_err() || listed || addresses.contains_key(party) {
        return Ok(false);
    }
    let (analysis, question) = wanted.question(contract)?;
    // What the contract does not permit is refused when the job is prepared.
    let charged = policy::datasets(contract, &analysis, &question).unwrap_or_default();
    let is_ours =
        |name: &String| contract.datasets.get(name).is_some_and(|dataset| dataset.owner == party);
    Ok(charged.iter().any(is_ours))
}

/// Whether every receiver gets the result from the host.
pub(crate) fn is_stored(ran: &Ran) -> Result<ExitCode, Failure> {
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
fn preview(prepared: &Prepared) -> Result<(), Failure> {
    let preview = prepared.preview();
    document::fields(&serde_json::json!({
        "job": prepared.name().to_string(), "epsilon": preview.epsilon.value(), "delta": preview.delta.value(),
        "rho": preview.rho.value(), "charged": preview.datasets,
    }))?;
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
                let name = say::name(&figure.name);
                let [test, control] = figure.sum_sds.map(number::size);
                if test == control {
                    say::note(format_args!(
                        "  noise s.d. on the total of {name} in one arm or group: {test}"
                    ));
                } else {
                    say::note(format_args!(
                        "  noise s.d. on the total of {name} in the test arm: {test}, in the control arm: {control}"
                    ));
                }
            }
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests;
