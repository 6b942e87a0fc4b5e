//! Where one person is in a sealed file: for the owner, who has its keys.

use super::SealError;
use protocol::{
    contract::{Dataset, Role},
    identity::MatchKey,
    key::DataKey,
    manifest::Manifest,
    salt::BucketSalt,
    sealed::{FOOTER, NO_TAG, Reader, Tag, Tagger, Values},
};
use std::collections::{BTreeMap, BTreeSet};

/// How many rows a sealed file has of one person.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct PersonRows {
    /// Rows with one of the person's identifiers.
    pub rows: u64,
    /// Those of them that say that the person does not agree: they are in no figure but the numbers of people who refused.
    pub refused: u64,
}

/// Counts the rows of whoever has one of these match keys in `file`, whatever kind of identifier its columns say they are.
///
/// Reads the columns of match keys and of consent, bucket by bucket, and no other.
///
/// # Privacy
///
/// An exact count, for the file's owner alone.
///
/// # Errors
///
/// [`SealError::File`] if the file is not the one of `manifest`, or `keys` do not open it.
pub fn find_person(
    file: &[u8],
    manifest: &Manifest,
    dataset: &Dataset,
    keys: &BTreeMap<String, DataKey>,
    salt: &BucketSalt,
    person: &[MatchKey],
) -> Result<PersonRows, SealError> {
    let tagger = Tagger::new(salt);
    // Where addresses were hashed elsewhere, the hash is the match key, and it has another tag than the address.
    let tags: BTreeMap<&str, BTreeSet<Tag>> = dataset
        .sealed_columns()
        .filter_map(|column| {
            let Role::MatchKey(kind) = &column.role else { return None };
            let tags = person.iter().map(|key| tagger.tag(*kind, key));
            Some((column.name.as_str(), tags.filter(|tag| *tag != NO_TAG).collect()))
        })
        .collect();
    let consents = |name: &str| {
        let column = dataset.sealed_columns().find(|column| column.name == name);
        column.is_some_and(|column| column.role == Role::Consent)
    };
    let wanted = keys.iter().filter(|(name, _)| {
        let name = name.as_str();
        name == FOOTER || tags.contains_key(name) || consents(name)
    });
    let wanted = wanted.map(|(name, key)| (name.clone(), key.clone())).collect();
    let reader = Reader::open(file, manifest, dataset, &wanted).map_err(SealError::File)?;
    let mut found = PersonRows::default();
    for number in 0..reader.shape().buckets() {
        let bucket = reader.bucket(number).map_err(SealError::File)?;
        let mut rows = BTreeSet::new();
        for (name, tags) in &tags {
            let Some(Values::Tags(values)) = bucket.get(*name) else { continue };
            let places = values.iter().enumerate().filter(|(_, tag)| tags.contains(*tag));
            rows.extend(places.map(|(place, _)| place));
        }
        let says_no = |row: &&usize| {
            bucket.iter().any(|(name, values)| {
                let Values::Codes(codes) = values else { return false };
                consents(name) && codes.get(**row).is_some_and(|code| *code != AGREES)
            })
        };
        let refused = rows.iter().filter(says_no).count();
        found.rows += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        found.refused += u64::try_from(refused).unwrap_or(u64::MAX);
    }
    Ok(found)
}

/// The code of a consent column for yes.
const AGREES: i32 = 1;
