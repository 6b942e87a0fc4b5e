//! Whether a job may run, decided from the contract, the job and public sizes alone.
//!
//! Pure, and in this crate so that a stranger who holds contract and receipt derives the same
//! decision, the same tally and the same price again.

use crate::{
    contract::{Analysis, Contract, Role},
    job::{Cost, Job, OutcomeKind},
    loss::{Loss, Rho},
    manifest::SignedManifest,
    refusal::{Asked, Limit, Refusal},
    tally::{Measure, Priced, Tally, Window},
    time::Time,
};
use std::collections::BTreeMap;

/// A job that the contract permits, with what follows from it. Made by [`admit`] only.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Admitted {
    /// The job.
    pub job: Job,
    /// The question.
    pub tally: Tally,
    /// Noise and cost.
    pub priced: Priced,
    /// What it is for.
    pub purpose: String,
    /// Every dataset it reads; each is charged the whole loss.
    pub datasets: Vec<String>,
}

impl Admitted {
    /// What each dataset is charged.
    #[must_use]
    pub fn cost(&self) -> Loss {
        Loss::zcdp(self.priced.rho)
    }
}

/// Admits `job`, asked by the party `analyst`, for datasets whose manifests are `manifests`.
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
    if job.contract != contract.digest {
        return Err(Refusal::Elsewhere);
    }
    if now >= contract.expires {
        return Err(Refusal::ContractExpired { expired: contract.expires });
    }
    if now > job.not_after {
        return Err(Refusal::JobExpired { not_after: job.not_after });
    }
    let analysis = contract
        .analyses
        .get(&job.analysis)
        .ok_or_else(|| not_permitted(Asked::Analysis, &job.analysis, None))?;
    if !analysis.analysts.iter().any(|name| name == analyst) {
        return Err(not_permitted(Asked::Analyst, analyst, None));
    }
    check_receivers(job, analysis)?;
    let tally = tally(contract, analysis, job)?;
    check_versions(contract, job, analysis, manifests)?;
    check_range(&tally, manifests)?;
    let rho = Rho::from_epsilon(job.lift.epsilon, job.lift.delta);
    let noise = |_| Refusal::OverLimit { limit: Limit::Noise, found: rho.0, most: 0 };
    let split = job.lift.split;
    if split.n.checked_add(split.sum).and_then(|s| s.checked_add(split.sum_sq)) != Some(1000) {
        return Err(Refusal::Malformed);
    }
    let priced = tally.price(rho, split).map_err(noise)?;
    Ok(Admitted {
        job: job.clone(),
        tally,
        priced,
        purpose: analysis.purpose.clone(),
        datasets: vec![analysis.assignment.clone(), analysis.outcome.clone()],
    })
}

fn check_receivers(job: &Job, analysis: &Analysis) -> Result<(), Refusal> {
    if let Some(name) = job.receivers.iter().find(|name| !analysis.receivers.contains(name)) {
        return Err(not_permitted(Asked::Receiver, name, None));
    }
    let mut unique = job.receivers.clone();
    unique.sort();
    unique.dedup();
    if unique.is_empty() || unique.len() != job.receivers.len() {
        return Err(Refusal::Malformed);
    }
    Ok(())
}

