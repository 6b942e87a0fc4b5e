//! The ledger: what was handed to which instance, and whether more may be handed out.

use super::{
    accounts::{Account, Kind, Scope, budget_period, generation_of, limits, stored},
    database::{DATABASE, begin, connect, is_of, prepare},
    error::LedgerError,
    generation::Generation,
    jobs::{self, DerivedJob, Reader, debits},
    lineages, moved, opt_outs,
    restore::pending,
};
use client::{keys::Identity, room::Instance};
use protocol::{
    canonical,
    contract::{Budget, Contract, Dataset},
    digest::Digest,
    job::JobName,
    loss::Loss,
    refusal::Refusal,
    sign::PublicKey,
    slice::Slice,
    time::Time,
};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// The owner's ledger, kept by dataset lineage: all versions, under all contracts.
///
/// One writer at a time, also across processes. Every change is on disk before it is known outside.
#[derive(Debug)]
pub struct Ledger {
    db: Connection,
    generation: Generation,
}

/// A request to the ledger: one slice of `cost` for each of `datasets`.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct Demand<'a> {
    /// The contract, which names budgets and lineages.
    pub contract: &'a Contract,
    /// A believed instance under that contract.
    pub instance: &'a Instance,
    /// Datasets of this owner, by their names in the contract.
    pub datasets: &'a [&'a str],
    /// What the data is used for.
    pub purpose: &'a str,
    /// The loss that each dataset is charged.
    pub cost: &'a Loss,
    /// What the slices are for.
    pub slice_use: SliceUse<'a>,
}

/// What a slice is cut for.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a third reason would be another ledger")]
pub enum SliceUse<'a> {
    /// One job. The same job gets the same slice again.
    Job(DerivedJob<'a>),
    /// Jobs to come: tops prepaid slices up *to* the cost, so that asking twice adds nothing.
    Prepaid,
}

impl<'a> Demand<'a> {
    /// The reader of a refusal: the party that asks, which is `owner` itself when it prepays.
    fn reader(&self, owner: &str) -> Reader<'a> {
        match self.slice_use {
            SliceUse::Job(job) if job.analyst != owner => {
                Reader::Analyst(job.analyst, self.contract.digest)
            }
            _ => Reader::OwnerUnder(self.contract.digest),
        }
    }
}

