//! The custody of one room, inside the party's service.

use super::room::ForCustody;
use crate::{failure::Failure, people::PeopleArgs, say};
use client::clock;
use custody::{Door, Event, Ledger, RoomBeliever, Service, serve};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::net::TcpListener;

/// A custody that listens.
pub(crate) struct Custody {
    listener: TcpListener,
    door: Door,
    service: Arc<Service<RoomBeliever>>,
}

impl Custody {
    /// Listens, if the rules say where.
    pub(crate) async fn listen(room: ForCustody) -> Result<Option<Self>, Failure> {
        let Some(listen) = room.listen else { return Ok(None) };
        let listening = |cause| Failure::unclear(format!("listening at {listen}: {cause}"));
        let mut ledger = Ledger::open(&room.identity)?;
        PeopleArgs::default().acknowledge(&mut ledger, &room.contract, &room.party)?;
        let listener = TcpListener::bind(&listen).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let door = Door::of(&room.contract, &room.party, room.identity.directory(), address)
            .map_err(Failure::no)?;
        let believer = RoomBeliever::new(
            room.common.address()?.clone(),
            room.contract.clone(),
            room.root,
            Arc::clone(&room.identity),
        );
        let told = Told::default();
        let (journal, name, countersigned) = (room.journal, room.name, room.countersigned);
        let tell = move |event: Event| {
            if let Event::Granted { job, .. } = &event {
                countersigned.lock().unwrap_or_else(PoisonError::into_inner).push(*job);
            }
            let Some((did, why)) = told.line(&event, clock::now().0) else { return };
            if let Err(full) = journal.add(clock::now(), &name, did, &why) {
                say::note(format_args!("{name}: {full}"));
            }
        };
        let service = Service::new(room.contract, room.identity, ledger, believer, tell)?;
        say::result(door.at(address))?;
        Ok(Some(Self { listener, door, service: Arc::new(service) }))
    }

    /// Answers until `stop` completes.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) {
        if let Err(cause) = serve(self.listener, &self.door, self.service, stop).await {
            say::note(format_args!("custody ended: {cause}"));
        }
    }
}

/// What was told of refusals: anybody can cause them, so each kind is told once a minute at most, and of the others how many
/// there were.
#[derive(Default)]
struct Told(Mutex<Refusals>);

#[derive(Default)]
struct Refusals {
    /// When each kind was told.
    told: BTreeMap<String, u64>,
    /// How many were not told since a line was.
    untold: u64,
}

impl Told {
    /// The line for an event at `now`, if one is due.
    fn line(&self, event: &Event, now: u64) -> Option<(&'static str, String)> {
        let (did, why) = match event {
            Event::Granted { job, analyst, resembles } => {
                let careful = resembles.map_or_else(String::new, |earlier| {
                    format!(". CAREFUL: it asks the same as job {earlier}, or nearly the same")
                });
                return Some(("countersigned", format!("job {job} of {analyst}{careful}")));
            }
            Event::Withdrawn { party, key } => {
                return Some((
                    "believes no more",
                    format!("the key {key}, which {party} withdrew"),
                ));
            }
            Event::Refused(refusal) => ("declined", refusal.to_string()),
            Event::NotBelieved(why) => ("declined", why.to_string()),
            Event::Fault(fault) => ("failed", format!("nothing was handed out: {fault}")),
            other => ("noticed", format!("{other:?}")),
        };
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.told.retain(|_, last| now.saturating_sub(*last) < MINUTE_MS);
        if refusals.told.contains_key(&why) || refusals.told.len() >= MOST_KINDS {
            refusals.untold += 1;
            return None;
        }
        refusals.told.insert(why.clone(), now);
        let more = match std::mem::take(&mut refusals.untold) {
            0 => String::new(),
            more => format!(" (and {more} more since the line before)"),
        };
        Some((did, format!("{why}{more}")))
    }
}

const MINUTE_MS: u64 = 60_000;
/// How many different refusals are told in a minute.
const MOST_KINDS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::refusal::Refusal;

    #[test]
    fn refusals_that_anybody_can_cause_fill_no_disk() {
        let told = Told::default();
        let mut lines = Vec::new();
        for number in 0..100_000_u64 {
            let party = format!("stranger-{number}");
            let event = Event::Refused(Refusal::Busy { party });
            lines.extend(told.line(&event, 1 + number));
            lines.extend(told.line(&Event::Refused(Refusal::Stranger), 1 + number));
        }
        // In a minute and 40 seconds: 20 kinds, twice.
        assert_eq!(lines.len(), 40, "{lines:?}");
        let counted = |line: &(&str, String)| line.1.contains("more since the line before");
        assert!(lines.iter().any(counted), "{lines:?}");
    }
}
