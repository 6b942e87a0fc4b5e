//! The versions of datasets that a job names.

use super::Job;
use crate::{
    contract::Contract,
    digest::Digest,
    manifest::{Manifest, SignedManifest},
    refusal::Refusal,
    sign::Signed,
};
use std::collections::BTreeMap;

impl Job {
    /// The manifests that the job names among `signed`, each signed by its dataset's owner and fit for the
    /// dataset. One that is missing is left out: the policy names it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`] for a dataset that the contract does not have, or a manifest that does not open.
    pub fn read_manifests<B: AsRef<[u8]>>(
        &self,
        contract: &Contract,
        signed: &[B],
    ) -> Result<BTreeMap<String, SignedManifest>, Box<Refusal>> {
        let mut manifests = BTreeMap::new();
        for (name, digest) in &self.datasets {
            let named = |bytes: &&B| Digest::of(Manifest::TAG, bytes.as_ref()) == *digest;
            let dataset = contract.datasets.get(name).ok_or(Refusal::Malformed)?;
            let owner = contract.parties.get(&dataset.owner).ok_or(Refusal::Internal)?;
            let Some(bytes) = signed.iter().find(named) else { continue };
            let manifest = SignedManifest::open(bytes.as_ref().to_vec(), &owner.root_key)
                .map_err(|_| Refusal::Malformed)?;
            manifest.manifest().check(dataset).map_err(|_| Refusal::Malformed)?;
            manifests.insert(name.clone(), manifest);
        }
        Ok(manifests)
    }
}
