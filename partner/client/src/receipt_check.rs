//! Checks a receipt to the end: the enclave attested it, and contract, job and price give the same
//! when they are derived again.

use crate::{
    check::{Check, Line, List, Number, Outcome},
    files,
    trust::Trust,
};
use attestation_verifier::{
    Pcr, check as verifier,
    receipt::{Attested, BelievedReceipt, BodyKind},
};
use protocol::{
    canonical,
    contract::Contract,
    delegation::Authority,
    job::SignedJob,
    limits,
    manifest::SignedManifest,
    page::DataVersion,
    policy::{self, Admitted},
    receipt::{Charge, ReceiptBody},
    released::Released,
    result::{JobResult, NEAR_DUPLICATE, SAME_FIGURES},
    time::Time,
};
use std::collections::BTreeMap;

mod error;
mod provenance;
mod remedy;
mod words;

pub use error::{ReceiptError, ReceiptFlaw};

/// A receipt that holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The content of the receipt.
    pub body: ReceiptBody,
    /// The job in the receipt.
    pub job: SignedJob,
    /// The policy's decision, derived again.
    pub admitted: Admitted,
    /// Time of the attestation document in the receipt, signed by the hypervisor.
    pub attested_at: Time,
    /// The root of trust that the document goes back to, in words.
    pub root: String,
    /// Registers of the build, as the document has them.
    pub registers: BTreeMap<u8, Pcr>,
    /// SHA-256 of the receipt's bytes, as `sha256sum` prints it.
    pub digest: String,
    /// The versions of the data that were read, in the contract's order.
    pub data: Vec<DataVersion>,
    /// The released figures, if they were given.
    pub released: Option<Released>,
    /// The result, if it was given.
    pub result: Option<JobResult>,
    /// Every check, in the order made.
    pub checks: Vec<Line>,
}

/// The files that lie beside a receipt, as exact bytes; each may be missing.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "whoever checks says what there is")]
pub struct ReceiptFiles<'a> {
    /// The result.
    pub result: Option<&'a [u8]>,
    /// The released figures, from which the result is derived again.
    pub released: Option<&'a [u8]>,
}

/// Checks `receipt` under `contract`, with what lies `beside` it.
///
/// # Errors
///
/// [`ReceiptError`] for the first check that fails, with the list up to it.
pub fn check(
    contract: &Contract,
    receipt: &[u8],
    beside: ReceiptFiles<'_>,
    trust: &Trust,
) -> Result<Checked, ReceiptError> {
    let believed = attested(contract, receipt, trust)?;
    let mut list = List::of(&believed.checks());
    let output = output_check(&believed, beside.result);
    list.extend(output.as_slice());
    if output.is_some_and(|check| check.outcome == Outcome::Failed) {
        return Err(ReceiptError { flaw: ReceiptFlaw::OtherOutput, checks: failed(list, None) });
    }
    let mut at = 0;
    match derive(contract, &believed, beside, &mut at) {
        Ok(Derived { body, job, data, admitted, released, result }) => {
            titles().take(at).for_each(|(number, title)| list.passed(number, title, ""));
            let document = believed.believed();
            Ok(Checked {
                body,
                job,
                admitted,
                attested_at: Time(document.timestamp().as_millis()),
                root: document.root().to_string(),
                registers: document.pcrs().clone(),
                digest: files::sha256(receipt),
                data,
                released,
                result,
                checks: list.into_lines(),
            })
        }
        Err(flaw) => {
            titles().take(at).for_each(|(number, title)| list.passed(number, title, ""));
            let words = flaw.to_string();
            Err(ReceiptError { flaw, checks: failed(list, Some((at, words))) })
        }
    }
}

fn attested(
    contract: &Contract,
    receipt: &[u8],
    trust: &Trust,
) -> Result<BelievedReceipt, ReceiptError> {
    let refuse = |number: u8, words: String| {
        let checks = failed(List::of(&up_to(number, &words)), None);
        let remedy = remedy::remedy(number, receipt, contract, trust);
        ReceiptError { flaw: ReceiptFlaw::NotAttested { words, remedy }, checks }
    };
    let attested = Attested::parse(receipt).map_err(|e| refuse(e.check(), e.to_string()))?;
    let believed = attested
        .verify(&trust.expected(contract), contract.digest.as_bytes())
        .map_err(|e| refuse(e.check(), e.to_string()))?;
    if trust.has_withdrawn(believed.believed().pcrs()) {
        let flaw = ReceiptFlaw::Withdrawn;
        return Err(ReceiptError { checks: refuse(BUILD, flaw.to_string()).checks, flaw });
    }
    Ok(believed)
}

