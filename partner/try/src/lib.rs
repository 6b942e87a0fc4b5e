//! A simulated room on one's own files, in one process: what `glovebox try` runs.
//!
//! The same code path as a real room (sealing, TLS, attestation, grants, policy, ledger, engine,
//! receipt) with keys made for the occasion, a simulated module and a host in this process. It is the one
//! crate that may name both sides, and the only one with a sampler that adds no noise.
//!
//! Three stages, each of which the next one takes: an [`Agreement`] seals tables, and opens a [`Stage`]; in that, sealed
//! tables are granted and jobs asked. [`Rehearsal::run`] goes through all of them once.

mod agreement;
mod budget;
mod draws;
mod error;
mod host;
mod made_up;
mod paper;
mod silent;
mod stage;

use protocol::{contract::Contract, result::JobResult};
use sealing::{Count, Options};
use std::{collections::BTreeMap, path::PathBuf};

use client::trust::Trust;

pub use agreement::{Agreement, Sealed, with_throw_away_keys};
pub use draws::{Distribution, DrawError, draws};
pub use error::RehearsalError;
pub use silent::Silent;
pub use stage::{Answered, Stage};

/// What to rehearse.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rehearsal<'a> {
    /// Text of the contract; its keys and builds are replaced, everything else holds.
    pub contract: &'a str,
    /// Text of the job.
    pub job: &'a str,
    /// Each dataset's file.
    pub data: &'a BTreeMap<String, PathBuf>,
    /// Whether noise is added. Without it the figures are exact and protect nobody.
    pub noise: bool,
    /// How the files are written, and how much of them may be bad.
    pub sealing: Options,
}

impl<'a> Rehearsal<'a> {
    /// A rehearsal with noise and default options.
    #[must_use]
    pub fn new(contract: &'a str, job: &'a str, data: &'a BTreeMap<String, PathBuf>) -> Self {
        Self { contract, job, data, noise: true, sealing: Options::default() }
    }

    /// Runs the room from sealing to the opened result, and tells `narrate` each step.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], as the same step would fail in a real room.
    pub async fn run(&self, narrate: &mut dyn FnMut(&str)) -> Result<Rehearsed, RehearsalError> {
        let agreement = Agreement::new(self.contract)?;
        self.check_names(&agreement.contract)?;
        let mut stage = agreement.open(self.noise).await?;
        let mut sealed = Vec::new();
        for (name, path) in self.data {
            narrate(&format!("sealing {name} from {}", path.display()));
            let file = agreement.seal(name, path, &self.sealing())?;
            stage.grant(&file).await?;
            sealed.push(file.dataset);
        }
        narrate("running the job");
        let answered = stage.ask(self.job).await?;
        let trust = stage.trust.clone();
        drop(stage);
        let Answered { result, result_bytes, analyst, receipt, released, .. } = answered;
        let contract = agreement.contract;
        Ok(Rehearsed { result, result_bytes, analyst, sealed, receipt, released, contract, trust })
    }

    /// Refuses files of datasets that the contract does not have, and datasets without a file.
    fn check_names(&self, contract: &Contract) -> Result<(), RehearsalError> {
        let datasets: Vec<_> = contract.datasets.keys().cloned().collect();
        if let Some(name) = self.data.keys().find(|name| !datasets.contains(name)) {
            let known = datasets.join(", ");
            return Err(RehearsalError::StrangeFile { dataset: name.clone(), known });
        }
        if let Some(name) = datasets.into_iter().find(|name| !self.data.contains_key(name)) {
            return Err(RehearsalError::NoFile { dataset: name });
        }
        Ok(())
    }

    /// The options for one file. What the user says of one dataset need not hold of another.
    fn sealing(&self) -> Options {
        let mut options = self.sealing.clone();
        options.reading.several_files = true;
        options
    }
}

/// What a rehearsal leaves.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rehearsed {
    /// The result.
    pub result: JobResult,
    /// The exact bytes of the result.
    pub result_bytes: Vec<u8>,
    /// The party that asked: the first one that the contract allows to.
    pub analyst: String,
    /// How the sealing of each dataset went.
    pub sealed: Vec<SealedDataset>,
    /// The receipt. Without noise it passes no check of its result.
    pub receipt: Vec<u8>,
    /// The released figures, from which the result follows.
    pub released: Vec<u8>,
    /// The contract as it was used, with throw-away keys and a throw-away build.
    pub contract: Contract,
    /// The root under which the receipt is believed.
    pub trust: Trust,
}

/// How the sealing of one dataset went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SealedDataset {
    /// Name of the dataset.
    pub name: String,
    /// Its rows, good and bad.
    pub count: Count,
    /// Its rows after padding.
    pub padded: u64,
}

#[cfg(test)]
mod tests;
