//! Who is taken out of a dataset without sealing it again: a list that the owner's root key signs.
//!
//! The list travels with a grant, sealed to the instance, and the manifest names it ([`NamedOptOuts`]). So it is part
//! of the version of the dataset: whatever depends on a version depends on the list.

use crate::{
    canonical,
    digest::Digest,
    identity::{Identifier, MatchKey, match_key_of_bytes},
    limits::{self, Size},
    salt::BucketSalt,
    sealed::Tagger,
    sign::{self, PublicKey, Signed},
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// Match keys of people who are in no figure of a dataset from the next job on.
///
/// It says nothing of the kinds of identifiers: a key takes out every row that has it, in whichever column.
///
/// # Privacy
///
/// Its length is that of its places, of which the public grid [`GRID`] has five. Its digest says nothing of who is on
/// it, since 32 random bytes are hashed along. `Debug` prints no key.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OptOuts {
    /// The people of this lineage, in all versions and under all contracts.
    lineage: String,
    /// Grows with each list of the lineage.
    number: u64,
    /// Random, so that nobody finds out by trying who is on a short list.
    #[serde(with = "serde_bytes")]
    nonce: Vec<u8>,
    /// A place of 32 bytes for each of so many match keys: keys in ascending order, then zeros.
    #[serde(with = "serde_bytes")]
    places: Vec<u8>,
}

impl Signed for OptOuts {
    const TAG: &'static str = "glovebox opt-outs v1";
    const SIZE: Size = limits::OPT_OUTS;
}

/// The numbers of places that a list may have. A list has the smallest that holds its match keys.
pub const GRID: [usize; 5] = [64, 256, 1024, 4096, limits::OPT_OUT_PLACES];

impl OptOuts {
    /// Length of the random bytes.
    pub const NONCE: usize = 32;

    /// The list number `number` of `lineage`, with these people.
    ///
    /// # Errors
    ///
    /// [`OptOutError::TooMany`].
    pub fn new(
        lineage: &str,
        number: u64,
        nonce: [u8; Self::NONCE],
        keys: &BTreeSet<MatchKey>,
    ) -> Result<Self, OptOutError> {
        let found = keys.len();
        let size = GRID.into_iter().find(|size| found <= *size);
        let size = size.ok_or(OptOutError::TooMany { found })?;
        let mut places: Vec<u8> = keys.iter().flat_map(|key| *key.as_bytes()).collect();
        places.resize(size * MatchKey::LEN, 0);
        Ok(Self { lineage: lineage.to_owned(), number, nonce: nonce.to_vec(), places })
    }

    /// Reads a list that `root` signed, for the people of `lineage`.
    ///
    /// # Errors
    ///
    /// [`OptOutError`].
    pub fn open(signed: &[u8], root: &PublicKey, lineage: &str) -> Result<Self, OptOutError> {
        let list: Self = sign::open(signed, root).map_err(|_| OptOutError::Signature)?;
        if list.lineage != lineage {
            return Err(OptOutError::Lineage);
        }
        let places = list.places.as_chunks::<{ MatchKey::LEN }>();
        let used = places.0.iter().position(|place| *place == NONE).unwrap_or(places.0.len());
        let (keys, rest) = places.0.split_at_checked(used).unwrap_or_default();
        let is_whole = GRID.contains(&places.0.len()) && places.1.is_empty();
        let is_ordered = keys.is_sorted_by(|one, next| one < next);
        let is_padded = rest.iter().all(|place| *place == NONE);
        let are_keys = keys.iter().all(|key| match_key_of_bytes(key).is_ok());
        if is_whole && is_ordered && is_padded && are_keys && list.nonce.len() == Self::NONCE {
            Ok(list)
        } else {
            Err(OptOutError::Malformed)
        }
    }

    /// What a manifest says of the list.
    #[must_use]
    pub fn named(&self) -> NamedOptOuts {
        NamedOptOuts {
            number: self.number,
            places: u64::try_from(self.places.len() / MatchKey::LEN).unwrap_or(u64::MAX),
            digest: Digest::of(Self::TAG, &canonical::to_vec(self)),
        }
    }

