//! Whose attestation documents are believed.

use attestation_verifier::{CertificateFlaw, Expected, Root, danger};
use protocol::contract::Contract;

/// The root under which an enclave must prove itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trust {
    root: Root,
}

impl Trust {
    /// AWS Nitro Enclaves.
    #[must_use]
    pub fn aws() -> Self {
        Self::default()
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
        Ok(Self { root })
    }

    /// True for every root but AWS's: whatever is printed about it must say SIMULATED.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        !self.root.is_aws()
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// What is expected of an enclave under `contract`: to be one of its builds.
    pub(crate) fn expected(&self, contract: &Contract) -> Expected {
        let builds = contract.builds.iter().map(|build| build.pcrs.clone());
        Expected::any_of(builds).root(self.root.clone())
    }
}