/// The verifier's checks of a receipt, in which `number` failed.
fn up_to(number: u8, words: &str) -> Vec<Check> {
    // A document that is not believed fails as check 28 of the receipt. The checks before 28 are
    // made before the document is looked at.
    let (in_document, in_container) = match number {
        ..=22 | verifier::REGION => (number, 28),
        23..=27 => (0, number),
        _ => (u8::MAX, number),
    };
    let mut checks = verifier::failed(in_document, words);
    let passed = |check: &&mut Check| check.outcome == Outcome::Passed;
    for check in checks.iter_mut().filter(passed).filter(|check| LIVE.contains(&check.number)) {
        check.outcome = Outcome::NotAsked;
        "read as of its own time".clone_into(&mut check.words);
    }
    checks.extend(verifier::receipt(Some((in_container, words.to_owned()))));
    checks
}

/// The verifier's checks against the present time, which do not apply to a document that was kept.
const LIVE: [u8; 2] = [17, 18];
/// The verifier's check that the registers are those of an acceptable build.
const BUILD: u8 = 20;

/// The verifier's check 30, which needs the result.
fn output_check(believed: &BelievedReceipt, result: Option<&[u8]>) -> Option<Check> {
    let number = 30;
    let differs = result.is_some_and(|result| !believed.matches_output(result));
    let failed = differs.then(|| (number, ReceiptFlaw::OtherOutput.to_string()));
    let mut found = verifier::receipt(failed).into_iter().find(|check| check.number == number);
    if let (Some(check), None) = (&mut found, result) {
        check.outcome = Outcome::NotAsked;
    }
    found
}

fn failed(mut list: List, flaw: Option<(usize, String)>) -> Vec<Line> {
    let from = flaw.as_ref().map_or(0, |(at, _)| at + 1);
    if let Some((at, words)) = flaw
        && let Some((number, title)) = titles().nth(at)
    {
        list.failed(number, title, words);
    }
    titles().skip(from).for_each(|(number, title)| list.not_reached(number, title));
    list.into_lines()
}

/// What was derived from a receipt.
struct Derived {
    body: ReceiptBody,
    job: SignedJob,
    data: Vec<DataVersion>,
    admitted: Admitted,
    released: Option<Released>,
    result: Option<JobResult>,
}

/// Derives policy, price and answer again, and counts in `at` the checks that passed.
fn derive(
    contract: &Contract,
    believed: &BelievedReceipt,
    beside: ReceiptFiles<'_>,
    at: &mut usize,
) -> Result<Derived, ReceiptFlaw> {
    if believed.kind() != BodyKind::Receipt {
        return Err(ReceiptFlaw::NoReceipt);
    }
    let body: ReceiptBody = canonical::from_slice_within(believed.body(), limits::RECEIPT)
        .map_err(|_| ReceiptFlaw::NoReceipt)?;
    *at += 1;
    let attested = Time(believed.believed().timestamp().as_millis());
    if body.time.0.abs_diff(attested.0) > MAX_DRIFT_MS {
        return Err(ReceiptFlaw::Time { said: body.time, attested });
    }
    *at += 1;
    // Keys must have been good when the result was made. Only the instance knew which ones were
    // withdrawn by then.
    let authority = Authority::at(contract, body.time);
    let signed = SignedJob::open_either(&authority, body.job.clone());
    let signed = signed.map_err(|refusal| ReceiptFlaw::Job(Box::new(refusal)))?;
    if let Some(run) = signed.run() {
        run.check_time(body.time).map_err(|refusal| ReceiptFlaw::Job(Box::new(refusal)))?;
    }
    let job = signed.job();
    let statement = attestation_verifier::receipt::user_data_for(&believed.statement().encode());
    if job.instance.as_bytes() != &statement {
        return Err(ReceiptFlaw::OtherInstance);
    }
    *at += 1;
    let manifests =
        job.read_manifests(&authority, &body.manifests).map_err(ReceiptFlaw::Manifests)?;
    *at += 1;
    let admitted = policy::admit(contract, job, signed.analyst(), &manifests, body.time)
        .map_err(|refusal| ReceiptFlaw::NotAdmitted(Box::new(refusal)))?;
    *at += 1;
    if *admitted.proven().tally() != body.tally {
        return Err(ReceiptFlaw::OtherTally);
    }
    *at += 1;
    if *admitted.proven().proof() != body.proof {
        return Err(ReceiptFlaw::OtherPrice);
    }
    *at += 1;
    let mut charged = body.charged.clone();
    charged.sort_by(|a, b| a.dataset.cmp(&b.dataset));
    if charged != charges(contract, &admitted) {
        return Err(ReceiptFlaw::OtherCharges);
    }
    *at += 1;
    let result = beside.result.map(|bytes| read_result(bytes, contract, &body, &admitted, &signed));
    let result = result.transpose()?;
    *at += usize::from(result.is_some());
    let released = beside.released.map(|bytes| read_released(bytes, &body)).transpose()?;
    if let (Some(result), Some(released)) = (&result, &released) {
        derive_result(
            contract,
            body.time,
            (&admitted, signed.signed_by().name()),
            released,
            result,
        )?;
        *at += 1;
    }
    let data = versions(contract, &manifests);
    Ok(Derived { body, job: signed, data, admitted, released, result })
}

