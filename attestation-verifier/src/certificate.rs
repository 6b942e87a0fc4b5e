//! Reads the one kind of X.509 certificate that Nitro uses: version 3, P-384, ECDSA with SHA-384.

mod flaw;

use std::collections::BTreeSet;

use crate::{
    der::{self, Der, Element},
    timestamp,
};

pub use flaw::CertificateFlaw;

/// A certificate's fields. Nothing is verified yet but their form.
#[derive(Clone, Debug)]
pub(crate) struct Certificate<'a> {
    /// All of it.
    pub(crate) der: &'a [u8],
    /// What the signature covers.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) serial: &'a [u8],
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    /// Seconds since 1970; both bounds are inside.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// An uncompressed point.
    pub(crate) public_key: &'a [u8],
    pub(crate) authority: Authority,
    /// What the key may be used for, in the bits of [`DIGITAL_SIGNATURE`] and the others below.
    pub(crate) usage: u8,
}

/// What the basic constraints say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Authority {
    /// May not issue certificates.
    None,
    /// May issue certificates, with at most so many authorities between it and the leaf.
    Issuer { path_length: Option<u8>, critical: bool },
}

impl<'a> Certificate<'a> {
    /// Reads a certificate.
    ///
    /// # Source
    ///
    /// RFC 5280, section 4.1; checks 9 and 10 of SPEC.md.
    pub(crate) fn parse(input: &'a [u8]) -> Result<Self, CertificateFlaw> {
        let (tbs, signature) = signed(input)?;
        let mut fields = Der::new(tbs.content);
        if fields.optional(der::EXPLICIT_0)?.map(|version| version.content) != Some(&VERSION_3) {
            return Err(CertificateFlaw::Version);
        }
        let serial = serial(&mut fields)?;
        algorithm(&mut fields)?;
        let issuer = name(&mut fields)?;
        let mut validity = fields.inside(der::SEQUENCE)?;
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        validity.end()?;
        let subject = name(&mut fields)?;
        let public_key = fields.expect(der::SEQUENCE)?.whole.strip_prefix(&P384_KEY_HEAD);
        let public_key = public_key.filter(|point| point.starts_with(&[UNCOMPRESSED]));
        let public_key = public_key.ok_or(CertificateFlaw::PublicKey)?;
        let (mut authority, mut usage) = (Authority::None, 0);
        // Unique identifiers ([1] and [2]) would be refused here.
        if let Some(wrapped) = fields.optional(der::EXPLICIT_3)? {
            let mut wrapped = Der::new(wrapped.content);
            extensions(&mut wrapped, |id, critical, value| {
                match id {
                    BASIC_CONSTRAINTS => authority = Authority::parse(value, critical)?,
                    KEY_USAGE => usage = key_usage(value)?,
                    _ => unprocessed(id, critical, value)?,
                }
                Ok(())
            })?;
            wrapped.end()?;
        }
        fields.end()?;
        Ok(Self {
            der: input,
            signed: tbs.whole,
            signature,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            public_key,
            authority,
            usage,
        })
    }
}

impl Authority {
    /// RFC 5280, section 4.2.1.9.
    fn parse(value: &[u8], critical: bool) -> Result<Self, CertificateFlaw> {
        let mut value = Der::new(value);
        let mut constraints = value.inside(der::SEQUENCE)?;
        value.end()?;
        let issuer = constraints.flag()?;
        if constraints.is_empty() {
            let path_length = None;
            return Ok(if issuer { Self::Issuer { path_length, critical } } else { Self::None });
        }
        let path_length = match (issuer, constraints.unsigned()?) {
            (true, [length]) => Some(*length),
            (true, _) => Some(u8::MAX), // Longer than any chain that is read.
            _ => return Err(CertificateFlaw::BasicConstraints),
        };
        constraints.end()?;
        Ok(Self::Issuer { path_length, critical })
    }
}

/// RFC 5280, section 4.2.1.3; trailing zero bits are left out (X.690, 11.2.2).
fn key_usage(value: &[u8]) -> Result<u8, CertificateFlaw> {
    let mut value = Der::new(value);
    let bits = value.expect(der::BIT_STRING)?.content;
    value.end()?;
    let [unused, first, rest @ ..] = bits else { return Err(CertificateFlaw::KeyUsage) };
    let last = rest.last().unwrap_or(first);
    let shortest = *last != 0 && last.trailing_zeros() == u32::from(*unused);
    if shortest && rest.len() < 2 { Ok(*first) } else { Err(CertificateFlaw::KeyUsage) }
}

/// What is signed, and the signature: RFC 5280, section 4.1.1; lists are wrapped alike (5.1.1).
pub(crate) fn signed(input: &[u8]) -> Result<(Element<'_>, &[u8]), CertificateFlaw> {
    let mut file = Der::new(input);
    let mut outer = file.inside(der::SEQUENCE)?;
    file.end()?;
    let signed = outer.expect(der::SEQUENCE)?;
    algorithm(&mut outer)?;
    // A bit string without unused bits.
    let [0, signature @ ..] = outer.expect(der::BIT_STRING)?.content else {
        return Err(CertificateFlaw::NotDer);
    };
    outer.end()?;
    Ok((signed, signature))
}

pub(crate) fn algorithm(fields: &mut Der<'_>) -> Result<(), CertificateFlaw> {
    let found = fields.expect(der::SEQUENCE)?.whole;
    if found == ECDSA_WITH_SHA384 { Ok(()) } else { Err(CertificateFlaw::SignatureAlgorithm) }
}