impl Ledger {
    /// Begins the ledger of the party with this signing key, beside its keys in `directory`.
    ///
    /// Keys and ledger are made together. Beginning one later says that nothing was handed out before:
    /// only the party can know that. A counter that is there already says otherwise, and is kept.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Exists`], or if the files cannot be made.
    pub fn begin(directory: &Path, owner: &PublicKey) -> Result<Self, LedgerError> {
        let path = directory.join(DATABASE);
        let at = |cause| LedgerError::Io { path: path.clone(), cause };
        let generation = Generation::open(directory).map_err(at)?;
        // The ledger says who asked what, so its file is private. SQLite gives the files beside it
        // the same mode.
        let mut options = OpenOptions::new();
        let private = options.write(true).create_new(true).mode(0o600).open(&path);
        private.map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => LedgerError::Exists { path: path.clone() },
            _ => at(cause),
        })?;
        let db = connect(&path)?;
        begin(&db, owner)?;
        generation.begin().map_err(at)?;
        Ok(Self { db, generation })
    }

    /// Opens the ledger beside the keys of `identity`.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Missing`] if there is none, [`LedgerError::OtherKeys`] if it is another party's, or
    /// if the files cannot be used. A restored backup opens, and grants nothing.
    pub fn open(identity: &Identity) -> Result<Self, LedgerError> {
        let directory = identity.directory();
        let path = directory.join(DATABASE);
        let at = |cause| LedgerError::Io { path: path.clone(), cause };
        if !path.try_exists().map_err(at)? {
            return Err(LedgerError::Missing { path });
        }
        let db = connect(&path)?;
        is_of(&db, &path, &identity.root_key())?;
        prepare(&db)?;
        let generation = Generation::open(directory).map_err(at)?;
        Ok(Self { db, generation })
    }

    /// The file of the database.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.db.path().map(PathBuf::from).unwrap_or_default()
    }

    /// Cuts one slice for each dataset, or none at all. The slices are on disk before this returns.
    ///
    /// The caller has verified the instance and derived the cost itself.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] past a budget at any Rényi order, or for a closed instance;
    /// [`LedgerError::Restored`] if this database is older than what was handed out, and
    /// [`LedgerError::Unaccounted`] if it was, and is not accounted for under this contract.
    pub fn grant(&mut self, asked: &Demand<'_>, now: Time) -> Result<Vec<Slice>, LedgerError> {
        let directory = self.directory();
        self.change(|tx| hand_out(tx, &directory, asked, now))
    }

    /// Checks whether [`Ledger::grant`] would succeed now. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Ledger::grant`].
    pub fn would_grant(&mut self, asked: &Demand<'_>, now: Time) -> Result<(), LedgerError> {
        self.check()?;
        let directory = self.directory();
        self.without_a_trace(|tx, _| hand_out(tx, &directory, asked, now)).map(drop)
    }

    /// Runs `act` as one durable transaction of one writer. After an error nothing is changed.
    pub(super) fn change<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.exclusively(|tx, counter| {
            let before = generation_of(tx)?;
            if before < counter {
                return Err(LedgerError::Restored { found: before, expected: counter });
            }
            act(tx).map(|done| (done, before.saturating_add(1)))
        })
    }

    /// Like [`Self::change`], without the check for a restored backup; `act` says which generation
    /// follows.
    pub(super) fn exclusively<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>, u64) -> Result<(T, u64), LedgerError>,
    ) -> Result<T, LedgerError> {
        let directory = self.directory();
        self.locked(|tx, counter| {
            moved::must_be_here(tx, &directory)?;
            act(tx, counter)
        })
    }

    /// The same also for a ledger that was moved away.
    pub(super) fn locked<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>, u64) -> Result<(T, u64), LedgerError>,
    ) -> Result<T, LedgerError> {
        let Self { db, generation } = self;
        generation.lock()?;
        let outcome = (|| {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let counter = generation.read()?;
            let (done, next) = act(&tx, counter)?;
            tx.execute("UPDATE generation SET n = ?1", [stored(next)])?;
            tx.commit()?;
            generation.write(next)?;
            Ok(done)
        })();
        generation.unlock()?;
        outcome
    }

    /// Like [`Self::exclusively`], but the changes are discarded.
    pub(super) fn without_a_trace<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>, u64) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let directory = self.directory();
        let Self { db, generation } = self;
        generation.lock()?;
        let outcome = (|| {
            // This transaction is never committed.
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            moved::must_be_here(&tx, &directory)?;
            act(&tx, generation.read()?)
        })();
        generation.unlock()?;
        outcome
    }

    /// Runs `act` as one durable transaction that hands nothing out: the counter of changes stays, and a ledger that was restored or moved may do it.
    pub(super) fn beside_the_accounts<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = act(&tx)?;
        tx.commit()?;
        Ok(done)
    }

    /// The earlier job about nearly the same people as this one, if there is one.
    pub(super) fn resembled(&self, job: JobName) -> Result<Option<JobName>, LedgerError> {
        jobs::resembled(&self.db, job)
    }

    pub(super) fn db(&self) -> &Connection {
        &self.db
    }

    /// Whether this database is older than what was handed out from it: a restored backup.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the files cannot be read.
    pub fn is_restored(&self) -> Result<bool, LedgerError> {
        Ok(generation_of(&self.db)? < self.generation.read()?)
    }

    /// Fails if the database is a restored backup, or was moved away.
    pub(super) fn check(&self) -> Result<(), LedgerError> {
        moved::must_be_here(&self.db, &self.directory())?;
        self.generation.lock()?;
        let read = (|| Ok((generation_of(&self.db)?, self.generation.read()?)))();
        self.generation.unlock()?;
        let (found, expected) = read.map_err(|error: LedgerError| error)?;
        if found < expected { Err(LedgerError::Restored { found, expected }) } else { Ok(()) }
    }

    /// Stops the ledger until it is accounted for: an instance knows of more than the ledger does.
    pub(super) fn distrust(&mut self) -> Result<(), LedgerError> {
        self.generation.lock()?;
        let written = (|| {
            let next = generation_of(&self.db)?.max(self.generation.read()?).saturating_add(1);
            Ok(self.generation.write(next)?)
        })();
        self.generation.unlock()?;
        written
    }
}

/// Fails for a contract that was not accounted for after each restored backup.
pub(super) fn is_accounted(db: &Connection, contract: Digest) -> Result<(), LedgerError> {
    match pending(db, contract)?.is_empty() {
        true => Ok(()),
        false => Err(LedgerError::Unaccounted { contract }),
    }
}

pub(super) fn hand_out(
    tx: &Transaction<'_>,
    directory: &Path,
    asked: &Demand<'_>,
    now: Time,
) -> Result<Vec<Slice>, LedgerError> {
    is_accounted(tx, asked.contract.digest)?;
    for dataset in asked.datasets {
        let what = (*dataset, asked.purpose);
        lineages::must_be_heard_of(tx, directory, asked.contract, what, now)?;
    }
    meet(tx, asked.instance, now)?;
    if let SliceUse::Job(job) = &asked.slice_use {
        opt_outs::note(tx, directory, asked.contract, (asked.datasets, job.opt_outs), now)?;
        jobs::note(tx, asked.contract, job, now)?;
    }
    asked.datasets.iter().map(|dataset| cut(tx, asked, dataset, now)).collect()
}

