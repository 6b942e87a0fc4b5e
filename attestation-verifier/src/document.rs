//! Parses attestation documents. What is parsed is not yet believed.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    CborError, CertificateFlaw, Field, Flaw, Pcr, Timestamp,
    cbor::{Entries, Reader},
    certificate::Certificate,
    chain::Chain,
    explain::Claims,
};

/// A well-formed attestation document, of which nothing is believed yet.
///
/// It shows nothing: [`Document::verify`] and [`Document::verify_archived`] return
/// [`Believed`](crate::Believed), which does. It borrows from the bytes it was parsed from.
///
/// ```compile_fail,E0616
/// let document = attestation_verifier::Document::parse(b"").unwrap();
/// println!("{:?}", document.claims);
/// ```
#[derive(Clone, Debug)]
pub struct Document<'a> {
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) chain: Chain<'a>,
    pub(crate) claims: Claims<'a>,
}

impl<'a> Document<'a> {
    /// Longest document in bytes. The buffer of the NSM device holds 12,288.
    pub const MAX_LEN: usize = 16_384;

    /// Parses a raw document: an untagged `COSE_Sign1` with an NSM payload.
    ///
    /// # Errors
    ///
    /// [`ParseError`], for the first of checks 1 to 10 of SPEC.md that fails.
    ///
    /// # Source
    ///
    /// RFC 9052, section 4.2; the CDDL in
    /// <https://github.com/aws/aws-nitro-enclaves-nsm-api/blob/main/docs/attestation_process.md>.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(ParseError::TooLong { found: bytes.len() });
        }
        let (mut reader, signature) = envelope(bytes, PROTECTED, SIGNATURE_LEN)?;
        let payload = reader.rest();
        let fields = Fields::parse(&mut reader)?;
        Ok(Self { payload, signature, chain: fields.chain()?, claims: fields.claims })
    }
}

/// Checks 2 to 5. Returns a reader over the payload, and the signature.
pub(crate) fn envelope<'a>(
    bytes: &'a [u8],
    protected: &[u8],
    signature_len: usize,
) -> Result<(Reader<'a>, &'a [u8]), ParseError> {
    let broken = |error| ParseError::Envelope { error };
    let start = Reader::new(bytes);
    let mut reader = start.clone();
    if reader.open_array().map_err(broken)? != Entries::Left(4) {
        return Err(broken(start.flaw(Flaw::ArrayLength { expected: 4 })));
    }
    if reader.bytes().map_err(broken)? != protected {
        return Err(ParseError::Algorithm);
    }
    let offset = reader.offset();
    if reader.open_map().map_err(broken)? != Entries::Left(0) {
        return Err(ParseError::UnprotectedHeader { offset });
    }
    let payload = reader.nested().map_err(broken)?;
    let signature = reader.bytes().map_err(broken)?;
    reader.end().map_err(broken)?;
    let found = signature.len();
    if found != signature_len {
        return Err(ParseError::SignatureLength { found, expected: signature_len });
    }
    Ok((payload, signature))
}

#[derive(Default)]
struct Fields<'a> {
    claims: Claims<'a>,
    cabundle: Vec<&'a [u8]>,
    certificate: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Check 6. Order is free, since NSM does not sort; every field at most once.
    fn parse(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut fields = Self::default();
        let mut seen = BTreeSet::new();
        let mut entries = reader.open_map()?;
        while reader.another(&mut entries)? {
            let offset = reader.offset();
            let field = match reader.text()? {
                NITRO_TPM_PCRS => return Err(ParseError::NitroTpm),
                key => Field::with_key(key).ok_or(ParseError::UnknownField { offset })?,
            };
            if !seen.insert(field) {
                return Err(ParseError::RepeatedField { field });
            }
            fields.value(field, reader).map_err(|error| match error {
                ParseError::Payload { error } => ParseError::Field { field, error },
                error => error,
            })?;
        }
        reader.end()?;
        match REQUIRED.into_iter().find(|field| !seen.contains(field)) {
            Some(field) => Err(ParseError::Missing { field }),
            None => Ok(fields),
        }
    }

    /// Checks 7 and 8.
    fn value(&mut self, field: Field, reader: &mut Reader<'a>) -> Result<(), ParseError> {
        let claims = &mut self.claims;
        match field {
            Field::ModuleId => claims.module_id = module_id(reader.text()?)?,
            Field::Digest => digest(reader.text()?)?,
            Field::Timestamp => claims.timestamp = timestamp(reader.unsigned()?)?,
            Field::Pcrs => claims.pcrs = pcrs(reader)?,
            Field::Certificate => self.certificate = bounded(field, 1, reader.bytes()?)?,
            Field::Cabundle => self.cabundle = cabundle(reader)?,
            Field::PublicKey => claims.public_key = optional(field, reader)?,
            Field::UserData => claims.user_data = optional(field, reader)?,
            Field::Nonce => claims.nonce = optional(field, reader)?,
        }
        Ok(())
    }

    /// Checks 9 and 10.
    fn chain(&self) -> Result<Chain<'a>, ParseError> {
        let parse = |(position, der)| {
            Certificate::parse(der).map_err(|flaw| ParseError::Certificate { position, flaw })
        };
        let authorities = self.cabundle.iter().copied().enumerate().map(parse);
        let authorities = authorities.collect::<Result<Vec<_>, _>>()?;
        Ok(Chain { leaf: parse((authorities.len(), self.certificate))?, authorities })
    }
}

