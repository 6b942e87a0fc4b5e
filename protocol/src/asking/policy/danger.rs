//! A job at a price, under a name or with a tally that does not follow from it: for tests of noise and ledger, which need questions
//! that no contract permits. Nothing that ships names this module; `tests/architecture.rs` sees to it.

use super::{Admitted, admit_as};
use crate::{
    analysis::Scope,
    contract::Contract,
    job::{Job, JobName, Question},
    manifest::SignedManifest,
    proof::Proven,
    refusal::Refusal,
    tally::Tally,
    time::Time,
};
use std::collections::BTreeMap;

/// `admitted` with the question and price of `proven`.
#[must_use]
pub fn with_proof(admitted: Admitted, proven: Proven) -> Admitted {
    Admitted { proven, ..admitted }
}

/// `admitted` under another name, so that one question may stand for many jobs.
#[must_use]
pub fn with_name(admitted: Admitted, name: JobName) -> Admitted {
    Admitted { name, ..admitted }
}

/// The tally that `question` makes, whether or not the contract permits what it reads.
///
/// # Errors
///
/// What the question's kind refuses.
pub fn unchecked_tally(
    contract: &Contract,
    analysis: &str,
    question: &Question,
) -> Result<Tally, Refusal> {
    let scope = Scope::of(contract, analysis).ok_or(Refusal::Malformed)?;
    question.tally(&scope)
}

/// The decision of [`admit`](super::admit) on `job` if its kind, by mistake or on purpose, made
/// `tally` of it.
///
/// # Errors
///
/// As [`admit`](super::admit).
pub fn admit_tally(
    contract: &Contract,
    job: &Job,
    analyst: &str,
    manifests: &BTreeMap<String, SignedManifest>,
    now: Time,
    tally: &Tally,
) -> Result<Admitted, Refusal> {
    admit_as(contract, job, analyst, manifests, now, &|_| Ok(tally.clone()))
}
