//! Sealing to a recipient: HPKE (RFC 9180) with X-Wing, HKDF-SHA256 and AES-256-GCM.
//!
//! X-Wing is ML-KEM-768 with X25519, so that what is recorded today stays closed to a quantum
//! computer of tomorrow.

use crate::limits::{self, at_most};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable,
    aead::AesGcm256,
    kdf::HkdfSha256,
    kem::{Kem, XWing},
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use zeroize::{Zeroize, Zeroizing};

/// The public key that things are sealed to: 1,216 bytes; written as base64.
#[derive(Clone, Eq, PartialEq)]
pub struct RecipientKey(<XWing as Kem>::PublicKey);

impl RecipientKey {
    /// Length in bytes.
    pub const LEN: usize = 1216;

    /// The bytes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }
}

impl TryFrom<&[u8]> for RecipientKey {
    type Error = OpenError;

    fn try_from(bytes: &[u8]) -> Result<Self, OpenError> {
        <XWing as Kem>::PublicKey::from_bytes(bytes).map(Self).map_err(|_| OpenError::BadKey)
    }
}

impl FromStr for RecipientKey {
    type Err = OpenError;

    fn from_str(text: &str) -> Result<Self, OpenError> {
        BASE64.decode(text).map_err(|_| OpenError::BadKey)?.as_slice().try_into()
    }
}

impl fmt::Display for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.to_vec()))
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientKey({:.16}..)", self.to_string())
    }
}

/// The secret half. Prints nothing.
pub struct RecipientSecret(<XWing as Kem>::PrivateKey);

impl RecipientSecret {
    /// Length of the seed in bytes.
    pub const LEN: usize = 32;

    /// A new pair.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(XWing::gen_keypair_with_rng(rng).0)
    }

    /// Reads back what [`Self::expose`] gave.
    ///
    /// # Errors
    ///
    /// [`OpenError::BadKey`] unless there are 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenError> {
        <XWing as Kem>::PrivateKey::from_bytes(bytes).map(Self).map_err(|_| OpenError::BadKey)
    }

    /// The raw bytes, for the key file of the party that owns it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = self.0.to_bytes();
        let copy = Zeroizing::new(bytes.to_vec());
        bytes.zeroize();
        copy
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> RecipientKey {
        RecipientKey(XWing::sk_to_pk(&self.0))
    }

    /// Opens `sealed`, which must have been sealed to this key under the same `info` and, part by
    /// part, the same `aads`.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if anything differs.
    pub fn open(
        &self,
        info: &[u8],
        aads: &[&[u8]],
        sealed: &Sealed,
    ) -> Result<Vec<Zeroizing<Vec<u8>>>, OpenError> {
        let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(&sealed.encapsulated)
            .map_err(|_| OpenError::Malformed)?;
        if aads.len() != sealed.parts.len() {
            return Err(OpenError::Malformed);
        }
        let mut context = hpke::setup_receiver::<AesGcm256, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.0,
            &encapsulated,
            info,
        )
        .map_err(|_| OpenError::Malformed)?;
        aads.iter()
            .zip(&sealed.parts)
            .map(|(aad, part)| context.open(part, aad).map(Zeroizing::new))
            .collect::<Result<_, _>>()
            .map_err(|_| OpenError::NotForThis)
    }
}

impl fmt::Debug for RecipientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecipientSecret(..)")
    }
}

/// Several messages sealed to one recipient in one encapsulation, in order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    #[serde(with = "serde_bytes")]
    encapsulated: Vec<u8>,
    #[serde(deserialize_with = "at_most::<{ limits::COLUMNS }, _, _>")]
    parts: Vec<serde_bytes::ByteBuf>,
}

/// Seals each of `parts` (associated data, plaintext) to `recipient` under `info`.
///
/// # Errors
///
/// [`OpenError::BadKey`] if the recipient's key cannot be used.
pub fn seal(
    recipient: &RecipientKey,
    info: &[u8],
    parts: &[(&[u8], &[u8])],
    rng: &mut impl CryptoRng,
) -> Result<Sealed, OpenError> {
    let (encapsulated, mut context) = hpke::setup_sender_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        &recipient.0,
        info,
        rng,
    )
    .map_err(|_| OpenError::BadKey)?;
    let parts = parts
        .iter()
        .map(|(aad, plaintext)| context.seal(plaintext, aad).map(serde_bytes::ByteBuf::from))
        .collect::<Result<_, _>>()
        .map_err(|_| OpenError::BadKey)?;
    Ok(Sealed { encapsulated: encapsulated.to_bytes().to_vec(), parts })
}

/// Why something sealed does not open.
///
/// Remedy: use the folder of the party that it was sealed to (--dir), and the file as it was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A key of the wrong length or text.
    #[error("expected an X-Wing key (1216 bytes public, 32 bytes secret)")]
    BadKey,
    /// Not the shape of something sealed.
    #[error("the bytes are nothing that was sealed")]
    Malformed,
    /// Sealed to another key or for another purpose, or altered.
    #[error("sealed to another key, bound to another purpose, or altered")]
    NotForThis,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn opens_for_the_recipient_and_the_purpose_only() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let ours = RecipientSecret::generate(&mut rng);
        let theirs = RecipientSecret::generate(&mut rng);
        let parts: [(&[u8], &[u8]); 2] = [(b"a", b"one"), (b"b", b"two")];
        let sealed = seal(&ours.public(), b"info", &parts, &mut rng).unwrap();
        let opened = ours.open(b"info", &[b"a", b"b"], &sealed).unwrap();
        assert_eq!((opened[0].as_slice(), opened[1].as_slice()), (&b"one"[..], &b"two"[..]));
        let wrong = Err(OpenError::NotForThis);
        assert_eq!(ours.open(b"other", &[b"a", b"b"], &sealed), wrong);
        assert_eq!(ours.open(b"info", &[b"b", b"a"], &sealed), wrong);
        assert_eq!(theirs.open(b"info", &[b"a", b"b"], &sealed), wrong);
        let mut swapped = sealed.clone();
        swapped.parts.swap(0, 1);
        assert_eq!(ours.open(b"info", &[b"a", b"b"], &swapped), wrong);
    }

    #[test]
    fn keys_survive_their_text() {
        let secret = RecipientSecret::generate(&mut ChaCha20Rng::from_seed([2; 32]));
        let again = RecipientSecret::from_bytes(&secret.expose()).unwrap();
        assert_eq!(again.public(), secret.public());
        assert_eq!(secret.public().to_string().parse(), Ok(secret.public()));
    }
}
