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
    orders: BTreeMap<OrderName, Signed>,
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
                match opened(&contract, &bytes) {
                    Ok(signed) => drop(state.orders.insert(signed.order, signed)),
                    Err(why) => tracing::warn!(%name, %why, "a schedule is not followed"),
                }
            }
        }
        Ok(Self { dir: dir.to_owned(), contract, state: Mutex::new(state) })
    }

    /// Keeps a schedule that an analyst signed, in place of an earlier one of the same order. It is on disk once this returns.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<(), Declined> {
        let signed = opened(&self.contract, bytes).map_err(Declined::Refused)?;
        let mut state = self.state();
        let at = now();
        let is_to_come = |order: &Signed| order.runs.iter().any(|[_, until]| *until > at);
        match state.orders.get(&signed.order) {
            Some(known) if known.time >= signed.time => return Ok(()),
            Some(_) => {}
            None if state.orders.values().filter(|order| is_to_come(order)).count() >= MOST => {
                return Err(Declined::Full);
            }
            None => {}
        }
        let name = format!("{}{SIGNED}", signed.order);
        durable::replace(&self.dir, &name, bytes).map_err(Declined::Io)?;
        let (order, runs) = (signed.order.short(), signed.runs.len());
        tracing::info!(%order, runs, "an order is scheduled");
        state.orders.insert(signed.order, signed);
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
        let mut missed = Vec::new();
        {
            let state = self.state();
            for order in state.orders.values() {
                for (number, [from, until]) in (1..).zip(&order.runs) {
                    let run = RunName { order: order.order, number };
                    if *from > at || state.ended.contains(&run) {
                        continue;
                    }
                    if *until <= at {
                        missed.push(run);
                    } else if due.is_none_or(|(first, _)| *from < first) {
                        due = Some((*from, run));
                    }
                }
            }
        }
        for run in missed {
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
        let name = format!("{}.{}{ENDED}", run.order, run.number);
        // After a restart the run would be tried again, and its owners pay for it no more than the order says.
        if let Err(cause) = durable::replace(&self.dir, &name, how.as_bytes()) {
            tracing::warn!(%cause, "noting that a run has ended");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opened(contract: &Contract, bytes: &[u8]) -> Result<Signed, Box<Refusal>> {
    if bytes.len() > limits::SCHEDULE.bytes + limits::ENVELOPE {
        return Err(Box::new(Refusal::Malformed));
    }
    let (signed, _) = Authority::at_any_time(contract)
        .open::<Signed>(bytes)
        .map_err(|why| Box::new(why.into()))?;
    if signed.contract == contract.digest { Ok(signed) } else { Err(Box::new(Refusal::Elsewhere)) }
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
const STEP: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
