//! What stands for a match key in a sealed file.

use crate::{
    identity::{Identifier, MatchKey},
    salt::BucketSalt,
    sha256::ShortHmac,
};
use std::fmt;

/// The tag of a match key: the first 16 bytes of an HMAC under the room's salt; all zeros for no key.
pub type Tag = [u8; TAG_LEN];

/// Bytes of a tag.
pub const TAG_LEN: usize = 16;
/// Stands where there is no match key.
pub const NO_TAG: Tag = [0; TAG_LEN];

/// Makes tags: equal ones for equal keys of one kind, and others for whoever does not have the salt.
///
/// # Privacy
///
/// The tag says which bucket a person is in. Nobody without the salt, the host least of all, can tell who
/// shares a bucket with whom, or choose addresses that fall into one. Tags of other rooms are unrelated.
///
/// Two people have one tag by accident with a chance of 2^-128; among 2^31 people two do with one of 2^-67. An
/// owner who looks for two identifiers of one tag needs some 2^64 trials and has then made one person of two of
/// its own people, which it could as well by giving both one identifier.
pub struct Tagger(ShortHmac);

impl Tagger {
    /// Makes the tags of the room with this salt.
    ///
    /// # Panics
    ///
    /// Never: a salt is shorter than a block of SHA-256.
    #[must_use]
    pub fn new(salt: &BucketSalt) -> Self {
        Self(ShortHmac::new(salt.expose()).expect("invariant: a salt is shorter than a block"))
    }

    /// The tag of `key`; none for no key.
    #[must_use]
    pub fn tag(&self, kind: Identifier, key: &MatchKey) -> Tag {
        if key.as_bytes() == &[0; MatchKey::LEN] {
            return NO_TAG;
        }
        let mut message = [0; DOMAIN.len() + 1 + MatchKey::LEN];
        let (domain, rest) = message.split_at_mut(DOMAIN.len());
        domain.copy_from_slice(DOMAIN);
        if let Some((number, place)) = rest.split_first_mut() {
            *number = kind.number();
            place.copy_from_slice(key.as_bytes());
        }
        let tag = self.0.sign(&message);
        tag.and_then(|tag| tag.first_chunk().copied()).unwrap_or(NO_TAG)
    }
}

impl fmt::Debug for Tagger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tagger(..)")
    }
}

/// What is hashed begins with this; with number and key it is 49 bytes, one block of SHA-256.
const DOMAIN: &[u8] = b"glovebox tag v1\0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::match_key;

    /// Python's `hmac` has the same.
    #[test]
    fn tags_are_those_of_the_page() {
        let salt = BucketSalt::from_slice(&[0x5a; 32]).unwrap();
        let tagger = Tagger::new(&salt);
        let tag = |kind, text| hex::encode(tagger.tag(kind, &match_key(kind, text).unwrap()));
        let ann = "ann@example.com";
        assert_eq!(tag(Identifier::Email, ann), "d37c9af5e6897aaa606fed37987b46b4");
        assert_eq!(tag(Identifier::Phone, "+14155550123"), "ef7c154926048dc76210548d4df0531c");
        let hashed = match_key(Identifier::Email, ann).unwrap();
        assert_eq!(
            hex::encode(tagger.tag(Identifier::Hashed, &hashed)),
            "6c084295bed8f42465ed827a6e20773d"
        );
        assert_eq!(
            tagger.tag(Identifier::Email, &match_key(Identifier::Email, "").unwrap()),
            NO_TAG
        );
        assert_eq!(format!("{tagger:?}"), "Tagger(..)");
    }
}
