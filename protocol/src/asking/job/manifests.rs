//! The manifests of the dataset versions that a job names.

use super::Job;
use crate::{
    delegation::Authority,
    manifest::{self, SignedManifest},
    refusal::Refusal,
};
use std::collections::BTreeMap;

impl Job {
    /// The manifests among `signed` that the job names. Each must be signed by its dataset's owner
    /// and fit the dataset. A missing one is left out, and the policy names it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`] for a dataset that the contract does not have, or a manifest that does not fit; and whatever
    /// is wrong with the key that signed it.
    pub fn read_manifests<B: AsRef<[u8]>>(
        &self,
        authority: &Authority<'_>,
        signed: &[B],
    ) -> Result<BTreeMap<String, SignedManifest>, Box<Refusal>> {
        let mut manifests = BTreeMap::new();
        for (name, digest) in &self.datasets {
            let named = |bytes: &&B| manifest::digest_of(bytes.as_ref()) == Some(*digest);
            let dataset = authority.contract().datasets.get(name).ok_or(Refusal::Malformed)?;
            let Some(bytes) = signed.iter().find(named) else { continue };
            let bytes = bytes.as_ref().to_vec();
            let manifest = SignedManifest::open(bytes, authority, &dataset.owner);
            let manifest = manifest.map_err(Refusal::from)?;
            manifest.manifest().check(dataset).map_err(|_| Refusal::Malformed)?;
            manifests.insert(name.clone(), manifest);
        }
        Ok(manifests)
    }
}
