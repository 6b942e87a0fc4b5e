//! A delegated key with the delegation that it carries, and the bytes that both make.

use super::{ByDelegate, Delegation};
use crate::sign::{Envelope, PublicKey, SignatureError, SigningKey, pair};

/// A key that a party delegated, with its delegation. Prints nothing of the key.
#[derive(Debug)]
pub struct Delegate {
    key: SigningKey,
    root: PublicKey,
    delegation: Delegation,
    bytes: Vec<u8>,
}

impl Delegate {
    /// The key with a signed delegation of it.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if the bytes are not a delegation, or one of another key.
    pub fn new(key: SigningKey, delegation: Vec<u8>) -> Result<Self, SignatureError> {
        let envelope = Envelope::parse(&delegation)?;
        let root = envelope.claimed_signer();
        let found: Delegation = envelope.verify(&root)?;
        let expected = key.public();
        if found.key != expected {
            return Err(SignatureError::OtherSigner { found: found.key, expected });
        }
        Ok(Self { key, root, delegation: found, bytes: delegation })
    }

    /// Delegates `key` by a root key that is at hand.
    ///
    /// # Errors
    ///
    /// As [`Self::new`]; the delegation must be of `key`.
    pub fn by(
        root: &SigningKey,
        key: SigningKey,
        delegation: &Delegation,
    ) -> Result<Self, SignatureError> {
        Self::new(key, root.sign(delegation))
    }

    /// The root key that delegated it, which names the party.
    #[must_use]
    pub fn root(&self) -> PublicKey {
        self.root
    }

    /// What the root key said of it.
    #[must_use]
    pub fn delegation(&self) -> &Delegation {
        &self.delegation
    }

    /// Signs `value` for the party that delegated the key; the delegation goes with it.
    #[must_use]
    pub fn sign<T: ByDelegate>(&self, value: &T) -> Vec<u8> {
        pair::write(&self.bytes, &self.key.sign_for(value, &self.root))
    }
}

/// Bytes that a [`Delegate`] signed, parsed and not yet verified: `[delegation, signed]`.
#[derive(Clone, Copy, Debug)]
pub struct Delegated<'a> {
    pub(super) delegation: Envelope<'a>,
    pub(super) signed: Envelope<'a>,
}

impl<'a> Delegated<'a> {
    /// Finds the parts of `bytes`, and decodes none of them.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Malformed`] for anything but the one encoding that [`Delegate::sign`] makes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SignatureError> {
        let (delegation, signed) = pair::read(bytes).ok_or(SignatureError::Malformed)?;
        Ok(Self { delegation: Envelope::parse(delegation)?, signed: Envelope::parse(signed)? })
    }

    /// What is signed: bytes of which nothing is known.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.signed.payload()
    }

    /// What is signed, whoever signed it. Proves nothing of whose it is.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if the key in it did not sign a `T` for whom the delegation names.
    pub fn of_anybody<T: ByDelegate>(&self) -> Result<T, SignatureError> {
        let root = self.delegation.claimed_signer();
        self.signed.verify_for(&self.signed.claimed_signer(), &root)
    }
}
