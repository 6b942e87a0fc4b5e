//! The report on each budget: what remains of it, and which instance was handed what.

use super::{
    accounts::{Account, Scope, budget_period, credited, limits},
    error::LedgerError,
    jobs::{DecisionLine, JobLine, Reader, charged, debits, decisions},
    ledger::Ledger,
    people::PeopleLine,
    restore::pending,
    settle::accounts_of,
};
use protocol::{
    contract::Contract,
    digest::Digest,
    loss::{Delta, Loss},
    refusal::{Debit, WhichBudget},
    time::Time,
};

/// Every budget of one party under one contract, and every instance it ever handed a slice to.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BudgetReport {
    /// What the people of these datasets have lost, over all purposes, names and contracts.
    pub people: Vec<PeopleLine>,
    /// The budgets, one for each dataset and purpose.
    pub budgets: Vec<BudgetLine>,
    /// The instances, oldest first.
    pub instances: Vec<InstanceLine>,
    /// True if this ledger is a restored backup and hands out nothing under this contract.
    pub restored: bool,
}

/// One dataset and purpose.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BudgetLine {
    /// Name of the dataset in the contract.
    pub dataset: String,
    /// Lineage by which the budget is kept.
    pub lineage: String,
    /// What the data is used for.
    pub purpose: String,
    /// Name of the current period.
    pub period: String,
    /// When the current period ends.
    pub period_ends: Time,
    /// Kind of the period.
    pub kind: WhichBudget,
    /// δ at which ε is stated.
    pub delta: Delta,
    /// Budget of the period.
    pub allowed: Loss,
    /// What was handed out in the period and not credited back.
    pub used: Loss,
    /// What remains of the period's budget; never more than what remains for life.
    pub remaining: Loss,
    /// Budget for life.
    pub lifetime_allowed: Loss,
    /// What was ever handed out and not credited back.
    pub lifetime_used: Loss,
    /// What remains for life; never more than the build's ceiling leaves over all purposes.
    pub lifetime_remaining: Loss,
    /// What the period's budget was spent on, the largest first.
    pub debits: Vec<Debit>,
    /// The same by the decision that each job's answer serves; empty if no job named one.
    pub decisions: Vec<DecisionLine>,
    /// What came back of these at closings: they add up to what is used plus this.
    pub returned: Loss,
    /// The latest jobs that were charged to the dataset, newest first.
    pub jobs: Vec<JobLine>,
}

/// One instance that slices were cut for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct InstanceLine {
    /// Digest of its statement.
    pub instance: Digest,
    /// The contract that it served.
    pub contract: Digest,
    /// When a slice was first cut for it.
    pub first_seen: Time,
    /// Whether it may still spend.
    pub state: InstanceState,
    /// What it was handed, account by account.
    pub outstanding: Vec<OutstandingLine>,
}

/// State of an instance, as this ledger knows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InstanceState {
    /// The instance has no closing yet.
    Open,
    /// The instance has no closing, and a later instance under the same contract was handed
    /// something. Another room may still serve it; if it crashed or was forked, what it was handed
    /// is lost unless its closing turns up.
    NotClosed,
    /// The instance is closed, and the rest was credited.
    Closed,
    /// The instance is over without a credit: a restored ledger had to assume that all was spent.
    WrittenOff,
}

/// What one account of an instance was handed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OutstandingLine {
    /// Name of the dataset.
    pub dataset: String,
    /// What the data is used for.
    pub purpose: String,
    /// Period of the budget.
    pub period: String,
    /// All that was handed out.
    pub granted: Loss,
    /// What came back with the closing; nothing while the instance is open.
    pub credited: Loss,
}

