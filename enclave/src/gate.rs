//! Limits requests that come too often, and refuses requests that come twice.

use protocol::refusal::{Refusal, Share};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// Limits requests that come too often, and refuses requests that come twice.
pub(crate) struct Gate {
    seen: Mutex<BTreeMap<String, BTreeSet<[u8; 16]>>>,
    attests: Mutex<Bucket>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let bucket = Bucket { tokens: BURST, at: Instant::now() };
        Self { seen: Mutex::new(BTreeMap::new()), attests: Mutex::new(bucket) }
    }

    /// Admits a request for an attestation document, unless too many came.
    pub(crate) fn admit_attest(&self) -> Result<(), Refusal> {
        let mut bucket = self.attests.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = bucket.at.elapsed().as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * PER_SECOND).min(BURST);
        bucket.at = Instant::now();
        if bucket.tokens < 1.0 {
            return Err(Refusal::RateLimited);
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// Admits a request once. Each party has a share of its own, so that none can use up another's.
    pub(crate) fn admit_once(&self, party: &str, id: [u8; 16]) -> Result<(), Refusal> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.entry(party.to_owned()).or_default();
        if seen.len() >= MAX_REQUESTS {
            let party = party.to_owned();
            return Err(Refusal::ShareUsed { party, share: Share::Requests });
        }
        if seen.insert(id) { Ok(()) } else { Err(Refusal::Replayed) }
    }
}

const PER_SECOND: f64 = 10.0;
const BURST: f64 = 50.0;
/// Largest number of requests that one party may send in one life of an instance.
const MAX_REQUESTS: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_request_that_is_replayed() {
        let gate = Gate::new();
        assert_eq!(gate.admit_once("publisher", [1; 16]), Ok(()));
        assert_eq!(gate.admit_once("publisher", [2; 16]), Ok(()));
        assert_eq!(gate.admit_once("publisher", [1; 16]), Err(Refusal::Replayed));
    }

    #[test]
    fn a_party_that_asks_too_often_silences_only_itself() {
        let gate = Gate::new();
        for n in 0..u128::try_from(MAX_REQUESTS).unwrap() {
            gate.admit_once("publisher", n.to_be_bytes()).unwrap();
        }
        let party = "publisher".to_owned();
        let used = Refusal::ShareUsed { party, share: Share::Requests };
        assert_eq!(gate.admit_once("publisher", [255; 16]), Err(used));
        assert_eq!(gate.admit_once("retailer", [255; 16]), Ok(()));
    }

    #[test]
    fn refuses_documents_to_whoever_asks_for_too_many() {
        let gate = Gate::new();
        let admitted = (0..200).filter(|_| gate.admit_attest().is_ok()).count();
        assert!((50..100).contains(&admitted), "{admitted}");
    }
}
