//! Running a job: admit, pay, tally, release, estimate, attest, record, store, reply. Each step consumes the
//! last, and that order is the order of durability.

use crate::{
    audit::{Audit, Readers},
    grant,
    progress::{PayingJob, Progress},
    results::Priced,
    session::{Open, Serving},
};
use attestation_verifier::receipt::BodyKind;
use engine::Trainees;
use privacy::{Next, Paid, Release, Steps};
use protocol::{
    audit::Event,
    canonical,
    contract::Contract,
    digest::Digest,
    job::SignedJob,
    manifest::SignedManifest,
    merkle::Head,
    message::{Answered, Reply},
    policy::Admitted,
    receipt::{self, Charge, ReceiptBody},
    refusal::{Refusal, RunFlaw},
    released::Released,
    result::{NEAR_DUPLICATE, SAME_FIGURES},
    time::Time,
};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// Runs the job that `party` signed, and answers it.
pub(crate) async fn run(
    serving: &Serving,
    open: &mut Open,
    party: &str,
    signed: &[u8],
    slices: &[ByteBuf],
    now: Time,
) -> Result<Reply, Refusal> {
    let signed = serving.authority(now, |known| SignedJob::open_either(known, signed.to_vec()))?;
    if let Some(run) = signed.run() {
        return Err(run.refused(RunFlaw::Submitted));
    }
    // A party may only run its own jobs: the reply is for the sender.
    if signed.analyst() != party {
        return Err(Refusal::Malformed);
    }
    if signed.job().instance != serving.instance {
        return Err(Refusal::Elsewhere);
    }
    // An answered job is answered again, even if it was signed anew since then.
    if !open.results.holds(signed.name()) {
        open.results.check_share(party)?;
        grant::accept(serving, open, slices, now)?;
        answer(serving, open, &signed, now).await?;
    }
    // A result at the host has left. Until its entry is there, the answer is kept for a retry, which costs nothing.
    serving.record(open).await?;
    let (host, contract) = (serving.host.as_ref(), &serving.contract);
    open.results.deliver(host, contract, serving.instance, &signed).await
}

/// Answers a job: computes what was not computed before, and keeps the answer.
pub(crate) async fn answer(
    serving: &Serving,
    open: &mut Open,
    signed: &SignedJob,
    now: Time,
) -> Result<(), Refusal> {
    let (contract, job) = (&serving.contract, signed.job());
    let manifests = open.vault.manifests();
    #[cfg(not(feature = "other-tally"))]
    let admitted = protocol::policy::admit(contract, job, signed.analyst(), &manifests, now)?;
    #[cfg(feature = "other-tally")]
    let admitted = crate::other_tally::decide(serving, job, signed.analyst(), &manifests, now)?;
    let question = question(&admitted);
    if let Some(known) = open.results.same_question(&question) {
        let output = receipt::output(&known.result);
        note(&mut open.audit, contract, &admitted, (signed, Vec::new(), output), now);
        open.results.keep(signed, Priced::Free, question, known);
        return Ok(());
    }
    let figures = figures(&admitted);
    release(serving, open, &admitted, figures, now).await?;
    let Some(Progress::Released(released, first)) = open.progress.get(&figures) else {
        return Err(Refusal::Internal);
    };

    let result = released.result(&admitted, signed.signed_by().name(), contract, now);
    let mut result = result.ok_or(Refusal::Internal)?;
    let priced = if first.job == signed.name() { Priced::Charged } else { Priced::Free };
    if priced == Priced::Free {
        result.flags.push(format!("{SAME_FIGURES}{}", first.job));
    }
    let asked_of = admitted.proven().tally();
    if let Some(earlier) = open.history.resembled(contract, asked_of, first.place) {
        result.flags.push(format!("{NEAR_DUPLICATE}{earlier}"));
    }
    let result = result.to_json().ok_or(Refusal::Internal)?;
    let output = receipt::output(&result);
    let charged = match priced {
        Priced::Charged => charges(released),
        Priced::Free => Vec::new(),
    };
    note(&mut open.audit, contract, &admitted, (signed, charged, output), now);
    let left = released.released().to_bytes();
    let answer = Output { output, released: Released::digest(&left) };
    let body = receipt_body(open, &manifests, &admitted, released, signed.as_bytes(), answer, now);
    let receipt = serving.attest_body(&open.keys, BodyKind::Receipt, &canonical::to_vec(&body))?;
    let answered = Answered { result, receipt, released: left };
    open.results.keep(signed, priced, question, answered);
    Ok(())
}

/// Writes the answer to a job into the audit log, for analyst, receivers and the owners of its data.
fn note(
    audit: &mut Audit,
    contract: &Contract,
    admitted: &Admitted,
    (signed, charged, output): (&SignedJob, Vec<Charge>, Digest),
    now: Time,
) {
    let job = signed.job();
    let asked_by = signed.analyst().to_owned();
    let readers = Readers::owners(contract, job.datasets.keys())
        .and(job.receivers.iter().cloned().chain([asked_by.clone()]));
    let event = Event::Answered {
        job: signed.name(),
        asked_by,
        receivers: job.receivers.clone(),
        analysis: job.analysis.clone(),
        purpose: admitted.purpose().to_owned(),
        datasets: job.datasets.clone(),
        charged,
        output,
        decision: job.decision.clone(),
        checks: job.checks,
    };
    audit.append(now, readers, event);
}

/// What was charged for figures.
fn charges(release: &Release) -> Vec<Charge> {
    release.paid().charges().iter().map(|paid| paid.charge.clone()).collect()
}