fn versions(contract: &Contract, manifests: &BTreeMap<String, SignedManifest>) -> Vec<DataVersion> {
    let owned = manifests.iter().filter_map(|(dataset, signed)| {
        Some(DataVersion {
            dataset: dataset.clone(),
            owner: contract.datasets.get(dataset)?.owner.clone(),
            version: signed.manifest().version,
            manifest: signed.digest(),
            declared: signed.manifest().declared,
            opt_outs: signed.manifest().opt_outs,
        })
    });
    owned.collect()
}

fn charges(contract: &Contract, admitted: &Admitted) -> Vec<Charge> {
    let mut names = admitted.datasets().to_vec();
    names.sort();
    let charge = |dataset: String| Charge {
        owner: contract.datasets.get(&dataset).map(|d| d.owner.clone()).unwrap_or_default(),
        dataset,
        purpose: admitted.purpose().to_owned(),
        loss: admitted.cost().clone(),
    };
    names.into_iter().map(charge).collect()
}

fn read_result(
    bytes: &[u8],
    contract: &Contract,
    body: &ReceiptBody,
    admitted: &Admitted,
    signed: &SignedJob,
) -> Result<JobResult, ReceiptFlaw> {
    let differs = |field| ReceiptFlaw::OtherResult { field };
    let result = JobResult::from_json(bytes).map_err(|_| differs("format"))?;
    let job = admitted.job();
    for (same, field) in [
        (result.noise, "noise"),
        (result.contract == contract.digest, "contract"),
        (result.job == admitted.name().to_string(), "job"),
        (result.asked_by == admitted.analyst(), "analyst"),
        (result.analyst_key == signed.signed_by().name(), "analyst_key"),
        (result.analysis == job.analysis, "analysis"),
        (result.purpose == admitted.purpose(), "purpose"),
        (result.time == body.time, "time"),
        (result.answer.kind() == job.question.kind(), "question"),
    ] {
        if !same {
            return Err(differs(field));
        }
    }
    Ok(result)
}

/// The released figures, if the receipt is about them.
fn read_released(bytes: &[u8], body: &ReceiptBody) -> Result<Released, ReceiptFlaw> {
    if Released::digest(bytes) != body.released {
        return Err(ReceiptFlaw::OtherReleased);
    }
    Released::from_bytes(bytes).map_err(|_| ReceiptFlaw::OtherReleased)
}

/// Estimates the answer again, and compares every figure, flag and word of it with the result. Two
/// things only the instance knows: what it has left to spend, and which earlier jobs this one
/// resembles.
fn derive_result(
    contract: &Contract,
    time: Time,
    (admitted, analyst_key): (&Admitted, &str),
    released: &Released,
    result: &JobResult,
) -> Result<(), ReceiptFlaw> {
    let differs = |field| ReceiptFlaw::OtherAnswer { field };
    let derived = JobResult::new(contract, admitted, analyst_key, released, &BTreeMap::new(), time);
    // The result is compared as its file has it: a number is what its decimal digits say.
    let written = derived.and_then(|derived| derived.to_json()).ok_or(differs("kind"))?;
    let mut derived = JobResult::from_json(&written).map_err(|_| differs("kind"))?;
    for (derived, said) in derived.privacy.charged.iter_mut().zip(&result.privacy.charged) {
        derived.rho_left_in_instance = said.rho_left_in_instance;
    }
    let of_history = |flag: &&String| {
        [NEAR_DUPLICATE, SAME_FIGURES].iter().any(|begins| flag.starts_with(begins))
    };
    derived.flags.extend(result.flags.iter().filter(of_history).cloned());
    for (same, field) in [
        (derived.answer == result.answer, "answer"),
        (derived.flags == result.flags, "flags"),
        (derived.privacy == result.privacy, "privacy"),
        (derived == *result, "header"),
    ] {
        if !same {
            return Err(differs(field));
        }
    }
    Ok(())
}

/// The checks P1 to P10, beyond those of `attestation-verifier receipt`.
fn titles() -> impl Iterator<Item = (Number, &'static str)> {
    (1..).map(Number::Policy).zip(TITLES)
}

const TITLES: [&str; 10] = [
    "the body is a receipt of this version",
    "its time is that of the attestation document, up to fifteen minutes",
    "the job in it was signed by a party of the contract, for this instance",
    "the manifests in it were signed by the owners of their datasets, and are those of the job",
    "the contract permits the job",
    "the question follows from the job",
    "noise and price follow from the question",
    "each dataset was charged the price once",
    "the result says what the receipt says: contract, job, purpose, time, question, noise on",
    "every figure, flag and word of the answer follows from what was released",
];

/// Most milliseconds between the end of a job and its receipt.
const MAX_DRIFT_MS: u64 = 15 * 60 * 1000;

#[cfg(test)]
mod tests;