    /// Its number among the lists of its lineage.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The match keys on it.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<MatchKey> {
        let places = self.places.as_chunks::<{ MatchKey::LEN }>().0.iter();
        places.filter_map(|place| match_key_of_bytes(place).ok()).collect()
    }

    /// The tags in a room's sealed files of whoever is on it, for columns of these kinds of identifiers.
    ///
    /// As much is computed for a place that is empty as for one that is not, so that time tells the places alone.
    #[must_use]
    pub fn tags(&self, kinds: &[Identifier], salt: &BucketSalt) -> TakenOut {
        let tagger = Tagger::new(salt);
        let places = self.places.as_chunks::<{ MatchKey::LEN }>().0.iter();
        let keys: Vec<_> = places
            .filter_map(|place| {
                match_key_of_bytes(if *place == NONE { &NOBODY } else { place }).ok()
            })
            .collect();
        let tags = kinds.iter().flat_map(|kind| keys.iter().map(|key| tagger.tag(*kind, key)));
        TakenOut::of(tags.map(u128::from_be_bytes).collect())
    }
}

impl fmt::Debug for OptOuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptOuts")
            .field("lineage", &self.lineage)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// What a manifest says of the list of opt-outs that applies to it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever names a list says all of it")]
pub struct NamedOptOuts {
    /// Number of the list among those of its lineage.
    pub number: u64,
    /// How many match keys it has room for; how many it has is known to nobody but owner and instance.
    pub places: u64,
    /// Digest of the list.
    pub digest: Digest,
}

impl NamedOptOuts {
    /// When it was made: owners number lists by the second, or more.
    #[must_use]
    pub fn made(&self) -> Time {
        Time(self.number.saturating_mul(1000))
    }

    /// Whether a list has so many places.
    #[must_use]
    pub fn is_on_grid(&self) -> bool {
        GRID.into_iter().any(|size| u64::try_from(size) == Ok(self.places))
    }

    /// Whether `next` may follow this list: it is this one, or a newer one. Once there was a list there is always one.
    #[must_use]
    pub fn may_be_followed_by(&self, next: Option<&Self>) -> bool {
        next.is_some_and(|next| next.number > self.number || next == self)
    }
}

/// The tags of people who are taken out. Prints none.
pub struct TakenOut {
    /// In ascending order.
    tags: Vec<u128>,
}

impl TakenOut {
    /// Whoever has one of these tags.
    #[must_use]
    pub fn of(mut tags: Vec<u128>) -> Self {
        tags.sort_unstable();
        Self { tags }
    }

    /// Nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self { tags: Vec::new() }
    }

    /// Whether a row with this tag is taken out.
    #[must_use]
    pub fn has(&self, tag: u128) -> bool {
        self.tags.binary_search(&tag).is_ok()
    }

    /// Whether there is no list, or one for columns that the dataset does not have.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }
}

impl fmt::Debug for TakenOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TakenOut(..)")
    }
}

/// Why a list of opt-outs is not made or not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptOutError {
    /// More people opted out than one list holds.
    ///
    /// Remedy: seal the table again without the people on the list, grant it, and take them off the list.
    #[error(
        "{found} identifiers, and a list of opt-outs holds {} at most: seal the table again without the people who \
         are on the list (`glovebox seal`), upload and grant it, and then begin the list anew (`glovebox optout remove --all`)",
        limits::OPT_OUT_PLACES
    )]
    TooMany {
        /// How many identifiers there would be.
        found: usize,
    },
    /// Another key signed it, or none.
    ///
    /// Remedy: use the list as `glovebox optout add` wrote it, in the folder of the owner's own keys.
    #[error("the list of opt-outs is not signed by the root key of the dataset's owner")]
    Signature,
    /// The list is of other people.
    ///
    /// Remedy: use the list of this dataset's lineage.
    #[error("the list of opt-outs is of another lineage than the dataset")]
    Lineage,
    /// The bytes are not a list.
    ///
    /// Remedy: make the list anew with `glovebox optout add`.
    #[error(
        "the list of opt-outs is not one of this version: expected match keys in ascending order, padded to a number of \
         places on the public grid"
    )]
    Malformed,
}

