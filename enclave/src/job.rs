//! Running a job: admit, pay, tally, release, estimate, attest, store, reply. Each step consumes the
//! last, and that order is the order of durability.

use crate::{
    audit::Event,
    grant,
    results::Asked,
    session::{Open, Serving},
};
use attestation_verifier::receipt::{
    BodyKind, encode, nonce_for, payload, signing_input, user_data_for,
};
use privacy::{Paid, Released};
use protocol::{
    canonical,
    digest::Digest,
    job::Job,
    manifest::SignedManifest,
    message::Reply,
    policy::{self, Admitted},
    receipt::{self, ReceiptBody},
    refusal::Refusal,
    sign,
    tally::Tally,
    time::Time,
};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// Answers the job that `party` signed.
pub(crate) async fn run(
    serving: &Serving,
    open: &mut Open,
    party: &str,
    signed: &[u8],
    slices: &[ByteBuf],
    now: Time,
) -> Result<Reply, Refusal> {
    let key = serving.contract.parties.get(party).ok_or(Refusal::Stranger)?.signing_key;
    let job: Job = sign::open(signed, &key).map_err(|_| Refusal::Malformed)?;
    if job.instance != serving.instance {
        return Err(Refusal::Elsewhere);
    }
    let id = job.id;
    let digest = sign::digest_of(signed);
    if let Some(answered) = open.results.of(party, id) {
        if answered.job != digest {
            return Err(Refusal::Replayed);
        }
    } else {
        open.results.check_room()?;
        grant::accept(serving, open, slices, now)?;
        answer(serving, open, party, signed, job, now).await?;
    }
    let sealed = open.results.deliver(serving, id, party).await?;
    Ok(Reply::Result { job: id, sealed })
}

async fn answer(
    serving: &Serving,
    open: &mut Open,
    party: &str,
    signed: &[u8],
    job: Job,
    now: Time,
) -> Result<(), Refusal> {
    let contract = &serving.contract;
    let manifests = open.vault.manifests();
    let admitted = policy::admit(contract, &job, party, &manifests, now)?;
    let asked = Asked { party, job: &job, signed };
    let question = question(&admitted, &job);
    if let Some(known) = open.results.same_question(&question) {
        return open.results.keep(serving, asked, question, known, &mut open.generator);
    }
    let released = match open.progress.remove(&question) {
        Some(Progress::Released(released)) => *released,
        paid => {
            let paid = match paid {
                Some(Progress::Paid(paid)) => *paid,
                _ => open.ledger.pay(admitted.clone(), contract, now)?,
            };
            tally(serving, open, &admitted, paid, question).await?
        }
    };

    let result = measurement::report::lift_result(&released, contract, now);
    let mut result = serde_json::to_vec_pretty(&result).map_err(|_| Refusal::Internal)?;
    result.push(b'\n');
    let output = receipt::output(&result);
    open.audit.append(now, &Event::Ran { job: job.id, output });
    let body = receipt_body(open, &manifests, &admitted, &released, signed, output, now);
    let receipt = match attest(serving, open, BodyKind::Receipt, &canonical::to_vec(&body)) {
        Ok(receipt) => receipt,
        Err(refusal) => {
            open.progress.insert(question, Progress::Released(Box::new(released)));
            return Err(refusal);
        }
    };
    open.results.keep(serving, asked, question, (result, receipt), &mut open.generator)
}

/// Runs the engine and adds the noise that was paid for. A fault gives the payment back, so that a
/// retry of the question costs nothing more.
async fn tally(
    serving: &Serving,
    open: &mut Open,
    admitted: &Admitted,
    paid: Paid,
    question: Digest,
) -> Result<Released, Refusal> {
    let Tally { population, outcome, .. } = &admitted.tally;
    let versions = &admitted.job.datasets;
    let unlocked = open.vault.unlocked(&serving.contract, versions, population, outcome)?;
    let population = std::slice::from_ref(unlocked.population);
    let outcome = std::slice::from_ref(unlocked.outcome);
    let engine = &serving.engine;
    match engine.run(&admitted.tally, &serving.contract, population, outcome).await {
        Ok(raw) => {
            let noise = &mut open.noise.as_mut();
            raw.release(paid, noise).map_err(|_| Refusal::Internal)
        }
        Err(fault) => {
            tracing::error!(%fault, "the engine failed");
            open.progress.insert(question, Progress::Paid(Box::new(paid)));
            Err(Refusal::Internal)
        }
    }
}

/// How far a question came that was paid for and not answered, because something inside failed.
pub(crate) enum Progress {
    /// Nothing was computed.
    Paid(Box<Paid>),
    /// The figures are there, a receipt is not.
    Released(Box<Released>),
}

/// What was asked of which data. Its parts say everything a result depends on, but who asked.
fn question(admitted: &Admitted, job: &Job) -> Digest {
    let parts = (&job.lift, &job.analysis, &job.datasets, &admitted.tally, &admitted.priced);
    Digest::of("glovebox question v1", &canonical::to_vec(&parts))
}

fn receipt_body(
    open: &Open,
    manifests: &BTreeMap<String, SignedManifest>,
    admitted: &Admitted,
    released: &Released,
    signed: &[u8],
    output: Digest,
    time: Time,
) -> ReceiptBody {
    let (audit_size, audit_root) = open.audit.head();
    let manifest = |name| manifests.get(name).map(|m| ByteBuf::from(m.as_bytes().to_vec()));
    ReceiptBody {
        contract: admitted.job.contract,
        output,
        job: signed.to_vec(),
        manifests: admitted.datasets.iter().filter_map(manifest).collect(),
        tally: admitted.tally.clone(),
        priced: admitted.priced.clone(),
        charged: released.paid().charges().iter().map(|c| c.charge.clone()).collect(),
        withheld: released.withheld(),
        time,
        audit_size,
        audit_root,
    }
}

/// Signs `body` as this instance, with a document fetched for it.
pub(crate) fn attest(
    serving: &Serving,
    open: &Open,
    kind: BodyKind,
    body: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let user_data = user_data_for(&serving.statement);
    let nonce = nonce_for(kind, body);
    let document = serving.nsm.attest(Some(&user_data), Some(&nonce)).map_err(|error| {
        tracing::error!(%error, "no document for a receipt");
        Refusal::Internal
    })?;
    let payload = payload(kind, body, &document, &serving.statement);
    let signature = open.keys.receipt.sign_raw(&signing_input(&payload));
    let signature: [u8; 64] = signature.as_slice().try_into().map_err(|_| Refusal::Internal)?;
    Ok(encode(&payload, &signature))
}
