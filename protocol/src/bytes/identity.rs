//! Match keys: what a person is joined by, normalised and hashed as UID2 does.
//!
//! Source: "Normalization and Encoding", <https://unifiedid.com/docs/getting-started/gs-normalization-encoding>.

mod country;
mod email;
mod phone;
mod wrapping;

use crate::sha256::State;
use ring::digest;
use serde::{Deserialize, Serialize};
use std::fmt;

pub use country::{Country, UnknownCountry};
pub use wrapping::is_hidden;

/// What identifies a person in a dataset.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Identifier {
    /// An e-mail address.
    Email,
    /// A phone number in E.164.
    Phone,
    /// A match key made elsewhere: SHA-256 in base64, as UID2 has it, or in hexadecimal.
    Hashed,
}

impl Identifier {
    /// The kind's name in a contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Hashed => "hashed",
        }
    }

    /// Its number in what is hashed to a tag.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Email => 1,
            Self::Phone => 2,
            Self::Hashed => 3,
        }
    }
}

/// The match key of one person: SHA-256 of the normalised identifier. All zeros means none.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct MatchKey([u8; Self::LEN]);

impl MatchKey {
    /// Length in bytes.
    pub const LEN: usize = 32;
    /// No identifier; it never matches anything.
    pub const NONE: Self = Self([0; Self::LEN]);

    /// The bytes of the key, of which a sealed column has the [tag](crate::sealed::Tagger).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for MatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MatchKey(..)")
    }
}

/// The match key of `text`; [`MatchKey::NONE`] for a field that is empty or says so (`n/a`,
/// `NULL`).
///
/// # Errors
///
/// [`IdentityError`] if `text` is not an identifier of this kind. The error never repeats the text.
pub fn match_key(kind: Identifier, text: &str) -> Result<MatchKey, IdentityError> {
    match_key_in(kind, text, None)
}

/// The match key of `text`, in which phone numbers may be written as they are dialled inside
/// `country`.
///
/// # Errors
///
/// [`IdentityError`] if `text` is not an identifier of this kind. The error never repeats the text.
pub fn match_key_in(
    kind: Identifier,
    text: &str,
    country: Option<Country>,
) -> Result<MatchKey, IdentityError> {
    if let Some(key) = usual(kind, text) {
        return Ok(key);
    }
    let text = wrapping::unwrapped(text);
    if wrapping::says_none(&text) {
        return Ok(MatchKey::NONE);
    }
    let normalised = match kind {
        Identifier::Email => {
            let separators = [';', ',', '|', ' ', '\t', '\u{a0}'];
            wrapping::single(&text, &separators, email::normalised)?
        }
        Identifier::Phone => {
            let read = |part: &str| phone::normalised(part, country);
            wrapping::single(&text, &[';', ',', '|', '/'], read)?
        }
        Identifier::Hashed => return hashed(&text),
    };
    Ok(MatchKey(sha256(normalised.as_bytes())))
}

/// The match key of what nearly all identifiers look like, by a short way: none where the long way has to decide.
fn usual(kind: Identifier, text: &str) -> Option<MatchKey> {
    let hash = match kind {
        Identifier::Email => sha256(email::Usual::of(text)?.as_bytes()),
        Identifier::Phone if phone::is_normalised(text) => sha256(text.as_bytes()),
        _ => return None,
    };
    Some(MatchKey(hash))
}

/// Whether `text` is empty, or a word that people and programs write for "nothing".
#[must_use]
pub fn says_none(text: &str) -> bool {
    wrapping::says_none(&wrapping::unwrapped(text))
}

/// The match key in `bytes`, which was made elsewhere.
///
/// # Errors
///
/// [`IdentityError`] unless they can be SHA-256 of an identifier.
pub fn match_key_of_bytes(bytes: &[u8]) -> Result<MatchKey, IdentityError> {
    let key: [u8; MatchKey::LEN] = bytes.try_into().map_err(|_| IdentityError::Hashed)?;
    if MatchKey(key) == MatchKey::NONE {
        Err(IdentityError::Hashed)
    } else if key == HASH_OF_NOTHING {
        Err(IdentityError::HashOfNothing)
    } else {
        Ok(MatchKey(key))
    }
}

