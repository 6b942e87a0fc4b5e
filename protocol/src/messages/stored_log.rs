//! The audit log of an instance as its host keeps it: an opening, and one record for each entry, sealed to each party.
//!
//! An instance that is killed leaves these behind, and nothing else. Nobody believes the host that keeps them: the opening is
//! attested, and each record is signed with the key that the opening attests. What a host sees of a record is that there is one:
//! every record of a room has the same length, whatever its entry says and whoever may read it (`spec/audit-v1.md`, section 4).

use crate::{
    audit::Listed,
    canonical,
    digest::Digest,
    hpke::{self, RecipientKey, RecipientSecret, Sealed},
    key::DataKey,
    limits::{self, Size, at_most},
    merkle::{Head, Root, leaf_hash},
    sign::Signed,
    time::Time,
};
use rand_core::CryptoRng;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// The body of the attested container that begins a stored log: what each party opens the records with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "an instance makes it of all of these")]
pub struct LogOpening {
    /// Digest of the contract.
    pub contract: Digest,
    /// Digest of the instance's statement.
    pub instance: Digest,
    /// The key of each party, sealed to it ([`seal_key`]).
    pub keys: BTreeMap<String, Sealed>,
}

/// The record of one entry.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogRecord {
    instance: Digest,
    number: u64,
    /// The entry's bytes, padded to one length and sealed with a key of their own.
    #[serde(with = "serde_bytes")]
    text: Vec<u8>,
    /// What each party learns, sealed with the party's key.
    places: BTreeMap<String, ByteBuf>,
}

impl Signed for LogRecord {
    const TAG: &'static str = "glovebox log record v1";
    const SIZE: Size = limits::LOG_RECORD;
}

/// What one party learns from a record. Its encoding has the same length for every entry.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Place {
    leaf: Root,
    /// The root of the log that ends with this entry.
    root: Root,
    #[serde(with = "serde_bytes")]
    time: Vec<u8>,
    kind: u8,
    /// Opens the entry's bytes, for a party that may read them.
    #[serde(with = "serde_bytes")]
    key: Vec<u8>,
}

/// An entry that is to be recorded.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an instance makes it of all of these")]
pub struct Recorded<'a> {
    /// Its leaf.
    pub leaf: Root,
    /// The log that ends with it.
    pub head: Head,
    /// When it was written.
    pub time: Time,
    /// Its bytes; `None` if the instance does not keep them.
    pub text: Option<&'a [u8]>,
}

/// An entry that a party read in a record.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever reads one takes all of it")]
pub struct Read {
    /// The entry, as the party may see it.
    pub listed: Listed,
    /// The log that ends with it.
    pub head: Head,
    /// When it was written.
    pub time: Time,
}

/// A part of the host's store of logs.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogPage {
    /// The signed records from a place on, in order; none behind the last.
    #[serde(deserialize_with = "at_most::<{ limits::LOG_PAGE_RECORDS }, _, _>")]
    pub records: Vec<ByteBuf>,
}

impl LogPage {
    /// Adds a signed record.
    pub fn add(&mut self, record: Vec<u8>) {
        self.records.push(ByteBuf::from(record));
    }
}

impl LogRecord {
    /// The record of the entry `what` of `instance`: its bytes for `readers`, and its leaf for every party in `keys`. `key` seals the
    /// bytes, and must be for this entry alone. A text that is longer than [`limits::LOG_TEXT`] is not recorded.
    ///
    /// The same arguments give the same bytes, so that a record whose storing was in doubt may be stored again.
    ///
    /// # Errors
    ///
    /// [`Unsealable`] if a key cannot be used or the head is empty; neither happens in a running instance.
    pub fn seal(
        instance: Digest,
        what: Recorded<'_>,
        key: &DataKey,
        keys: &BTreeMap<String, DataKey>,
        reads: impl Fn(&str) -> bool,
    ) -> Result<Self, Unsealable> {
        let number = what.head.size.checked_sub(1).ok_or(Unsealable)?;
        let text = what.text.filter(|text| text.len() <= limits::LOG_TEXT);
        let padded = padded(text.unwrap_or_default()).ok_or(Unsealable)?;
        let sealed = seal(key, 0, &of_text(instance, number), padded)?;
        let place = |(party, own): (&String, &DataKey)| {
            let (kind, opens) = match text {
                None => (NOT_KEPT, &[0; DataKey::LEN]),
                Some(_) if reads(party) => (TEXT, key.expose()),
                Some(_) => (OTHERS, &[0; DataKey::LEN]),
            };
            let place = Place {
                leaf: what.leaf,
                root: what.head.root,
                time: what.time.0.to_be_bytes().to_vec(),
                kind,
                key: opens.to_vec(),
            };
            let place = canonical::to_vec(&place);
            let place = seal(own, number, &of_place(instance, number, party), place)?;
            Ok((party.clone(), ByteBuf::from(place)))
        };
        let places = keys.iter().map(place).collect::<Result<_, Unsealable>>()?;
        Ok(Self { instance, number, text: sealed, places })
    }

    /// The instance whose entry it is.
    #[must_use]
    pub fn instance(&self) -> Digest {
        self.instance
    }

