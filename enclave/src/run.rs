//! Runs of standing orders: owners' services bring them, first each its word that it would pay, then each its slices.

use crate::{
    grant, job,
    session::{Open, Serving},
};
use protocol::{
    job::SignedJob,
    message::{Reply, RunState},
    order::Run,
    policy,
    refusal::{Asked, Refusal},
    time::Time,
};
use serde_bytes::ByteBuf;
use std::collections::BTreeSet;

/// Takes what the owner `party` brings of a run, and answers the run once all owners have paid.
///
/// The clock is the module's: a host that holds an instance back until a run's time is over gets no answer.
pub(crate) async fn bring(
    serving: &Serving,
    open: &mut Open,
    party: &str,
    run: Vec<u8>,
    slices: &[ByteBuf],
    now: Time,
) -> Result<Reply, Refusal> {
    let signed = serving.authority(now, |known| Run::open(known, run))?;
    if signed.job().instance != serving.instance {
        return Err(Refusal::Elsewhere);
    }
    let (owners, job) = (owners(serving, open, &signed, now)?, signed.name());
    if !owners.contains(party) {
        let (name, owner) = (party.to_owned(), Some(party.to_owned()));
        return Err(Refusal::NotPermitted { what: Asked::Dataset, name, owner });
    }
    open.ready.add(party, job);
    let state = |open: &Open, answered, not_stored| {
        let away = owners.iter().filter(|owner| !open.ready.has(owner, job));
        Reply::Run(RunState { job, away: away.cloned().collect(), answered, not_stored })
    };
    if !open.results.holds(job) {
        open.results.check_share(signed.analyst())?;
        // Nobody pays for it before all would: what an owner prepaid is not spent on a run that the owner takes no part in.
        if slices.is_empty() || owners.iter().any(|owner| !open.ready.has(owner, job)) {
            return Ok(state(open, false, Vec::new()));
        }
        grant::accept(serving, open, slices, now)?;
        match job::answer(serving, open, &signed, now).await {
            // The others are on their way.
            Err(Refusal::NeedsSlice { .. }) => return Ok(state(open, false, Vec::new())),
            answered => answered?,
        }
    }
    serving.record(open).await?;
    let (host, contract) = (serving.host.as_ref(), &serving.contract);
    match open.results.deliver(host, contract, serving.instance, &signed).await? {
        Reply::Result { not_stored, .. } => Ok(state(open, true, not_stored)),
        _ => Err(Refusal::Internal),
    }
}

/// The owners of the data of a run that may begin now. A run that was answered may be asked for at any time.
fn owners(
    serving: &Serving,
    open: &Open,
    signed: &SignedJob,
    now: Time,
) -> Result<BTreeSet<String>, Refusal> {
    let contract = &serving.contract;
    let owner = |name: &String| contract.datasets.get(name).map(|dataset| dataset.owner.clone());
    if open.results.holds(signed.name()) {
        return Ok(signed.job().datasets.keys().filter_map(owner).collect());
    }
    let run = signed.run().ok_or(Refusal::Malformed)?;
    run.check_time(now)?;
    let manifests = open.vault.manifests();
    let admitted = policy::admit(contract, signed.job(), signed.analyst(), &manifests, now)?;
    run.check_price(admitted.cost())?;
    Ok(admitted.datasets().iter().filter_map(owner).collect())
}
