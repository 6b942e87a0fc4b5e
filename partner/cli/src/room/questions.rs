//! Every question that was paid for, from ledgers, receipts and logs, and where these contradict each other.

use super::{
    evidence::Evidence,
    findings::{FindingKind, Findings},
};
use client::audit::KeptLog;
use custody::{LedgerRecord, RecordedSlice};
use protocol::{
    audit::{Event, Listed},
    contract::Contract,
    digest::Digest,
    job::JobName,
    loss::Loss,
    receipt::Charge,
    result::SAME_FIGURES,
    time::Time,
};
use std::collections::BTreeMap;

/// A question that was asked, and what became of it.
pub(super) struct AskedQuestion {
    /// When loss was handed out for it, or when it was answered.
    pub(super) time: Time,
    pub(super) analyst: String,
    pub(super) analysis: String,
    pub(super) purpose: String,
    pub(super) instance: Option<Digest>,
    /// What each dataset was charged; nothing if its figures had been paid for before.
    pub(super) charged: BTreeMap<String, Loss>,
    pub(super) outcome: QuestionOutcome,
}

/// What became of a question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum QuestionOutcome {
    /// Its answer is here, and was derived again from the released figures.
    Derived,
    /// Its answer is here and its receipt holds; its figures were not derived again.
    Held,
    /// What is here of its answer does not hold.
    NotBelieved,
    /// It was asked before by this job, whose answer was given again and is here.
    Again(JobName),
    /// It was answered, for these parties to read, none of whose exports is here.
    ReadByOthers(Vec<String>),
    /// The log of its instance ends with a closing, and has no answer to it: what it would have cost came back.
    NeverAnswered,
    /// Nothing here tells.
    Unknown,
}

/// Every question, by its job.
pub(super) type Questions = BTreeMap<JobName, AskedQuestion>;

/// Gathers every question, and adds to `found` what contradicts it.
pub(super) fn gather(evidence: &Evidence, contract: &Contract, found: &mut Findings) -> Questions {
    let mut questions = Questions::new();
    for record in evidence.ledgers.values() {
        record.slices.iter().for_each(|slice| from_ledger(&mut questions, slice));
    }
    for answer in evidence.answers.values() {
        from_answer(&mut questions, answer, evidence, found);
    }
    for (at, log) in &evidence.logs {
        from_log(&mut questions, (at.as_str(), log), evidence, found);
    }
    closings(evidence, contract, found);
    for (job, question) in &mut questions {
        question.outcome = outcome(*job, question, evidence, found);
    }
    questions
}

fn from_ledger(questions: &mut Questions, slice: &RecordedSlice) {
    let Some(job) = slice.job else { return };
    let question = questions.entry(job).or_insert_with(|| AskedQuestion {
        time: slice.time,
        analyst: slice.analyst.clone().unwrap_or_default(),
        analysis: slice.analysis.clone().unwrap_or_default(),
        purpose: slice.purpose.clone(),
        instance: Some(slice.instance),
        charged: BTreeMap::new(),
        outcome: QuestionOutcome::Unknown,
    });
    question.time = question.time.min(slice.time);
    question.charged.insert(slice.dataset.clone(), slice.loss.clone());
}

fn from_answer(
    questions: &mut Questions,
    answer: &super::evidence::HeldAnswer,
    evidence: &Evidence,
    found: &mut Findings,
) {
    let (checked, job) = (&answer.checked, answer.checked.job.job());
    let flags = checked.result.iter().flat_map(|result| &result.flags);
    let earlier = flags.filter_map(|flag| flag.strip_prefix(SAME_FIGURES)).next();
    let charged = if earlier.is_some() { &[][..] } else { checked.body.charged.as_slice() };
    let question = questions.entry(checked.job.name()).or_insert_with(|| AskedQuestion {
        time: checked.body.time,
        analyst: checked.job.analyst().to_owned(),
        analysis: job.analysis.clone(),
        purpose: checked.admitted.purpose().to_owned(),
        instance: Some(job.instance),
        charged: BTreeMap::new(),
        outcome: QuestionOutcome::Unknown,
    });
    for charge in charged {
        question.charged.entry(charge.dataset.clone()).or_insert_with(|| charge.loss.clone());
    }
    // What an earlier job paid for is in the ledger under that job's name.
    let paid_as = earlier.and_then(|name| name.parse().ok()).unwrap_or(checked.job.name());
    let says = format!("the receipt in {}", answer.at);
    for charge in &checked.body.charged {
        compare(evidence, (paid_as, job.instance, checked.body.time), charge, &says, found);
    }
}

