//! Platform configuration registers.

use std::{fmt, str::FromStr};

use ring::digest;

/// The value of one platform configuration register: a SHA-384 digest, 48 bytes.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pcr([u8; Self::LEN]);

impl Pcr {
    /// Length in bytes.
    pub const LEN: usize = 48;

    /// All zeros: what an enclave in debug mode reports, and never a build anyone should trust.
    pub const DEBUG: Self = Self([0; Self::LEN]);

    /// The digest.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; Self::LEN]> for Pcr {
    fn from(digest: [u8; Self::LEN]) -> Self {
        Self(digest)
    }
}

impl FromStr for Pcr {
    type Err = InvalidPcr;

    fn from_str(text: &str) -> Result<Self, InvalidPcr> {
        let invalid = InvalidPcr { found: text.len() };
        if text.len() != 2 * Self::LEN {
            return Err(invalid);
        }
        let mut digest = [0; Self::LEN];
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            // `from_str_radix` alone would take a sign.
            let hex =
                std::str::from_utf8(pair).ok().filter(|_| pair.iter().all(u8::is_ascii_hexdigit));
            *byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).ok_or(invalid)?;
        }
        Ok(Self(digest))
    }
}

impl fmt::Display for Pcr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

impl fmt::Debug for Pcr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(crate) fn sha384(parts: &[&[u8]]) -> [u8; Pcr::LEN] {
    hash(&digest::SHA384, parts)
}

pub(crate) fn hash<const N: usize>(how: &'static digest::Algorithm, parts: &[&[u8]]) -> [u8; N] {
    let mut context = digest::Context::new(how);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; N];
    out.iter_mut().zip(context.finish().as_ref()).for_each(|(out, byte)| *out = *byte);
    out
}

/// Prints lowercase hexadecimal.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not a register's value.
///
/// Remedy: copy the register's whole value, 96 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a PCR is 96 hexadecimal digits, found {found} characters or another character")]
pub struct InvalidPcr {
    /// Length of the text in bytes.
    pub found: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_prints() {
        let pcr = Pcr([0xa5; Pcr::LEN]);
        assert_eq!(pcr.to_string().parse(), Ok(pcr));
        assert_eq!(pcr.to_string().to_uppercase().parse(), Ok(pcr));
    }

    #[test]
    fn refuses_a_sign_a_short_text_and_another_alphabet() {
        for text in ["+1".repeat(48), "00".repeat(47), "00".repeat(49), "é".repeat(48)] {
            assert_eq!(text.parse::<Pcr>(), Err(InvalidPcr { found: text.len() }));
        }
    }
}