/// Records an instance when it is first seen, and refuses one that is closed.
fn meet(tx: &Transaction<'_>, instance: &Instance, now: Time) -> Result<(), LedgerError> {
    let digest = instance.digest();
    let id = digest.as_bytes().as_slice();
    tx.execute(
        "INSERT OR IGNORE INTO instances (instance, contract, statement, first_seen) \
         VALUES (?1, ?2, ?3, ?4)",
        params![id, instance.contract().as_bytes().as_slice(), instance.as_bytes(), stored(now.0)],
    )?;
    let closed: bool = tx.query_row(
        "SELECT closing IS NOT NULL FROM instances WHERE instance = ?1",
        [id],
        |row| row.get(0),
    )?;
    if closed { Err(LedgerError::refused(Refusal::Closed)) } else { Ok(()) }
}

fn cut(
    tx: &Transaction<'_>,
    asked: &Demand<'_>,
    name: &str,
    now: Time,
) -> Result<Slice, LedgerError> {
    let not_permitted = || LedgerError::refused(Refusal::Malformed);
    let dataset = asked.contract.datasets.get(name).ok_or_else(not_permitted)?;
    let budget = dataset.budgets.get(asked.purpose).ok_or_else(not_permitted)?;
    let account = Account {
        instance: asked.instance.digest(),
        dataset: name.to_owned(),
        purpose: asked.purpose.to_owned(),
        period: budget.period.of(now),
    };
    let slice = |granted, job| Slice {
        contract: asked.contract.digest,
        instance: account.instance,
        dataset: account.dataset.clone(),
        purpose: account.purpose.clone(),
        granted,
        period: account.period.clone(),
        not_after: budget.period.end(now, asked.contract.expires),
        job,
    };
    let (job, already) = match asked.slice_use {
        SliceUse::Job(job) => match account.granted_for(tx, job.name)? {
            Some((period, granted)) if period == account.period => {
                return Ok(slice(granted, Some(job.name)));
            }
            Some((period, _)) => {
                let (dataset, owner) = (name.to_owned(), dataset.owner.clone());
                let before = Refusal::CountersignedBefore { dataset, owner, period };
                return Err(LedgerError::refused(before));
            }
            None => (Some(job.name), Loss::zero()),
        },
        SliceUse::Prepaid => (None, account.prepaid(tx)?),
    };
    let cost = asked.cost.minus(&already);
    if cost.is_zero() {
        return Ok(slice(already, job));
    }
    let shared = budget_period(budget.period, asked.contract.digest, &account.period);
    check_budgets(tx, asked, (name, dataset, budget), &shared, &cost)?;
    let granted = already.plus(&cost);
    let losses = [&cost, &granted];
    insert_slice(
        tx,
        &account,
        asked.contract.digest,
        (&dataset.lineage, &shared),
        job,
        losses,
        now,
    )?;
    Ok(slice(granted, job))
}

/// Refuses a slice that one of the budgets has no room for.
fn check_budgets(
    tx: &Transaction<'_>,
    asked: &Demand<'_>,
    (name, dataset, budget): (&str, &Dataset, &Budget),
    budget_period: &str,
    cost: &Loss,
) -> Result<(), LedgerError> {
    let key = (dataset.lineage.as_str(), asked.purpose);
    for (which, allowed, used) in limits(tx, budget, key, budget_period)? {
        if used.plus(cost).fits(&allowed) {
            continue;
        }
        let scope = Scope::of(which, &dataset.lineage, asked.purpose, budget_period);
        return Err(LedgerError::refused(Refusal::BudgetExhausted {
            dataset: name.to_owned(),
            owner: dataset.owner.clone(),
            purpose: asked.purpose.to_owned(),
            budget: which,
            left: allowed.minus(&used),
            cost: cost.clone(),
            delta: budget.delta,
            debits: debits(tx, &scope, asked.reader(&dataset.owner))?,
            returned: scope.returned(tx)?,
        }));
    }
    Ok(())
}

/// Records a slice: `cost` more than before, `granted` in total.
fn insert_slice(
    tx: &Transaction<'_>,
    account: &Account,
    contract: Digest,
    (lineage, budget_period): (&str, &str),
    job: Option<JobName>,
    [cost, granted]: [&Loss; 2],
    now: Time,
) -> Result<(), LedgerError> {
    tx.execute(
        "INSERT INTO slices (instance, contract, dataset, lineage, purpose, period, budget_period, \
         kind, job, loss, granted, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            account.instance.as_bytes().as_slice(),
            contract.as_bytes().as_slice(),
            account.dataset,
            lineage,
            account.purpose,
            account.period,
            budget_period,
            if job.is_some() { Kind::Job } else { Kind::Prepaid }.name(),
            job.as_ref().map(|job| job.as_bytes().as_slice()),
            canonical::to_vec(cost),
            canonical::to_vec(granted),
            stored(now.0),
        ],
    )?;
    Ok(())
}