    /// The place of the entry, from 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The entry as `party`, whose key is `own`, may see it.
    ///
    /// # Errors
    ///
    /// [`RecordFlaw`], if the instance that signed the record did not make it by this format.
    pub fn read(&self, party: &str, own: &DataKey) -> Result<Read, RecordFlaw> {
        let (instance, number) = (self.instance, self.number);
        let place = self.places.get(party).ok_or(RecordFlaw::NoPlace)?;
        let place = open(own, number, &of_place(instance, number, party), place.to_vec());
        let place: Place = canonical::from_slice(&place.ok_or(RecordFlaw::NotOpen)?)
            .map_err(|_| RecordFlaw::Malformed)?;
        let size = number.checked_add(1).ok_or(RecordFlaw::Malformed)?;
        let listed = match place.kind {
            OTHERS => Listed::Others(place.leaf),
            NOT_KEPT => Listed::NotKept(place.leaf),
            TEXT => {
                let mut key = place.key.as_slice().try_into().map_err(|_| RecordFlaw::Malformed)?;
                let key = DataKey::take(&mut key);
                let text = open(&key, 0, &of_text(instance, number), self.text.clone());
                let text = text.ok_or(RecordFlaw::NotOpen)?;
                let text = unpadded(&text).ok_or(RecordFlaw::Malformed)?;
                if leaf_hash(text) != place.leaf {
                    return Err(RecordFlaw::OtherText);
                }
                Listed::Text(text.to_vec())
            }
            _ => return Err(RecordFlaw::Malformed),
        };
        let time = place.time.as_slice().try_into().map_err(|_| RecordFlaw::Malformed)?;
        let time = Time(u64::from_be_bytes(time));
        Ok(Read { listed, head: Head { size, root: place.root }, time })
    }
}

/// Seals the key with which `party` opens the records of `instance`.
///
/// # Errors
///
/// [`hpke::OpenError::BadKey`] if the recipient's key cannot be used.
pub fn seal_key(
    (contract, instance): (Digest, Digest),
    (party, recipient): (&str, &RecipientKey),
    key: &DataKey,
    rng: &mut impl CryptoRng,
) -> Result<Sealed, hpke::OpenError> {
    let binding = of_key(contract, instance, party);
    hpke::seal(recipient, &binding, &[(&binding, key.expose())], rng)
}

impl LogOpening {
    /// The key of `party`, whose recipient key has the secret half `secret`.
    ///
    /// # Errors
    ///
    /// [`RecordFlaw::NoPlace`] if the opening has none, [`RecordFlaw::NotOpen`] if it is sealed to another key.
    pub fn key(&self, party: &str, secret: &RecipientSecret) -> Result<DataKey, RecordFlaw> {
        let sealed = self.keys.get(party).ok_or(RecordFlaw::NoPlace)?;
        let binding = of_key(self.contract, self.instance, party);
        let opened = secret.open(&binding, &[&binding], sealed).map_err(|_| RecordFlaw::NotOpen)?;
        let opened = opened.first().ok_or(RecordFlaw::Malformed)?;
        let mut key = opened.as_slice().try_into().map_err(|_| RecordFlaw::Malformed)?;
        Ok(DataKey::take(&mut key))
    }
}

/// What is wrong with a record that its instance signed, or with an opening that it attested.
///
/// Remedy: keep the record and tell the other parties: the build made it, not the host. If the party's recipient key
/// was renewed since, name the folder that has the earlier one (--dir).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFlaw {
    /// It has nothing for the party.
    #[error("it has nothing for this party")]
    NoPlace,
    /// It does not open with the party's key.
    #[error("it does not open with this party's key")]
    NotOpen,
    /// What it holds is not of this format.
    #[error("what is sealed in it is not of this format")]
    Malformed,
    /// The text is not that of the leaf.
    #[error("the text in it is not the one that its leaf is of")]
    OtherText,
}

/// A record cannot be sealed.
///
/// Remedy: none; it does not happen with the keys that an instance draws.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the record of an entry cannot be sealed")]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct Unsealable;

/// `length ‖ text ‖ zeros`, the same number of bytes for every text.
fn padded(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = u32::try_from(text.len()).ok()?.to_be_bytes().to_vec();
    bytes.extend_from_slice(text);
    bytes.resize(LENGTH_LEN + limits::LOG_TEXT, 0);
    Some(bytes)
}

fn unpadded(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_LEN>()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn seal(key: &DataKey, number: u64, aad: &[u8], mut bytes: Vec<u8>) -> Result<Vec<u8>, Unsealable> {
    let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| Unsealable)?;
    LessSafeKey::new(key)
        .seal_in_place_append_tag(nonce(number), Aad::from(aad), &mut bytes)
        .map_err(|_| Unsealable)?;
    Ok(bytes)
}

fn open(key: &DataKey, number: u64, aad: &[u8], mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).ok()?);
    key.open_in_place(nonce(number), Aad::from(aad), &mut bytes).ok().map(|plain| plain.to_vec())
}

/// The nonce of the entry `number`: a party's key seals one place of each entry, and an entry's key one text.
fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    if let Some(last) = bytes.last_chunk_mut() {
        *last = number.to_be_bytes();
    }
    Nonce::assume_unique_for_key(bytes)
}

fn of_text(instance: Digest, number: u64) -> Vec<u8> {
    canonical::to_vec(&("glovebox log text v1", instance, number))
}

fn of_place(instance: Digest, number: u64, party: &str) -> Vec<u8> {
    canonical::to_vec(&("glovebox log place v1", instance, number, party))
}

fn of_key(contract: Digest, instance: Digest, party: &str) -> Vec<u8> {
    canonical::to_vec(&("glovebox log key v1", contract, instance, party))
}

const LENGTH_LEN: usize = 4;
// What a place says of its entry.
const OTHERS: u8 = 0;
const TEXT: u8 = 1;
const NOT_KEPT: u8 = 2;

#[cfg(test)]
mod tests;
