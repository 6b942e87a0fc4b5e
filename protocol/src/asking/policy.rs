//! Decides whether a job may run, from the contract, the job and public sizes alone.
//!
//! The policy is pure, and in this crate so that a stranger who has the contract and a receipt
//! derives the same decision, the same tally and the same price again.

pub mod danger;
mod noise;
mod order;
mod reading;
mod receipt_length;

use crate::{
    analysis::{
        Leaves, Scope,
        rules::{column_not_permitted, not_permitted, within},
    },
    canonical,
    contract::{Contract, Terms},
    job::{Job, JobName, Question},
    limits,
    loss::{Loss, Rho},
    manifest::SignedManifest,
    proof::{self, PriceError, Proven, Request, Split},
    refusal::{Asked, Limit, Refusal},
    released::Released,
    tally::Tally,
    time::Time,
};
use std::collections::{BTreeMap, BTreeSet};

pub use order::{admit_order, datasets_of_order};

/// A job that the contract permits, with what follows from it. Made by [`admit`] and read only:
/// whoever holds one cannot put another proof into it, but through [`danger`], which tests alone may
/// name.
///
/// ```compile_fail,E0616
/// fn cheaper(mut admitted: protocol::policy::Admitted, other: protocol::proof::Proven) {
///     admitted.proven = other;
/// }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Admitted {
    job: Job,
    analyst: String,
    name: JobName,
    proven: Proven,
    purpose: String,
    datasets: Vec<String>,
}

impl Admitted {
    /// The job itself.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The party that asks.
    #[must_use]
    pub fn analyst(&self) -> &str {
        &self.analyst
    }

    /// The name of the job.
    #[must_use]
    pub fn name(&self) -> JobName {
        self.name
    }

    /// The question, with the proof of its noise and cost.
    #[must_use]
    pub fn proven(&self) -> &Proven {
        &self.proven
    }

    /// What the data is used for.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Every dataset that the job reads. Each one is charged the whole loss.
    #[must_use]
    pub fn datasets(&self) -> &[String] {
        &self.datasets
    }

    /// What each dataset is charged.
    #[must_use]
    pub fn cost(&self) -> &Loss {
        &self.proven.proof().cost
    }
}

/// Admits `job` of the party `analyst`, for datasets with these `manifests`.
///
/// # Privacy
///
/// Costs nothing: reads no row.
///
/// # Errors
///
/// [`Refusal`] naming the rule and whose it is.
pub fn admit(
    contract: &Contract,
    job: &Job,
    analyst: &str,
    manifests: &BTreeMap<String, SignedManifest>,
    now: Time,
) -> Result<Admitted, Refusal> {
    admit_as(contract, job, analyst, manifests, now, &|scope| job.question.tally(scope))
}

