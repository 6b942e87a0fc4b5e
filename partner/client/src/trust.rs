//! Whose attestation documents are believed.

use attestation_verifier::{CertificateFlaw, Expected, Pcr, Root, danger};
use protocol::contract::Contract;
use std::collections::BTreeMap;

/// The root under which an enclave must prove itself, and the builds that are no longer believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trust {
    root: Root,
    withdrawn: Vec<BTreeMap<u8, Pcr>>,
}

impl Trust {
    /// The root of AWS Nitro Enclaves.
    #[must_use]
    pub fn aws() -> Self {
        Self { root: Root::AWS, withdrawn: Vec::new() }
    }

    /// Any other root, in PEM or DER: whoever has its key can pretend to be any enclave.
    ///
    /// # Errors
    ///
    /// What is wrong with the certificate's form.
    pub fn danger(certificate: &[u8]) -> Result<Self, CertificateFlaw> {
        let root = match std::str::from_utf8(certificate) {
            Ok(pem) if pem.contains("-----BEGIN") => danger::root_from_pem(pem)?,
            _ => danger::root_from_der(certificate)?,
        };
        Ok(Self { root, withdrawn: Vec::new() })
    }

    /// The same root without `builds`: no room, receipt or closing of them is believed.
    #[must_use]
    pub fn withdrawing(mut self, builds: impl IntoIterator<Item = BTreeMap<u8, Pcr>>) -> Self {
        self.withdrawn.extend(builds);
        self
    }

    /// Whether a document with these registers is of a withdrawn build: every register that the
    /// withdrawal names and the document shows is equal.
    pub fn has_withdrawn(&self, pcrs: &BTreeMap<u8, Pcr>) -> bool {
        let same = |(index, pcr)| pcrs.get(index).is_none_or(|found| found == pcr);
        self.withdrawn.iter().any(|build| build.iter().all(same))
    }

    /// Whether the root is not AWS's: everything that is printed about it must then say SIMULATED.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        !self.root.is_aws()
    }

    /// The root under which enclaves are believed.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// What an enclave under `contract` must prove: that it is one of the contract's builds.
    pub(crate) fn expected(&self, contract: &Contract) -> Expected {
        let builds = contract.builds.iter().map(|build| build.pcrs.clone());
        Expected::any_of(builds).root(self.root.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers(values: &[(u8, u8)]) -> BTreeMap<u8, Pcr> {
        let pcr = |value: u8| hex::encode([value; 48]).parse().unwrap();
        values.iter().map(|&(index, value)| (index, pcr(value))).collect()
    }

    #[test]
    fn a_build_is_withdrawn_by_any_of_its_registers_that_were_named() {
        let shown = registers(&[(0, 1), (1, 2), (2, 3), (3, 0)]);
        for named in
            [&[(0, 1)][..], &[(0, 1), (2, 3)], &[(0, 1), (1, 2), (2, 3)], &[(0, 1), (8, 7)]]
        {
            let trust = Trust::aws().withdrawing([registers(&[(0, 9)]), registers(named)]);
            assert!(trust.has_withdrawn(&shown), "{named:?}");
        }
        for named in [&[(0, 9)][..], &[(0, 1), (2, 9)]] {
            let trust = Trust::aws().withdrawing([registers(named)]);
            assert!(!trust.has_withdrawn(&shown), "{named:?}");
        }
        assert!(!Trust::aws().has_withdrawn(&shown));
    }
}
