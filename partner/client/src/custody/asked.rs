//! What slices were cut for: the jobs that a ledger knows.

use super::{
    accounts::{IN_SCOPE, Kind, Scope, read_loss, stored},
    ledger::LedgerError,
};
use protocol::{
    canonical,
    contract::Contract,
    digest::Digest,
    job::JobId,
    loss::Loss,
    policy::Admitted,
    proof::Proof,
    refusal::{Debit, ELSEWHERE, FOUND, NAMED_JOBS, PREPAID, Refusal, WRITTEN_OFF},
    tally::Tally,
    time::Time,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeMap;

/// A job that somebody wants loss for, as this side derived it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct JobAsked<'a> {
    /// Its earmark.
    pub digest: Digest,
    /// Who signed it.
    pub analyst: &'a str,
    /// What follows from it.
    pub admitted: &'a Admitted,
}

/// A job that loss was handed out for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct JobLine {
    /// Its identity.
    pub id: JobId,
    /// Who asked.
    pub analyst: String,
    /// Analysis of the contract.
    pub analysis: String,
    /// Purpose.
    pub purpose: String,
    /// Question.
    pub tally: Tally,
    /// Noise and cost.
    pub proof: Proof,
    /// An earlier job about the same people, or with one condition changed.
    pub resembles: Option<JobId>,
    /// When it was first asked for.
    pub time: Time,
}

/// Notes a job when loss is first asked for it.
///
/// # Errors
///
/// [`Refusal::TooManyJobs`] past the contract's number for one analyst and purpose in 24 hours.
pub(super) fn note(
    tx: &Transaction<'_>,
    contract: &Contract,
    asked: &JobAsked<'_>,
    now: Time,
) -> Result<(), LedgerError> {
    let key = asked.digest.as_bytes().as_slice();
    let known = tx.query_row("SELECT 1 FROM jobs WHERE job = ?1", [key], |_| Ok(())).optional()?;
    if known.is_some() {
        return Ok(());
    }
    let (job, proven) = (asked.admitted.job(), asked.admitted.proven());
    let purpose = asked.admitted.purpose();
    check_rate(tx, contract, asked.analyst, purpose, now)?;
    let population = proven.tally().population.dataset.as_str();
    let earlier = jobs(tx, population)?;
    let resembles = earlier.iter().find(|it| proven.tally().nearly_repeats(&it.tally, contract));
    tx.execute(
        "INSERT INTO jobs (job, id, analyst, analysis, purpose, population, tally, proof, resembles, \
         time, contract) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            key,
            job.id.0.as_slice(),
            asked.analyst,
            job.analysis,
            purpose,
            population,
            canonical::to_vec(proven.tally()),
            canonical::to_vec(proven.proof()),
            resembles.map(|it| it.id.0.as_slice()),
            stored(now.0),
            contract.digest.as_bytes().as_slice(),
        ],
    )?;
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
        "SELECT id, analyst, analysis, purpose, tally, proof, resembles, time FROM jobs \
         WHERE {which} ORDER BY time DESC, rowid DESC LIMIT ?2",
    ))?;
    let rows = statement.query_map(params, |row| {
        let names: (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let blobs: (Vec<u8>, Vec<u8>) = (row.get(4)?, row.get(5)?);
        let ids: (Vec<u8>, Option<Vec<u8>>) = (row.get(0)?, row.get(6)?);
        Ok((names, blobs, ids, row.get::<_, i64>(7)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let ((analyst, analysis, purpose), (tally, proof), (own, resembles), time) = row?;
        found.push(JobLine {
            id: job_id(own)?,
            analyst,
            analysis,
            purpose,
            tally: canonical::from_slice(&tally).map_err(|_| LedgerError::Corrupt)?,
            proof: canonical::from_slice(&proof).map_err(|_| LedgerError::Corrupt)?,
            resembles: resembles.map(job_id).transpose()?,
            time: Time(u64::try_from(time).map_err(|_| LedgerError::Corrupt)?),
        });
    }
    Ok(found)
}

/// What was handed out within a scope, by analyst and analysis, the largest first. With `contract`, jobs under others are summed up and not named: who is told has
/// no business with them.
pub(super) fn debits(
    db: &Connection,
    scope: &Scope<'_>,
    contract: Option<Digest>,
) -> Result<Vec<Debit>, LedgerError> {
    let mut statement = db.prepare(&format!(
        "SELECT cut.kind, jobs.analyst, jobs.analysis, jobs.id, cut.loss, cut.contract \
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
        let ((kind, analyst, analysis), (id, loss, under)) = row?;
        let elsewhere = contract.is_some_and(|it| it.as_bytes().as_slice() != under);
        let (analyst, analysis) = match (analyst, analysis) {
            _ if elsewhere => (None, ELSEWHERE.to_owned()),
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
        if let (Some(id), Some(_)) = (id, &debit.analyst)
            && debit.latest.len() < NAMED_JOBS
        {
            debit.latest.push(job_id(id)?);
        }
    }
    let mut debits: Vec<_> = debits.into_values().collect();
    debits.sort_by_key(|it| std::cmp::Reverse(it.loss.rho()));
    Ok(debits)
}

/// The earlier job about nearly the same people, if this one had one.
pub(super) fn resembled(db: &Connection, job: Digest) -> Result<Option<JobId>, LedgerError> {
    let sql = "SELECT resembles FROM jobs WHERE job = ?1";
    let key = job.as_bytes().as_slice();
    let found: Option<Option<Vec<u8>>> = db.query_row(sql, [key], |row| row.get(0)).optional()?;
    found.flatten().map(job_id).transpose()
}

fn job_id(bytes: Vec<u8>) -> Result<JobId, LedgerError> {
    bytes.try_into().map(JobId).map_err(|_| LedgerError::Corrupt)
}

const DAY_MS: u64 = 86_400_000;
/// With how many earlier jobs a new one is compared.
const LATEST: i64 = 256;