/// SHA-256 in hexadecimal or in base64: 64 characters and 44 cannot be confused.
fn hashed(text: &str) -> Result<MatchKey, IdentityError> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let digits = text.strip_prefix("\\x").or_else(|| text.strip_prefix("0x")).unwrap_or(text);
    if digits.len() == 2 * MatchKey::LEN {
        let mut bytes = [0; MatchKey::LEN];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| IdentityError::Hashed)?;
        return match_key_of_bytes(&bytes);
    }
    match_key_of_bytes(&STANDARD.decode(text).map_err(|_| IdentityError::Hashed)?)
}

fn sha256(bytes: &[u8]) -> [u8; MatchKey::LEN] {
    // Nearly every identifier is short.
    if let Some(hash) = State::START.finish(0, bytes) {
        return hash;
    }
    let mut hash = [0; MatchKey::LEN];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// SHA-256 of an empty text.
const HASH_OF_NOTHING: [u8; MatchKey::LEN] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// Why a field does not hold an identifier.
///
/// Remedy: correct the field in the table, or say with --country how national numbers are meant; rows that stay
/// wrong are left out and counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The text is not an e-mail address.
    #[error("not an e-mail address (expected name@example.com)")]
    Email,
    /// The domain has no dot.
    #[error("an e-mail address whose domain has no dot (expected name@example.com)")]
    Domain,
    /// The address has letters that look like others, or is in another script.
    #[error(
        "an e-mail address with letters beyond ASCII, which may only look like ASCII \
         (write a domain with umlauts as xn--..)"
    )]
    NotAscii,
    /// The address stands for many people.
    #[error("a placeholder instead of somebody's e-mail address")]
    Placeholder,
    /// There is more than one identifier.
    #[error("several different identifiers in one field (leave the one that is meant)")]
    Several,
    /// The number is not E.164.
    #[error(
        "not a phone number with country code (expected E.164 such as +14155550123; \
         --country reads national numbers)"
    )]
    Phone,
    /// The number is not one of the country.
    #[error(
        "neither a number of the --country given nor one with + and country code \
         (expected E.164 such as +14155550123)"
    )]
    National,
    /// A zero in brackets may be part of the number.
    #[error("a phone number with (0) where a country code with a trunk zero is not known")]
    Trunk,
    /// There is a zero behind the country code, and it is not known what that means in the country.
    #[error(
        "a phone number with a 0 behind the country code, where it is not known whether the 0 belongs to \
         the number (write it as it is dialled from abroad)"
    )]
    ZeroBehindCode,
    /// The country has no such number, with its trunk prefix or without.
    #[error(
        "a phone number with more or fewer digits behind its country code than numbers of that country have, \
         also without what is dialled inside the country only (write it as it is dialled from abroad)"
    )]
    NoSuchNumber,
    /// The Italian number is neither a landline nor a mobile phone.
    #[error(
        "an Italian phone number that begins neither with 0 (landline) nor with 3 (mobile phone) behind +39: \
         a landline keeps its 0 there (+39 06 ..)"
    )]
    Italian,
    /// An exponent has lost digits.
    #[error("a phone number with an exponent: its last digits are lost; export it as text")]
    Float,
    /// There are digits beyond ASCII.
    #[error("a phone number with digits beyond 0 to 9 (such as full-width digits)")]
    Digits,
    /// The text is neither base64 nor hexadecimal of 32 bytes.
    #[error(
        "not a hashed identifier (expected SHA-256: 64 hexadecimal digits, or base64 of 32 bytes)"
    )]
    Hashed,
    /// The hash is SHA-256 of an empty text.
    #[error("the hash of an empty text, which is nobody's (leave the field empty)")]
    HashOfNothing,
}

#[cfg(test)]
mod tests;
