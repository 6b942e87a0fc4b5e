//! Grants that AWS KMS hands over: an owner signs them once, for every instance of a contract in the builds that it names.
//!
//! What KMS unwraps is a data key, and what that key opens is a signed grant, never a bare key: answers of KMS are not
//! authenticated, and registers name no contract.

use crate::{
    canonical::{self, ParseError},
    delegation::{ByDelegate, KeyKind},
    digest::Digest,
    key::DataKey,
    limits::{self, Size, at_most},
    salt::BucketSalt,
    sign::Signed,
    time::Time,
};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What the owner signs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KmsGrant {
    /// Digest of the contract.
    pub contract: Digest,
    /// Name of the dataset in the contract.
    pub dataset: String,
    /// PCR0 to PCR2 of each build that may have the keys.
    #[serde(deserialize_with = "at_most::<{ limits::KMS_BUILDS }, _, _>")]
    pub builds: Vec<[Digest; 3]>,
    /// The signed manifest: which version, and its root.
    #[serde(with = "serde_bytes")]
    pub manifest: Vec<u8>,
    /// Names of the columns whose keys are granted, with the footer's, in order.
    #[serde(deserialize_with = "at_most::<{ limits::COLUMNS }, _, _>")]
    pub columns: Vec<String>,
    /// The digest of the secrets that go with it ([`Secrets::digest`]).
    pub secrets: Digest,
    /// No instance takes it from then on. One that has taken it drops the keys a day later at the latest, and asks again.
    pub until: Time,
}

impl Signed for KmsGrant {
    const TAG: &'static str = "glovebox kms-grant v1";
    const SIZE: Size = limits::KMS_GRANT;
}

impl ByDelegate for KmsGrant {
    const KINDS: &'static [KeyKind] = &[KeyKind::Service];
}

/// The keys of a grant, one for each of its columns, and the bucket salt of its contract. Prints nothing of them.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a grant hands over these and nothing else")]
pub struct Secrets {
    /// The keys by column.
    pub keys: BTreeMap<String, DataKey>,
    /// The salt.
    pub salt: BucketSalt,
}

impl Secrets {
    /// What a grant says of them. They are random, so it tells nothing of them.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of("glovebox kms-secrets v1", &self.bytes())
    }

    /// All keys in the order of their columns, then the salt.
    fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let length = DataKey::LEN * self.keys.len() + BucketSalt::LEN;
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        self.keys.values().for_each(|key| bytes.extend_from_slice(key.expose()));
        bytes.extend_from_slice(self.salt.expose());
        bytes
    }

    /// Reads what [`Self::bytes`] wrote.
    fn parse(columns: &[String], bytes: &[u8]) -> Option<Self> {
        let (keys, salt) = bytes.split_last_chunk::<{ BucketSalt::LEN }>()?;
        let (keys, rest) = keys.as_chunks::<{ DataKey::LEN }>();
        let salt = BucketSalt::from_slice(salt)?;
        let taken = |key: &[u8; DataKey::LEN]| DataKey::take(&mut Zeroizing::new(*key));
        let keys: BTreeMap<_, _> = columns.iter().cloned().zip(keys.iter().map(taken)).collect();
        let whole = rest.is_empty() && keys.len() == columns.len();
        let all = whole && bytes.len() == DataKey::LEN * columns.len() + BucketSalt::LEN;
        all.then_some(Self { keys, salt })
    }
}

/// A grant as the operator keeps it: sealed under a data key, which KMS wrapped.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SealedGrant {
    /// Digest of the contract.
    pub contract: Digest,
    /// Name of the dataset in the contract.
    pub dataset: String,
    /// The KMS key, as the call names it.
    pub key: String,
    /// The data key as KMS wrapped it under [`context`].
    #[serde(with = "serde_bytes")]
    pub wrapped: Vec<u8>,
    /// The signed [`KmsGrant`], sealed.
    #[serde(with = "serde_bytes")]
    pub grant: Vec<u8>,
    /// Its [`Secrets`], sealed.
    #[serde(with = "serde_bytes")]
    pub secrets: Vec<u8>,
    /// The signed list of opt-outs, sealed, if the manifest names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt_outs: Option<ByteBuf>,
}

/// The encryption context under which KMS wraps the data key of a grant, and which its key policy asks for.
#[must_use]
pub fn context(contract: Digest, dataset: &str) -> BTreeMap<String, String> {
    let pairs = [("contract", contract.to_string()), ("dataset", dataset.to_owned())];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// For which contract and dataset something is sealed under a data key, which seals nothing else.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct SealedFor<'a> {
    /// Digest of the contract.
    pub contract: Digest,
    /// Name of the dataset.
    pub dataset: &'a str,
}

