//! The ledger for reading: all that was handed out under one contract, entry by entry, without the power to hand out more.

use super::{
    accounts::{Kind, Scope, read_loss, sum},
    error::LedgerError,
    jobs::{job_name, read_decision},
    ledger::Ledger,
    restore::pending,
};
use protocol::{
    contract::Contract,
    digest::Digest,
    job::{Decision, JobName},
    loss::Loss,
    time::{self, Time},
};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// What one party's ledger has under one contract. It is complete for the datasets that the party owns: nothing that costs
/// budget runs without an entry here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerRecord {
    /// Whose ledger it is.
    pub party: String,
    /// The contract.
    pub contract: Digest,
    /// The datasets of the party under this contract.
    pub datasets: Vec<String>,
    /// Whether the ledger is a restored backup that is not accounted for: it may have forgotten entries.
    pub restored: bool,
    /// What was handed out, in the order in which it was.
    pub slices: Vec<RecordedSlice>,
    /// What came back at closings.
    pub credits: Vec<RecordedCredit>,
    /// The instances that something was handed to, the oldest first.
    pub instances: Vec<RecordedInstance>,
    /// What the same people lost under other contracts: sums, and nobody's questions.
    pub elsewhere: Vec<Elsewhere>,
}

/// One slice.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedSlice {
    /// When it was cut.
    #[serde(with = "time::as_text")]
    pub time: Time,
    /// `job`, `prepaid`, `found` at a closing after a backup was restored, or `written off` then.
    pub kind: String,
    /// The dataset.
    pub dataset: String,
    /// What its data were used for.
    pub purpose: String,
    /// The period of the budget.
    pub period: String,
    /// The instance that it was for.
    pub instance: Digest,
    /// The job, of a slice for one.
    pub job: Option<JobName>,
    /// Who asked it.
    pub analyst: Option<String>,
    /// The analysis of the contract that it was asked under.
    pub analysis: Option<String>,
    /// The decision that its answer serves, in the words of whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The earlier job that it checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<JobName>,
    /// The same loss as ρ of zero-concentrated differential privacy, with all of its decimals.
    pub rho: String,
    /// The loss: at each order, and δ last.
    pub loss: Loss,
}

/// What came back on one account of a closed instance.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedCredit {
    /// When it was credited.
    #[serde(with = "time::as_text")]
    pub time: Time,
    /// The dataset.
    pub dataset: String,
    /// What its data were used for.
    pub purpose: String,
    /// The period of the budget.
    pub period: String,
    /// The instance that had not spent it.
    pub instance: Digest,
    /// The same loss as ρ, with all of its decimals.
    pub rho: String,
    /// The loss.
    pub loss: Loss,
}

/// An instance, as the ledger knows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedInstance {
    /// Digest of its statement.
    pub instance: Digest,
    /// When a slice was first cut for it.
    #[serde(with = "time::as_text")]
    pub first_seen: Time,
    /// Whether the ledger has taken in its closing, or written it off.
    pub settled: bool,
}

/// What the people of a dataset lost for one purpose under other contracts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Elsewhere {
    /// The dataset under this contract.
    pub dataset: String,
    /// The purpose.
    pub purpose: String,
    /// What was handed out less what came back, as ρ with all of its decimals.
    pub rho: String,
}

impl LedgerRecord {
    /// Whether every ρ is that of the loss beside it: a reader sees the one, and a check compares the other.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let slices = self.slices.iter().map(|slice| (&slice.rho, &slice.loss));
        let credits = self.credits.iter().map(|credit| (&credit.rho, &credit.loss));
        slices.chain(credits).all(|(said, loss)| *said == rho(loss))
    }

    /// What was handed out of a dataset for one job in one instance; `None` without an entry.
    #[must_use]
    pub fn paid_for(&self, job: JobName, instance: Digest, dataset: &str) -> Option<&Loss> {
        let same = |slice: &&RecordedSlice| {
            slice.job == Some(job) && slice.instance == instance && slice.dataset == dataset
        };
        self.slices.iter().find(same).map(|slice| &slice.loss)
    }
}

impl Ledger {
    /// The ledger of `party` under `contract`, for reading.
    ///
    /// # Privacy
    ///
    /// Names who asked what under this contract, and of other contracts only sums over the same people.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn record(&self, contract: &Contract, party: &str) -> Result<LedgerRecord, LedgerError> {
        let owned = contract.datasets.iter().filter(|(_, dataset)| dataset.owner == party);
        let mut elsewhere = Vec::new();
        for (name, dataset) in owned.clone() {
            for purpose in dataset.budgets.keys() {
                let scope = Scope {
                    lineage: &dataset.lineage,
                    purpose: Some(purpose),
                    budget_period: None,
                };
                let here = under(self.db(), &dataset.lineage, purpose, contract.digest)?;
                let rho = rho(&scope.used(self.db())?.minus(&here));
                let (dataset, purpose) = (name.clone(), purpose.clone());
                elsewhere.push(Elsewhere { dataset, purpose, rho });
            }
        }
        Ok(LedgerRecord {
            party: party.to_owned(),
            contract: contract.digest,
            datasets: owned.map(|(name, _)| name.clone()).collect(),
            restored: self.is_restored()? || !pending(self.db(), contract.digest)?.is_empty(),
            slices: slices(self.db(), contract.digest)?,
            credits: credits(self.db(), contract.digest)?,
            instances: instances(self.db(), contract.digest)?,
            elsewhere,
        })
    }
}