pub(crate) fn serial<'a>(fields: &mut Der<'a>) -> Result<&'a [u8], CertificateFlaw> {
    let serial = fields.unsigned()?;
    let value = serial.strip_prefix(&[0]).unwrap_or(serial);
    if value.len() <= LONGEST_SERIAL { Ok(serial) } else { Err(CertificateFlaw::NotDer) }
}

/// A name, compared by its bytes alone: every real chain repeats them exactly. Never empty.
pub(crate) fn name<'a>(fields: &mut Der<'a>) -> Result<&'a [u8], CertificateFlaw> {
    let name = fields.expect(der::SEQUENCE)?;
    Der::new(name.content).each(|parts| {
        parts.inside(der::SET)?.each(|part| {
            let mut pair = part.inside(der::SEQUENCE)?;
            pair.identifier()?;
            let Element { tag, content, .. } = pair.element()?;
            let is_text = match tag {
                der::UTF8_STRING => std::str::from_utf8(content).is_ok(),
                der::PRINTABLE_STRING | der::IA5_STRING => content.is_ascii(),
                _ => false,
            };
            if is_text { pair.end() } else { Err(CertificateFlaw::NotDer) }
        })
    })?;
    Ok(name.whole)
}

/// Seconds since 1970: RFC 5280, section 4.1.2.5. To the second, in UTC, with two digits for the
/// years 1950 to 2049 and four for those after.
pub(crate) fn time(fields: &mut Der<'_>) -> Result<i64, CertificateFlaw> {
    let element = fields.element()?;
    let digits = element.content.strip_suffix(b"Z").ok_or(CertificateFlaw::Time)?;
    let mut pairs = digits.chunks(2).map(two_digits);
    let mut next = || pairs.next().unwrap_or(Err(CertificateFlaw::Time));
    let year = match (element.tag, digits.len(), next()?) {
        (der::UTC_TIME, 12, year @ 0..50) => 2000 + year,
        (der::UTC_TIME, 12, year) => 1900 + year,
        (der::GENERALIZED_TIME, 14, century) => 100 * century + next()?,
        _ => return Err(CertificateFlaw::Time),
    };
    let shortest = element.tag == der::UTC_TIME || year >= 2050;
    let (date, time) = ([year, next()?, next()?], [next()?, next()?, next()?]);
    timestamp::seconds_at(date, time).filter(|_| shortest).ok_or(CertificateFlaw::Time)
}

fn two_digits(pair: &[u8]) -> Result<i64, CertificateFlaw> {
    match pair {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Ok(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => Err(CertificateFlaw::Time),
    }
}

/// Passes on identifier, criticality and value of each extension: at least one, and none twice
/// (RFC 5280, section 4.2).
pub(crate) fn extensions<'a>(
    fields: &mut Der<'a>,
    mut each: impl FnMut(&'a [u8], bool, &'a [u8]) -> Result<(), CertificateFlaw>,
) -> Result<(), CertificateFlaw> {
    let mut seen = BTreeSet::new();
    fields.inside(der::SEQUENCE)?.each(|extensions| {
        let mut extension = extensions.inside(der::SEQUENCE)?;
        let id = extension.identifier()?;
        let critical = extension.flag()?;
        let value = extension.expect(der::OCTET_STRING)?.content;
        extension.end()?;
        each(id, critical, value)?;
        if seen.insert(id) { Ok(()) } else { Err(CertificateFlaw::RepeatedExtension) }
    })
}

/// An extension that is not processed must be neither critical nor one that narrows what a
/// certificate or a list says, which RFC 5280 has critical too.
pub(crate) fn unprocessed(id: &[u8], critical: bool, _: &[u8]) -> Result<(), CertificateFlaw> {
    match (critical, id) {
        (true, _) => Err(CertificateFlaw::CriticalExtension),
        (_, [0x55, 0x1d, last]) if NARROWING.contains(last) => Err(CertificateFlaw::Narrowed),
        _ => Ok(()),
    }
}

/// Key usage: may sign what is no certificate and no list.
pub(crate) const DIGITAL_SIGNATURE: u8 = 0x80;
/// Key usage: may sign certificates.
pub(crate) const CERTIFICATE_SIGNING: u8 = 0x04;
/// Key usage: may sign revocation lists.
pub(crate) const LIST_SIGNING: u8 = 0x02;
const VERSION_3: [u8; 3] = [0x02, 0x01, 0x02];
/// 1.2.840.10045.4.3.3 without parameters (RFC 5758, section 3.2).
const ECDSA_WITH_SHA384: [u8; 12] =
    [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
/// A public key on secp384r1 up to the point itself (RFC 5480, section 2). Whether the point is on
/// the curve is checked by the signature library.
const P384_KEY_HEAD: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
/// The form of the point: RFC 5480, section 2.2.
const UNCOMPRESSED: u8 = 0x04;
/// Without a sign byte (RFC 5280, section 4.1.2.2).
const LONGEST_SERIAL: usize = 20;
/// 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// The ends of 2.5.29.27 to 30, 36 and 54: delta and partial lists, entries for other issuers,
/// constraints on names and policies.
const NARROWING: [u8; 6] = [27, 28, 29, 30, 36, 54];
/// 2.5.29.15.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
