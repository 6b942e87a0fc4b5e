//! Which runs of standing orders get their slices: each is debited once for each instance that gets them.

use super::{
    accounts::stored,
    error::LedgerError,
    ledger::{Demand, Ledger, hand_out},
    orders::{AttemptRow, answered, attempts, is_accepted, row},
};
use protocol::{
    canonical, contract::Contract, digest::Digest, job::SignedJob, order::OrderedRun,
    refusal::RunFlaw, slice::Slice, time::Time,
};
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeMap;

impl Ledger {
    /// Checks whether a run would be paid at `now`, as far as that depends on no instance and no data.
    ///
    /// # Errors
    ///
    /// [`Run`](protocol::refusal::Refusal::Run) with the reason if not.
    pub fn check_run(
        &self,
        contract: &Contract,
        party: &str,
        run: &OrderedRun,
        now: Time,
    ) -> Result<(), LedgerError> {
        let db = self.db();
        stands(db, contract, party, run)?;
        run.check_time(now).map_err(LedgerError::refused)?;
        let before = attempts(db, run.name.order, Some(run.name.number))?;
        has_attempts_left(db, run, &before)
    }

    /// Cuts the slices of a run like those of any job, and records the attempt, or does neither.
    ///
    /// # Errors
    ///
    /// As [`Ledger::grant`], and [`Run`](protocol::refusal::Refusal::Run).
    pub(super) fn grant_run(
        &mut self,
        asked: &Demand<'_>,
        run: &RunDemand<'_>,
        now: Time,
    ) -> Result<Vec<Slice>, LedgerError> {
        let directory = self.directory();
        self.change(|tx| {
            attempt(tx, run, now)?;
            hand_out(tx, &directory, asked, now)
        })
    }

    /// Checks whether [`Ledger::grant_run`] would succeed now. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Ledger::grant_run`].
    pub(super) fn would_grant_run(
        &mut self,
        asked: &Demand<'_>,
        run: &RunDemand<'_>,
        now: Time,
    ) -> Result<(), LedgerError> {
        self.check()?;
        let directory = self.directory();
        let would = self.without_a_trace(|tx, _| {
            attempt(tx, run, now)?;
            hand_out(tx, &directory, asked, now)
        });
        would.map(drop)
    }
}

/// A run that asks for its slices, with what only its owner knows.
pub(super) struct RunDemand<'a> {
    pub(super) contract: &'a Contract,
    pub(super) party: &'a str,
    pub(super) job: &'a SignedJob,
    pub(super) run: &'a OrderedRun,
    /// The versions of all datasets without their lists of opt-outs: what all attempts have in common.
    pub(super) versions: &'a BTreeMap<String, Digest>,
    /// The newest version that the owner has sealed of each of its datasets.
    pub(super) newest: &'a BTreeMap<String, Digest>,
}

/// Records an attempt, or refuses it by name. The same instance is one attempt, however often it is asked for.
fn attempt(tx: &Transaction<'_>, asked: &RunDemand<'_>, now: Time) -> Result<(), LedgerError> {
    let RunDemand { contract, party, job, run, versions, newest } = asked;
    let refused = |why| LedgerError::refused(run.refused(why));
    stands(tx, contract, party, run)?;
    let name = run.name.order;
    let (instance, datasets) = (job.job().instance, &job.job().datasets);
    let before = attempts(tx, name, Some(run.name.number))?;
    // A further attempt may be on newer lists of opt-outs; that none is older is seen where the slices are cut.
    if before.iter().any(|row| row.datasets != **versions) {
        return Err(refused(RunFlaw::OtherVersions));
    }
    if let Some(row) = before.iter().find(|row| row.attempt.instance == instance) {
        // With another list it would be another job, and paid again.
        let is_same = row.attempt.job == job.name();
        return if is_same { Ok(()) } else { Err(refused(RunFlaw::OtherVersions)) };
    }
    has_attempts_left(tx, run, &before)?;
    // Later attempts are on what the first one was on, though something newer may have been sealed.
    let other = |(dataset, digest): &(&String, &Digest)| {
        newest.get(*dataset).is_some_and(|newest| newest != *digest)
    };
    if let Some((dataset, _)) = datasets.iter().find(other)
        && before.is_empty()
    {
        return Err(refused(RunFlaw::NotNewest { dataset: dataset.clone() }));
    }
    tx.execute(
        "INSERT INTO runs (name, number, instance, job, datasets, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            name.as_bytes(),
            run.name.number,
            instance.as_bytes().as_slice(),
            job.name().as_bytes().as_slice(),
            canonical::to_vec(*versions),
            stored(now.0),
        ],
    )?;
    Ok(())
}

/// Checks that the party wants the order of a run.
fn stands(
    db: &Connection,
    contract: &Contract,
    party: &str,
    run: &OrderedRun,
) -> Result<(), LedgerError> {
    let refused = |why| LedgerError::refused(run.refused(why));
    let (owner, name) = (party.to_owned(), run.name.order);
    let known = row(db, name)?
        .filter(|known| is_accepted(contract, party, name, &known.acceptance))
        .ok_or_else(|| refused(RunFlaw::NotAccepted { owner: owner.clone() }))?;
    match known.cancelled_by {
        Some(by) => Err(refused(RunFlaw::Cancelled { by })),
        None if known.suspended => Err(refused(RunFlaw::Suspended { owner })),
        None => Ok(()),
    }
}

/// Checks that another instance may have the slices of a run.
fn has_attempts_left(
    db: &Connection,
    run: &OrderedRun,
    before: &[AttemptRow],
) -> Result<(), LedgerError> {
    let refused = |why| LedgerError::refused(run.refused(why));
    if let Some(by) = answered(db, &run.name)? {
        return Err(refused(RunFlaw::Answered { instance: by.short() }));
    }
    let count = before.iter().filter(|row| !row.attempt.given_back).count();
    if count >= usize::from(run.attempts) {
        return Err(refused(RunFlaw::Attempts { most: run.attempts }));
    }
    Ok(())
}