impl Ledger {
    /// Reports where every budget of `party` stands.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn report(
        &self,
        contract: &Contract,
        party: &str,
        now: Time,
    ) -> Result<BudgetReport, LedgerError> {
        let mut budgets = Vec::new();
        for (name, dataset) in contract.datasets.iter().filter(|(_, d)| d.owner == party) {
            for (purpose, budget) in &dataset.budgets {
                let period = budget.period.of(now);
                let shared = budget_period(budget.period, contract.digest, &period);
                let key = (dataset.lineage.as_str(), purpose.as_str());
                let [(kind, allowed, used), (_, for_life, ever), (_, ceiling, in_all)] =
                    limits(self.db(), budget, key, &shared)?;
                let lifetime_remaining = for_life.minus(&ever).min(&ceiling.minus(&in_all));
                let scope = Scope {
                    lineage: &dataset.lineage,
                    purpose: Some(purpose),
                    budget_period: Some(&shared),
                };
                let debits = debits(self.db(), &scope, Reader::Owner)?;
                let returned = scope.returned(self.db())?;
                let jobs = charged(self.db(), name, purpose)?;
                budgets.push(BudgetLine {
                    dataset: name.clone(),
                    lineage: dataset.lineage.clone(),
                    purpose: purpose.clone(),
                    period,
                    period_ends: budget.period.end(now, contract.expires),
                    kind,
                    delta: budget.delta,
                    remaining: allowed.minus(&used).min(&lifetime_remaining),
                    allowed,
                    used,
                    lifetime_allowed: for_life,
                    lifetime_used: ever,
                    lifetime_remaining,
                    debits,
                    decisions: decisions(self.db(), &scope)?,
                    returned,
                    jobs,
                });
            }
        }
        let restored = self.is_restored()? || !pending(self.db(), contract.digest)?.is_empty();
        let people = self.people(contract, party)?;
        Ok(BudgetReport { people, budgets, instances: self.instances()?, restored })
    }

    /// Instances under `contract` that were handed something and are not settled, oldest first.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn unsettled(&self, contract: &Contract) -> Result<Vec<Digest>, LedgerError> {
        let mut statement = self.db().prepare(
            "SELECT instance FROM instances WHERE closing IS NULL AND contract = ?1 \
             AND length(statement) > 0 ORDER BY rowid",
        )?;
        let rows = statement
            .query_map([contract.digest.as_bytes().as_slice()], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|bytes| digest(&bytes?)).collect()
    }

    /// Instances that this ledger knows and whose hexadecimal digits begin with `prefix`.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn instances_like(&self, prefix: &str) -> Result<Vec<Digest>, LedgerError> {
        let known = self.instances()?.into_iter().map(|line| line.instance);
        Ok(known.filter(|instance| instance.to_string().starts_with(prefix)).collect())
    }

    fn instances(&self) -> Result<Vec<InstanceLine>, LedgerError> {
        let mut statement = self.db().prepare(
            "SELECT instance, contract, first_seen, closing IS NOT NULL, \
             coalesce(length(closing) = 0, 0), \
             EXISTS (SELECT 1 FROM instances AS later WHERE later.contract = instances.contract \
                     AND length(later.statement) > 0 AND later.rowid > instances.rowid) \
             FROM instances ORDER BY rowid",
        )?;
        let rows = statement.query_map([], |row| {
            let bytes = (row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?);
            let flags: (bool, bool, bool) = (row.get(3)?, row.get(4)?, row.get(5)?);
            Ok((bytes, row.get::<_, i64>(2)?, flags))
        })?;
        let mut instances = Vec::new();
        for row in rows {
            let ((instance, contract), first_seen, (closed, written_off, later)) = row?;
            let instance = digest(&instance)?;
            let outstanding = accounts_of(self.db(), instance)?.into_iter().map(|row| {
                let granted = row.account.granted(self.db())?;
                let credited = credited(self.db(), &row.account)?;
                let Account { dataset, purpose, period, .. } = row.account;
                Ok(OutstandingLine { dataset, purpose, period, granted, credited })
            });
            instances.push(InstanceLine {
                instance,
                contract: digest(&contract)?,
                first_seen: Time(u64::try_from(first_seen).map_err(|_| LedgerError::Corrupt)?),
                state: match (written_off, closed, later) {
                    (true, ..) => InstanceState::WrittenOff,
                    (_, true, _) => InstanceState::Closed,
                    (.., true) => InstanceState::NotClosed,
                    _ => InstanceState::Open,
                },
                outstanding: outstanding.collect::<Result<_, LedgerError>>()?,
            });
        }
        Ok(instances)
    }
}

fn digest(bytes: &[u8]) -> Result<Digest, LedgerError> {
    Digest::try_from(bytes).map_err(|_| LedgerError::Corrupt)
}