impl SealedFor<'_> {
    /// Seals `signed`, a signed [`KmsGrant`], its secrets, and the signed list of opt-outs if its manifest names one.
    /// `data_key` must be fresh.
    ///
    /// # Panics
    ///
    /// Only above the longest message of AES-GCM, which is 64 GiB.
    #[must_use]
    pub fn seal(
        &self,
        data_key: &DataKey,
        (key, wrapped): (&str, Vec<u8>),
        signed: &[u8],
        secrets: &Secrets,
        opt_outs: Option<&[u8]>,
    ) -> SealedGrant {
        let sealed = |part, bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            cipher(data_key)
                .seal_in_place_append_tag(nonce(part), Aad::from(self.aad(part)), &mut bytes)
                .expect("invariant: far shorter than the longest message of AES-GCM");
            bytes
        };
        SealedGrant {
            contract: self.contract,
            dataset: self.dataset.to_owned(),
            key: key.to_owned(),
            wrapped,
            grant: sealed(GRANT, signed),
            secrets: sealed(SECRETS, &secrets.bytes()),
            opt_outs: opt_outs.map(|list| sealed(OPT_OUTS, list).into()),
        }
    }

    fn aad(&self, part: u8) -> Vec<u8> {
        canonical::to_vec(&(KmsGrant::TAG, self.contract, self.dataset, part))
    }
}

impl SealedGrant {
    /// Reads the bytes of a file.
    ///
    /// # Errors
    ///
    /// [`ParseError`] for anything but the one encoding that [`Self::to_vec`] writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let (tag, sealed): (String, Self) =
            canonical::from_slice_within(bytes, limits::KMS_SEALED)?;
        match tag == TAG {
            true => Ok(sealed),
            false => Err(ParseError::Malformed { what: "grant for AWS KMS" }),
        }
    }

    /// The bytes of a file.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        canonical::to_vec(&(TAG, self))
    }

    /// The signed grant, if `data_key` opens it for this contract and dataset. Who signed it is not known yet.
    ///
    /// # Errors
    ///
    /// [`KmsGrantError::OtherKey`].
    pub fn open_grant(
        &self,
        data_key: &DataKey,
        of: SealedFor<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, KmsGrantError> {
        open(data_key, of, GRANT, &self.grant)
    }

    /// The secrets of `grant`, which has been verified.
    ///
    /// # Errors
    ///
    /// [`KmsGrantError`] if they are not those that the owner signed for.
    pub fn open_secrets(
        &self,
        data_key: &DataKey,
        of: SealedFor<'_>,
        grant: &KmsGrant,
    ) -> Result<Secrets, KmsGrantError> {
        let bytes = open(data_key, of, SECRETS, &self.secrets)?;
        let secrets = Secrets::parse(&grant.columns, &bytes);
        secrets
            .filter(|secrets| secrets.digest() == grant.secrets)
            .ok_or(KmsGrantError::OtherSecrets)
    }

    /// The list of opt-outs, if there is one. Whether its owner signed it, and whether it is the one that the manifest names,
    /// is not known yet.
    ///
    /// # Errors
    ///
    /// [`KmsGrantError::OtherKey`].
    pub fn open_opt_outs(
        &self,
        data_key: &DataKey,
        of: SealedFor<'_>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KmsGrantError> {
        let sealed = self.opt_outs.as_ref();
        sealed.map(|sealed| open(data_key, of, OPT_OUTS, sealed)).transpose()
    }
}

/// Why a sealed grant does not open.
///
/// Remedy: its owner makes it anew with `glovebox grant --kms`, for this contract, and the operator puts the file in the place of the old one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KmsGrantError {
    /// The data key is not the one that it was sealed under, or it was sealed for another contract or dataset, or altered.
    #[error(
        "what KMS unwrapped does not open the grant: it is another data key, or the grant is another contract's or dataset's, or was altered"
    )]
    OtherKey,
    /// The keys are not those that the owner signed for.
    #[error("the keys are not those that the grant's owner signed for")]
    OtherSecrets,
}

fn open(
    data_key: &DataKey,
    of: SealedFor<'_>,
    part: u8,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KmsGrantError> {
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let opened = cipher(data_key).open_in_place(nonce(part), Aad::from(of.aad(part)), &mut bytes);
    let length = opened.map_err(|_| KmsGrantError::OtherKey)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

fn cipher(key: &DataKey) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, key.expose());
    LessSafeKey::new(key.expect("invariant: a key of AES-256 has 32 bytes"))
}

/// A data key seals three parts at most, once: their numbers are nonces enough.
fn nonce(part: u8) -> Nonce {
    Nonce::assume_unique_for_key([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, part])
}

