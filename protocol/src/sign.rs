//! Ed25519 signatures as COSE: one signer (`COSE_Sign1`) or all parties (`COSE_Sign`).

use crate::{canonical, digest::Digest};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use coset::{
    CborSerializable, CoseSign, CoseSign1, CoseSign1Builder, CoseSignBuilder, CoseSignatureBuilder,
    Header, HeaderBuilder, ProtectedHeader, RegisteredLabelWithPrivate, iana,
};
use ring::signature::{self, Ed25519KeyPair, KeyPair};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// A signed thing: the tag goes into every signature, so that none can stand for another.
pub trait Signed: DeserializeOwned + Serialize {
    /// Domain tag, with the version of the format.
    const TAG: &'static str;
}

/// The secret half of a party's identity. Prints nothing, is never copied.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key pair of a 32-byte seed.
    ///
    /// # Errors
    ///
    /// [`SignatureError::BadKey`] if `seed` does not have 32 bytes.
    pub fn from_seed(seed: &Zeroizing<Vec<u8>>) -> Result<Self, SignatureError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SignatureError::BadKey)?;
        Ok(Self { pair })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; PublicKey::LEN];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(bytes)
    }

    /// A raw signature; the caller has put a domain tag into `message`.
    #[must_use]
    pub fn sign_raw(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// Signs `value`: a `COSE_Sign1` over its canonical encoding, under its tag.
    ///
    /// # Panics
    ///
    /// Never: what is built here encodes.
    #[must_use]
    pub fn sign<T: Signed>(&self, value: &T) -> Vec<u8> {
        let message = CoseSign1Builder::new()
            .protected(header(&self.public()))
            .payload(canonical::to_vec(value))
            .create_signature(T::TAG.as_bytes(), |bytes| self.sign_raw(bytes))
            .build();
        message.to_vec().expect("invariant: a COSE_Sign1 of ours encodes")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// An Ed25519 public key; written as base64.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PublicKey([u8; Self::LEN]);

impl PublicKey {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        signature::UnparsedPublicKey::new(&signature::ED25519, self.0)
            .verify(message, signature)
            .map_err(|_| SignatureError::Forged)
    }
}

impl From<[u8; Self::LEN]> for PublicKey {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl FromStr for PublicKey {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let bytes = BASE64.decode(text).map_err(|_| SignatureError::BadKey)?;
        bytes.as_slice().try_into().map(Self).map_err(|_| SignatureError::BadKey)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A `COSE_Sign1` that has been parsed and not yet verified: whoever signed it is only a claim.
#[derive(Debug)]
pub struct Envelope {
    message: CoseSign1,
    signer: PublicKey,
}

impl Envelope {
    /// Parses `bytes`.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Malformed`] for anything but the one encoding [`SigningKey::sign`] makes.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let message = CoseSign1::from_slice(bytes).map_err(|_| SignatureError::Malformed)?;
        if message.clone().to_vec().ok().as_deref() != Some(bytes)
            || !message.unprotected.is_empty()
        {
            return Err(SignatureError::Malformed);
        }
        let signer = signer(&message.protected)?;
        Ok(Self { message, signer })
    }

    /// The key that this claims to be signed by.
    #[must_use]
    pub fn claimed_signer(&self) -> PublicKey {
        self.signer
    }

    /// The value, if `signer` signed it as a `T`.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if another key signed, or signed something else.
    pub fn verify<T: Signed>(&self, signer: &PublicKey) -> Result<T, SignatureError> {
        if self.signer != *signer {
            return Err(SignatureError::OtherSigner { found: self.signer, expected: *signer });
        }
        self.message.verify_signature(T::TAG.as_bytes(), |sig, bytes| signer.verify(bytes, sig))?;
        let payload = self.message.payload.as_deref().ok_or(SignatureError::Malformed)?;
        canonical::from_slice(payload).map_err(|_| SignatureError::Malformed)
    }
}

/// Parses and verifies in one step.
///
/// # Errors
///
/// As [`Envelope::parse`] and [`Envelope::verify`].
pub fn open<T: Signed>(bytes: &[u8], signer: &PublicKey) -> Result<T, SignatureError> {
    Envelope::parse(bytes)?.verify(signer)
}

/// Bytes that several parties sign, each for itself: a `COSE_Sign` (RFC 9052 section 4.1).
#[derive(Clone, Debug)]
pub struct Jointly {
    message: CoseSign,
    tag: &'static str,
}

impl Jointly {
    /// `payload`, signed by nobody yet.
    #[must_use]
    pub fn unsigned(tag: &'static str, payload: &[u8]) -> Self {
        Self { message: CoseSignBuilder::new().payload(payload.to_vec()).build(), tag }
    }

    /// Parses `bytes`.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Malformed`] for anything but the encoding [`Self::to_vec`] makes.
    pub fn parse(tag: &'static str, bytes: &[u8]) -> Result<Self, SignatureError> {
        let message = CoseSign::from_slice(bytes).map_err(|_| SignatureError::Malformed)?;
        if message.clone().to_vec().ok().as_deref() != Some(bytes)
            || !message.unprotected.is_empty()
            || !message.protected.header.is_empty()
            || message.payload.is_none()
        {
            return Err(SignatureError::Malformed);
        }
        Ok(Self { message, tag })
    }

    /// The encoding.
    ///
    /// # Panics
    ///
    /// Never: what is built or parsed here encodes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.message.clone().to_vec().expect("invariant: a COSE_Sign of ours encodes")
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.message.payload.as_deref().unwrap_or_default()
    }

    /// Adds the signature of `key`; a second signature of one key replaces the first.
    pub fn add(&mut self, key: &SigningKey) {
        self.message.signatures.retain(|s| signer(&s.protected).ok() != Some(key.public()));
        let mut signature = CoseSignatureBuilder::new().protected(header(&key.public())).build();
        let bytes = coset::sig_structure_data(
            coset::SignatureContext::CoseSignature,
            self.message.protected.clone(),
            Some(signature.protected.clone()),
            self.tag.as_bytes(),
            self.payload(),
        );
        signature.signature = key.sign_raw(&bytes);
        self.message.signatures.push(signature);
        self.message.signatures.sort_by_key(|s| signer(&s.protected).ok());
    }

    /// Every key whose signature verifies.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if any signature does not verify: a bad signature is not an absent one.
    pub fn signers(&self) -> Result<Vec<PublicKey>, SignatureError> {
        let mut signers = Vec::new();
        for (index, signature) in self.message.signatures.iter().enumerate() {
            let key = signer(&signature.protected)?;
            if !signature.unprotected.is_empty() || signers.contains(&key) {
                return Err(SignatureError::Malformed);
            }
            self.message.verify_signature(index, self.tag.as_bytes(), |sig, bytes| {
                key.verify(bytes, sig)
            })?;
            signers.push(key);
        }
        Ok(signers)
    }
}

/// Identity of signed bytes, for logs and lists.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest::of("glovebox signed-bytes v1", bytes)
}

