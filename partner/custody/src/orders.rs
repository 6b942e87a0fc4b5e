//! Standing orders in the ledger: which ones the party accepted, which instances got the slices of each run, and how each run
//! ended.

use super::{
    accounts::{Account, credited, stored},
    error::LedgerError,
    ledger::Ledger,
};
use protocol::{
    canonical,
    contract::Contract,
    delegation::Authority,
    digest::Digest,
    job::JobName,
    order::{Acceptance, Cancellation, OrderFile, OrderName, RunName},
    refusal::Refusal,
    sign,
    time::Time,
};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// An order in the ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OrderLine {
    /// The order with its questions.
    pub file: OrderFile,
    /// Whether the party pays for no run at present.
    pub suspended: bool,
    /// The party that cancelled it.
    pub cancelled_by: Option<String>,
}

/// An instance that got the slices of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Attempt {
    /// The number of the run.
    pub number: u32,
    /// The instance.
    pub instance: Digest,
    /// The job that the run is there.
    pub job: JobName,
    /// When it got them.
    pub time: Time,
    /// Whether its closing shows that it spent nothing: then it counts no more.
    pub given_back: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a run was answered or missed")]
pub enum RunEnd {
    /// It was answered in this instance.
    Answered {
        /// The instance.
        instance: Digest,
    },
    /// Its time was over before anything was answered.
    Missed,
}

impl Ledger {
    /// Accepts the order in `file`, as `acceptance` says, which the party's root key signed. Returns false if it was accepted
    /// before: whoever shows an order again orders nothing more.
    ///
    /// # Errors
    ///
    /// [`Refusal::Stranger`] if the party's root key did not sign the acceptance of this very order, and
    /// [`LedgerError::CancelledOrder`].
    pub fn accept_order(
        &mut self,
        contract: &Contract,
        party: &str,
        file: &OrderFile,
        acceptance: &[u8],
        now: Time,
    ) -> Result<bool, LedgerError> {
        let name = file.signed().name();
        if !is_accepted(contract, party, name, acceptance) {
            return Err(LedgerError::refused(Refusal::Stranger));
        }
        self.change(|tx| {
            if let Some(known) = row(tx, name)? {
                return match known.cancelled_by {
                    Some(by) => Err(LedgerError::CancelledOrder { by }),
                    None => Ok(false),
                };
            }
            tx.execute(
                "INSERT INTO orders (name, contract, label, file, acceptance, suspended, time) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
                params![
                    name.as_bytes(),
                    contract.digest.as_bytes().as_slice(),
                    file.order().name,
                    file.to_bytes(),
                    acceptance,
                    stored(now.0),
                ],
            )?;
            Ok(true)
        })
    }

    /// Cancels an order for ever, because the party `by` says so. Returns false if it was cancelled before.
    ///
    /// # Errors
    ///
    /// [`LedgerError::NoOrder`].
    pub fn cancel_order(&mut self, name: OrderName, by: &str) -> Result<bool, LedgerError> {
        self.change(|tx| {
            row(tx, name)?.ok_or(LedgerError::NoOrder)?;
            let done = tx.execute(
                "UPDATE orders SET cancelled_by = ?2 WHERE name = ?1 AND cancelled_by IS NULL",
                params![name.as_bytes(), by],
            )?;
            Ok(done > 0)
        })
    }

    /// Cancels the order that its own analyst took back.
    ///
    /// # Errors
    ///
    /// [`Refusal::Stranger`] if another party than the order's analyst signed it; [`LedgerError::NoOrder`].
    pub fn cancelled_by_analyst(
        &mut self,
        authority: &Authority<'_>,
        cancellation: &[u8],
    ) -> Result<OrderLine, LedgerError> {
        let opened = authority.open::<Cancellation>(cancellation);
        let (said, by) = opened.map_err(|why| LedgerError::refused(why.into()))?;
        let contract = authority.contract();
        let all = self.orders(contract)?;
        let line = all.into_iter().find(|line| line.file.signed().name() == said.order);
        let line = line.ok_or(LedgerError::NoOrder)?;
        if said.contract != contract.digest || line.file.signed().analyst() != by.party() {
            return Err(LedgerError::refused(Refusal::Stranger));
        }
        self.cancel_order(said.order, by.party())?;
        Ok(line)
    }

