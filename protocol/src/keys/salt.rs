//! The secret by which people are spread over buckets of a sealed file.

use crate::{
    canonical,
    digest::Digest,
    hpke::{OpenError, RecipientKey, RecipientSecret, Sealed, seal},
    limits,
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 random bytes that the parties of a contract share and its host never has.
///
/// The contract holds their digest ([`Self::digest`]), since the host has the contract. Every owner hands the salt
/// itself to an instance inside its sealed grants. It cannot be printed, and is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct BucketSalt([u8; Self::LEN]);

impl BucketSalt {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Takes over `bytes` and wipes the caller's copy.
    pub fn take(bytes: &mut [u8; Self::LEN]) -> Self {
        let salt = Self(*bytes);
        bytes.zeroize();
        salt
    }

    /// Reads a salt from a slice of exactly 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// What a contract says of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(TAG, &self.0)
    }

    /// The raw bytes, to be sealed or kept in a private file.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl Eq for BucketSalt {}

impl PartialEq for BucketSalt {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for BucketSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BucketSalt(..)")
    }
}

/// The salt of one contract, sealed to each party: a file that whoever writes the contract sends along with it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SealedSalts(BTreeMap<String, Sealed>);

impl SealedSalts {
    /// Seals `salt` to the parties of these names and keys.
    ///
    /// # Errors
    ///
    /// [`OpenError::BadKey`] if a party's key cannot be used.
    pub fn seal<'p>(
        salt: &BucketSalt,
        parties: impl IntoIterator<Item = (&'p str, &'p RecipientKey)>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, OpenError> {
        let sealed = parties.into_iter().map(|(party, key)| {
            let binding = binding(&salt.digest(), party);
            let sealed = seal(key, &binding, &[(&binding, salt.expose())], rng)?;
            Ok((party.to_owned(), sealed))
        });
        sealed.collect::<Result<_, _>>().map(Self)
    }

    /// The salt whose digest is `digest`, which was sealed to `party`.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotForThis`] if nothing was, or another salt was.
    pub fn open(
        &self,
        digest: &Digest,
        party: &str,
        secret: &RecipientSecret,
    ) -> Result<BucketSalt, OpenError> {
        let sealed = self.0.get(party).ok_or(OpenError::NotForThis)?;
        let binding = binding(digest, party);
        let opened = secret.open(&binding, &[&binding], sealed)?;
        let salt = opened.first().and_then(|bytes| BucketSalt::from_slice(bytes));
        salt.filter(|salt| salt.digest() == *digest).ok_or(OpenError::NotForThis)
    }

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`OpenError::Malformed`] for anything but what [`Self::to_vec`] writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, OpenError> {
        let parsed = canonical::from_slice_within(bytes, limits::SALTS);
        parsed.map_err(|_| OpenError::Malformed)
    }

    /// The bytes of the file.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        canonical::to_vec(self)
    }
}

/// A salt that was sealed for one contract's digest and party opens for no other.
fn binding(digest: &Digest, party: &str) -> Vec<u8> {
    canonical::to_vec(&("glovebox sealed-salt v1", digest, party))
}

const TAG: &str = "glovebox bucket-salt v1";

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn a_salt_is_named_by_its_digest_and_never_printed() {
        let mut bytes = [7; BucketSalt::LEN];
        let salt = BucketSalt::take(&mut bytes);
        assert_eq!(bytes, [0; BucketSalt::LEN]);
        assert_eq!(salt.digest(), Digest::of("glovebox bucket-salt v1", &[7; 32]));
        assert_eq!(format!("{salt:?}"), "BucketSalt(..)");
        assert_eq!(BucketSalt::from_slice(&[7; 32]), Some(salt));
        assert_eq!(BucketSalt::from_slice(&[7; 31]), None);
    }

    #[test]
    fn a_sealed_salt_opens_for_its_party_alone() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let secrets = ["one", "two"].map(|name| (name, RecipientSecret::generate(&mut rng)));
        let keys = secrets.each_ref().map(|(name, secret)| (*name, secret.public()));
        let salt = BucketSalt::take(&mut [7; 32]);
        let parties = keys.iter().map(|(name, key)| (*name, key));
        let sealed = SealedSalts::seal(&salt, parties, &mut rng).unwrap();
        let sealed = SealedSalts::parse(&sealed.to_vec()).unwrap();
        let [(_, one), (_, two)] = &secrets;
        let digest = salt.digest();
        assert_eq!(sealed.open(&digest, "one", one), Ok(salt.clone()));
        assert_eq!(sealed.open(&digest, "two", two), Ok(salt));
        let other = Digest::of("another salt", b"");
        for (digest, party, secret) in
            [(&digest, "two", one), (&digest, "three", one), (&other, "one", one)]
        {
            assert_eq!(sealed.open(digest, party, secret), Err(OpenError::NotForThis));
        }
        SealedSalts::parse(&[&sealed.to_vec()[..], &[0]].concat()).unwrap_err();
    }
}
