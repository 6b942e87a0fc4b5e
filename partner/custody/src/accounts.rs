//! Sums of losses over the rows of the ledger.

use super::error::LedgerError;
use protocol::{
    canonical,
    contract::{Budget, Period},
    digest::Digest,
    job::JobName,
    loss::Loss,
    refusal::WhichBudget,
};
use rusqlite::{Connection, OptionalExtension, params};

/// The limits for one purpose of a lineage's people: what each one allows, and how much of it is
/// used.
pub(super) fn limits(
    db: &Connection,
    budget: &Budget,
    (lineage, purpose): (&str, &str),
    budget_period: &str,
) -> Result<[(WhichBudget, Loss, Loss); 3], LedgerError> {
    let for_life = Scope { lineage, purpose: Some(purpose), budget_period: None };
    let in_period = Scope { budget_period: Some(budget_period), ..for_life };
    let in_all = Scope { purpose: None, ..for_life };
    Ok([
        (budget.period.into(), budget.per_period(), in_period.used(db)?),
        (WhichBudget::Lifetime, budget.lifetime(), for_life.used(db)?),
        (WhichBudget::Ceiling, budget.ceiling(), in_all.used(db)?),
    ])
}

/// Chooses which losses of a lineage's people are added up, their other lineages included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) lineage: &'a str,
    /// One purpose; `None` for all.
    pub(super) purpose: Option<&'a str>,
    /// One period of the budget; `None` for all time.
    pub(super) budget_period: Option<&'a str>,
}

impl<'a> Scope<'a> {
    /// The losses that one limit is about.
    pub(super) fn of(
        which: WhichBudget,
        lineage: &'a str,
        purpose: &'a str,
        period: &'a str,
    ) -> Self {
        Self {
            lineage,
            purpose: (which != WhichBudget::Ceiling).then_some(purpose),
            budget_period: match which {
                WhichBudget::Ceiling | WhichBudget::Lifetime => None,
                _ => Some(period),
            },
        }
    }

    /// What was handed out and not credited back.
    pub(super) fn used(&self, db: &Connection) -> Result<Loss, LedgerError> {
        Ok(self.total(db, "slices")?.minus(&self.returned(db)?))
    }

    /// What was credited back at closings.
    pub(super) fn returned(&self, db: &Connection) -> Result<Loss, LedgerError> {
        self.total(db, "credits")
    }

    fn total(&self, db: &Connection, table: &str) -> Result<Loss, LedgerError> {
        sum(db, &format!("SELECT loss FROM {table} WHERE {IN_SCOPE}"), self.params())
    }

    /// The parameters of [`IN_SCOPE`].
    pub(super) fn params(&self) -> [Option<&'a str>; 3] {
        [Some(self.lineage), self.purpose, self.budget_period]
    }
}

/// The SQL condition that chooses the slices or credits of a [`Scope`].
pub(super) const IN_SCOPE: &str = "(lineage = ?1 OR lineage IN (SELECT other.lineage FROM lineages \
     AS own JOIN lineages AS other ON other.people = own.people WHERE own.lineage = ?1)) \
     AND (?2 IS NULL OR purpose = ?2) AND (?3 IS NULL OR budget_period = ?3)";

/// Why loss was taken from a budget.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Job,
    Prepaid,
    /// A closing told of it after a backup was restored that did not know of it.
    Found,
    /// No closing tells of it: a restored ledger had to assume it.
    WrittenOff,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Prepaid => "prepaid",
            Self::Found => "found",
            Self::WrittenOff => "written off",
        }
    }
}

/// One account of an instance, as slices name it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Account {
    pub(super) instance: Digest,
    pub(super) dataset: String,
    pub(super) purpose: String,
    pub(super) period: String,
}

impl Account {
    /// All loss that was ever handed to the account.
    pub(super) fn granted(&self, db: &Connection) -> Result<Loss, LedgerError> {
        self.sum(db, "")
    }

    pub(super) fn prepaid(&self, db: &Connection) -> Result<Loss, LedgerError> {
        self.sum(db, " AND kind = 'prepaid'")
    }

    fn sum(&self, db: &Connection, and: &str) -> Result<Loss, LedgerError> {
        let sql = format!(
            "SELECT loss FROM slices WHERE instance = ?1 AND dataset = ?2 AND purpose = ?3 \
             AND period = ?4{and}"
        );
        let id = self.instance.as_bytes().as_slice();
        sum(db, &sql, params![id, self.dataset, self.purpose, self.period])
    }

    /// The loss that the slice of `job` handed out, and the period in which it was cut. The period
    /// may be over: a job is paid once, however often it is shown here.
    pub(super) fn granted_for(
        &self,
        db: &Connection,
        job: JobName,
    ) -> Result<Option<(String, Loss)>, LedgerError> {
        let id = self.instance.as_bytes().as_slice();
        let row: Option<(String, Vec<u8>)> = db
            .query_row(
                "SELECT period, granted FROM slices WHERE instance = ?1 AND dataset = ?2 \
                 AND purpose = ?3 AND job = ?4",
                params![id, self.dataset, self.purpose, job.as_bytes().as_slice()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        row.map(|(period, bytes)| Ok((period, read_loss(&bytes)?))).transpose()
    }
}

/// The sum of the losses in a query's only column.
pub(super) fn sum(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Loss, LedgerError> {
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map(params, |row| row.get::<_, Vec<u8>>(0))?;
    let mut total = Loss::zero();
    for row in rows {
        total = total.plus(&read_loss(&row?)?);
    }
    Ok(total)
}

/// The name of a budget's period. Periods with equal names share a budget: days, weeks and months
/// over all contracts, a contract's period for that contract alone.
pub(super) fn budget_period(period: Period, contract: Digest, name: &str) -> String {
    match period {
        Period::Contract => format!("contract {contract}"),
        _ => name.to_owned(),
    }
}

pub(super) fn read_loss(bytes: &[u8]) -> Result<Loss, LedgerError> {
    canonical::from_slice(bytes).map_err(|_| LedgerError::Corrupt)
}

pub(super) fn generation_of(db: &Connection) -> Result<u64, LedgerError> {
    let n: i64 = db.query_row("SELECT n FROM generation", [], |row| row.get(0))?;
    u64::try_from(n).map_err(|_| LedgerError::Corrupt)
}

/// The number as `SQLite` stores it, which has signed integers only. No number here comes near half
/// of 2^64.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What came back on one account.
pub(super) fn credited(db: &Connection, account: &Account) -> Result<Loss, LedgerError> {
    sum(
        db,
        "SELECT loss FROM credits WHERE instance = ?1 AND dataset = ?2 AND purpose = ?3 AND period = ?4",
        params![
            account.instance.as_bytes().as_slice(),
            account.dataset,
            account.purpose,
            account.period,
        ],
    )
}