fn from_log(
    questions: &mut Questions,
    (at, log): (&str, &KeptLog),
    evidence: &Evidence,
    found: &mut Findings,
) {
    for entry in log.log().texts() {
        let Event::Answered { job, asked_by, analysis, purpose, charged, output, .. } = entry.event
        else {
            continue;
        };
        if let Some(answer) = evidence.answers.get(&job)
            && answer.checked.body.output != output
        {
            let why =
                format!("entry {} of {at} is on another answer to the same job", entry.number);
            found.add(FindingKind::Contradiction, &answer.at, why);
        }
        for charge in &charged {
            let says = format!("entry {} of {at}", entry.number);
            compare(evidence, (job, log.instance(), entry.time), charge, &says, found);
        }
        let question = questions.entry(job).or_insert_with(|| AskedQuestion {
            time: entry.time,
            analyst: asked_by,
            analysis,
            purpose,
            instance: Some(log.instance()),
            charged: BTreeMap::new(),
            outcome: QuestionOutcome::Unknown,
        });
        for charge in charged {
            question.charged.entry(charge.dataset).or_insert(charge.loss);
        }
    }
}

/// Compares what an enclave says that a dataset was charged for a job with the ledger of the dataset's owner.
fn compare(
    evidence: &Evidence,
    (job, instance, time): (JobName, Digest, Time),
    charge: &Charge,
    says: &str,
    found: &mut Findings,
) {
    let Some(record) = evidence.ledgers.get(&charge.owner) else { return };
    let what = |loss: &Loss| format!("rho {:.6}", loss.rho().value());
    let why = match record.paid_for(job, instance, &charge.dataset) {
        Some(loss) if *loss == charge.loss => return,
        Some(loss) => format!("the ledger of {} has {} of it", charge.owner, what(loss)),
        // Such entries name no job.
        None if unnamed(record, instance, charge).next().is_some() => return,
        None if evidence.is_after_ledger_of(&charge.owner, time) => {
            let why = format!(
                "it was answered after {} exported its ledger: get a newer export of it",
                charge.owner
            );
            return found.add(FindingKind::Unanswered, format!("job {job}"), why);
        }
        None => format!("the ledger of {} has no entry on it", charge.owner),
    };
    let says = format!(
        "{says} says that {} was charged {}, and {why}",
        charge.dataset,
        what(&charge.loss)
    );
    found.add(FindingKind::Contradiction, format!("job {job}"), says);
}

/// Entries for jobs to come, or of which only a closing told, that may have paid for a charge.
fn unnamed<'r>(
    record: &'r LedgerRecord,
    instance: Digest,
    charge: &'r Charge,
) -> impl Iterator<Item = &'r RecordedSlice> {
    record.slices.iter().filter(move |slice| {
        slice.job.is_none()
            && (slice.instance == instance || slice.kind == WRITTEN_OFF)
            && slice.dataset == charge.dataset
            && slice.purpose == charge.purpose
    })
}

/// Compares what closed instances say they were granted and spent with the ledgers.
fn closings(evidence: &Evidence, contract: &Contract, found: &mut Findings) {
    for (at, closing) in &evidence.closings {
        let instance = closing.body().instance;
        for account in &closing.body().accounts {
            let owner = contract.datasets.get(&account.dataset).map(|dataset| &dataset.owner);
            let Some(record) = owner.and_then(|owner| evidence.ledgers.get(owner)) else {
                continue;
            };
            if evidence.is_after_ledger_of(&record.party, closing.body().time) {
                continue;
            }
            let of = |dataset: &str, purpose: &str, period: &str, of: Digest| {
                of == instance
                    && dataset == account.dataset
                    && purpose == account.purpose
                    && period == account.period
            };
            let slices = record.slices.iter();
            let slices = slices.filter(|s| of(&s.dataset, &s.purpose, &s.period, s.instance));
            let handed = slices.fold(Loss::zero(), |sum, slice| sum.plus(&slice.loss));
            let mut tell = |why: String| {
                let item = format!("the ledger of {}", record.party);
                let account =
                    format!("{} for {}, {}", account.dataset, account.purpose, account.period);
                found.add(FindingKind::Contradiction, item, format!("{account}: {why} ({at})"));
            };
            if !account.granted.fits(&handed) {
                tell(format!(
                    "the instance {} was granted rho {:.6}, and the entries for it come to {:.6}: entries were taken out",
                    instance.short(),
                    account.granted.rho().value(),
                    handed.rho().value()
                ));
            }
            let credits = record.credits.iter();
            let mut credits = credits.filter(|c| of(&c.dataset, &c.purpose, &c.period, c.instance));
            let rest = handed.minus(&account.spent);
            if let Some(credit) = credits.find(|credit| credit.loss != rest) {
                tell(format!(
                    "rho {} came back of the instance {}, and it had not spent {:.6}",
                    credit.rho,
                    instance.short(),
                    rest.rho().value()
                ));
            }
        }
    }
}

