//! An instance, as the statement of its keys names it.

use attestation_verifier::receipt::{self, ParseAttestedError, Statement};
use protocol::{
    digest::Digest,
    hpke::{OpenError, RecipientKey},
};

/// One life of an enclave: its keys and its contract.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Instance {
    digest: Digest,
    statement: Statement,
    encoded: Vec<u8>,
}

impl Instance {
    /// Reads a statement without believing it. An instance in a [`super::Room`] was believed.
    ///
    /// # Errors
    ///
    /// [`ParseAttestedError`] unless it is exactly what instances encode.
    pub fn parse(encoded: &[u8]) -> Result<Self, ParseAttestedError> {
        let statement = Statement::parse(encoded)?;
        let digest = Digest::from(receipt::user_data_for(encoded));
        Ok(Self { digest, statement, encoded: encoded.to_vec() })
    }

    /// The identity of the instance: the digest of its statement, which attestation documents carry
    /// as user data.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The contract that the instance serves.
    #[must_use]
    pub fn contract(&self) -> Digest {
        Digest::from(self.statement.contract)
    }

    /// The instance's keys and contract.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The statement as encoded.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }

    /// The key that grants are sealed to.
    ///
    /// # Errors
    ///
    /// [`OpenError::BadKey`] if it cannot be used.
    pub fn recipient_key(&self) -> Result<RecipientKey, OpenError> {
        self.statement.hpke.as_slice().try_into()
    }
}
