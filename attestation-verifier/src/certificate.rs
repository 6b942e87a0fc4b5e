//! Reads the one kind of X.509 certificate that Nitro uses: version 3, P-384, ECDSA with SHA-384.

use crate::{der, der::Der, der::NotDer, timestamp};

/// A certificate's fields. Nothing is verified yet but their form.
#[derive(Clone, Debug)]
pub(crate) struct Certificate<'a> {
    /// All of it.
    pub(crate) der: &'a [u8],
    /// What the signature covers.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    /// Seconds since 1970; both bounds are inside.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// An uncompressed point.
    pub(crate) public_key: &'a [u8],
    pub(crate) authority: Authority,
    pub(crate) usage: Option<Usage>,
}

/// What the basic constraints say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Authority {
    /// May not issue certificates.
    None,
    /// May issue certificates, with at most so many authorities between it and the leaf.
    Issuer { path_length: Option<u8>, critical: bool },
}

/// What the key may be used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Usage {
    pub(crate) digital_signature: bool,
    pub(crate) certificate_signing: bool,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate.
    ///
    /// # Source
    ///
    /// RFC 5280, section 4.1; checks 9 and 10 of SPEC.md.
    pub(crate) fn parse(input: &'a [u8]) -> Result<Self, CertificateFlaw> {
        let mut file = Der::new(input);
        let mut certificate = file.inside(der::SEQUENCE)?;
        file.end()?;
        let tbs = certificate.expect(der::SEQUENCE)?;
        if certificate.expect(der::SEQUENCE)?.whole != ECDSA_WITH_SHA384 {
            return Err(CertificateFlaw::SignatureAlgorithm);
        }
        let signature = whole_bytes(certificate.expect(der::BIT_STRING)?.content)?;
        certificate.end()?;

        let mut fields = Der::new(tbs.content);
        if fields.optional(der::EXPLICIT_0)?.map(|version| version.content) != Some(&VERSION_3) {
            return Err(CertificateFlaw::Version);
        }
        let serial = fields.unsigned()?;
        if serial.len() > LONGEST_SERIAL {
            return Err(CertificateFlaw::NotDer);
        }
        if fields.expect(der::SEQUENCE)?.whole != ECDSA_WITH_SHA384 {
            return Err(CertificateFlaw::SignatureAlgorithm);
        }
        let issuer = name(&mut fields)?;
        let mut validity = fields.inside(der::SEQUENCE)?;
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        validity.end()?;
        let subject = name(&mut fields)?;
        let public_key = fields.expect(der::SEQUENCE)?.whole.strip_prefix(&P384_KEY_HEAD);
        let public_key = public_key.ok_or(CertificateFlaw::PublicKey)?;
        let mut read = Self {
            der: input,
            signed: tbs.whole,
            signature,
            issuer,
            subject,
            not_before,
            not_after,
            public_key,
            authority: Authority::None,
            usage: None,
        };
        // Unique identifiers ([1] and [2]) would be refused here.
        if let Some(wrapped) = fields.optional(der::EXPLICIT_3)? {
            read.extensions(wrapped.content)?;
        }
        fields.end()?;
        Ok(read)
    }

    fn extensions(&mut self, wrapped: &'a [u8]) -> Result<(), CertificateFlaw> {
        let mut wrapped = Der::new(wrapped);
        let mut extensions = wrapped.inside(der::SEQUENCE)?;
        wrapped.end()?;
        let all = extensions;
        loop {
            let (id, critical, value) = extension(&mut extensions)?;
            match id {
                BASIC_CONSTRAINTS => self.authority = authority(value, critical)?,
                KEY_USAGE => self.usage = Some(usage(value)?),
                _ if critical => return Err(CertificateFlaw::CriticalExtension),
                _ => (),
            }
            let mut others = all;
            let mut same = 0;
            while !others.is_empty() {
                same += usize::from(extension(&mut others)?.0 == id);
            }
            if same > 1 {
                return Err(CertificateFlaw::RepeatedExtension);
            }
            if extensions.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Identifier, criticality and value.
fn extension<'a>(extensions: &mut Der<'a>) -> Result<(&'a [u8], bool, &'a [u8]), NotDer> {
    let mut extension = extensions.inside(der::SEQUENCE)?;
    let id = extension.expect(der::OBJECT_IDENTIFIER)?.content;
    let critical = extension.flag()?;
    let value = extension.expect(der::OCTET_STRING)?.content;
    extension.end()?;
    Ok((id, critical, value))
}

/// RFC 5280, section 4.2.1.9.
fn authority(value: &[u8], critical: bool) -> Result<Authority, CertificateFlaw> {
    let mut value = Der::new(value);
    let mut constraints = value.inside(der::SEQUENCE)?;
    value.end()?;
    let issuer = constraints.flag()?;
    let path_length = match (issuer, constraints.is_empty()) {
        (_, true) => None,
        (true, false) => match constraints.unsigned()? {
            [length] => Some(*length),
            _ => return Err(CertificateFlaw::BasicConstraints),
        },
        (false, false) => return Err(CertificateFlaw::BasicConstraints),
    };
    constraints.end()?;
    Ok(if issuer { Authority::Issuer { path_length, critical } } else { Authority::None })
}

/// RFC 5280, section 4.2.1.3; trailing zero bits are left out (X.690, 11.2.2).
fn usage(value: &[u8]) -> Result<Usage, CertificateFlaw> {
    let mut value = Der::new(value);
    let bits = value.expect(der::BIT_STRING)?.content;
    value.end()?;
    let (unused, first, last) = match bits {
        [unused, only] => (*unused, *only, *only),
        [unused, first, last] => (*unused, *first, *last),
        _ => return Err(CertificateFlaw::KeyUsage),
    };
    if last == 0 || last.trailing_zeros() != u32::from(unused) {
        return Err(CertificateFlaw::KeyUsage);
    }
    Ok(Usage { digital_signature: first & 0x80 != 0, certificate_signing: first & 0x04 != 0 })
}

/// A name, compared by its bytes alone: every real chain repeats them exactly.
fn name<'a>(fields: &mut Der<'a>) -> Result<&'a [u8], NotDer> {
    let name = fields.expect(der::SEQUENCE)?;
    let mut parts = Der::new(name.content);
    while !parts.is_empty() {
        let mut part = parts.inside(der::SET)?;
        loop {
            let mut pair = part.inside(der::SEQUENCE)?;
            pair.expect(der::OBJECT_IDENTIFIER)?;
            pair.element()?;
            pair.end()?;
            if part.is_empty() {
                break;
            }
        }
    }
    Ok(name.whole)
}