/// What became of a question; what cannot be told is added to `found`.
fn outcome(
    job: JobName,
    question: &AskedQuestion,
    evidence: &Evidence,
    found: &mut Findings,
) -> QuestionOutcome {
    if let Some(answer) = evidence.answers.get(&job) {
        return if answer.is_derived() { QuestionOutcome::Derived } else { QuestionOutcome::Held };
    }
    if evidence.broken.contains_key(&job.to_string()) {
        return QuestionOutcome::NotBelieved;
    }
    let mut logs =
        evidence.logs.iter().filter(|(_, log)| Some(log.instance()) == question.instance);
    let answered = logs.clone().find_map(|(_, log)| answered_for(log, job));
    let here = |reader: &&String| evidence.parties.contains(*reader);
    let unanswered = |found: &mut Findings, why: String| {
        found.add(FindingKind::Unanswered, format!("job {job}"), why);
        QuestionOutcome::Unknown
    };
    if let Some((readers, output)) = answered {
        let mut held = evidence.answers.iter();
        if let Some((first, _)) = held.find(|(_, held)| held.checked.body.output == output) {
            return QuestionOutcome::Again(*first);
        }
        let Some(reader) = readers.iter().find(here) else {
            return QuestionOutcome::ReadByOthers(readers);
        };
        let why = format!("{reader} could read its answer, which is in no export that was given");
        return unanswered(found, why);
    }
    if logs.any(|(_, log)| is_whole_for(log, question, evidence)) {
        return QuestionOutcome::NeverAnswered;
    }
    let why = "it was paid for, and no receipt, and no log that goes on to the closing, says what became of it";
    unanswered(found, why.to_owned())
}

/// Who can read the answer to a job, and the digest of the answer, if the log says that it was answered.
fn answered_for(log: &KeptLog, job: JobName) -> Option<(Vec<String>, Digest)> {
    log.log().texts().find_map(|entry| match entry.event {
        Event::Answered { job: answered, receivers, output, .. } if answered == job => {
            Some((receivers, output))
        }
        _ => None,
    })
}

/// Whether a log would have the answer to a question, if there had been one: it goes on to the closing, which says that so much was
/// not spent, and the party that kept it owns a dataset of the question, whose entries it may read.
fn is_whole_for(log: &KeptLog, question: &AskedQuestion, evidence: &Evidence) -> bool {
    let ends = log.log().texts().any(|entry| matches!(entry.event, Event::Closed {}));
    let all_kept = log.log().entries().iter().all(|entry| !matches!(entry, Listed::NotKept(_)));
    let Some(record) = evidence.ledgers.get(log.party()).filter(|_| ends && all_kept) else {
        return false;
    };
    let mut own = question.charged.iter().filter(|(dataset, _)| record.datasets.contains(dataset));
    own.any(|(dataset, loss)| {
        let of = |name: &str, purpose: &str| name == dataset && purpose == question.purpose;
        let slices = record.slices.iter().filter(|slice| slice.instance == log.instance());
        let slices = slices.filter(|slice| of(&slice.dataset, &slice.purpose));
        let handed = slices.fold(Loss::zero(), |sum, slice| sum.plus(&slice.loss));
        let mut closings = evidence.closings.iter().map(|(_, closing)| closing.body());
        closings.any(|body| {
            let accounts = body.accounts.iter().filter(|said| of(&said.dataset, &said.purpose));
            let spent = accounts.fold(Loss::zero(), |sum, said| sum.plus(&said.spent));
            // A log of another size is another one, or its beginning; of one of this size the root was compared.
            body.instance == log.instance()
                && body.audit_size == log.log().size()
                && loss.fits(&handed.minus(&spent))
        })
    })
}

/// The kind of an entry that a restored ledger had to assume.
const WRITTEN_OFF: &str = "written off";
