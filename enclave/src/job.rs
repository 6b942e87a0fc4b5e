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
    job::{Job, Question},
    manifest::SignedManifest,
    message::Reply,
    policy::{self, Admitted},
    receipt::{self, ReceiptBody},
    refusal::Refusal,
    result::{JobResult, NEAR_DUPLICATE},
    sign,
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
                _ => {
                    let purpose = admitted.purpose();
                    open.history.check_rate(contract, party, purpose, now)?;
                    let paid = open.ledger.pay(admitted.clone(), contract, now)?;
                    let tally = admitted.proven().tally();
                    open.history.note(job.id, (party, purpose), tally, now);
                    paid
                }
            };
            tally(serving, open, &admitted, paid, question).await?
        }
    };

    let mut result = match &job.question {
        Question::Lift(asked) => {
            JobResult::Lift(measurement::report::lift_result(&released, asked, contract, now))
        }
        Question::Table(asked) => {
            JobResult::Table(measurement::table::table_result(&released, asked, contract, now))
        }
    };
    if let Some(earlier) = open.history.resembled(admitted.proven().tally()) {
        result.flag(format!("{NEAR_DUPLICATE}{earlier}"));
    }
    let result = result.to_json().ok_or(Refusal::Internal)?;
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
    let proven = admitted.proven();
    let versions = &admitted.job().datasets;
    let unlocked = open.vault.unlocked(&serving.contract, versions, proven.tally())?;
    let population = std::slice::from_ref(unlocked.population);
    let joined = unlocked.joined.map(std::slice::from_ref);
    match serving.engine.run(proven, &serving.contract, population, joined).await {
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
    let (tally, proof) = (admitted.proven().tally(), admitted.proven().proof());
    let parts = (&job.question, &job.analysis, &job.datasets, tally, proof);
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
        contract: admitted.job().contract,
        output,
        job: signed.to_vec(),
        manifests: admitted.datasets().iter().filter_map(manifest).collect(),
        tally: admitted.proven().tally().clone(),
        proof: admitted.proven().proof().clone(),
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