const TAG: &str = "glovebox kms-sealed v1";
const GRANT: u8 = 0;
const SECRETS: u8 = 1;
const OPT_OUTS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> DataKey {
        DataKey::take(&mut [byte; DataKey::LEN])
    }

    fn digest(text: &[u8]) -> Digest {
        Digest::of("test", text)
    }

    fn secrets() -> Secrets {
        let keys = [("email", 1), ("spend", 2)].map(|(name, byte)| (name.to_owned(), key(byte)));
        Secrets { keys: keys.into(), salt: BucketSalt::take(&mut [9; 32]) }
    }

    fn grant() -> KmsGrant {
        KmsGrant {
            contract: digest(b"contract"),
            dataset: "sales".to_owned(),
            builds: vec![[digest(b"0"), digest(b"1"), digest(b"2")]],
            manifest: b"manifest".to_vec(),
            columns: vec!["email".to_owned(), "spend".to_owned()],
            secrets: secrets().digest(),
            until: Time(7),
        }
    }

    const SALES: &str = "sales";

    #[test]
    fn opens_under_its_data_key_for_its_contract_and_dataset_alone() {
        let of = SealedFor { contract: digest(b"contract"), dataset: SALES };
        let sealed =
            of.seal(&key(3), ("alias/key", b"wrapped".to_vec()), b"signed", &secrets(), None);
        let sealed = SealedGrant::parse(&sealed.to_vec()).unwrap();
        assert_eq!(**sealed.open_grant(&key(3), of).unwrap(), *b"signed");
        assert_eq!(sealed.open_secrets(&key(3), of, &grant()).unwrap(), secrets());
        let other = Err(KmsGrantError::OtherKey);
        assert_eq!(sealed.open_grant(&key(4), of), other);
        assert_eq!(sealed.open_grant(&key(3), SealedFor { dataset: "stores", ..of }), other);
        let contract = digest(b"another");
        assert_eq!(sealed.open_grant(&key(3), SealedFor { contract, ..of }), other);
        let mut swapped = sealed.clone();
        std::mem::swap(&mut swapped.grant, &mut swapped.secrets);
        assert_eq!(swapped.open_grant(&key(3), of), other);
        assert_eq!(swapped.open_secrets(&key(3), of, &grant()), Err(KmsGrantError::OtherKey));
    }

    #[test]
    fn a_list_of_opt_outs_opens_as_the_part_that_it_is() {
        let of = SealedFor { contract: digest(b"contract"), dataset: SALES };
        let seal = |list| of.seal(&key(3), ("k", Vec::new()), b"signed", &secrets(), list);
        assert_eq!(seal(None).open_opt_outs(&key(3), of), Ok(None));
        let mut sealed = SealedGrant::parse(&seal(Some(b"a list")).to_vec()).unwrap();
        assert_eq!(**sealed.open_opt_outs(&key(3), of).unwrap().unwrap(), *b"a list");
        let other = Err(KmsGrantError::OtherKey);
        assert_eq!(sealed.open_opt_outs(&key(4), of), other);
        sealed.opt_outs = Some(sealed.secrets.clone().into());
        assert_eq!(sealed.open_opt_outs(&key(3), of), other);
    }

    #[test]
    fn a_grant_with_the_longest_list_of_opt_outs_is_read() {
        let of = SealedFor { contract: digest(b"contract"), dataset: SALES };
        let list = vec![1; limits::OPT_OUTS.bytes + limits::ENVELOPE];
        let signed = vec![2; limits::KMS_GRANT.bytes];
        let sealed = of.seal(&key(3), ("k", Vec::new()), &signed, &secrets(), Some(&list));
        assert_eq!(SealedGrant::parse(&sealed.to_vec()), Ok(sealed));
    }

    #[test]
    fn refuses_secrets_that_the_owner_did_not_sign_for() {
        let of = SealedFor { contract: digest(b"contract"), dataset: SALES };
        let sealed = of.seal(&key(3), ("k", Vec::new()), b"signed", &secrets(), None);
        let other = Err(KmsGrantError::OtherSecrets);
        let another = KmsGrant { secrets: digest(b"others"), ..grant() };
        assert_eq!(sealed.open_secrets(&key(3), of, &another), other);
        for columns in
            [vec![], vec!["email".to_owned()], vec!["a".to_owned(); 2], vec!["a".to_owned(); 3]]
        {
            assert_eq!(sealed.open_secrets(&key(3), of, &KmsGrant { columns, ..grant() }), other);
        }
    }

    #[test]
    fn no_key_is_printed_and_no_other_encoding_is_read() {
        assert!(!format!("{:?}", secrets()).contains('1'), "{:?}", secrets());
        let of = SealedFor { contract: digest(b"contract"), dataset: SALES };
        let bytes = of.seal(&key(3), ("k", Vec::new()), b"signed", &secrets(), None).to_vec();
        for length in 0..bytes.len() {
            SealedGrant::parse(&bytes[..length]).unwrap_err();
        }
        SealedGrant::parse(&[&bytes[..], &[0]].concat()).unwrap_err();
        let other_tag =
            canonical::to_vec(&("glovebox kms-sealed v2", SealedGrant::parse(&bytes).unwrap()));
        SealedGrant::parse(&other_tag).unwrap_err();
    }
}
