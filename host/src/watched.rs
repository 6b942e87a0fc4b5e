//! What is known about the enclave, and whether everything is to end; shared by everybody who deals
//! with it.

use crate::{
    durable::remove_if_there,
    transport::{Stream, Transport},
};
use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, SemaphorePermit, watch},
    time::{Instant, sleep, timeout},
};

/// The signal that everything is to end.
#[derive(Clone, Debug)]
pub(crate) struct Stop(pub(crate) watch::Receiver<bool>);

impl Stop {
    /// Waits for the signal. A host that was dropped counts as a signal.
    pub(crate) async fn asked(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Whether the signal was given.
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}

/// What is known about the enclave, shared by everybody who wants to reach it.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    facts: Arc<watch::Sender<Facts>>,
    pid_file: PathBuf,
    places: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Facts {
    pid: Option<u32>,
    starts: u64,
    transport: Option<Transport>,
    /// Whether this instance has left its closing: it still runs, but answers nothing any more.
    closed: bool,
    /// Whether this instance asks to be told of a planned end.
    listens: bool,
    /// When the start of this instance began.
    since: Option<Instant>,
    /// Whether the instance whose start began last has served.
    served: bool,
}

impl Watched {
    /// An enclave that does not run, unless `transport` leads to one that nobody has to start. At
    /// most `places` connections at one time are for parties.
    pub(crate) fn new(pid_file: PathBuf, transport: Option<Transport>, places: usize) -> Self {
        let facts = Facts { transport, ..Facts::default() };
        let places = Arc::new(Semaphore::new(places));
        Self { facts: Arc::new(watch::Sender::new(facts)), pid_file, places }
    }

    /// Waits for a place for a connection, for at most `patience`.
    pub(crate) async fn place(&self, patience: Duration) -> Option<SemaphorePermit<'_>> {
        timeout(patience, self.places.acquire()).await.ok()?.ok()
    }

    /// Records that an instance is about to be started.
    pub(crate) fn starting(&self) {
        self.facts.send_modify(|facts| {
            (facts.since, facts.served) = (Some(Instant::now()), false);
        });
    }

    /// Records that a process runs, or is about to.
    pub(crate) fn started(&self, pid: u32) {
        tracing::info!(pid, "the enclave was started");
        if let Err(cause) = fs::write(&self.pid_file, format!("{pid}\n")) {
            tracing::warn!(%cause, "writing the enclave's process id");
        }
        self.facts.send_modify(|facts| {
            facts.pid = Some(pid);
            facts.starts += 1;
        });
    }

    /// Records that connections may be tried.
    pub(crate) fn reachable(&self, transport: Transport) {
        self.facts.send_modify(|facts| facts.transport = Some(transport));
    }

    /// Records that the instance has left its closing.
    pub(crate) fn closed(&self) {
        self.facts.send_modify(|facts| facts.closed = true);
    }

    /// Whether the instance has left its closing.
    pub(crate) fn is_closed(&self) -> bool {
        self.facts.borrow().closed
    }

    /// Records that the instance asks to be told of a planned end, which it does as soon as it serves. The first time, returns
    /// how long that took.
    pub(crate) fn listens(&self) -> Option<Duration> {
        let mut took = None;
        self.facts.send_if_modified(|facts| {
            facts.served = true;
            let first = !std::mem::replace(&mut facts.listens, true);
            took = facts.since.filter(|_| first).map(|since| since.elapsed());
            first
        });
        took
    }

    /// Whether the instance whose start began last has served.
    pub(crate) fn has_served(&self) -> bool {
        self.facts.borrow().served
    }

    /// Waits until an instance that can be told of its end has left its closing, at most
    /// `patience`. Returns whether there is nothing more to wait for.
    pub(crate) async fn farewell(&self, patience: Duration) -> bool {
        let mut facts = self.facts.subscribe();
        let said = facts.wait_for(|facts| facts.closed || !facts.listens || facts.pid.is_none());
        timeout(patience, said).await.is_ok()
    }

    /// Records that no process runs.
    pub(crate) fn gone(&self) {
        self.facts.send_modify(|facts| {
            let Facts { starts, served, .. } = *facts;
            *facts = Facts { starts, served, ..Facts::default() };
        });
        // A leftover file names a process that is gone. The next start replaces it.
        let _ = remove_if_there(&self.pid_file);
    }

    /// The process id, while there is a process.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.facts.borrow().pid
    }

    /// How often an enclave was started.
    pub(crate) fn starts(&self) -> u64 {
        self.facts.borrow().starts
    }

    /// Waits for the first start, for a short time.
    pub(crate) async fn first_start(&self) {
        let mut facts = self.facts.subscribe();
        let _ = timeout(FIRST_START, facts.wait_for(|facts| facts.starts > 0)).await;
    }

    /// Connects to the enclave. An enclave that is just starting gets `patience`.
    ///
    /// # Errors
    ///
    /// The last attempt's error.
    pub(crate) async fn connect(&self, patience: Duration) -> io::Result<Box<dyn Stream>> {
        let deadline = Instant::now() + patience;
        loop {
            let transport = self.facts.borrow().transport.clone();
            let tried = match transport {
                Some(transport) => transport.connect().await,
                None => Err(io::Error::new(io::ErrorKind::NotConnected, "no enclave runs yet")),
            };
            match tried {
                Ok(stream) => return Ok(stream),
                Err(cause) if Instant::now() >= deadline => return Err(cause),
                Err(_) => sleep(RETRY).await,
            }
        }
    }

    /// Whether the enclave accepts connections now.
    pub(crate) async fn accepts(&self) -> bool {
        let transport = self.facts.borrow().transport.clone();
        match transport {
            None => false,
            Some(unix @ Transport::Unix { .. }) => {
                timeout(ANSWER, unix.connect()).await.is_ok_and(|tried| tried.is_ok())
            }
            // This state is published once the enclave has accepted a connection. Anybody may ask
            // for the host's health, but places on a vsock are few.
            Some(_) => true,
        }
    }
}

/// The causes of an error, as they follow its text in one line.
pub(crate) fn source_of(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(String::new(), |text, cause| format!("{text}: {cause}"))
}

const FIRST_START: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_millis(50);
const ANSWER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_waits_for_a_place_but_not_for_ever() {
        let watched = Watched::new(PathBuf::from("pid"), None, 1);
        let first = watched.place(Duration::ZERO).await;
        assert!(first.is_some());
        assert!(watched.place(Duration::from_millis(20)).await.is_none());
        drop(first);
        assert!(watched.place(Duration::ZERO).await.is_some());
    }
}
