//! The records of the audit log at the host: one for each entry, sealed, before a reply leaves, so that an instance that is
//! killed does not take its log along.

use crate::{
    audit::Audit,
    link::{self, Host},
};
use protocol::{
    canonical,
    contract::Contract,
    digest::Digest,
    key::DataKey,
    refusal::Refusal,
    sign::SigningKey,
    storage::{InvalidName, ObjectName},
    stored_log::{LogOpening, LogRecord, seal_key},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// What records are sealed with, and how many the host has.
pub(crate) struct Records {
    seed: Zeroizing<[u8; 32]>,
    /// What each party opens its places in records with.
    keys: BTreeMap<String, DataKey>,
    opening: Opening,
    /// How many entries have their record at the host.
    stored: u64,
}

/// What comes before the first record.
enum Opening {
    /// Nothing was made yet.
    Unmade,
    /// It was made, and the host may not have it. It is not made twice: a document has a time, and the host takes one.
    Made(Vec<u8>),
    /// The host has it.
    Stored,
}

impl Records {
    /// No records yet, for the parties of `contract`. Whoever has `seed` can open what is sealed here.
    pub(crate) fn new(contract: &Contract, seed: Zeroizing<[u8; 32]>) -> Self {
        let key = |party: &String| (party.clone(), derived(&seed, "party", party));
        let keys = contract.parties.keys().map(key).collect();
        Self { seed, keys, opening: Opening::Unmade, stored: 0 }
    }

    /// Whether the host has the record of every entry.
    pub(crate) fn are_complete(&self, audit: &Audit) -> bool {
        self.stored == audit.head().size
    }

    /// Whether what comes before the first record was made.
    pub(crate) fn have_opening(&self) -> bool {
        !matches!(self.opening, Opening::Unmade)
    }

    /// What the instance attests before the first record: each party's key, sealed to it.
    pub(crate) fn opening_body(
        &self,
        contract: &Contract,
        instance: Digest,
    ) -> Result<Vec<u8>, Refusal> {
        let mut keys = BTreeMap::new();
        for (party, key) in &self.keys {
            let to = contract.parties.get(party).ok_or(Refusal::Internal)?;
            let to = (party.as_str(), &to.recipient_key);
            let seed = derived(&self.seed, "sealing", party);
            let mut generator = ChaCha20Rng::from_seed(*seed.expose());
            let sealed = seal_key((contract.digest, instance), to, key, &mut generator);
            keys.insert(party.clone(), sealed.map_err(|_| Refusal::Internal)?);
        }
        Ok(canonical::to_vec(&LogOpening { contract: contract.digest, instance, keys }))
    }

    /// Sets what comes before the first record.
    pub(crate) fn begin_with(&mut self, attested: Vec<u8>) {
        self.opening = Opening::Made(attested);
    }

    /// Stores what the host does not have, in order, for as long as [`PATIENCE`] lasts: what a slow host has not taken then is left for
    /// the next time, since nothing else is done meanwhile.
    pub(crate) async fn store(
        &mut self,
        host: &dyn Host,
        instance: Digest,
        audit: &Audit,
        signer: &SigningKey,
    ) -> Result<(), Refusal> {
        let of = instance.to_string();
        if let Opening::Made(made) = &self.opening {
            put(host, ObjectName::log_opening(&of), made.clone()).await?;
            self.opening = Opening::Stored;
        }
        let begun = Instant::now();
        while !self.are_complete(audit) {
            if begun.elapsed() > PATIENCE {
                tracing::error!("the host takes long to keep the audit log: a reply is withheld");
                return Err(Refusal::LogNotStored);
            }
            let number = self.stored;
            let record = self.record(instance, audit, number)?;
            put(host, ObjectName::log_record(&of, number), signer.sign(&record)).await?;
            self.stored = number.saturating_add(1);
        }
        Ok(())
    }

    /// The record of the entry `number`: the same bytes whenever it is made.
    fn record(&self, instance: Digest, audit: &Audit, number: u64) -> Result<LogRecord, Refusal> {
        let (what, readers) = audit.recorded(number).ok_or(Refusal::Internal)?;
        let key = derived(&self.seed, "text", &number);
        let reads = |party: &str| readers.is_some_and(|readers| readers.contain(party));
        LogRecord::seal(instance, what, &key, &self.keys, reads).map_err(|_| Refusal::Internal)
    }
}

async fn put(
    host: &dyn Host,
    name: Result<ObjectName, InvalidName>,
    bytes: Vec<u8>,
) -> Result<(), Refusal> {
    let name = name.map_err(|_| Refusal::Internal)?;
    link::put(host, None, name, bytes).await.map_err(|error| {
        tracing::error!(%error, "the host did not keep the audit log: a reply is withheld");
        Refusal::LogNotStored
    })
}

/// A key of its own for each purpose and thing.
fn derived(seed: &Zeroizing<[u8; 32]>, purpose: &str, of: &impl Serialize) -> DataKey {
    let drawn = Zeroizing::new(canonical::to_vec(&(seed.as_slice(), purpose, of)));
    let drawn = Digest::of("glovebox log derivation v1", &drawn);
    let mut key = [0; DataKey::LEN];
    key.iter_mut().zip(drawn.as_bytes()).for_each(|(to, from)| *to = *from);
    DataKey::take(&mut key)
}

/// How long the records of one request are stored.
const PATIENCE: Duration = Duration::from_secs(30);