/// What was handed out of a lineage under one contract, less what came back.
fn under(
    db: &Connection,
    lineage: &str,
    purpose: &str,
    contract: Digest,
) -> Result<Loss, LedgerError> {
    let handed = "SELECT loss FROM slices WHERE contract = ?1 AND lineage = ?2 AND purpose = ?3";
    let returned = "SELECT loss FROM credits WHERE instance IN (SELECT instance FROM instances WHERE contract = ?1) \
         AND lineage = ?2 AND purpose = ?3";
    let id = contract.as_bytes().as_slice();
    let of = params![id, lineage, purpose];
    Ok(sum(db, handed, of)?.minus(&sum(db, returned, of)?))
}

fn slices(db: &Connection, contract: Digest) -> Result<Vec<RecordedSlice>, LedgerError> {
    let mut statement = db.prepare(
        "SELECT cut.time, cut.kind, cut.dataset, cut.purpose, cut.period, cut.instance, cut.job, cut.loss, \
         jobs.analyst, jobs.analysis, reasons.decision, reasons.checks \
         FROM slices AS cut LEFT JOIN jobs ON jobs.job = cut.job LEFT JOIN reasons ON reasons.job = cut.job \
         WHERE cut.contract = ?1 ORDER BY cut.id",
    )?;
    let rows = statement.query_map([contract.as_bytes().as_slice()], |row| {
        let names: [String; 4] = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
        let blobs: (Vec<u8>, Option<Vec<u8>>, Vec<u8>) = (row.get(5)?, row.get(6)?, row.get(7)?);
        let by: (Option<String>, Option<String>) = (row.get(8)?, row.get(9)?);
        let reasons: (Option<String>, Option<Vec<u8>>) = (row.get(10)?, row.get(11)?);
        Ok((row.get::<_, i64>(0)?, names, blobs, by, reasons))
    })?;
    let mut slices = Vec::new();
    for row in rows {
        let (time, [kind, dataset, purpose, period], (instance, job, loss), by, reasons) = row?;
        let ((analyst, analysis), (decision, checks)) = (by, reasons);
        let job = job.map(job_name).transpose()?;
        if job.is_some() != (kind == Kind::Job.name()) {
            return Err(LedgerError::Corrupt);
        }
        let loss = read_loss(&loss)?;
        slices.push(RecordedSlice {
            time: at(time)?,
            kind,
            dataset,
            purpose,
            period,
            instance: digest(&instance)?,
            job,
            analyst,
            analysis,
            decision: decision.map(read_decision).transpose()?,
            checks: checks.map(job_name).transpose()?,
            rho: rho(&loss),
            loss,
        });
    }
    Ok(slices)
}

fn credits(db: &Connection, contract: Digest) -> Result<Vec<RecordedCredit>, LedgerError> {
    let mut statement = db.prepare(
        "SELECT time, dataset, purpose, period, instance, loss FROM credits WHERE instance IN \
         (SELECT instance FROM instances WHERE contract = ?1) ORDER BY time, dataset, purpose, period",
    )?;
    let rows = statement.query_map([contract.as_bytes().as_slice()], |row| {
        let names: [String; 3] = [row.get(1)?, row.get(2)?, row.get(3)?];
        let blobs: (Vec<u8>, Vec<u8>) = (row.get(4)?, row.get(5)?);
        Ok((row.get::<_, i64>(0)?, names, blobs))
    })?;
    let mut credits = Vec::new();
    for row in rows {
        let (time, [dataset, purpose, period], (instance, loss)) = row?;
        let loss = read_loss(&loss)?;
        credits.push(RecordedCredit {
            time: at(time)?,
            dataset,
            purpose,
            period,
            instance: digest(&instance)?,
            rho: rho(&loss),
            loss,
        });
    }
    Ok(credits)
}

fn instances(db: &Connection, contract: Digest) -> Result<Vec<RecordedInstance>, LedgerError> {
    let mut statement = db.prepare(
        "SELECT instance, first_seen, closing IS NOT NULL FROM instances \
         WHERE contract = ?1 AND length(statement) > 0 ORDER BY rowid",
    )?;
    let rows = statement.query_map([contract.as_bytes().as_slice()], |row| {
        Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?, row.get(2)?))
    })?;
    let mut instances = Vec::new();
    for row in rows {
        let (instance, first_seen, settled) = row?;
        let (instance, first_seen) = (digest(&instance)?, at(first_seen)?);
        instances.push(RecordedInstance { instance, first_seen, settled });
    }
    Ok(instances)
}

/// ρ in whole units of 10⁻¹², so that nothing is rounded.
fn rho(loss: &Loss) -> String {
    let units = loss.rho().0;
    format!("{}.{:012}", units / UNITS, units % UNITS)
}

fn digest(bytes: &[u8]) -> Result<Digest, LedgerError> {
    Digest::try_from(bytes).map_err(|_| LedgerError::Corrupt)
}

fn at(time: i64) -> Result<Time, LedgerError> {
    u64::try_from(time).map(Time).map_err(|_| LedgerError::Corrupt)
}

/// Units of ρ in 1.
const UNITS: u64 = 1_000_000_000_000;
