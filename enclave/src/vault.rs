//! Datasets whose keys were granted, decrypted, in memory, until the grant ends.

use arrow::array::RecordBatch;
use protocol::{
    contract::Contract,
    digest::Digest,
    manifest::SignedManifest,
    message::OpenDataset,
    refusal::{GrantFlaw, Limit, Refusal},
    time::Time,
};
use std::collections::BTreeMap;

/// What is open.
pub(crate) struct Vault {
    held: BTreeMap<String, Held>,
    newest: BTreeMap<String, u64>,
}

/// One dataset.
pub(crate) struct Held {
    pub(crate) manifest: SignedManifest,
    pub(crate) rows: RecordBatch,
    pub(crate) not_after: Time,
}

/// The datasets of one job, all of them open.
pub(crate) struct Unlocked<'v> {
    pub(crate) population: &'v RecordBatch,
    pub(crate) outcome: &'v RecordBatch,
}

impl Vault {
    pub(crate) fn new() -> Self {
        Self { held: BTreeMap::new(), newest: BTreeMap::new() }
    }

    /// Refuses a version older than one that was open before: that would be a rollback.
    pub(crate) fn check_version(&self, dataset: &str, version: u64) -> Result<(), Refusal> {
        if self.newest.get(dataset).is_some_and(|newest| version < *newest) {
            return Err(Refusal::BadGrant { dataset: dataset.to_owned(), why: GrantFlaw::Older });
        }
        Ok(())
    }

    /// Refuses what would not fit beside what is held.
    pub(crate) fn check_room(&self, dataset: &str, bytes: u64) -> Result<(), Refusal> {
        let others = self.held.iter().filter(|(name, _)| *name != dataset);
        let used: u64 = others.map(|(_, held)| held.manifest.manifest().size).sum();
        let found = used.saturating_add(bytes);
        if found > MAX_BYTES {
            return Err(Refusal::OverLimit { limit: Limit::Memory, found, most: MAX_BYTES });
        }
        Ok(())
    }

    pub(crate) fn open(&mut self, dataset: &str, held: Held) {
        self.newest.insert(dataset.to_owned(), held.manifest.manifest().version);
        self.held.insert(dataset.to_owned(), held);
    }

    /// Drops every dataset whose grant is over; gives their names.
    pub(crate) fn drop_expired(&mut self, now: Time) -> Vec<String> {
        let over: Vec<_> = self
            .held
            .iter()
            .filter(|(_, held)| now > held.not_after)
            .map(|(name, _)| name.clone())
            .collect();
        for name in &over {
            self.held.remove(name);
        }
        over
    }

    pub(crate) fn manifests(&self) -> BTreeMap<String, SignedManifest> {
        self.held.iter().map(|(name, held)| (name.clone(), held.manifest.clone())).collect()
    }

    pub(crate) fn list(&self) -> Vec<OpenDataset> {
        let open = |(name, held): (&String, &Held)| OpenDataset {
            dataset: name.clone(),
            manifest: held.manifest.as_bytes().to_vec(),
            not_after: held.not_after,
        };
        self.held.iter().map(open).collect()
    }

    /// The two datasets of a job in the versions that it names.
    pub(crate) fn unlocked(
        &self,
        contract: &Contract,
        versions: &BTreeMap<String, Digest>,
        population: &str,
        outcome: &str,
    ) -> Result<Unlocked<'_>, Refusal> {
        let rows = |name: &str| {
            let held = self
                .held
                .get(name)
                .filter(|held| versions.get(name) == Some(&held.manifest.digest()));
            held.map(|held| &held.rows).ok_or_else(|| {
                let owner = contract.datasets.get(name).map(|d| d.owner.clone());
                let owner = owner.unwrap_or_default();
                Refusal::KeyWithheld { dataset: name.to_owned(), owner }
            })
        };
        Ok(Unlocked { population: rows(population)?, outcome: rows(outcome)? })
    }
}

/// Ciphertext that one instance opens; the decrypted columns take about as much again.
const MAX_BYTES: u64 = 16 << 30;
