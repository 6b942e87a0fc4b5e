//! The AWS region in which an enclave runs, as AWS's own authorities say in their names.

use std::{fmt, str::FromStr};

use crate::{
    CertificateFlaw,
    der::{self, Der},
};

/// The name of an AWS region, such as `eu-central-1`.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Region {
    /// The name, and zeros after it.
    bytes: [u8; Self::MAX_LEN],
}

impl Region {
    /// The most letters of a name.
    pub const MAX_LEN: usize = 32;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(Self::MAX_LEN);
        self.bytes.get(..end).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

impl FromStr for Region {
    type Err = InvalidRegion;

    fn from_str(text: &str) -> Result<Self, InvalidRegion> {
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
        let ends = text.ends_with(|last: char| last.is_ascii_digit());
        let parts = text.split('-');
        let is_name = begins && ends && parts.clone().count() >= 3 && parts.clone().all(is_part);
        let mut bytes = [0; Self::MAX_LEN];
        match bytes.get_mut(..text.len()) {
            Some(name) if is_name => name.copy_from_slice(text.as_bytes()),
            _ => return Err(InvalidRegion),
        }
        Ok(Self { bytes })
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not the name of a region.
///
/// Remedy: write the region as AWS's certificates do, such as eu-central-1.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "not the name of an AWS region: expected small letters, digits and at least two hyphens, a digit last, such as \
     eu-central-1"
)]
#[non_exhaustive]
pub struct InvalidRegion;

/// The region in the common name of a subject: the last part of `X` in `X.aws.nitro-enclaves`, after other parts.
pub(crate) fn of_authority(subject: &[u8]) -> Option<Region> {
    let within = common_name(subject)?.strip_suffix(".aws.nitro-enclaves")?;
    let (_, region) = within.rsplit_once('.')?;
    region.parse().ok()
}

/// The one common name (2.5.4.3) of a name that was read by [`name`](crate::certificate::name).
fn common_name(name: &[u8]) -> Option<&str> {
    let mut found = Vec::new();
    let parts = Der::new(name).inside(der::SEQUENCE).ok()?;
    let read = parts.each(|parts| {
        parts.inside(der::SET)?.each(|part| {
            let mut pair = part.inside(der::SEQUENCE)?;
            let is_common_name = pair.identifier()? == COMMON_NAME;
            let text = pair.element()?.content;
            if is_common_name {
                found.push(text);
            }
            Ok::<_, CertificateFlaw>(())
        })
    });
    match (read, found.as_slice()) {
        (Ok(()), [only]) => std::str::from_utf8(only).ok(),
        _ => None,
    }
}

/// X.520, section 6.2.2; RFC 5280, appendix A.1.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parts: &[(u8, &str)]) -> Vec<u8> {
        let wrap = |tag: u8, content: Vec<u8>| {
            [&[tag, u8::try_from(content.len()).unwrap()], &content[..]].concat()
        };
        let parts = parts.iter().flat_map(|(last, text)| {
            let text = wrap(der::UTF8_STRING, text.as_bytes().to_vec());
            let pair = [&[0x06, 3, 0x55, 0x04, *last], &text[..]].concat();
            wrap(der::SET, wrap(der::SEQUENCE, pair))
        });
        wrap(der::SEQUENCE, parts.collect())
    }

    #[test]
    fn a_region_is_the_part_before_the_end_of_an_authority_s_name() {
        for (given, region) in [
            ("2ff7bffc1e244d1f.us-east-1.aws.nitro-enclaves", Some("us-east-1")),
            ("f8a4d6e82e13bd4f.zonal.eu-central-1.aws.nitro-enclaves", Some("eu-central-1")),
            ("i-05ebc0d9607fc96a5.us-gov-west-1.aws.nitro-enclaves", Some("us-gov-west-1")),
            ("aws.nitro-enclaves", None),
            ("us-east-1.aws.nitro-enclaves", None),
            ("x.us-east-1.aws", None),
            ("x.us-east-1.aws.nitro-enclaves.example", None),
            ("x.US-EAST-1.aws.nitro-enclaves", None),
            ("x.zonal.aws.nitro-enclaves", None),
        ] {
            let subject = name(&[(10, "Amazon"), (3, given)]);
            let found = of_authority(&subject);
            assert_eq!(found.map(|region| region.to_string()).as_deref(), region, "{given}");
        }
    }

    #[test]
    fn refuses_to_choose_between_two_common_names_and_to_take_another_attribute() {
        let (here, there) = ("x.us-east-1.aws.nitro-enclaves", "x.eu-west-1.aws.nitro-enclaves");
        assert_eq!(of_authority(&name(&[(3, here), (3, there)])), None);
        assert_eq!(of_authority(&name(&[(3, here), (3, here)])), None);
        assert_eq!(of_authority(&name(&[(11, here)])), None);
        assert_eq!(of_authority(b""), None);
    }

    #[test]
    fn refuses_what_is_no_name_of_a_region() {
        for text in ["eu-central-1", "us-gov-east-1", "ap-southeast-7", "eusc-de-east-1"] {
            assert_eq!(text.parse::<Region>().unwrap().as_str(), text);
        }
        let long = format!("{}-a-1", "a".repeat(29));
        for text in [
            "",
            "eu",
            "eu-central",
            "eu-1",
            "EU-central-1",
            "eu_central_1",
            "eu--central-1",
            "-eu-central-1",
            "eu-central-1-",
            "eu-central-1a",
            "1u-central-1",
            "eu-central-1\0",
            "eu-céntral-1",
            &long,
        ] {
            assert_eq!(text.parse::<Region>(), Err(InvalidRegion), "{text:?}");
        }
    }
}