/// Printable ASCII, so that it can be shown without care.
fn module_id(text: &str) -> Result<&str, ParseError> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = printable && (1..=LONGEST_MODULE_ID).contains(&text.len());
    if fits { Ok(text) } else { Err(ParseError::ModuleId) }
}

fn digest(name: &str) -> Result<(), ParseError> {
    if name == DIGEST { Ok(()) } else { Err(ParseError::Digest) }
}

fn timestamp(milliseconds: u64) -> Result<Timestamp, ParseError> {
    if milliseconds == 0 {
        Err(ParseError::Epoch)
    } else {
        Ok(Timestamp::from_millis(milliseconds))
    }
}

fn pcrs(reader: &mut Reader<'_>) -> Result<BTreeMap<u8, Pcr>, ParseError> {
    let mut pcrs = BTreeMap::new();
    let mut entries = reader.open_map()?;
    while reader.another(&mut entries)? {
        let found = reader.unsigned()?;
        let index = u8::try_from(found).ok().filter(|index| *index <= LAST_PCR);
        let index = index.ok_or(ParseError::PcrIndex { found })?;
        let value = reader.bytes()?;
        let digest = <[u8; Pcr::LEN]>::try_from(value);
        let digest = digest.map_err(|_| ParseError::PcrLength { index, found: value.len() })?;
        if pcrs.insert(index, Pcr::from(digest)).is_some() {
            return Err(ParseError::RepeatedPcr { index });
        }
    }
    Ok(pcrs)
}

fn cabundle<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a [u8]>, ParseError> {
    let mut bundle = Vec::new();
    let mut entries = reader.open_array()?;
    while reader.another(&mut entries)? {
        if bundle.len() == LONGEST_CHAIN {
            return Err(ParseError::ChainTooLong);
        }
        bundle.push(bounded(Field::Cabundle, 1, reader.bytes()?)?);
    }
    if bundle.is_empty() { Err(ParseError::Missing { field: Field::Cabundle }) } else { Ok(bundle) }
}

fn optional<'a>(field: Field, reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, ParseError> {
    reader.bytes_or_null()?.map(|bytes| bounded(field, 0, bytes)).transpose()
}

fn bounded(field: Field, least: usize, bytes: &[u8]) -> Result<&[u8], ParseError> {
    let fits = (least..=LONGEST_FIELD).contains(&bytes.len());
    if fits { Ok(bytes) } else { Err(ParseError::FieldLength { field, found: bytes.len() }) }
}

numbered! {
    /// Why bytes are not an attestation document of a Nitro enclave.
    ///
    /// Positions of certificates count from the root, which is 0.
    ParseError {
        1 => TooLong { found: usize }, "{found} bytes are too long, a document has at most {LONGEST}";
        2 => Envelope { error: CborError }, "not a COSE_Sign1: {error}";
        3 => Algorithm, "the protected header is not the one algorithm expected, and nothing else";
        4 => UnprotectedHeader { offset: usize },
            "the unprotected header at byte {offset} is not the empty map";
        5 => SignatureLength { found: usize, expected: usize },
            "the signature has {found} bytes, {expected} are expected";
        6 => Payload { error: CborError }, "malformed payload: {error}";
        6 => NitroTpm, "a NitroTPM document, which speaks for an instance and not for an enclave";
        6 => UnknownField { offset: usize }, "unknown field at byte {offset}";
        6 => RepeatedField { field: Field }, "field {field} occurs twice";
        6 => Missing { field: Field }, "field {field} is missing";
        7 => Field { field: Field, error: CborError }, "malformed {field}: {error}";
        7 => FieldLength { field: Field, found: usize },
            "{field} has {found} bytes, at most {LONGEST_FIELD} are expected, of a certificate some";
        7 => ModuleId, "module_id is not 1 to {LONGEST_MODULE_ID} printable characters";
        7 => Epoch, "the timestamp is zero";
        8 => Digest, "the digest is not SHA384";
        8 => PcrIndex { found: u64 }, "there is no pcr {found}, the last is {LAST_PCR}";
        8 => RepeatedPcr { index: u8 }, "pcr {index} occurs twice";
        8 => PcrLength { index: u8, found: usize }, "pcr {index} has {found} bytes, 48 are expected";
        9 => ChainTooLong, "more than {LONGEST_CHAIN} certificates in cabundle";
        flaw.check() => Certificate { position: usize, flaw: CertificateFlaw },
            "certificate {position}: {flaw}";
    }
}

/// For `?` while reading the payload.
impl From<CborError> for ParseError {
    fn from(error: CborError) -> Self {
        Self::Payload { error }
    }
}

/// `{1: -35}`: ES384 (RFC 9053, section 2.1).
pub(crate) const PROTECTED: &[u8] = &[0xa1, 0x01, 0x38, 0x22];
const LONGEST: usize = Document::MAX_LEN;
const REQUIRED: [Field; 6] = [
    Field::Digest,
    Field::Cabundle,
    Field::Certificate,
    Field::ModuleId,
    Field::Timestamp,
    Field::Pcrs,
];
const DIGEST: &str = "SHA384";
const NITRO_TPM_PCRS: &str = "nitrotpm_pcrs";
/// AWS's text says 512 for user data and nonce; real documents reach 1,024.
const LONGEST_FIELD: usize = 1024;
/// Real ones have 39.
const LONGEST_MODULE_ID: usize = 256;
/// Real chains have 4.
const LONGEST_CHAIN: usize = 8;
const LAST_PCR: u8 = 31;
const SIGNATURE_LEN: usize = 96;