fn tally(contract: &Contract, analysis: &Analysis, job: &Job) -> Result<Tally, Refusal> {
    let lift = &job.lift;
    let owner_of = |name: &str| contract.datasets.get(name).map(|d| d.owner.clone());
    let arm = column_role(contract, &analysis.assignment, &analysis.arm);
    let Some(Role::Group(domain)) = arm else { return Err(Refusal::Internal) };
    let codes = |values: &[String]| {
        let codes = values.iter().map(|value| {
            let code = domain.iter().position(|v| v == value).and_then(|at| i32::try_from(at).ok());
            let owner = owner_of(&analysis.assignment);
            code.ok_or_else(|| not_permitted(Asked::Arm, value, owner))
        });
        codes.collect::<Result<Vec<_>, _>>()
    };
    let (test, control) = (codes(&lift.test)?, codes(&lift.control)?);
    let mut all: Vec<_> = test.iter().chain(&control).collect();
    all.sort_unstable();
    all.dedup();
    if test.is_empty() || control.is_empty() || all.len() != test.len() + control.len() {
        return Err(Refusal::Malformed);
    }
    for share in [lift.expected_test_share, lift.srm_flag_p, lift.confidence] {
        if !(1..MILLION).contains(&share) {
            let (found, most) = (u64::from(share), u64::from(MILLION) - 1);
            return Err(Refusal::OverLimit { limit: Limit::Share, found, most });
        }
    }
    let found = u64::try_from(lift.outcomes.len()).unwrap_or(u64::MAX);
    if found == 0 || found > MAX_OUTCOMES {
        return Err(Refusal::OverLimit { limit: Limit::Outcomes, found, most: MAX_OUTCOMES });
    }
    let readable =
        |text: &str| (1..=64).contains(&text.len()) && !text.chars().any(char::is_control);
    let currency =
        |c: &Cost| c.currency.len() == 3 && c.currency.bytes().all(|b| b.is_ascii_uppercase());
    if !lift.outcomes.iter().all(|o| readable(&o.name)) || !lift.cost.as_ref().is_none_or(currency)
    {
        return Err(Refusal::Malformed);
    }
    let mut measures = Vec::new();
    for outcome in &lift.outcomes {
        let owner = owner_of(&analysis.outcome);
        let role = column_role(contract, &analysis.outcome, &outcome.column);
        match role {
            Some(Role::Measure(scale))
                if analysis.measures.contains(&outcome.column) && *scale == outcome.scale => {}
            _ => return Err(not_permitted(Asked::Column, &outcome.column, owner)),
        }
        let binary = outcome.kind == OutcomeKind::Binary;
        if outcome.clamp == 0 || (binary && outcome.clamp != 1) {
            return Err(Refusal::Malformed);
        }
        let column = outcome.column.clone();
        measures.push(Measure { column, clamp: outcome.clamp, squares: !binary });
    }
    let window = match (lift.window, &analysis.date) {
        (None, _) => None,
        (Some((first, last)), Some(column)) if first <= last => {
            Some(Window { column: column.clone(), first, last })
        }
        (Some(_), Some(_)) => return Err(Refusal::Malformed),
        (Some(_), None) => {
            let owner = owner_of(&analysis.outcome);
            return Err(not_permitted(Asked::Window, &job.analysis, owner));
        }
    };
    Ok(Tally {
        population: analysis.assignment.clone(),
        arm: analysis.arm.clone(),
        test,
        control,
        outcome: analysis.outcome.clone(),
        window,
        measures,
        ids_per_person: contract.ids_per_person,
    })
}

fn check_versions(
    contract: &Contract,
    job: &Job,
    analysis: &Analysis,
    manifests: &BTreeMap<String, SignedManifest>,
) -> Result<(), Refusal> {
    if job.datasets.len() != 2 {
        return Err(Refusal::Malformed);
    }
    for name in [&analysis.assignment, &analysis.outcome] {
        let owner = contract.datasets.get(name).map(|d| d.owner.clone()).unwrap_or_default();
        let dataset = name.clone();
        let Some(manifest) = manifests.get(name) else {
            return Err(Refusal::KeyWithheld { dataset, owner });
        };
        if job.datasets.get(name) != Some(&manifest.digest()) {
            return Err(Refusal::OtherVersion { dataset, owner });
        }
    }
    Ok(())
}

/// Sums of squares over all rows must fit into 63 bits, with room for the noise.
fn check_range(tally: &Tally, manifests: &BTreeMap<String, SignedManifest>) -> Result<(), Refusal> {
    let rows = |name: &String| manifests.get(name).map_or(0, |m| m.manifest().rows);
    let rows = rows(&tally.population).max(rows(&tally.outcome)).max(1);
    let most = ((1_u64 << 62) / rows).isqrt().min(MAX_CLAMP);
    for measure in &tally.measures {
        let found = u64::from(measure.clamp);
        if found > most {
            return Err(Refusal::OverLimit { limit: Limit::Cap, found, most });
        }
    }
    Ok(())
}

fn column_role<'c>(contract: &'c Contract, dataset: &str, column: &str) -> Option<&'c Role> {
    contract.datasets.get(dataset)?.column(column).map(|column| &column.role)
}

fn not_permitted(what: Asked, name: &str, owner: Option<String>) -> Refusal {
    Refusal::NotPermitted { what, name: name.chars().take(64).collect(), owner }
}

const MILLION: u32 = 1_000_000;
const MAX_OUTCOMES: u64 = 16;
/// Beyond this no ε that a contract may name makes noise on sums of squares that can be drawn; for a
/// given ε the price may say so earlier.
const MAX_CLAMP: u64 = 1 << 21;
