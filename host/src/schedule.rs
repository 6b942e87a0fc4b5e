//! When enclaves have to run: the times of the runs of standing orders, as their analysts signed them, on disk.
//!
//! The host sees of an order its name and times, and can only fail to run it: owners and instances decide by their own clocks.

use crate::{clock::now, config::Config, durable, using};
use protocol::{
    contract::Contract,
    delegation::Authority,
    limits,
    order::{OrderName, RunName, Schedule as Signed},
    refusal::Refusal,
    storage::OfRun,
    time::Time,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::sleep;

/// The schedules of one host.
#[derive(Debug)]
pub(crate) struct Schedules {
    dir: PathBuf,
    contract: Contract,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By who signed, since the host cannot tell whose an order is: no analyst speaks for another's.
    orders: BTreeMap<(String, OrderName), Signed>,
    /// Runs that were answered, or missed.
    ended: BTreeSet<RunName>,
}

/// Why a schedule is not kept.
#[derive(Debug)]
pub(crate) enum Declined {
    /// It is not one that an analyst of this contract signed.
    Refused(Box<Refusal>),
    /// There are as many as a host keeps.
    Full,
    /// A later one of the same order is kept.
    Older,
    Io(io::Error),
}

impl Schedules {
    /// The schedules of a host whose operator wants enclaves to run for these alone.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub(crate) fn of(
        config: &Config,
        contract: Option<&Contract>,
    ) -> Result<Option<Arc<Self>>, crate::StartError> {
        match contract {
            Some(contract) if config.scheduled => {
                let schedules = Self::open(&config.dir.join("schedule"), contract.clone())?;
                Ok(Some(Arc::new(schedules)))
            }
            _ => Ok(None),
        }
    }

    /// Reads what was scheduled. A file that does not open under `contract` is of an earlier one, and schedules nothing.
    ///
    /// # Errors
    ///
    /// [`StartError`](crate::StartError) if the directory cannot be used.
    pub(crate) fn open(dir: &Path, contract: Contract) -> Result<Self, crate::StartError> {
        fs::create_dir_all(dir).map_err(using(dir))?;
        let mut state = State::default();
        for entry in fs::read_dir(dir).map_err(using(dir))? {
            let path = entry.map_err(using(dir))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(run) = ended_of(&name) {
                state.ended.insert(run);
            } else if name.ends_with(SIGNED) {
                let bytes = fs::read(&path).map_err(using(&path))?;
                match opened(&Authority::at_any_time(&contract), &bytes) {
                    Ok((party, signed)) => drop(state.orders.insert((party, signed.order), signed)),
                    Err(why) => tracing::warn!(%name, %why, "a schedule is not followed"),
                }
            }
        }
        Ok(Self { dir: dir.to_owned(), contract, state: Mutex::new(state) })
    }

    /// Keeps a schedule that an analyst signed, in place of an earlier one of the same order. It is on disk once this returns.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<(), Declined> {
        let at = now();
        let authority = Authority::at(&self.contract, at);
        let (party, signed) = opened(&authority, bytes).map_err(Declined::Refused)?;
        // One that claims to be later than all to come would hold for ever.
        if signed.time > at.plus_seconds(AHEAD_SECONDS) {
            return Err(Declined::Refused(Box::new(Refusal::Malformed)));
        }
        let mut state = self.state();
        let key = (party, signed.order);
        match state.orders.get(&key) {
            Some(known) if *known == signed => return Ok(()),
            Some(known) if known.time >= signed.time => return Err(Declined::Older),
            Some(_) => {}
            None if !has_runs_to_come(&signed, at) => {
                return Err(Declined::Refused(Box::new(Refusal::Malformed)));
            }
            None => {
                if state.orders.len() >= MOST {
                    self.forget_past(&mut state, at).map_err(Declined::Io)?;
                }
                if state.orders.len() >= MOST {
                    return Err(Declined::Full);
                }
            }
        }
        durable::replace(&self.dir, &file_of(&key), bytes).map_err(Declined::Io)?;
        let (order, runs) = (signed.order.short(), signed.runs.len());
        tracing::info!(%order, party = key.0, runs, "an order is scheduled");
        state.orders.insert(key, signed);
        Ok(())
    }

    /// Forgets the orders that have no runs to come, with what became of their runs.
    fn forget_past(&self, state: &mut State, at: Time) -> io::Result<()> {
        let past = state.orders.iter().filter(|(_, order)| !has_runs_to_come(order, at));
        for key in past.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            durable::remove_if_there(&self.dir.join(file_of(&key)))?;
            state.orders.remove(&key);
            if state.orders.keys().any(|(_, order)| *order == key.1) {
                continue;
            }
            let ended: Vec<_> =
                state.ended.iter().filter(|run| run.order == key.1).copied().collect();
            for run in ended {
                durable::remove_if_there(&self.dir.join(ended_file(run)))?;
                state.ended.remove(&run);
            }
        }
        Ok(())
    }

    /// Records that a run was answered: its enclave may end.
    pub(crate) fn answered(&self, run: OfRun) {
        self.end(RunName { order: run.order.into(), number: run.number }, "answered");
    }

    /// The run for which an enclave has to run at `at`: the earliest that may begin and has not ended. Says of runs whose time
    /// is over that they were missed.
    fn due(&self, at: Time) -> Option<RunName> {
        let mut due: Option<(Time, RunName)> = None;
        let (mut over, mut to_come) = (BTreeSet::new(), BTreeSet::new());
        {
            let state = self.state();
            for order in state.orders.values() {
                for (number, [from, until]) in (1..).zip(&order.runs) {
                    let run = RunName { order: order.order, number };
                    if state.ended.contains(&run) {
                        continue;
                    }
                    if *until <= at {
                        over.insert(run);
                        continue;
                    }
                    to_come.insert(run);
                    if *from <= at && due.is_none_or(|(first, _)| *from < first) {
                        due = Some((*from, run));
                    }
                }
            }
        }
        // What another schedule has still to come was not missed.
        for run in over.difference(&to_come).copied() {
            let order = run.order.short();
            tracing::warn!(%order, run = run.number, "a run was MISSED: nothing was answered in its time");
            self.end(run, "missed");
        }
        due.map(|(_, run)| run)
    }

    /// Waits for a run that has to be run now.
    pub(crate) async fn next(&self) -> RunName {
        loop {
            // The wait is in steps, since timers stand still while a machine sleeps.
            match self.due(now()) {
                Some(run) => return run,
                None => sleep(STEP).await,
            }
        }
    }

    /// Waits until nothing has to be run.
    pub(crate) async fn quiet(&self) {
        while self.due(now()).is_some() {
            sleep(STEP).await;
        }
    }

    fn end(&self, run: RunName, how: &str) {
        if !self.state().ended.insert(run) {
            return;
        }
        let name = ended_file(run);
        // After a restart the run would be tried again, and its owners pay for it no more than the order says.
        if let Err(cause) = durable::replace(&self.dir, &name, how.as_bytes()) {
            tracing::warn!(%cause, "noting that a run has ended");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a party's analyst signed, and the party.
fn opened(authority: &Authority<'_>, bytes: &[u8]) -> Result<(String, Signed), Box<Refusal>> {
    if bytes.len() > limits::SCHEDULE.bytes + limits::ENVELOPE {
        return Err(Box::new(Refusal::Malformed));
    }
    let (signed, by) = authority.open::<Signed>(bytes).map_err(|why| Box::new(why.into()))?;
    if signed.contract != authority.contract().digest {
        return Err(Box::new(Refusal::Elsewhere));
    }
    Ok((by.party().to_owned(), signed))
}

fn has_runs_to_come(order: &Signed, at: Time) -> bool {
    order.runs.iter().any(|[_, until]| *until > at)
}

fn file_of((party, order): &(String, OrderName)) -> String {
    format!("{order}.{party}{SIGNED}")
}

fn ended_file(run: RunName) -> String {
    format!("{}.{}{ENDED}", run.order, run.number)
}

/// `ORDER.NUMBER.ended`.
fn ended_of(name: &str) -> Option<RunName> {
    let (order, number) = name.strip_suffix(ENDED)?.split_once('.')?;
    Some(RunName { order: order.parse().ok()?, number: number.parse().ok()? })
}

const SIGNED: &str = ".schedule";
const ENDED: &str = ".ended";
/// Orders with runs to come.
const MOST: usize = 64;
/// How far an analyst's clock may be ahead.
const AHEAD_SECONDS: u64 = 300;
const STEP: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