/// Makes the figures available: pays for them and computes them, unless that was done before.
async fn release(
    serving: &Serving,
    open: &mut Open,
    admitted: &Admitted,
    figures: Digest,
    now: Time,
) -> Result<(), Refusal> {
    let (begun, first) = match open.progress.remove(&figures) {
        Some(done @ Progress::Released(..)) => {
            open.progress.insert(figures, done);
            return Ok(());
        }
        Some(Progress::Paid(paid, first)) => (Begun::Paid(*paid), first),
        Some(Progress::Trained(steps, first)) => (Begun::Trained(*steps), first),
        None => {
            let (contract, purpose) = (&serving.contract, admitted.purpose());
            open.vault.check_cells(contract, admitted.proven().tally())?;
            let analyst = admitted.analyst();
            open.history.check_rate(contract, analyst, purpose, now)?;
            let paid = open.ledger.pay(admitted.clone(), contract, now)?;
            let (job, tally) = (admitted.name(), admitted.proven().tally());
            let place = open.history.note(job, (analyst, purpose), tally, now);
            (Begun::Paid(paid), PayingJob { job, place })
        }
    };
    let released = match begun {
        Begun::Trained(steps) => train(serving, open, admitted, steps, (figures, first)).await?,
        Begun::Paid(paid) if admitted.proven().proof().steps().is_some() => {
            let steps = Steps::begin(paid).map_err(|_| Refusal::Internal)?;
            train(serving, open, admitted, steps, (figures, first)).await?
        }
        Begun::Paid(paid) => tally(serving, open, admitted, paid, (figures, first)).await?,
    };
    open.progress.insert(figures, Progress::Released(Box::new(released), first));
    Ok(())
}

/// What was paid for, and how far it is.
enum Begun {
    Paid(Paid),
    Trained(Steps),
}

/// Makes the steps of a training that are left, each with the noise that was paid for, drawn once. After a fault the
/// payment is kept with what it has drawn: a retry goes on from there, and nothing has left.
async fn train(
    serving: &Serving,
    open: &mut Open,
    admitted: &Admitted,
    mut steps: Steps,
    (figures, first): (Digest, PayingJob),
) -> Result<Release, Refusal> {
    let (proven, versions) = (admitted.proven(), &admitted.job().datasets);
    let unlocked = open.vault.unlocked(&serving.contract, versions, proven.tally());
    let fault = match unlocked {
        Err(refusal) => Err(refusal),
        Ok(unlocked) => match Trainees::read(proven, &unlocked.tables).await {
            Err(fault) => Ok(fault),
            Ok(people) => loop {
                let raw =
                    match people.add(steps.place(), steps.ask(), &mut open.noise.as_mut()).await {
                        Ok(raw) => raw,
                        Err(fault) => break Ok(fault),
                    };
                match steps.draw(raw, &mut open.noise.as_mut()) {
                    Ok(Next::More(left)) => steps = left,
                    Ok(Next::All(release)) => return Ok(release),
                    Err(_) => return Err(Refusal::Internal),
                }
            },
        },
    };
    open.progress.insert(figures, Progress::Trained(Box::new(steps), first));
    let fault = fault?;
    tracing::error!(%fault, "the engine failed in a training");
    Err(Refusal::Internal)
}

/// Runs the engine and adds the noise that was paid for. After a fault the payment is kept for a
/// retry of the question, which costs nothing more.
async fn tally(
    serving: &Serving,
    open: &mut Open,
    admitted: &Admitted,
    paid: Paid,
    (figures, first): (Digest, PayingJob),
) -> Result<Release, Refusal> {
    let proven = admitted.proven();
    let versions = &admitted.job().datasets;
    let unlocked = open.vault.unlocked(&serving.contract, versions, proven.tally())?;
    match engine::run(proven, &unlocked.tables).await {
        Ok(raw) => {
            let noise = &mut open.noise.as_mut();
            raw.release(paid, noise).map_err(|_| Refusal::Internal)
        }
        Err(fault) => {
            tracing::error!(%fault, "the engine failed");
            open.progress.insert(figures, Progress::Paid(Box::new(paid), first));
            Err(Refusal::Internal)
        }
    }
}

/// Digest of what the figures depend on: the tally, its data, its purpose, its noise, and whether they check those of an earlier
/// job. So a check has noise of its own and is paid, and asking the same check again is free.
fn figures(admitted: &Admitted) -> Digest {
    let (proven, job) = (admitted.proven(), admitted.job());
    let (tally, proof) = (proven.tally(), proven.proof());
    let parts = (admitted.purpose(), &job.datasets, tally, proof, job.checks);
    Digest::of("glovebox figures v1", &canonical::to_vec(&parts))
}

/// Digest of the question and its data: everything that a result depends on, except who asked.
fn question(admitted: &Admitted) -> Digest {
    let job = admitted.job();
    let (tally, proof) = (admitted.proven().tally(), admitted.proven().proof());
    let parts = (&job.question, &job.analysis, &job.datasets, tally, proof, job.checks);
    Digest::of("glovebox question v1", &canonical::to_vec(&parts))
}

/// Digests of the files of an answer.
struct Output {
    output: Digest,
    released: Digest,
}

fn receipt_body(
    open: &Open,
    manifests: &BTreeMap<String, SignedManifest>,
    admitted: &Admitted,
    release: &Release,
    signed: &[u8],
    Output { output, released }: Output,
    time: Time,
) -> ReceiptBody {
    let Head { size: audit_size, root: audit_root } = open.audit.head();
    let manifest = |name| manifests.get(name).map(|m| ByteBuf::from(m.as_bytes().to_vec()));
    ReceiptBody {
        contract: admitted.job().contract,
        output,
        job: signed.to_vec(),
        manifests: admitted.datasets().iter().filter_map(manifest).collect(),
        tally: admitted.proven().tally().clone(),
        proof: admitted.proven().proof().clone(),
        charged: charges(release),
        released,
        time,
        audit_size,
        audit_root,
    }
}
