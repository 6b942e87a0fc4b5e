//! Whose attestation documents are believed.

use attestation_verifier::{CertificateFlaw, Expected, Pcr, Region, Root, danger};
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

    /// What an enclave under `contract` must prove: that it is one of the contract's builds, and runs in one of the regions that
    /// the contract permits, if it names any.
    pub(crate) fn expected(&self, contract: &Contract) -> Expected {
        let builds = contract.builds.iter().map(|build| build.pcrs.clone());
        Expected::any_of(builds).root(self.root.clone()).regions(contract.regions.iter().copied())
    }
}

/// The regions that a contract permits, in words.
pub(crate) fn regions_in_words(contract: &Contract) -> String {
    contract.regions.iter().map(Region::as_str).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;
    use attestation_verifier::{Document, VerifyError, explain::Claims};

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

    /// A real document of AWS, whose certificates name eu-west-1.
    #[test]
    fn a_room_is_believed_only_in_the_regions_that_its_contract_permits() {
        let bytes = include_bytes!(
            "../../../tests/vectors/attestation-v1/accept/2022-11-09-veracruz-prod.bin"
        );
        let document = Document::parse(bytes).unwrap();
        let mut contract = Fixture::new().contract;
        contract.builds.truncate(1);
        contract.builds[0].pcrs = Claims::of(&document).pcrs;
        let mut verdict = |regions: &[&str]| {
            contract.regions = regions.iter().map(|name| name.parse().unwrap()).collect();
            document.verify_archived(&Trust::aws().expected(&contract)).map(|_| ())
        };
        assert_eq!(verdict(&[]), Ok(()));
        assert_eq!(verdict(&["eu-central-1", "eu-west-1"]), Ok(()));
        let found = "eu-west-1".parse().unwrap();
        assert_eq!(verdict(&["eu-central-1"]), Err(VerifyError::Region { found }));
    }
}
