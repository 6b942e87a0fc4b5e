//! Checks who asks a custody, with checks that are cheap and cannot be forged, before any other
//! work.
//!
//! A job lies in receipts for ever, and anybody who listens on the plain connection has it too. So
//! a request is signed by the job's own analyst, for one owner, with a time, and is answered once:
//! a request of somebody else uses up nothing of the analyst's share.

use protocol::{
    contract::Contract,
    delegation::{Authority, Withdrawn},
    job::SignedJob,
    limits,
    refusal::{Refusal, RunFlaw},
    slice::SliceRequest,
    time::Time,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The requests that were accepted within the time in which they could be shown again.
#[derive(Debug, Default)]
pub(super) struct Requests {
    seen: Mutex<BTreeMap<String, BTreeMap<[u8; 16], Time>>>,
}

impl Requests {
    /// The request in `body` to the custody of `owner`, with the job in it. `withdrawn` is called
    /// only after a key of a party is known to have signed, so that strangers cause no reading of
    /// files.
    ///
    /// # Errors
    ///
    /// [`Refusal`] of what is not signed by the analyst of its job, is for another owner, of another
    /// time, about a job whose time is over, or was there before.
    pub(super) fn admit(
        &self,
        contract: &Contract,
        owner: &str,
        body: &[u8],
        now: Time,
        withdrawn: impl FnOnce() -> Result<Withdrawn, Refusal>,
    ) -> Result<(SliceRequest, SignedJob), Refusal> {
        let authority = Authority::at(contract, now);
        let (request, by) = authority.open::<SliceRequest>(body)?;
        if request.owner != owner {
            return Err(Refusal::Elsewhere);
        }
        if request.time.0.abs_diff(now.0) > limits::SLICE_REQUEST_MS {
            return Err(Refusal::OtherClock { sent: request.time, here: now });
        }
        let signed = SignedJob::open_either(&authority, request.job.clone())?;
        if let Some(run) = signed.run() {
            return Err(run.refused(RunFlaw::Submitted));
        }
        // A party asks only for itself, as at an instance.
        if signed.signed_by() != &by {
            return Err(Refusal::Malformed);
        }
        // A withdrawn key uses up nothing of the share of the party's other keys.
        authority.without(&withdrawn()?).still(&by)?;
        let not_after = signed.job().not_after;
        if now > not_after {
            return Err(Refusal::JobExpired { not_after });
        }
        self.once(by.party(), &request, now)?;
        Ok((request, signed))
    }

    fn once(&self, party: &str, request: &SliceRequest, now: Time) -> Result<(), Refusal> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.entry(party.to_owned()).or_default();
        // An older request is refused for its time.
        seen.retain(|_, sent| sent.0.saturating_add(limits::SLICE_REQUEST_MS) >= now.0);
        if seen.contains_key(&request.id) {
            return Err(Refusal::Replayed);
        }
        if seen.len() >= MOST {
            return Err(Refusal::Busy { party: party.to_owned() });
        }
        seen.insert(request.id, request.time);
        Ok(())
    }
}

/// Requests of one analyst that are remembered: more than can be answered in so short a time.
const MOST: usize = 4096;