    /// Pays for no run of an order until it is called with false.
    ///
    /// # Errors
    ///
    /// [`LedgerError::NoOrder`].
    pub fn suspend_order(&mut self, name: OrderName, suspended: bool) -> Result<(), LedgerError> {
        self.change(|tx| {
            row(tx, name)?.ok_or(LedgerError::NoOrder)?;
            let sql = "UPDATE orders SET suspended = ?2 WHERE name = ?1";
            tx.execute(sql, params![name.as_bytes(), i64::from(suspended)])?;
            Ok(())
        })
    }

    /// The orders under `contract`, the oldest first.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn orders(&self, contract: &Contract) -> Result<Vec<OrderLine>, LedgerError> {
        let sql = "SELECT file, suspended, cancelled_by FROM orders WHERE contract = ?1 ORDER BY time, rowid";
        let mut statement = self.db().prepare(sql)?;
        let rows = statement.query_map([contract.digest.as_bytes().as_slice()], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?, row.get(2)?))
        })?;
        let authority = Authority::at_any_time(contract);
        let mut found = Vec::new();
        for row in rows {
            let (file, suspended, cancelled_by) = row?;
            let file = OrderFile::open(&authority, &file).map_err(|_| LedgerError::Corrupt)?;
            found.push(OrderLine { file, suspended: suspended != 0, cancelled_by });
        }
        Ok(found)
    }

    /// The attempts at the runs of an order, in the order of runs and time.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn attempts(&self, order: OrderName) -> Result<Vec<Attempt>, LedgerError> {
        attempts(self.db(), order, None)
            .map(|found| found.into_iter().map(|row| row.attempt).collect())
    }

    /// How the runs of an order ended, as far as it is known.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn run_ends(&self, order: OrderName) -> Result<BTreeMap<u32, RunEnd>, LedgerError> {
        let mut statement =
            self.db().prepare("SELECT number, instance FROM run_ends WHERE name = ?1")?;
        let rows = statement.query_map([order.as_bytes()], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
        })?;
        let mut ends = BTreeMap::new();
        for row in rows {
            let (number, instance) = row?;
            let end = match instance {
                Some(instance) => RunEnd::Answered { instance: digest(&instance)? },
                None => RunEnd::Missed,
            };
            ends.insert(number, end);
        }
        Ok(ends)
    }

    /// Records how a run ended. The first end counts, but that an answer that came to light later takes the place of a miss.
    /// Returns whether it is new.
    ///
    /// # Errors
    ///
    /// [`LedgerError::NoOrder`].
    pub fn end_run(&mut self, run: RunName, end: RunEnd, now: Time) -> Result<bool, LedgerError> {
        let instance = match end {
            RunEnd::Answered { instance } => Some(instance.as_bytes().to_vec()),
            RunEnd::Missed => None,
        };
        self.change(|tx| {
            row(tx, run.order)?.ok_or(LedgerError::NoOrder)?;
            let done = tx.execute(
                "INSERT INTO run_ends (name, number, instance, time) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET instance = ?3, time = ?4 \
                 WHERE run_ends.instance IS NULL AND ?3 IS NOT NULL",
                params![run.order.as_bytes(), run.number, instance, stored(now.0)],
            )?;
            Ok(done > 0)
        })
    }
}

/// Whether the party's root key accepted this order.
pub(super) fn is_accepted(
    contract: &Contract,
    party: &str,
    name: OrderName,
    acceptance: &[u8],
) -> bool {
    let expected = Acceptance { contract: contract.digest, order: name };
    let root = contract.parties.get(party).map(|party| party.root_key);
    root.is_some_and(|root| sign::open::<Acceptance>(acceptance, &root) == Ok(expected))
}

