//! The jobs that a ledger has cut slices for.

use super::{
    accounts::{IN_SCOPE, Kind, Scope, read_loss, stored},
    error::LedgerError,
};
use protocol::{
    canonical,
    contract::Contract,
    digest::Digest,
    job::{Decision, JobName},
    loss::Loss,
    opt_outs::NamedOptOuts,
    policy::Admitted,
    proof::Proof,
    refusal::{Debit, ELSEWHERE, FOUND, NAMED_JOBS, OTHERS, PREPAID, Refusal, WRITTEN_OFF},
    tally::{Side, Tally},
    time::Time,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeMap;

/// A job that needs loss, as this custody derived it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct DerivedJob<'a> {
    /// Name of the job.
    pub name: JobName,
    /// The analyst who signed it.
    pub analyst: &'a str,
    /// The policy's decision on it.
    pub admitted: &'a Admitted,
    /// The lists of opt-outs that apply to its datasets, by their names; none for a dataset without one.
    pub opt_outs: &'a BTreeMap<String, NamedOptOuts>,
}

/// A job that loss was handed out for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct JobLine {
    /// Name of the job.
    pub name: JobName,
    /// The analyst who asked.
    pub analyst: String,
    /// Name of the analysis in the contract.
    pub analysis: String,
    /// What the data is used for.
    pub purpose: String,
    /// The question of the job.
    pub tally: Tally,
    /// The noise and the cost of the job.
    pub proof: Proof,
    /// An earlier job about the same people, or with one condition changed.
    pub resembles: Option<JobName>,
    /// The decision that its answer serves, in the analyst's words.
    pub decision: Option<Decision>,
    /// The earlier job that it checks.
    pub checks: Option<JobName>,
    /// When it was first asked for.
    pub time: Time,
}

/// Records a job when loss is first asked for it.
///
/// # Errors
///
/// [`Refusal::TooManyJobs`] past the contract's number for one analyst and purpose in 24 hours.
pub(super) fn note(
    tx: &Transaction<'_>,
    contract: &Contract,
    asked: &DerivedJob<'_>,
    now: Time,
) -> Result<(), LedgerError> {
    let key = asked.name.as_bytes().as_slice();
    let known = tx.query_row("SELECT 1 FROM jobs WHERE job = ?1", [key], |_| Ok(())).optional()?;
    if known.is_some() {
        return Ok(());
    }
    let (job, proven) = (asked.admitted.job(), asked.admitted.proven());
    let purpose = asked.admitted.purpose();
    check_rate(tx, contract, asked.analyst, purpose, now)?;
    let population = proven.tally().dataset(Side::POPULATION);
    let earlier = jobs(tx, population)?;
    let resembles =
        earlier.iter().find(|earlier| proven.tally().nearly_repeats(&earlier.tally, contract));
    tx.execute(
        "INSERT INTO jobs (job, analyst, analysis, purpose, population, tally, proof, resembles, \
         time, contract) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            key,
            asked.analyst,
            job.analysis,
            purpose,
            population,
            canonical::to_vec(proven.tally()),
            canonical::to_vec(proven.proof()),
            resembles.map(|earlier| earlier.name.as_bytes().as_slice()),
            stored(now.0),
            contract.digest.as_bytes().as_slice(),
        ],
    )?;
    if job.decision.is_some() || job.checks.is_some() {
        let decision = job.decision.as_ref().map(Decision::as_str);
        let checks = job.checks.as_ref().map(|checked| checked.as_bytes().as_slice());
        tx.execute(
            "INSERT INTO reasons (job, decision, checks) VALUES (?1, ?2, ?3)",
            params![key, decision, checks],
        )?;
    }
    Ok(())
}

