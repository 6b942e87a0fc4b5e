//! The custody of one room, inside the party's service.

use super::room::ForCustody;
use crate::{
    custody::listening::{Custodian, Listening, told},
    failure::Failure,
    people::PeopleArgs,
    say,
};
use client::clock;
use custody::{Event, Ledger};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Listens, if the rules say where; what happens is written into the journal.
pub(crate) async fn listen(room: ForCustody) -> Result<Option<Listening>, Failure> {
    let Some(listen) = room.listen else { return Ok(None) };
    let mut ledger = Ledger::open(&room.identity)?;
    PeopleArgs::default().acknowledge(&mut ledger, &room.contract, &room.party)?;
    let custodian = Custodian {
        identity: Arc::clone(&room.identity),
        contract: room.contract,
        ledger,
        room: room.address,
        trust: room.root,
    };
    let said = Told::default();
    let (journal, name, countersigned) = (room.journal, room.name, room.countersigned);
    let tell = move |event: Event| {
        if let Event::Granted { signed, .. } = &event {
            countersigned.lock().unwrap_or_else(PoisonError::into_inner).push(signed.name());
        }
        let Some((did, why)) = said.line(&event, clock::now().0) else { return };
        if let Err(full) = journal.add(clock::now(), &name, did, &why) {
            say::note(format_args!("{name}: {full}"));
        }
    };
    let custody = Listening::at(&listen, custodian, tell).await?;
    say::result(custody.address())?;
    Ok(Some(custody))
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
        let (did, why) = told(event);
        if matches!(event, Event::Granted { .. } | Event::Withdrawn { .. }) {
            return Some((did, why));
        }
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
