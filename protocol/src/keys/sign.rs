//! Ed25519 signatures as COSE: one signer (`COSE_Sign1`) or all parties (`COSE_Sign`).
//!
//! Both are read and written by hand. There is one encoding of each, so what is not that is refused where
//! it differs, before a byte of it is copied; and a payload is decoded only once its signature holds.

mod cose;
pub(crate) mod pair;

use crate::{
    canonical,
    digest::Digest,
    limits::{self, Size},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::signature::{self, Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, de::DeserializeOwned};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// A signed thing: the tag goes into every signature, so that none can stand for another.
pub trait Signed: DeserializeOwned + Serialize {
    /// Domain tag, with the version of the format.
    const TAG: &'static str;
    /// The most that one has.
    const SIZE: Size = limits::SIGNED;
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
    #[must_use]
    pub fn sign<T: Signed>(&self, value: &T) -> Vec<u8> {
        self.sign_under(value, T::TAG.as_bytes())
    }

    /// The same for the party whose root key is `root`: it is no other party's word, whoever delegates this key too.
    #[must_use]
    pub(crate) fn sign_for<T: Signed>(&self, value: &T, root: &PublicKey) -> Vec<u8> {
        self.sign_under(value, &for_party(T::TAG, root))
    }

    fn sign_under<T: Signed>(&self, value: &T, context: &[u8]) -> Vec<u8> {
        let (signer, payload) = (self.public(), canonical::to_vec(value));
        let signature = self.sign_raw(&cose::one(&signer, context, &payload));
        cose::write_one(&signer, &payload, &signature)
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

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
        let bytes: [u8; Self::LEN] =
            bytes.as_slice().try_into().map_err(|_| de::Error::custom(SignatureError::BadKey))?;
        Ok(Self(bytes))
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
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    signer: PublicKey,
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Finds the parts of `bytes`, and decodes none of them.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Malformed`] for anything but the one encoding [`SigningKey::sign`] makes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SignatureError> {
        let (signer, payload, signature) =
            cose::read_one(bytes).ok_or(SignatureError::Malformed)?;
        Ok(Self { signer, payload, signature })
    }

    /// The key that this claims to be signed by.
    #[must_use]
    pub fn claimed_signer(&self) -> PublicKey {
        self.signer
    }

    /// The payload, of which nothing is known yet.
    #[must_use]
    pub(crate) fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The value, if `signer` signed it as a `T`. Nothing is decoded before that is known.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if another key signed, or signed something else.
    pub fn verify<T: Signed>(&self, signer: &PublicKey) -> Result<T, SignatureError> {
        self.verify_under(signer, T::TAG.as_bytes())
    }

    /// The value, if `signer` signed it as a `T` for the party whose root key is `root`.
    ///
    /// # Errors
    ///
    /// As [`Self::verify`]; [`SignatureError::Forged`] if it was signed for another party.
    pub(crate) fn verify_for<T: Signed>(
        &self,
        signer: &PublicKey,
        root: &PublicKey,
    ) -> Result<T, SignatureError> {
        self.verify_under(signer, &for_party(T::TAG, root))
    }

    fn verify_under<T: Signed>(
        &self,
        signer: &PublicKey,
        context: &[u8],
    ) -> Result<T, SignatureError> {
        if self.payload.len() > T::SIZE.bytes {
            return Err(SignatureError::Malformed);
        }
        let payload = self.verify_bytes(signer, context)?;
        canonical::from_slice_within(payload, T::SIZE).map_err(|_| SignatureError::Malformed)
    }

    /// The payload, if `signer` signed it in the domain `tag`: of things that are no canonical CBOR, such as a build
    /// manifest.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if another key signed, or signed something else.
    pub fn verify_bytes(&self, signer: &PublicKey, tag: &[u8]) -> Result<&'a [u8], SignatureError> {
        if self.signer != *signer {
            return Err(SignatureError::OtherSigner { found: self.signer, expected: *signer });
        }
        signer.verify(&cose::one(signer, tag, self.payload), self.signature)?;
        Ok(self.payload)
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
    payload: Vec<u8>,
    signatures: Vec<(PublicKey, Vec<u8>)>,
    tag: &'static str,
}

impl Jointly {
    /// `payload`, signed by nobody yet.
    #[must_use]
    pub fn unsigned(tag: &'static str, payload: &[u8]) -> Self {
        Self { payload: payload.to_vec(), signatures: Vec::new(), tag }
    }

    /// Parses `bytes`.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Malformed`] for anything but the encoding [`Self::to_vec`] makes.
    pub fn parse(tag: &'static str, bytes: &[u8]) -> Result<Self, SignatureError> {
        let (payload, signatures) = cose::read_several(bytes).ok_or(SignatureError::Malformed)?;
        let signatures = signatures.into_iter().map(|(key, signature)| (key, signature.to_vec()));
        Ok(Self { payload: payload.to_vec(), signatures: signatures.collect(), tag })
    }

    /// The encoding.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        cose::write_several(&self.payload, &self.signatures)
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Adds the signature of `key`; a second signature of one key replaces the first.
    pub fn add(&mut self, key: &SigningKey) {
        let signer = key.public();
        let signature = key.sign_raw(&cose::of_several(&signer, self.tag, &self.payload));
        self.signatures.retain(|(key, _)| *key != signer);
        self.signatures.push((signer, signature));
        self.signatures.sort_by_key(|(key, _)| *key);
    }

    /// Every key whose signature verifies.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if any signature does not verify: a bad signature is not an absent one.
    pub fn signers(&self) -> Result<Vec<PublicKey>, SignatureError> {
        for (key, signature) in &self.signatures {
            key.verify(&cose::of_several(key, self.tag, &self.payload), signature)?;
        }
        Ok(self.signatures.iter().map(|(key, _)| *key).collect())
    }
}

/// What a delegated key signs under, beside the payload: the tag and the root key of the party that it signs for. No tag
/// begins with the first byte of this.
fn for_party(tag: &str, root: &PublicKey) -> Vec<u8> {
    canonical::to_vec(&(tag, root))
}

/// Identity of signed bytes, for logs and lists.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest::of("glovebox signed-bytes v1", bytes)
}

/// Why a signature is not believed.
///
/// Remedy: take the file again from whoever signed it, byte for byte, and name the key that is meant; a copy that
/// was opened in an editor is another file.
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn refuses_every_truncation_and_what_follows() {
        let mut joint = Jointly::unsigned("contract v1", b"text");
        joint.add(&key(1));
        joint.add(&key(2));
        let (one, several) = (key(1).sign(&Order(7)), joint.to_vec());
        for length in 0..one.len() {
            Envelope::parse(&one[..length]).unwrap_err();
        }
        for length in 0..several.len() {
            Jointly::parse("contract v1", &several[..length]).unwrap_err();
        }
        Envelope::parse(&[&one[..], &[0]].concat()).unwrap_err();
        Jointly::parse("contract v1", &[&several[..], &[0]].concat()).unwrap_err();
    }

    #[test]
    fn a_payload_that_is_longer_than_its_kind_is_not_decoded() {
        #[derive(Debug, Deserialize, PartialEq, Serialize)]
        struct Long(Vec<u8>);
        impl Signed for Long {
            const TAG: &'static str = "long v1";
            const SIZE: Size = Size { bytes: 64, items: 8 };
        }
        let open = |length| {
            let bytes = key(1).sign(&Long(vec![0; length]));
            open::<Long>(&bytes, &key(1).public())
        };
        open(7).unwrap();
        assert_eq!(open(8), Err(SignatureError::Malformed));
        assert_eq!(open(64), Err(SignatureError::Malformed));
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
