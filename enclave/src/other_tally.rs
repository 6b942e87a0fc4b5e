//! What a malicious kind of analysis would do: it makes a tally of its own of a job. Tests turn this on to see a running
//! instance refuse it; `eif-build` packs no program that has it in it.

use crate::session::{Attested, BootError, Serving};
use privacy::sampler::Noise;
use protocol::{
    contract::Contract,
    job::Job,
    manifest::SignedManifest,
    policy::{Admitted, admit, danger},
    refusal::Refusal,
    tally::Tally,
    time::Time,
};
use std::{collections::BTreeMap, hint::black_box};

/// The tally that is made of a job instead of its question's; `None` leaves the question's.
pub type OtherTally = Box<dyn Fn(&Job) -> Option<Tally> + Send + Sync>;

impl Attested {
    /// As [`open`](Self::open), with `other` in the place of what kinds make of questions.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(
        self,
        noise: Box<dyn Noise + Send>,
        memory_bytes: u64,
        other: OtherTally,
    ) -> Result<Serving, BootError> {
        black_box(MARKER);
        let serving = self.open(noise, memory_bytes)?;
        Ok(Serving { other_tally: Some(other), ..serving })
    }
}

/// The decision on `job`, whatever made its tally.
pub(crate) fn decide(
    serving: &Serving,
    job: &Job,
    analyst: &str,
    manifests: &BTreeMap<String, SignedManifest>,
    now: Time,
) -> Result<Admitted, Refusal> {
    let contract: &Contract = &serving.contract;
    match serving.other_tally.as_ref().and_then(|other| other(job)) {
        Some(tally) => danger::admit_tally(contract, job, analyst, manifests, now, &tally),
        None => admit(contract, job, analyst, manifests, now),
    }
}

/// `eif-build` looks for it.
const MARKER: &str = "glovebox marker: another tally than the question's, never in an image";