/// RFC 5280, section 4.1.2.5: to the second, in UTC; two-digit years end in 2049.
fn time(validity: &mut Der<'_>) -> Result<i64, CertificateFlaw> {
    let element = validity.element()?;
    let text = element.content.strip_suffix(b"Z").ok_or(CertificateFlaw::Time)?;
    let (century, text) = match (element.tag, text) {
        (der::UTC_TIME, text) if text.len() == 12 => (None, text),
        (der::GENERALIZED_TIME, text) if text.len() == 14 => {
            let (century, text) = text.split_at_checked(2).ok_or(CertificateFlaw::Time)?;
            (Some(two_digits(century)?), text)
        }
        _ => return Err(CertificateFlaw::Time),
    };
    let mut parts = [0; 6];
    for (part, pair) in parts.iter_mut().zip(text.chunks_exact(2)) {
        *part = two_digits(pair)?;
    }
    let [year, month, day, hour, minute, second] = parts;
    let century = century.unwrap_or(if year < 50 { 20 } else { 19 });
    timestamp::seconds_at([century * 100 + year, month, day], [hour, minute, second])
        .ok_or(CertificateFlaw::Time)
}

fn two_digits(pair: &[u8]) -> Result<i64, CertificateFlaw> {
    match pair {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Ok(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => Err(CertificateFlaw::Time),
    }
}

/// The bytes of a bit string without unused bits.
fn whole_bytes(content: &[u8]) -> Result<&[u8], NotDer> {
    match content {
        [0, bytes @ ..] => Ok(bytes),
        _ => Err(NotDer),
    }
}

/// What is wrong with the form of a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFlaw {
    /// Not DER, or not laid out as RFC 5280 says.
    #[error("not a der certificate")]
    NotDer,
    /// Not version 3.
    #[error("not version 3")]
    Version,
    /// Signed by another algorithm.
    #[error("not signed by ecdsa-with-SHA384")]
    SignatureAlgorithm,
    /// The key is of another kind.
    #[error("the key is not an uncompressed P-384 point")]
    PublicKey,
    /// A validity bound that is no moment, or written differently.
    #[error("a validity bound is not a UTC time to the second")]
    Time,
    /// An extension occurs twice.
    #[error("an extension is repeated")]
    RepeatedExtension,
    /// A critical extension this crate does not process.
    #[error("an unknown extension is critical")]
    CriticalExtension,
    /// Malformed basic constraints.
    #[error("malformed basic constraints")]
    BasicConstraints,
    /// Malformed key usage.
    #[error("malformed key usage")]
    KeyUsage,
}

impl From<NotDer> for CertificateFlaw {
    fn from(_: NotDer) -> Self {
        Self::NotDer
    }
}

const VERSION_3: [u8; 3] = [0x02, 0x01, 0x02];
/// 1.2.840.10045.4.3.3 without parameters (RFC 5758, section 3.2).
const ECDSA_WITH_SHA384: [u8; 12] =
    [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
/// A public key on secp384r1 up to the point itself (RFC 5480, section 2). The form of the point
/// is checked by the signature library.
const P384_KEY_HEAD: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
/// 20 (RFC 5280, section 4.1.2.2) and a sign byte: AWS's instance authorities have 160-bit numbers.
const LONGEST_SERIAL: usize = 21;
/// 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// 2.5.29.15.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
