//! The RSA key of one request.

use crate::{envelope::Envelope, error::EnvelopeError};
use aes::{
    Aes256,
    cipher::{Array, BlockCipherDecrypt, KeyInit},
};
use rand_core::CryptoRng;
use rsa::{PrivateKey, traits::PublicKeyParts};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater};
use zeroize::{Zeroize, Zeroizing};

/// An RSA key of 2,048 bits for one request and one answer. To open an envelope takes it, so nobody can ask it twice:
/// an attack on paddings needs many answers about one key.
pub struct RequestKey(pub(crate) PrivateKey);

impl RequestKey {
    /// A new key. It takes some tenths of a second.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if none can be made.
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, KeyError> {
        Self::take(PrivateKey::new(rng, BITS).map_err(|_| KeyError::NotMade)?)
    }

    /// Takes a key of the one form that [`Self::public_der`] can write.
    pub(crate) fn take(key: PrivateKey) -> Result<Self, KeyError> {
        let usual = key.n_bytes().len() == MODULUS && *key.e_bytes() == EXPONENT;
        if usual { Ok(Self(key)) } else { Err(KeyError::NotMade) }
    }

    /// The public half as a `SubjectPublicKeyInfo`, which goes into the document's `public_key`.
    #[must_use]
    pub fn public_der(&self) -> Vec<u8> {
        [&INFO[..], &self.0.n_bytes(), &[0x02, 0x03], &EXPONENT].concat()
    }

    /// Opens the envelope that answers this key's request. The generator blinds the key's work.
    ///
    /// What comes out is secret, and not yet to be believed: anybody who saw the request can make such an envelope.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`]; one and the same whatever it is that does not fit once the key is used.
    pub fn open(
        self,
        answer: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let envelope = Envelope::parse(answer)?;
        if Sha256::digest(self.public_der()).as_slice() != envelope.recipient {
            return Err(EnvelopeError::OtherKey);
        }
        let mut key = Zeroizing::new([0; 32]);
        // Where the key is not what it should be, a random one stands in: the same work is done, and the same said.
        rng.fill_bytes(&mut *key);
        let unwrapped = self.0.oaep_decrypt_with_rng::<Sha256, _>(rng, envelope.wrapped);
        let unwrapped = Zeroizing::new(unwrapped.unwrap_or_default());
        let is_key = Choice::from(u8::from(unwrapped.len() == key.len()));
        if bool::from(is_key) {
            key.copy_from_slice(&unwrapped);
        }
        let mut content = Zeroizing::new(envelope.content);
        decrypt(&key, *envelope.iv, &mut content);
        let (length, is_padded) = unpadded(&content);
        if bool::from(is_key & is_padded) {
            content.truncate(length);
            return Ok(content);
        }
        Err(EnvelopeError::DoesNotOpen)
    }
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestKey(..)")
    }
}

/// Decrypts whole blocks in place, each chained to the one before (NIST SP 800-38A, 6.2).
fn decrypt(key: &[u8; 32], iv: [u8; BLOCK], content: &mut [u8]) {
    let cipher = Aes256::new(&Array::from(*key));
    let mut before = iv;
    for block in content.as_chunks_mut::<BLOCK>().0 {
        let encrypted = *block;
        let mut plain = Array::from(encrypted);
        cipher.decrypt_block(&mut plain);
        for ((to, byte), mask) in block.iter_mut().zip(plain.iter()).zip(before) {
            *to = byte ^ mask;
        }
        plain.as_mut_slice().zeroize();
        before = encrypted;
    }
}

/// How long `content` is without its padding (RFC 5652, 6.3), and whether that is one. Which byte is wrong does not show
/// in how long this takes.
fn unpadded(content: &[u8]) -> (usize, Choice) {
    let last = content.last_chunk::<BLOCK>().copied().unwrap_or_default();
    let padding = last[BLOCK - 1];
    let mut good = !padding.ct_eq(&0) & !padding.ct_gt(&16);
    for (place, byte) in (0_u8..).zip(last.iter().rev()) {
        let is_padding = padding.ct_gt(&place);
        good &= !is_padding | byte.ct_eq(&padding);
    }
    (content.len().saturating_sub(usize::from(padding)), good)
}

/// Why there is no key for a request.
///
/// Remedy: start the enclave again; without randomness it cannot work.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No key of the expected form was made.
    #[error("no RSA key of {BITS} bits was made")]
    NotMade,
}

/// What KMS takes; a document's `public_key` would hold 4,096 bits too, which cost ten times as long for one request.
const BITS: usize = 2048;
const MODULUS: usize = BITS / 8;
const BLOCK: usize = 16;
const EXPONENT: [u8; 3] = [0x01, 0x00, 0x01];
/// A `SubjectPublicKeyInfo` of `rsaEncryption` up to the modulus, whose length is known beforehand.
const INFO: [u8; 33] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01,
    0x00,
];
