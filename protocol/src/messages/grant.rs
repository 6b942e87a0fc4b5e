//! Grants: an owner hands the keys of its columns to one believed instance.

use crate::{
    canonical,
    digest::Digest,
    hpke::{OpenError, RecipientKey, RecipientSecret, Sealed, seal},
    key::DataKey,
    limits::{self, at_most},
    salt::BucketSalt,
    sign::PublicKey,
    time::Time,
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Keys of some columns of one version of one dataset, for one instance, until some time.
///
/// Bound by HPKE to contract, instance, owner, dataset, version and column: swapped, replayed or
/// re-targeted it opens nothing. It travels inside a signed request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Name of the dataset in the contract.
    pub dataset: String,
    /// The signed manifest.
    #[serde(with = "serde_bytes")]
    pub manifest: Vec<u8>,
    /// Names of the columns whose keys are granted, with the footer's, in order.
    #[serde(deserialize_with = "at_most::<{ limits::COLUMNS }, _, _>")]
    pub columns: Vec<String>,
    /// The sealed keys, one part for each column; then the bucket salt of the contract; then the signed list of opt-outs,
    /// if the manifest names one.
    pub keys: Sealed,
    /// When the instance must drop the keys.
    pub not_after: Time,
}

/// What a grant is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// Digest of the contract.
    pub contract: Digest,
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// The owner's root key.
    pub owner: &'a PublicKey,
    /// Name of the dataset.
    pub dataset: &'a str,
    /// Digest of the signed manifest.
    pub manifest: Digest,
    /// When the grant ends.
    pub not_after: Time,
}

impl Binding<'_> {
    fn info(&self) -> Vec<u8> {
        let owner = Digest::from(pad(self.owner));
        canonical::to_vec(&("glovebox grant v1", self.contract, self.instance, owner))
    }

    fn aad_of_salt(&self) -> Vec<u8> {
        let tag = "glovebox bucket-salt v1";
        canonical::to_vec(&(self.dataset, self.manifest, self.not_after, (tag,)))
    }

    fn aad_of_opt_outs(&self) -> Vec<u8> {
        let tag = "glovebox opt-outs v1";
        canonical::to_vec(&(self.dataset, self.manifest, self.not_after, (tag,)))
    }

    fn aad(&self, column: &str) -> Vec<u8> {
        canonical::to_vec(&(self.dataset, self.manifest, self.not_after, column))
    }

    /// Seals `keys`, the salt and a signed list of opt-outs, if the manifest names one, to the instance.
    ///
    /// # Errors
    ///
    /// [`OpenError::BadKey`] if the instance's key cannot be used.
    pub fn seal(
        &self,
        recipient: &RecipientKey,
        keys: &BTreeMap<String, DataKey>,
        salt: &BucketSalt,
        opt_outs: Option<&[u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<String>, Sealed), OpenError> {
        let aads: Vec<_> = keys.keys().map(|column| self.aad(column)).collect();
        let (of_salt, of_opt_outs) = (self.aad_of_salt(), self.aad_of_opt_outs());
        let parts: Vec<(&[u8], &[u8])> = aads
            .iter()
            .zip(keys.values())
            .map(|(aad, key)| (aad.as_slice(), key.expose().as_slice()))
            .chain([(of_salt.as_slice(), salt.expose().as_slice())])
            .chain(opt_outs.map(|list| (of_opt_outs.as_slice(), list)))
            .collect();
        let sealed = seal(recipient, &self.info(), &parts, rng)?;
        Ok((keys.keys().cloned().collect(), sealed))
    }

    /// Opens what was sealed under the same binding, with a list of opt-outs if the manifest `names_opt_outs`.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it was bound to anything else.
    pub fn open(
        &self,
        secret: &RecipientSecret,
        columns: &[String],
        names_opt_outs: bool,
        sealed: &Sealed,
    ) -> Result<Handed, OpenError> {
        let aads = columns.iter().map(|column| self.aad(column)).chain([self.aad_of_salt()]);
        let aads: Vec<_> = aads.chain(names_opt_outs.then(|| self.aad_of_opt_outs())).collect();
        let aads: Vec<&[u8]> = aads.iter().map(Vec::as_slice).collect();
        let mut opened = secret.open(&self.info(), &aads, sealed)?;
        let opt_outs = if names_opt_outs { opened.pop() } else { None };
        let salt = opened.pop().and_then(|bytes| BucketSalt::from_slice(&bytes));
        let salt = salt.ok_or(OpenError::Malformed)?;
        let keys = columns.iter().zip(opened).map(|(column, bytes)| {
            let mut key: [u8; DataKey::LEN] =
                bytes.as_slice().try_into().map_err(|_| OpenError::Malformed)?;
            Ok((column.clone(), DataKey::take(&mut key)))
        });
        let keys: BTreeMap<_, _> = keys.collect::<Result<_, OpenError>>()?;
        if keys.len() == columns.len() {
            Ok(Handed { keys, salt, opt_outs })
        } else {
            Err(OpenError::Malformed)
        }
    }
}

