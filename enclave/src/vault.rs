//! Datasets whose keys were granted: decrypted and in memory until the grant ends.

use engine::{Need, Ordered};
use protocol::{
    contract::Contract,
    digest::Digest,
    manifest::{Manifest, SignedManifest},
    message::OpenDataset,
    opt_outs::NamedOptOuts,
    refusal::{GrantFlaw, Limit, Refusal},
    sealed::{self, Physical},
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
    newest: BTreeMap<String, Newest>,
    /// The files that are being fetched, one for each dataset, and the memory that each will take.
    loading: BTreeMap<String, u64>,
    /// The datasets among them whose owner has revoked the grant meanwhile.
    revoked: BTreeSet<String>,
    memory_bytes: u64,
}

/// The newest that was ever open of a dataset.
#[derive(Clone, Copy)]
struct Newest {
    version: u64,
    opt_outs: Option<NamedOptOuts>,
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

    /// Refuses a version older than one that was open before, or one with an older list of opt-outs: either would be
    /// a rollback.
    pub(crate) fn check_version(&self, dataset: &str, manifest: &Manifest) -> Result<(), Refusal> {
        let Some(newest) = self.newest.get(dataset) else { return Ok(()) };
        let bad = |why| Err(Refusal::BadGrant { dataset: dataset.to_owned(), why });
        if manifest.version < newest.version {
            return bad(GrantFlaw::Older);
        }
        let next = manifest.opt_outs.as_ref();
        if newest.opt_outs.is_some_and(|known| !known.may_be_followed_by(next)) {
            return bad(GrantFlaw::OlderOptOuts);
        }
        Ok(())
    }

    /// Reserves memory for a file that is going to be fetched. Refuses a file that would not fit
    /// beside the others, that exceeds the owner's even share, or that is the second of its dataset
    /// at one time.
    ///
    /// This is decided from public sizes. What a job needs beside it is decided when it is asked
    /// ([`Self::check_cells`]). A version that another one replaces is held until that one is open.
    pub(crate) fn reserve(
        &mut self,
        dataset: &str,
        manifest: &Manifest,
        contract: &Contract,
    ) -> Result<(), Refusal> {
        if self.loading.contains_key(dataset) {
            return Err(Refusal::Opening { dataset: dataset.to_owned() });
        }
        let found = opening(contract, dataset, manifest).ok_or(Refusal::Internal)?;
        let before = self.held.get(dataset).map(|held| held.manifest.manifest());
        let before = before.map(|manifest| holding(contract, dataset, manifest));
        let before = before.unwrap_or(Some(0)).ok_or(Refusal::Internal)?;
        let found = found.saturating_add(before);
        let datasets = contract.datasets.len();
        let share = u64::try_from(datasets).unwrap_or(u64::MAX).max(1);
        let most = self.memory_bytes / share;
        if found > most {
            return Err(Refusal::OverLimit { limit: Limit::Memory, found, most });
        }
        self.loading.insert(dataset.to_owned(), found);
        Ok(())
    }

    /// Refuses a job whose cells the data name, if there could be more of them than there is memory beside the
    /// datasets. This is decided from public sizes, before anything is paid.
    pub(crate) fn check_cells(&self, contract: &Contract, tally: &Tally) -> Result<(), Refusal> {
        let rows = tally.counted().iter().filter_map(|table| self.held.get(&table.dataset));
        let rows = rows.map(|held| held.manifest.manifest().shape().rows());
        self.check_cells_of(contract, tally, rows.fold(0, u64::saturating_add))
    }

    /// [`Self::check_cells`] over so many rows, padding included.
    fn check_cells_of(&self, contract: &Contract, tally: &Tally, rows: u64) -> Result<(), Refusal> {
        let held = self.held.iter().map(|(name, held)| {
            holding(contract, name, held.manifest.manifest()).unwrap_or(u64::MAX)
        });
        let taken = held.chain(self.loading.values().copied()).fold(0, u64::saturating_add);
        let found = engine::need_of_cells(tally, rows);
        let most = self.memory_bytes.saturating_sub(taken);
        if found > most {
            return Err(Refusal::OverLimit { limit: Limit::Memory, found, most });
        }
        Ok(())
    }

    /// Frees the memory that [`Self::reserve`] reserved, and returns whether the grant was revoked
    /// meanwhile.
    pub(crate) fn release(&mut self, dataset: &str) -> bool {
        self.loading.remove(dataset);
        self.revoked.remove(dataset)
    }

    /// The rows of this very version, if it is open at `now`: whoever grants it again extends the grant.
    pub(crate) fn same(&self, dataset: &str, manifest: Digest, now: Time) -> Option<Arc<Ordered>> {
        let held = self.held.get(dataset)?;
        let same = held.manifest.digest() == manifest && !is_over(held.not_after, now);
        same.then(|| Arc::clone(&held.table))
    }

    /// Drops a dataset, and says whether there was one. A grant of it that is still being fetched will not open.
    pub(crate) fn revoke(&mut self, dataset: &str) -> bool {
        let was_held = self.held.remove(dataset).is_some();
        let is_loading = self.loading.contains_key(dataset);
        if is_loading {
            self.revoked.insert(dataset.to_owned());
        }
        was_held || is_loading
    }

    pub(crate) fn open(&mut self, dataset: &str, held: Held) {
        let Manifest { version, opt_outs, .. } = *held.manifest.manifest();
        self.newest.insert(dataset.to_owned(), Newest { version, opt_outs });
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

/// The most memory that there is for a file from its first block to a job on its rows: the file, which is let go of
/// before rows are put into order, one bucket as it was decrypted and as it is arranged, and what the engine needs.
fn opening(contract: &Contract, dataset: &str, manifest: &Manifest) -> Option<u64> {
    let need = need(contract, dataset, manifest)?;
    let used = contract.used_columns(dataset).into_iter();
    let width: u64 = used.filter_map(sealed::physical).map(Physical::width).sum();
    let bucket = width.saturating_mul(2).saturating_add(ARRANGING);
    let bucket = manifest.shape().capacity().saturating_mul(bucket);
    let places = manifest.opt_outs.map_or(0, |named| named.places);
    let taking_in = manifest.size.saturating_add(bucket).saturating_add(need.taking_in);
    let taking_in = taking_in.saturating_add(places.saturating_mul(OPT_OUT));
    Some(taking_in.max(need.ordering).max(need.held))
}

/// Bytes of a row while its bucket is arranged: its person's tag, twice, and its place.
const ARRANGING: u64 = 40;

/// Bytes of a place on a list of opt-outs: as it came, as a key, and a tag of each kind of key.
const OPT_OUT: u64 = 2 * 32 + 3 * 16;

/// What is held of a file once it is open.
fn holding(contract: &Contract, dataset: &str, manifest: &Manifest) -> Option<u64> {
    need(contract, dataset, manifest).map(|need| need.held)
}

fn need(contract: &Contract, dataset: &str, manifest: &Manifest) -> Option<Need> {
    Need::of(contract, dataset, manifest.shape().rows()).ok()
}

/// Whether a grant until `not_after` is over at `now`.
pub(crate) fn is_over(not_after: Time, now: Time) -> bool {
    now >= not_after
}

#[cfg(test)]
mod tests;
