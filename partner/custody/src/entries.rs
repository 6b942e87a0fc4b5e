//! The entries of a budget, one by one: what was handed out, and what came back.

use super::{
    accounts::{IN_SCOPE, Kind, Scope, budget_period, read_loss},
    error::LedgerError,
    jobs::{job_name, read_decision},
    ledger::Ledger,
    report::BudgetLine,
};
use protocol::{
    contract::Contract,
    job::{Decision, JobName},
    loss::Loss,
    time::Time,
};
use rusqlite::Connection;

/// One entry of a budget.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EntryLine {
    /// When it was written.
    pub time: Time,
    /// Whether it counts in the period of the report.
    pub in_period: bool,
    /// What it is about.
    pub kind: EntryKind,
    /// How much was handed out, or came back.
    pub loss: Loss,
}

/// What an entry is about.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EntryKind {
    /// One job.
    Job {
        /// Its name.
        name: JobName,
        /// Who asked.
        analyst: String,
        /// The analysis of the contract that it was asked under.
        analysis: String,
        /// The decision that its answer serves, in the words of whoever asked.
        decision: Option<Decision>,
        /// The earlier job that it checks.
        checks: Option<JobName>,
    },
    /// Jobs to come.
    Prepaid,
    /// What a closing told of that a restored backup did not know.
    Found,
    /// What a restored ledger had to assume.
    WrittenOff,
    /// A closing: this much had not been spent.
    Returned,
}

impl EntryKind {
    /// Whether the entry gives back what others took.
    #[must_use]
    pub fn is_return(&self) -> bool {
        matches!(self, Self::Returned)
    }
}

impl Ledger {
    /// Every entry of the budget of `line`, over all contracts and periods, the oldest first. Those of the period add up to
    /// what the line says was used, and all of them to what was used for life.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn entries(
        &self,
        contract: &Contract,
        line: &BudgetLine,
    ) -> Result<Vec<EntryLine>, LedgerError> {
        let budget = contract.datasets.get(&line.dataset);
        let budget = budget.and_then(|dataset| dataset.budgets.get(&line.purpose));
        let Some(budget) = budget else { return Ok(Vec::new()) };
        let period = budget_period(budget.period, contract.digest, &line.period);
        let scope =
            Scope { lineage: &line.lineage, purpose: Some(&line.purpose), budget_period: None };
        let mut entries = handed_out(self.db(), &scope, &period)?;
        entries.extend(returned(self.db(), &scope, &period)?);
        // What comes back was handed out before, also within the same millisecond.
        entries.sort_by_key(|entry| (entry.time, entry.kind.is_return()));
        Ok(entries)
    }
}

fn handed_out(
    db: &Connection,
    scope: &Scope<'_>,
    period: &str,
) -> Result<Vec<EntryLine>, LedgerError> {
    let mut statement = db.prepare(&format!(
        "SELECT cut.kind, cut.time, cut.loss, cut.budget_period, cut.job, jobs.analyst, jobs.analysis, \
         reasons.decision, reasons.checks \
         FROM (SELECT * FROM slices WHERE {IN_SCOPE}) AS cut LEFT JOIN jobs ON jobs.job = cut.job \
         LEFT JOIN reasons ON reasons.job = cut.job ORDER BY cut.id",
    ))?;
    let rows = statement.query_map(scope.params(), |row| {
        let head: (String, i64, Vec<u8>, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let job: (Option<Vec<u8>>, Option<String>, Option<String>) =
            (row.get(4)?, row.get(5)?, row.get(6)?);
        let reasons: (Option<String>, Option<Vec<u8>>) = (row.get(7)?, row.get(8)?);
        Ok((head, job, reasons))
    })?;
    let mut entries = Vec::new();
    for row in rows {
        let ((kind, time, loss, within), (job, analyst, analysis), (decision, checks)) = row?;
        let kind = match job {
            Some(job) => EntryKind::Job {
                name: job_name(job)?,
                analyst: analyst.ok_or(LedgerError::Corrupt)?,
                analysis: analysis.ok_or(LedgerError::Corrupt)?,
                decision: decision.map(read_decision).transpose()?,
                checks: checks.map(job_name).transpose()?,
            },
            None if kind == Kind::Prepaid.name() => EntryKind::Prepaid,
            None if kind == Kind::Found.name() => EntryKind::Found,
            None => EntryKind::WrittenOff,
        };
        let in_period = within == period;
        entries.push(EntryLine { time: at(time)?, in_period, kind, loss: read_loss(&loss)? });
    }
    Ok(entries)
}

fn returned(
    db: &Connection,
    scope: &Scope<'_>,
    period: &str,
) -> Result<Vec<EntryLine>, LedgerError> {
    let mut statement = db.prepare(&format!(
        "SELECT time, loss, budget_period FROM credits WHERE {IN_SCOPE} ORDER BY time"
    ))?;
    let rows = statement.query_map(scope.params(), |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, String>(2)?))
    })?;
    let mut entries = Vec::new();
    for row in rows {
        let (time, loss, within) = row?;
        let (kind, in_period) = (EntryKind::Returned, within == period);
        entries.push(EntryLine { time: at(time)?, in_period, kind, loss: read_loss(&loss)? });
    }
    Ok(entries)
}

fn at(time: i64) -> Result<Time, LedgerError> {
    u64::try_from(time).map(Time).map_err(|_| LedgerError::Corrupt)
}