/// Why a signature is not believed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// No COSE of ours.
    #[error("the bytes are not a signed message of this protocol")]
    Malformed,
    /// A key of the wrong length or text.
    #[error("expected an Ed25519 key of 32 bytes in base64")]
    BadKey,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Forged,
    /// Another key signed.
    #[error("signed by {found}, expected {expected}")]
    OtherSigner {
        /// Who claims to have signed.
        found: PublicKey,
        /// Who should have.
        expected: PublicKey,
    },
}

fn header(key: &PublicKey) -> Header {
    HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).key_id(key.0.to_vec()).build()
}

fn signer(protected: &ProtectedHeader) -> Result<PublicKey, SignatureError> {
    let found = &protected.header;
    let algorithm = RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA);
    let key: [u8; 32] =
        found.key_id.as_slice().try_into().map_err(|_| SignatureError::Malformed)?;
    let key = PublicKey(key);
    let plain = found.alg == Some(algorithm) && *found == header(&key);
    if plain { Ok(key) } else { Err(SignatureError::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Order(u32);
    impl Signed for Order {
        const TAG: &'static str = "order v1";
    }
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Refund(u32);
    impl Signed for Refund {
        const TAG: &'static str = "refund v1";
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
    }

    #[test]
    fn opens_what_the_named_party_signed() {
        let bytes = key(1).sign(&Order(7));
        assert_eq!(open::<Order>(&bytes, &key(1).public()), Ok(Order(7)));
        let other = open::<Order>(&bytes, &key(2).public()).unwrap_err();
        assert!(matches!(other, SignatureError::OtherSigner { .. }));
    }

    #[test]
    fn refuses_a_signature_made_for_another_purpose() {
        let bytes = key(1).sign(&Refund(7));
        assert_eq!(open::<Order>(&bytes, &key(1).public()), Err(SignatureError::Forged));
    }

    #[test]
    fn refuses_every_flipped_bit() {
        let bytes = key(1).sign(&Order(7));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            open::<Order>(&bytes, &key(1).public()).unwrap_err();
        }
    }

    #[test]
    fn a_joint_signature_names_each_signer_once() {
        let mut joint = Jointly::unsigned("contract v1", b"text");
        for seed in [3, 1, 3] {
            joint.add(&key(seed));
        }
        let back = Jointly::parse("contract v1", &joint.to_vec()).unwrap();
        let mut expected = vec![key(1).public(), key(3).public()];
        expected.sort();
        assert_eq!(back.signers().unwrap(), expected);
        let other = Jointly::parse("contract v2", &joint.to_vec()).unwrap();
        assert_eq!(other.signers(), Err(SignatureError::Forged));
    }
}
