//! Match keys: what a person is joined by, normalised and hashed as UID2 does.
//!
//! Source: "Normalization and Encoding", <https://unifiedid.com/docs/getting-started/gs-normalization-encoding>.

use ring::digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What identifies a person in a dataset.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Identifier {
    /// An e-mail address.
    Email,
    /// A phone number in E.164.
    Phone,
    /// A match key made elsewhere: base64 of 32 bytes, such as a UID2 hash.
    Hashed,
}

/// The match key of one person: SHA-256 of the normalised identifier. All zeros means none.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct MatchKey([u8; Self::LEN]);

impl MatchKey {
    /// Length in bytes.
    pub const LEN: usize = 32;
    /// No identifier present; never matches anything.
    pub const NONE: Self = Self([0; Self::LEN]);

    /// The bytes, as they stand in a sealed column.
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

/// The match key of `text`, or none for an empty field.
///
/// # Errors
///
/// [`IdentityError`] if `text` is no identifier of this kind; it never repeats the text.
pub fn match_key(kind: Identifier, text: &str) -> Result<MatchKey, IdentityError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(MatchKey::NONE);
    }
    let normalised = match kind {
        Identifier::Email => email(text)?,
        Identifier::Phone => phone(text)?,
        Identifier::Hashed => return hashed(text),
    };
    let mut key = [0; MatchKey::LEN];
    key.copy_from_slice(digest::digest(&digest::SHA256, normalised.as_bytes()).as_ref());
    Ok(MatchKey(key))
}

/// UID2's rules: lower case, no spaces at the ends; for gmail.com no dots and nothing from the
/// first plus sign in the part before the at sign.
fn email(text: &str) -> Result<String, IdentityError> {
    let lower = text.to_lowercase();
    let (user, domain) = lower.split_once('@').ok_or(IdentityError::Email)?;
    if user.is_empty()
        || domain.is_empty()
        || domain.contains('@')
        || lower.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Err(IdentityError::Email);
    }
    if domain != "gmail.com" {
        return Ok(lower);
    }
    let plain: String = user.chars().take_while(|&c| c != '+').filter(|&c| c != '.').collect();
    if plain.is_empty() {
        return Err(IdentityError::Email);
    }
    Ok(format!("{plain}@{domain}"))
}

/// E.164: a plus sign, country code and number, at most 15 digits. Separators go; a missing
/// country code is not guessed.
fn phone(text: &str) -> Result<String, IdentityError> {
    let bare: String =
        text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.' | '\u{a0}')).collect();
    let digits = bare.strip_prefix('+').ok_or(IdentityError::Phone)?;
    let plausible = (8..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    if plausible { Ok(bare) } else { Err(IdentityError::Phone) }
}

fn hashed(text: &str) -> Result<MatchKey, IdentityError> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let bytes = STANDARD.decode(text).map_err(|_| IdentityError::Hashed)?;
    let key: [u8; MatchKey::LEN] =
        bytes.as_slice().try_into().map_err(|_| IdentityError::Hashed)?;
    if MatchKey(key) == MatchKey::NONE { Err(IdentityError::Hashed) } else { Ok(MatchKey(key)) }
}

/// Why a field holds no identifier.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Not an e-mail address.
    #[error("not an e-mail address (expected name@domain without spaces)")]
    Email,
    /// Not E.164.
    #[error("not a phone number with country code (expected E.164 such as +14155550123)")]
    Phone,
    /// Not base64 of 32 bytes.
    #[error("not a hashed identifier (expected base64 of 32 bytes)")]
    Hashed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::STANDARD};

    fn hash(kind: Identifier, text: &str) -> String {
        STANDARD.encode(match_key(kind, text).unwrap().as_bytes())
    }

    /// All of UID2's published examples, none left out: `tests/vectors/identifiers-v1`.
    #[test]
    fn agrees_with_every_published_example() {
        let table = include_str!("../tests/vectors/identifiers-v1/uid2.tsv");
        let mut compared = 0;
        for line in table.lines().skip(1) {
            let [raw, normalised, key] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let kind = if raw.starts_with('+') { Identifier::Phone } else { Identifier::Email };
            assert_eq!(hash(kind, raw), key, "{raw}");
            assert_eq!(hash(kind, normalised), key, "{normalised}");
            compared += 1;
        }
        assert_eq!(compared, 15);
    }

    #[test]
    fn spellings_of_one_person_agree() {
        let one = hash(Identifier::Email, "janesaoirse@gmail.com");
        for text in
            [" Jane.Saoirse@gmail.com", "janesaoirse+work@GMAIL.com ", "jane.saoirse+a+b@gmail.com"]
        {
            assert_eq!(hash(Identifier::Email, text), one);
        }
        let other = hash(Identifier::Email, "jane.saoirse+work@example.com");
        assert_ne!(other, hash(Identifier::Email, "janesaoirse@example.com"));
        assert_eq!(
            hash(Identifier::Phone, "+1 (415) 555-0123"),
            hash(Identifier::Phone, "+14155550123")
        );
    }

    #[test]
    fn an_empty_field_is_no_person() {
        assert_eq!(match_key(Identifier::Email, "  ").unwrap(), MatchKey::NONE);
    }

    #[test]
    fn refuses_what_it_would_have_to_guess() {
        for text in ["jane", "@example.com", "jane@", "a b@example.com", "a@b@c", "+@gmail.com"] {
            assert_eq!(match_key(Identifier::Email, text), Err(IdentityError::Email), "{text}");
        }
        for text in ["4155550123", "+1", "+0123456789", "+1415555012x", "+1234567890123456"] {
            assert_eq!(match_key(Identifier::Phone, text), Err(IdentityError::Phone), "{text}");
        }
        match_key(Identifier::Hashed, "AAAA").unwrap_err();
    }
}