pub(super) struct Row {
    pub(super) acceptance: Vec<u8>,
    pub(super) suspended: bool,
    pub(super) cancelled_by: Option<String>,
}

pub(super) fn row(db: &Connection, name: OrderName) -> Result<Option<Row>, LedgerError> {
    let sql = "SELECT acceptance, suspended, cancelled_by FROM orders WHERE name = ?1";
    let row = db.query_row(sql, [name.as_bytes()], |row| {
        Ok(Row {
            acceptance: row.get(0)?,
            suspended: row.get::<_, i64>(1)? != 0,
            cancelled_by: row.get(2)?,
        })
    });
    Ok(row.optional()?)
}

/// The instance that answered a run.
pub(super) fn answered(db: &Connection, run: &RunName) -> Result<Option<Digest>, LedgerError> {
    let sql = "SELECT instance FROM run_ends WHERE name = ?1 AND number = ?2";
    let found: Option<Option<Vec<u8>>> = db
        .query_row(sql, params![run.order.as_bytes(), run.number], |row| row.get(0))
        .optional()?;
    found.flatten().map(|instance| digest(&instance)).transpose()
}

pub(super) struct AttemptRow {
    pub(super) attempt: Attempt,
    pub(super) datasets: BTreeMap<String, Digest>,
}

/// The attempts at all runs of an order, or at one.
pub(super) fn attempts(
    db: &Connection,
    order: OrderName,
    number: Option<u32>,
) -> Result<Vec<AttemptRow>, LedgerError> {
    let mut statement = db.prepare(
        "SELECT number, instance, job, datasets, time FROM runs WHERE name = ?1 \
         AND (?2 IS NULL OR number = ?2) ORDER BY number, time, rowid",
    )?;
    let rows = statement.query_map(params![order.as_bytes(), number], |row| {
        let bytes: (Vec<u8>, Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?, row.get(3)?);
        Ok((row.get::<_, u32>(0)?, bytes, row.get::<_, i64>(4)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (number, (instance, job, datasets), time) = row?;
        let (instance, job) = (
            digest(&instance)?,
            JobName::try_from(job.as_slice()).map_err(|_| LedgerError::Corrupt)?,
        );
        let attempt = Attempt {
            number,
            instance,
            job,
            time: Time(u64::try_from(time).map_err(|_| LedgerError::Corrupt)?),
            given_back: is_given_back(db, instance, job)?,
        };
        let datasets = canonical::from_slice(&datasets).map_err(|_| LedgerError::Corrupt)?;
        found.push(AttemptRow { attempt, datasets });
    }
    Ok(found)
}

/// Whether the closing of an instance shows that nothing was spent of any account that paid for a job. An account has no lines
/// for its jobs: where another job spent something of it, this one counts as spent too.
fn is_given_back(db: &Connection, instance: Digest, job: JobName) -> Result<bool, LedgerError> {
    let mut statement =
        db.prepare("SELECT dataset, purpose, period FROM slices WHERE instance = ?1 AND job = ?2")?;
    let id = instance.as_bytes().as_slice();
    let rows = statement.query_map(params![id, job.as_bytes().as_slice()], |row| {
        Ok(Account { instance, dataset: row.get(0)?, purpose: row.get(1)?, period: row.get(2)? })
    })?;
    let mut any = false;
    for account in rows {
        let account = account?;
        let granted = account.granted(db)?;
        if granted.is_zero() || credited(db, &account)? != granted {
            return Ok(false);
        }
        any = true;
    }
    Ok(any)
}

fn digest(bytes: &[u8]) -> Result<Digest, LedgerError> {
    Digest::try_from(bytes).map_err(|_| LedgerError::Corrupt)
}