/// An empty place.
const NONE: [u8; MatchKey::LEN] = [0; MatchKey::LEN];
/// Stands for nobody while tags are computed: no identifier with this hash is known.
const NOBODY: [u8; MatchKey::LEN] = [0xff; MatchKey::LEN];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::match_key, sign::SigningKey};
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    fn root(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
    }

    fn key(number: usize) -> MatchKey {
        match_key(Identifier::Email, &format!("p{number}@example.com")).unwrap()
    }

    fn list(count: usize, nonce: u8) -> OptOuts {
        let keys = (0..count).map(key).collect();
        OptOuts::new("people", 5, [nonce; 32], &keys).unwrap()
    }

    #[test]
    fn a_list_shows_no_more_of_its_length_than_a_step_of_the_grid() {
        let length = |count| root(1).sign(&list(count, 7)).len();
        assert_eq!(length(0), length(64));
        assert_eq!(length(65), length(256));
        assert_ne!(length(64), length(65));
        assert_eq!(list(64, 7).named().places, 64);
        assert_eq!(list(65, 7).named().places, 256);
        let too_many = (0..=limits::OPT_OUT_PLACES).map(key).collect();
        let refused = OptOuts::new("people", 5, [7; 32], &too_many).unwrap_err();
        assert_eq!(refused, OptOutError::TooMany { found: 16_385 });
        assert!(length(limits::OPT_OUT_PLACES) <= limits::OPT_OUTS.bytes);
    }

    #[test]
    fn whoever_knows_the_digest_cannot_try_who_is_on_the_list() {
        assert_ne!(list(1, 7).named().digest, list(1, 8).named().digest);
        assert_eq!(list(1, 7).named().digest, list(1, 7).named().digest);
    }

    #[test]
    fn only_the_owners_list_of_these_people_in_its_one_form_is_opened() {
        let opened =
            |list: &OptOuts| OptOuts::open(&root(1).sign(list), &root(1).public(), "people");
        let good = list(3, 7);
        assert_eq!(opened(&good), Ok(good.clone()));
        assert_eq!(good.keys(), (0..3).map(key).collect());
        let signed = root(2).sign(&good);
        let of_root = OptOuts::open(&signed, &root(1).public(), "people");
        assert_eq!(of_root, Err(OptOutError::Signature));
        let other = OptOuts { lineage: "others".to_owned(), ..good.clone() };
        assert_eq!(opened(&other), Err(OptOutError::Lineage));
        let with = |change: fn(&mut Vec<u8>)| {
            let mut bad = good.clone();
            change(&mut bad.places);
            opened(&bad)
        };
        let bad: [fn(&mut Vec<u8>); 6] = [
            |places| places.truncate(63 * 32),
            |places| places.truncate(64 * 32 - 1),
            |places| places.clear(),
            // Out of order, and twice the same.
            |places| places[..64].rotate_left(32),
            |places| places.copy_within(0..32, 32),
            // A key behind an empty place.
            |places| places.copy_within(0..32, 64 * 31),
        ];
        for change in bad {
            assert_eq!(with(change), Err(OptOutError::Malformed));
        }
        let short = OptOuts { nonce: vec![7; 31], ..good };
        assert_eq!(opened(&short), Err(OptOutError::Malformed));
    }

    #[test]
    fn an_older_list_or_none_never_follows_a_newer_one() {
        let named = |number, nonce| {
            OptOuts::new("people", number, [nonce; 32], &BTreeSet::new()).unwrap().named()
        };
        let now = named(5, 1);
        assert!(now.may_be_followed_by(Some(&now)));
        assert!(now.may_be_followed_by(Some(&named(6, 1))));
        for earlier in [None, Some(named(4, 1)), Some(named(5, 2))] {
            assert!(!now.may_be_followed_by(earlier.as_ref()));
        }
    }

    #[test]
    fn nothing_that_is_printed_names_a_key() {
        let printed = format!("{:?}", list(1, 7));
        assert!(!printed.contains("places") && printed.contains("number: 5"), "{printed}");
        let salt = BucketSalt::from_slice(&[3; 32]).unwrap();
        assert_eq!(format!("{:?}", list(1, 7).tags(&[Identifier::Email], &salt)), "TakenOut(..)");
    }

    proptest! {
        #[test]
        fn exactly_the_tags_of_listed_keys_are_taken_out(
            listed in proptest::collection::btree_set(0_usize..40, 0..20),
            bytes in any::<[u8; 32]>(),
        ) {
            let salt = BucketSalt::from_slice(&bytes).unwrap();
            let keys = listed.iter().copied().map(key).collect();
            let list = OptOuts::new("people", 1, [0; 32], &keys).unwrap();
            let kinds = [Identifier::Email, Identifier::Hashed];
            let out = list.tags(&kinds, &salt);
            let tagger = Tagger::new(&salt);
            for number in 0..40 {
                for kind in kinds {
                    let tag = u128::from_be_bytes(tagger.tag(kind, &key(number)));
                    prop_assert_eq!(out.has(tag), listed.contains(&number));
                }
                let phone = u128::from_be_bytes(tagger.tag(Identifier::Phone, &key(number)));
                prop_assert!(!out.has(phone) && !out.has(0));
            }
        }
    }
}