fn check_rate(
    tx: &Transaction<'_>,
    contract: &Contract,
    analyst: &str,
    purpose: &str,
    now: Time,
) -> Result<(), LedgerError> {
    let since = Time(now.0.saturating_sub(DAY_MS));
    let (found, first): (i64, Option<i64>) = tx.query_row(
        "SELECT count(*), min(time) FROM jobs WHERE analyst = ?1 AND purpose = ?2 AND time > ?3 \
         AND contract = ?4",
        params![analyst, purpose, stored(since.0), contract.digest.as_bytes().as_slice()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let most = contract.jobs_per_day;
    if found < i64::from(most) {
        return Ok(());
    }
    let first = first.and_then(|first| u64::try_from(first).ok()).unwrap_or(now.0);
    let (analyst, purpose) = (analyst.to_owned(), purpose.to_owned());
    let next = Time(first.saturating_add(DAY_MS));
    Err(LedgerError::Refused(Box::new(Refusal::TooManyJobs { analyst, purpose, most, next })))
}

/// The latest jobs about the people of `population`, newest first.
fn jobs(db: &Connection, population: &str) -> Result<Vec<JobLine>, LedgerError> {
    lines(db, "population = ?1", params![population, LATEST])
}

/// The latest jobs for which loss of `dataset` was handed out for `purpose`, newest first.
pub(super) fn charged(
    db: &Connection,
    dataset: &str,
    purpose: &str,
) -> Result<Vec<JobLine>, LedgerError> {
    let of = "purpose = ?1 AND EXISTS (SELECT 1 FROM slices WHERE slices.job = jobs.job \
              AND slices.dataset = ?3)";
    lines(db, of, params![purpose, LATEST, dataset])
}

fn lines(
    db: &Connection,
    which: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<JobLine>, LedgerError> {
    let mut statement = db.prepare(&format!(
        "SELECT jobs.job, analyst, analysis, purpose, tally, proof, resembles, time, decision, checks \
         FROM jobs LEFT JOIN reasons ON reasons.job = jobs.job \
         WHERE {which} ORDER BY time DESC, jobs.rowid DESC LIMIT ?2",
    ))?;
    let rows = statement.query_map(params, |row| {
        let names: (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let blobs: (Vec<u8>, Vec<u8>) = (row.get(4)?, row.get(5)?);
        let jobs: (Vec<u8>, Option<Vec<u8>>) = (row.get(0)?, row.get(6)?);
        let reasons: (Option<String>, Option<Vec<u8>>) = (row.get(8)?, row.get(9)?);
        Ok((names, blobs, jobs, row.get::<_, i64>(7)?, reasons))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (names, blobs, (own, resembles), time, (decision, checks)) = row?;
        let ((analyst, analysis, purpose), (tally, proof)) = (names, blobs);
        found.push(JobLine {
            name: job_name(own)?,
            analyst,
            analysis,
            purpose,
            tally: canonical::from_slice(&tally).map_err(|_| LedgerError::Corrupt)?,
            proof: canonical::from_slice(&proof).map_err(|_| LedgerError::Corrupt)?,
            resembles: resembles.map(job_name).transpose()?,
            decision: decision.map(read_decision).transpose()?,
            checks: checks.map(job_name).transpose()?,
            time: Time(u64::try_from(time).map_err(|_| LedgerError::Corrupt)?),
        });
    }
    Ok(found)
}

/// The reader of a list of what a budget was spent on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reader<'a> {
    /// The owner, at its own ledger.
    Owner,
    /// The owner as a party of this contract, in a reply that others may also see.
    OwnerUnder(Digest),
    /// An analyst under this contract, who may see its own jobs.
    Analyst(&'a str, Digest),
}

impl Reader<'_> {
    /// The contract outside which nothing is named.
    fn contract(self) -> Option<Digest> {
        match self {
            Self::Owner => None,
            Self::OwnerUnder(contract) | Self::Analyst(_, contract) => Some(contract),
        }
    }

    fn may_know_jobs_of(self, analyst: &str) -> bool {
        match self {
            Self::Owner | Self::OwnerUnder(_) => true,
            Self::Analyst(reader, _) => reader == analyst,
        }
    }
}

/// What was handed out within a scope, by analyst and analysis, the largest first. What the reader
/// may not see is summed up without a name.
pub(super) fn debits(
    db: &Connection,
    scope: &Scope<'_>,
    reader: Reader<'_>,
) -> Result<Vec<Debit>, LedgerError> {
    let mut statement = db.prepare(&format!(
        "SELECT cut.kind, jobs.analyst, jobs.analysis, jobs.job, cut.loss, cut.contract \
         FROM (SELECT * FROM slices WHERE {IN_SCOPE}) AS cut LEFT JOIN jobs ON jobs.job = cut.job \
         ORDER BY cut.id DESC",
    ))?;
    let rows = statement.query_map(scope.params(), |row| {
        let by: (String, Option<String>, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let blobs: (Option<Vec<u8>>, Vec<u8>, Vec<u8>) = (row.get(3)?, row.get(4)?, row.get(5)?);
        Ok((by, blobs))
    })?;
    let mut debits: BTreeMap<(Option<String>, String), Debit> = BTreeMap::new();
    for row in rows {
        let ((kind, analyst, analysis), (job, loss, under)) = row?;
        let elsewhere = |contract: Digest| contract.as_bytes().as_slice() != under;
        let (analyst, analysis) = match (analyst, analysis) {
            _ if reader.contract().is_some_and(elsewhere) => (None, ELSEWHERE.to_owned()),
            (Some(analyst), Some(_)) if !reader.may_know_jobs_of(&analyst) => {
                (None, OTHERS.to_owned())
            }
            (Some(analyst), Some(analysis)) => (Some(analyst), analysis),
            _ if kind == Kind::Prepaid.name() => (None, PREPAID.to_owned()),
            _ if kind == Kind::Found.name() => (None, FOUND.to_owned()),
            _ => (None, WRITTEN_OFF.to_owned()),
        };
        let key = (analyst.clone(), analysis.clone());
        let debit = debits.entry(key).or_insert_with(|| {
            let (jobs, latest, loss) = (0, Vec::new(), Loss::zero());
            Debit { analyst, analysis, jobs, latest, loss }
        });
        debit.jobs += 1;
        debit.loss = debit.loss.plus(&read_loss(&loss)?);
        if let (Some(job), Some(_)) = (job, &debit.analyst)
            && debit.latest.len() < NAMED_JOBS
        {
            debit.latest.push(job_name(job)?);
        }
    }
    let mut debits: Vec<_> = debits.into_values().collect();
    debits.sort_by_key(|debit| std::cmp::Reverse(debit.loss.rho()));
    Ok(debits)
}

/// The earlier job about nearly the same people as this one, if there is one.
pub(super) fn resembled(db: &Connection, job: JobName) -> Result<Option<JobName>, LedgerError> {
    let sql = "SELECT resembles FROM jobs WHERE job = ?1";
    let key = job.as_bytes().as_slice();
    let found: Option<Option<Vec<u8>>> = db.query_row(sql, [key], |row| row.get(0)).optional()?;
    found.flatten().map(job_name).transpose()
}

/// What was handed out for the jobs of one decision.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DecisionLine {
    /// The decision, in the words of whoever asked; `None` of jobs that named none.
    pub decision: Option<Decision>,
    /// How many jobs were charged.
    pub jobs: u64,
    /// What was handed out for them. What came back at closings is not taken off.
    pub loss: Loss,
}

/// What was handed out for jobs within a scope, by decision, the largest first. Empty if no job named a decision.
pub(super) fn decisions(
    db: &Connection,
    scope: &Scope<'_>,
) -> Result<Vec<DecisionLine>, LedgerError> {
    let mut statement = db.prepare(&format!(
        "SELECT reasons.decision, cut.loss FROM (SELECT * FROM slices WHERE {IN_SCOPE}) AS cut \
         LEFT JOIN reasons ON reasons.job = cut.job WHERE cut.job IS NOT NULL",
    ))?;
    let rows = statement.query_map(scope.params(), |row| {
        Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    let mut lines: BTreeMap<Option<Decision>, DecisionLine> = BTreeMap::new();
    for row in rows {
        let (decision, loss) = row?;
        let decision = decision.map(read_decision).transpose()?;
        let line = lines.entry(decision.clone());
        let line = line.or_insert(DecisionLine { decision, jobs: 0, loss: Loss::zero() });
        line.jobs += 1;
        line.loss = line.loss.plus(&read_loss(&loss)?);
    }
    if lines.keys().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let mut lines: Vec<_> = lines.into_values().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.loss.rho()));
    Ok(lines)
}

pub(super) fn read_decision(words: String) -> Result<Decision, LedgerError> {
    Decision::try_from(words).map_err(|_| LedgerError::Corrupt)
}

pub(super) fn job_name(bytes: Vec<u8>) -> Result<JobName, LedgerError> {
    JobName::try_from(bytes.as_slice()).map_err(|_| LedgerError::Corrupt)
}

const DAY_MS: u64 = 86_400_000;
/// How many earlier jobs a new one is compared with.
const LATEST: i64 = 256;