/// What a grant hands over. Prints no key.
#[derive(Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a grant hands over these and nothing else")]
pub struct Handed {
    /// The keys of columns, by their names.
    pub keys: BTreeMap<String, DataKey>,
    /// The bucket salt.
    pub salt: BucketSalt,
    /// The signed list of opt-outs, if the manifest names one.
    pub opt_outs: Option<Zeroizing<Vec<u8>>>,
}

/// A signing key, padded to the length of a digest, which CBOR encodes as one byte string.
fn pad(key: &PublicKey) -> [u8; Digest::LEN] {
    *Digest::of("glovebox party-key v1", key.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn a_grant_moved_anywhere_else_opens_nothing() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        let secret = RecipientSecret::generate(&mut rng);
        let (owner, other) = (PublicKey::from([1; 32]), PublicKey::from([2; 32]));
        let digest = |text: &[u8]| Digest::of("test", text);
        let binding = Binding {
            contract: digest(b"contract"),
            instance: digest(b"instance"),
            owner: &owner,
            dataset: "sales",
            manifest: digest(b"manifest"),
            not_after: Time(5),
        };
        let key = |byte| DataKey::take(&mut [byte; 32]);
        let keys = BTreeMap::from([("email".to_owned(), key(1)), ("spend".to_owned(), key(2))]);
        let salt = BucketSalt::take(&mut [9; 32]);
        let list = b"a signed list".as_slice();
        let (columns, sealed) =
            binding.seal(&secret.public(), &keys, &salt, Some(list), &mut rng).unwrap();
        let opened = binding.open(&secret, &columns, true, &sealed).unwrap();
        assert_eq!((opened.keys, opened.salt), (keys.clone(), salt.clone()));
        assert_eq!(opened.opt_outs.unwrap().as_slice(), list);
        assert_eq!(binding.open(&secret, &columns, false, &sealed), Err(OpenError::Malformed));
        let (_, without) = binding.seal(&secret.public(), &keys, &salt, None, &mut rng).unwrap();
        assert_eq!(binding.open(&secret, &columns, true, &without), Err(OpenError::Malformed));
        assert_eq!(binding.open(&secret, &columns, false, &without).unwrap().opt_outs, None);
        let wrong = [
            Binding { contract: digest(b"other"), ..binding },
            Binding { instance: digest(b"other"), ..binding },
            Binding { owner: &other, ..binding },
            Binding { dataset: "other", ..binding },
            Binding { manifest: digest(b"other"), ..binding },
            Binding { not_after: Time(6), ..binding },
        ];
        for wrong in wrong {
            assert_eq!(wrong.open(&secret, &columns, true, &sealed), Err(OpenError::NotForThis));
        }
        let swapped: Vec<_> = columns.iter().rev().cloned().collect();
        assert_eq!(binding.open(&secret, &swapped, true, &sealed), Err(OpenError::NotForThis));
    }
}
