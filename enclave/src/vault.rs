//! Datasets whose keys were granted: decrypted and in memory until the grant ends.

use engine::Ordered;
use protocol::{
    contract::Contract,
    digest::Digest,
    manifest::{Manifest, SignedManifest},
    message::OpenDataset,
    refusal::{GrantFlaw, Limit, Refusal},
    tally::Tally,
    time::Time,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The datasets that are open.
pub(crate) struct Vault {
    held: BTreeMap<String, Held>,
    newest: BTreeMap<String, u64>,
    /// The files that are being fetched, one for each dataset, and the memory that each will take.
    loading: BTreeMap<String, u64>,
    /// The datasets among them whose owner has revoked the grant meanwhile.
    revoked: BTreeSet<String>,
    memory_bytes: u64,
}

/// A dataset that is open.
pub(crate) struct Held {
    pub(crate) manifest: SignedManifest,
    pub(crate) table: Arc<Ordered>,
    pub(crate) not_after: Time,
}

/// The datasets of one job, all of them open, in the order of its tally.
pub(crate) struct Unlocked {
    pub(crate) tables: Vec<Arc<Ordered>>,
}

impl Vault {
    pub(crate) fn new(memory_bytes: u64) -> Self {
        let (held, newest, loading) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { held, newest, loading, revoked: BTreeSet::new(), memory_bytes }
    }

    /// Refuses a version older than one that was open before: that would be a rollback.
    pub(crate) fn check_version(&self, dataset: &str, version: u64) -> Result<(), Refusal> {
        if self.newest.get(dataset).is_some_and(|newest| version < *newest) {
            return Err(Refusal::BadGrant { dataset: dataset.to_owned(), why: GrantFlaw::Older });
        }
        Ok(())
    }

    /// Reserves memory for a file that is going to be fetched. Refuses a file that would not fit
    /// beside the others, that exceeds the owner's even share, or that is the second of its dataset
    /// at one time.
    ///
    /// This is decided from public sizes, with room for any job on what is held, so that no row
    /// decides later whether a job fails.
    pub(crate) fn reserve(
        &mut self,
        dataset: &str,
        manifest: &Manifest,
        datasets: usize,
    ) -> Result<(), Refusal> {
        if self.loading.contains_key(dataset) {
            return Err(Refusal::Opening { dataset: dataset.to_owned() });
        }
        let found = need(manifest);
        let share = u64::try_from(datasets).unwrap_or(u64::MAX).max(1);
        let most = self.memory_bytes / share;
        if found > most {
            return Err(Refusal::OverLimit { limit: Limit::Memory, found, most });
        }
        self.loading.insert(dataset.to_owned(), found);
        Ok(())
    }

    /// Frees the memory that [`Self::reserve`] reserved, and returns whether the grant was revoked
    /// meanwhile.
    pub(crate) fn release(&mut self, dataset: &str) -> bool {
        self.loading.remove(dataset);
        self.revoked.remove(dataset)
    }

    /// Drops a dataset. A grant of it that is still being fetched will not open.
    pub(crate) fn revoke(&mut self, dataset: &str) {
        self.held.remove(dataset);
        if self.loading.contains_key(dataset) {
            self.revoked.insert(dataset.to_owned());
        }
    }

    pub(crate) fn open(&mut self, dataset: &str, held: Held) {
        self.newest.insert(dataset.to_owned(), held.manifest.manifest().version);
        self.held.insert(dataset.to_owned(), held);
    }

    /// Drops every dataset whose grant is over, and returns their names.
    pub(crate) fn drop_expired(&mut self, now: Time) -> Vec<String> {
        let over: Vec<_> = self
            .held
            .iter()
            .filter(|(_, held)| is_over(held.not_after, now))
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

    /// The datasets of a question in the versions that its job names.
    pub(crate) fn unlocked(
        &self,
        contract: &Contract,
        versions: &BTreeMap<String, Digest>,
        tally: &Tally,
    ) -> Result<Unlocked, Refusal> {
        let table = |name: &str| {
            let held = self
                .held
                .get(name)
                .filter(|held| versions.get(name) == Some(&held.manifest.digest()));
            held.map(|held| Arc::clone(&held.table)).ok_or_else(|| {
                let owner = contract.datasets.get(name).map(|d| d.owner.clone());
                let owner = owner.unwrap_or_default();
                Refusal::KeyWithheld { dataset: name.to_owned(), owner }
            })
        };
        Ok(Unlocked { tables: tally.datasets().map(table).collect::<Result<_, _>>()? })
    }
}

/// Memory that a file needs: its ciphertext and columns, twice while one version replaces another,
/// and what a job may need for each row.
fn need(manifest: &Manifest) -> u64 {
    let rows = manifest.shape().rows().saturating_mul(JOB_BYTES_PER_ROW);
    manifest.size.saturating_mul(4).saturating_add(rows)
}

/// What a join and its sums take for each row, with a margin: a whole `glovebox try` over 1.2 and 0.6
/// million rows peaked at 508 MB, which is 260 bytes for each padded row, files and sealing included.
const JOB_BYTES_PER_ROW: u64 = 600;

/// Whether a grant until `not_after` is over at `now`.
pub(crate) fn is_over(not_after: Time, now: Time) -> bool {
    now >= not_after
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{merkle, sealed::Declared};

    fn manifest(size: u64) -> Manifest {
        Manifest {
            lineage: "sales".to_owned(),
            version: 1,
            root: merkle::root_of(b""),
            size,
            declared: Declared::of(1024),
            columns: Vec::new(),
            aad_prefix: Vec::new(),
        }
    }

    #[test]
    fn what_is_revoked_while_it_is_fetched_does_not_open() {
        let mut vault = Vault::new(1 << 30);
        vault.reserve("sales", &manifest(1 << 20), 2).unwrap();
        vault.revoke("exposures");
        vault.revoke("sales");
        assert!(vault.release("sales"), "revoked");
        vault.reserve("sales", &manifest(1 << 20), 2).unwrap();
        assert!(!vault.release("sales"), "the next one is another grant");
        vault.revoke("sales");
        vault.reserve("sales", &manifest(1 << 20), 2).unwrap();
        assert!(!vault.release("sales"), "nothing was being fetched");
    }

    /// As the keys that it may rest on until then: a receipt of that very time would have a manifest of no good key.
    #[test]
    fn a_grant_is_over_at_its_end_and_not_after_it() {
        assert!(!is_over(Time(10), Time(9)));
        assert!(is_over(Time(10), Time(10)) && is_over(Time(10), Time(11)));
    }

    #[test]
    fn fetches_one_file_at_a_time_for_each_dataset() {
        let mut vault = Vault::new(1 << 30);
        vault.reserve("sales", &manifest(1 << 20), 2).unwrap();
        let second = vault.reserve("sales", &manifest(1 << 20), 2);
        assert_eq!(second, Err(Refusal::Opening { dataset: "sales".to_owned() }));
        vault.reserve("exposures", &manifest(1 << 20), 2).unwrap();
        vault.release("sales");
        vault.reserve("sales", &manifest(1 << 20), 2).unwrap();
    }

    #[test]
    fn no_dataset_takes_more_than_its_share_of_the_memory() {
        let mut vault = Vault::new(1 << 30);
        let refused = vault.reserve("sales", &manifest(1 << 27), 2).unwrap_err();
        assert!(matches!(refused, Refusal::OverLimit { limit: Limit::Memory, .. }));
        vault.reserve("sales", &manifest(1 << 26), 2).unwrap();
    }
}
