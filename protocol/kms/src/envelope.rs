//! The envelope: CMS `EnvelopedData` (RFC 5652, section 6) in the one form that AWS KMS writes.

use crate::{
    ber::Ber,
    error::{EnvelopeError, MOST_BYTES},
};

/// An envelope that was read and not opened yet: one recipient, RSAES-OAEP with SHA-256, AES-256-CBC.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope<'a> {
    /// Which key it is sealed to: SHA-256 of its `SubjectPublicKeyInfo`.
    pub(crate) recipient: &'a [u8; 32],
    /// The key of the content, under the recipient's key.
    pub(crate) wrapped: &'a [u8; 256],
    pub(crate) iv: &'a [u8; 16],
    /// A whole number of blocks, at least one.
    pub(crate) content: Vec<u8>,
}

impl<'a> Envelope<'a> {
    /// Reads an envelope. Lengths may be said before or ended by zeros, and the content may be in several parts, as BER
    /// has it; everything else must be as KMS writes it, and nothing may follow.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::TooLong`] and [`EnvelopeError::NotThis`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MOST_BYTES {
            return Err(EnvelopeError::TooLong { found: bytes.len() });
        }
        let mut all = Ber::new(bytes);
        let envelope = all.constructed(SEQUENCE, "a CMS ContentInfo", |info| {
            info.exactly(&ENVELOPED_DATA, "the type EnvelopedData")?;
            info.constructed(EXPLICIT_0, "the content of ContentInfo", |inside| {
                inside.constructed(SEQUENCE, "EnvelopedData", enveloped)
            })
        })?;
        match all.more() {
            true => Err(EnvelopeError::TooLong { found: bytes.len() }),
            false => Ok(envelope),
        }
    }
}

fn enveloped<'a>(data: &mut Ber<'a>) -> Result<Envelope<'a>, EnvelopeError> {
    data.exactly(&VERSION_2, "version 2 of EnvelopedData")?;
    let (recipient, wrapped) = data.constructed(SET, "a set of recipients", |recipients| {
        recipients.constructed(SEQUENCE, "one recipient of KeyTransRecipientInfo", |one| {
            one.exactly(&VERSION_2, "version 2 of the recipient")?;
            let recipient = one.array(IMPLICIT_0, "a key identifier of 32 bytes")?;
            one.exactly(&OAEP_SHA256, "RSAES-OAEP with SHA-256")?;
            Ok((recipient, one.array(OCTETS, "a wrapped key of 256 bytes")?))
        })
    })?;
    data.constructed(SEQUENCE, "EncryptedContentInfo", |content| {
        content.exactly(&DATA, "the content type data")?;
        let iv = content.constructed(SEQUENCE, "the cipher of the content", |cipher| {
            cipher.exactly(&AES_256_CBC, "AES-256-CBC")?;
            cipher.array(OCTETS, "an initialisation vector of 16 bytes")
        })?;
        let content = ciphertext(content)?;
        Ok(Envelope { recipient, wrapped, iv, content })
    })
}

/// The encrypted content: in one piece, or in parts that are put together.
fn ciphertext(content: &mut Ber<'_>) -> Result<Vec<u8>, EnvelopeError> {
    let found = if content.has(IMPLICIT_0) {
        content.primitive(IMPLICIT_0, ENCRYPTED)?.to_vec()
    } else {
        content.constructed(EXPLICIT_0, ENCRYPTED, |parts| {
            let mut whole = Vec::new();
            while parts.more() {
                whole
                    .extend_from_slice(parts.primitive(OCTETS, "a part of the encrypted content")?);
            }
            Ok(whole)
        })?
    };
    if found.is_empty() || !found.len().is_multiple_of(16) {
        return Err(EnvelopeError::NotBlocks { found: found.len() });
    }
    Ok(found)
}

const ENCRYPTED: &str = "the encrypted content";
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OCTETS: u8 = 0x04;
/// Context tag 0, primitive and constructed.
const IMPLICIT_0: u8 = 0x80;
const EXPLICIT_0: u8 = 0xa0;
const VERSION_2: [u8; 3] = [0x02, 0x01, 0x02];
/// 1.2.840.113549.1.7.3
const ENVELOPED_DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
/// 1.2.840.113549.1.7.1
const DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 2.16.840.1.101.3.4.1.42
const AES_256_CBC: [u8; 11] = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
/// `rsaOAEP` (1.2.840.113549.1.1.7) with the hash SHA-256 and MGF1 over SHA-256 (RFC 4055, section 4.1).
const OAEP_SHA256: [u8; 62] = [
    0x30, 0x3c, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07, 0x30, 0x2f, 0xa0,
    0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30,
    0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
];