/// Admits a job whose kind makes its tally with `tally`.
fn admit_as(
    contract: &Contract,
    job: &Job,
    analyst: &str,
    manifests: &BTreeMap<String, SignedManifest>,
    now: Time,
    tally_of: &dyn Fn(&Scope<'_>) -> Result<Tally, Refusal>,
) -> Result<Admitted, Refusal> {
    if job.contract != contract.digest {
        return Err(Refusal::Elsewhere);
    }
    if now >= contract.expires {
        return Err(Refusal::ContractExpired { expired: contract.expires });
    }
    if now > job.not_after {
        return Err(Refusal::JobExpired { not_after: job.not_after });
    }
    // A party that has seen a job could show it to a custody for as long as it may wait.
    let (found, most) = ((job.not_after.0 - now.0) / 1000, MAX_WAIT_SECONDS);
    if found > most {
        return Err(Refusal::OverLimit { limit: Limit::Wait, found, most });
    }
    let analysis = contract
        .analyses
        .get(&job.analysis)
        .ok_or_else(|| not_permitted(Asked::Analysis, &job.analysis, None))?;
    if !analysis.analysts.iter().any(|name| name == analyst) {
        return Err(not_permitted(Asked::Analyst, analyst, None));
    }
    job.question.check_lengths()?;
    // Nobody would read a longer signed job.
    within(Limit::Job, canonical::to_vec(job).len(), limits::JOB.bytes)?;
    check_receivers(&job.receivers, analysis)?;
    let Permitted { tally, floor } = permitted(contract, &job.analysis, &job.question, tally_of)?;
    check_versions(contract, job, &tally, manifests, now)?;
    let rows = largest(&tally, manifests);
    check_range(&tally, rows)?;
    check_size(&tally)?;
    let proven = prove(&job.question, Permitted { tally, floor }, rows)?;
    let datasets: Vec<_> = proven.tally().datasets().map(str::to_owned).collect();
    let named = datasets.iter().filter_map(|name| manifests.get(name));
    let (found, most) = (receipt_length::longest(job, named, &proven), limits::RECEIPT.bytes);
    if found > most {
        return Err(Refusal::OverLimit {
            limit: Limit::ReceiptBytes,
            found: length(found),
            most: length(most),
        });
    }
    Ok(Admitted {
        job: job.clone(),
        analyst: analyst.to_owned(),
        name: JobName::of(analyst, job),
        proven,
        purpose: analysis.purpose.clone(),
        datasets,
    })
}

/// Noise and cost of a question, before there are a room, data and a job. [`admit`] derives the
/// same, and also looks at who asks, when, and at the size of the data.
///
/// # Privacy
///
/// Costs nothing: there are no rows to read.
///
/// # Errors
///
/// [`Refusal`] naming the rule and whose it is.
pub fn price(contract: &Contract, analysis: &str, question: &Question) -> Result<Proven, Refusal> {
    question.check_lengths()?;
    let permitted = permitted_as_is(contract, analysis, question)?;
    check_size(&permitted.tally)?;
    // The price is that of the smallest data.
    prove(question, permitted, 1)
}

/// The datasets that a question reads, whose versions its job names and whose owners are charged: of its analysis those
/// whose people are counted, and of joined ones those of which a figure follows from anything ([`Tally::reads`]).
///
/// # Errors
///
/// [`Refusal`] naming what the contract does not permit.
pub fn datasets(
    contract: &Contract,
    analysis: &str,
    question: &Question,
) -> Result<Vec<String>, Refusal> {
    question.check_lengths()?;
    let permitted = permitted_as_is(contract, analysis, question)?;
    Ok(permitted.tally.datasets().map(str::to_owned).collect())
}

/// A tally that reads only what the contract lists, and the smallest cell that the contract lets it show, in people.
struct Permitted {
    tally: Tally,
    floor: u32,
}

/// The tally of a question, if it reads only what the contract lists, whatever the question's kind
/// says.
fn permitted_as_is(
    contract: &Contract,
    analysis: &str,
    question: &Question,
) -> Result<Permitted, Refusal> {
    permitted(contract, analysis, question, &|scope| question.tally(scope))
}

/// The tally that the kind makes with `tally_of`, with the same checks.
fn permitted(
    contract: &Contract,
    analysis: &str,
    question: &Question,
    tally_of: &dyn Fn(&Scope<'_>) -> Result<Tally, Refusal>,
) -> Result<Permitted, Refusal> {
    let unknown = || not_permitted(Asked::Analysis, analysis, None);
    let scope = Scope::of(contract, analysis).ok_or_else(unknown)?;
    if question.section() != scope.terms.section() {
        return Err(unknown());
    }
    let mut tally = tally_of(&scope)?;
    let read = reading::check(contract, scope.terms, &tally)?;
    tally.leave_out_unread();
    let floor = contract.floor(scope.terms, &read);
    // A choice and a training show what follows from however few people: no floor above the contract's could be held.
    match contract.with_floor(scope.terms, &read) {
        Some(named) if question.leaves() != Leaves::Figures => {
            let owner = contract.datasets.get(&named.dataset).map(|dataset| dataset.owner.clone());
            Err(not_permitted(Asked::Floor, &named.to_string(), owner))
        }
        _ => Ok(Permitted { tally, floor }),
    }
}

fn prove(question: &Question, permitted: Permitted, rows: u64) -> Result<Proven, Refusal> {
    let Permitted { mut tally, floor } = permitted;
    let price = question.price();
    let rho = Rho::from_epsilon(price.epsilon, price.delta);
    let threshold = price.min_cell.max(floor);
    let proof = match question.leaves() {
        Leaves::Place(by) => tally.prove_choice(by, rho, threshold),
        Leaves::Steps => tally.prove_steps(rho, threshold),
        Leaves::Figures => {
            let Split { n, sum, products } = price.split;
            if n.checked_add(sum).and_then(|parts| parts.checked_add(products)) != Some(1000) {
                return Err(Refusal::Malformed);
            }
            let (split, selection_delta) = (price.split, price.selection_delta);
            let request = Request { rho, split, threshold, selection_delta };
            tally.coarsen(&request, rows);
            tally.prove(&request)
        }
    };
    let proof = proof.map_err(|error| match error {
        PriceError::NoChoice => Refusal::Malformed,
        error => noise::refusal(question, &tally, error),
    })?;
    proof::check(tally, proof, floor).map_err(|_| Refusal::Malformed)
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn check_receivers(receivers: &[String], analysis: &Terms) -> Result<(), Refusal> {
    if let Some(name) = receivers.iter().find(|name| !analysis.receivers.contains(name)) {
        return Err(not_permitted(Asked::Receiver, name, None));
    }
    let unique: BTreeSet<&String> = receivers.iter().collect();
    if unique.is_empty() || unique.len() != receivers.len() {
        return Err(Refusal::Malformed);
    }
    Ok(())
}

fn check_versions(
    contract: &Contract,
    job: &Job,
    tally: &Tally,
    manifests: &BTreeMap<String, SignedManifest>,
    now: Time,
) -> Result<(), Refusal> {
    if job.datasets.len() != tally.datasets().count() {
        return Err(Refusal::Malformed);
    }
    for name in tally.datasets() {
        let owner = contract.datasets.get(name).map(|d| d.owner.clone()).unwrap_or_default();
        let dataset = name.to_owned();
        let Some(manifest) = manifests.get(name) else {
            return Err(Refusal::KeyWithheld { dataset, owner });
        };
        if job.datasets.get(name) != Some(&manifest.digest()) {
            return Err(Refusal::OtherVersion { dataset, owner });
        }
        let terms = contract.datasets.get(name);
        let Some(days) = terms.and_then(|terms| terms.opt_outs_within_days) else { continue };
        // The owner says itself when it made the list; one from beyond tomorrow would never be old.
        let is_of_these_days = manifest.manifest().opt_outs.is_some_and(|list| {
            let made = list.made();
            now <= made.plus_seconds(u64::from(days) * DAY_SECONDS)
                && made <= now.plus_seconds(DAY_SECONDS)
        });
        if !is_of_these_days {
            return Err(Refusal::OldOptOuts { dataset, owner, days });
        }
    }
    Ok(())
}

/// An upper bound on the number of people: the rows of the largest dataset, or of all datasets of a
/// union. The owners have signed how many rows there are.
fn largest(tally: &Tally, manifests: &BTreeMap<String, SignedManifest>) -> u64 {
    let rows = |name: &str| manifests.get(name).map_or(0, |m| m.manifest().shape().rows());
    let counted = tally.counted().iter().map(|table| rows(&table.dataset));
    let people = counted.fold(0, u64::saturating_add);
    tally.datasets().map(rows).fold(people, u64::max).max(1)
}

/// Checks that sums over all people fit into 63 bits, with room for the noise. Products are made as
/// coarse as that needs ([`Tally::coarsen`]). There are at most as many people as rows, and each
/// counts once in a cell.
fn check_range(tally: &Tally, rows: u64) -> Result<(), Refusal> {
    let most = (1_u64 << 62) / rows;
    for (at, measure) in tally.measures.iter().enumerate() {
        let found = measure.clamp.reach();
        if found > most / tally.weight_of_sum(at) {
            let most = most / tally.weight_of_sum(at);
            return Err(Refusal::OverLimit { limit: Limit::Cap, found, most });
        }
    }
    Ok(())
}

/// Checks that the answer fits into what a host keeps, whatever the noise is: every public cell
/// could be shown.
fn check_size(tally: &Tally) -> Result<(), Refusal> {
    let figures = u64::try_from(1 + tally.measures.len()).unwrap_or(u64::MAX);
    let most = length(limits::FIGURES) / figures.max(1);
    let found = tally.public_cells().unwrap_or(u64::MAX);
    if found > most {
        return Err(Refusal::OverLimit { limit: Limit::Cells, found, most });
    }
    within(Limit::ReleasedBytes, Released::longest(tally), limits::RELEASED.bytes)
}

/// How far ahead the end of a job may be, in seconds.
const MAX_WAIT_SECONDS: u64 = DAY_SECONDS;
const DAY_SECONDS: u64 = 86_400;

#[cfg(test)]
mod tests;
