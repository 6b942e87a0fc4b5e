//! Parses attestation documents. What is parsed is not yet believed.

use std::collections::BTreeMap;

use crate::{
    CborError, CertificateFlaw, Field, Flaw, Pcr, Timestamp,
    cbor::{Entries, Reader},
    certificate::Certificate,
    chain::Chain,
};

/// A well-formed attestation document, of which nothing is believed yet.
///
/// It shows nothing: [`Document::verify`] and [`Document::verify_archived`] return
/// [`Believed`](crate::Believed), which does. It borrows from the bytes it was parsed from.
///
/// ```compile_fail,E0616
/// let document = attestation_verifier::Document::parse(b"").unwrap();
/// println!("{:?}", document.fields);
/// ```
#[derive(Clone, Debug)]
pub struct Document<'a> {
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) chain: Chain<'a>,
    pub(crate) fields: Fields<'a>,
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
        Ok(Self { payload, signature, chain: fields.chain()?, fields })
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
    if reader.peek().map_err(broken)? != EMPTY_MAP {
        return Err(ParseError::UnprotectedHeader { offset: reader.offset() });
    }
    reader.open_map().map_err(broken)?;
    let payload = reader.nested().map_err(broken)?;
    let signature = reader.bytes().map_err(broken)?;
    reader.end().map_err(broken)?;
    let found = signature.len();
    if found != signature_len {
        return Err(ParseError::SignatureLength { found, expected: signature_len });
    }
    Ok((payload, signature))
}

/// What the payload says. Registers are an array, so that reading them allocates nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) module_id: &'a str,
    pub(crate) timestamp: Timestamp,
    registers: [Option<Pcr>; REGISTERS],
    certificate: &'a [u8],
    cabundle: Vec<&'a [u8]>,
    pub(crate) public_key: Option<&'a [u8]>,
    pub(crate) user_data: Option<&'a [u8]>,
    pub(crate) nonce: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Check 6. Order is free, since NSM does not sort; every field at most once.
    fn parse(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut fields = Self::default();
        let mut seen = Vec::new();
        let mut entries = reader.open_map()?;
        while reader.another(&mut entries)? {
            let offset = reader.offset();
            let field = match reader.text()? {
                NITRO_TPM_PCRS => return Err(ParseError::NitroTpm),
                key => Field::with_key(key).ok_or(ParseError::UnknownField { offset })?,
            };
            if seen.contains(&field) {
                return Err(ParseError::RepeatedField { field });
            }
            seen.push(field);
            fields.value(field, reader).map_err(|error| match error {
                ParseError::Payload { error } => ParseError::Field { field, error },
                error => error,
            })?;
        }
        reader.end()?;
        let missing = REQUIRED.into_iter().find(|field| !seen.contains(field));
        missing.map_or(Ok(fields), |field| Err(ParseError::Missing { field }))
    }

    /// Checks 7 and 8.
    fn value(&mut self, field: Field, reader: &mut Reader<'a>) -> Result<(), ParseError> {
        match field {
            Field::ModuleId => self.module_id = module_id(reader.text()?)?,
            Field::Digest if reader.text()? == DIGEST => (),
            Field::Digest => return Err(ParseError::Digest),
            Field::Timestamp => match reader.unsigned()? {
                0 => return Err(ParseError::Epoch),
                milliseconds => self.timestamp = Timestamp::from_millis(milliseconds),
            },
            Field::Pcrs => self.registers(reader)?,
            Field::Certificate => self.certificate = bounded(field, 1, reader.bytes()?)?,
            Field::Cabundle => self.cabundle = cabundle(reader)?,
            Field::PublicKey => self.public_key = optional(field, reader)?,
            Field::UserData => self.user_data = optional(field, reader)?,
            Field::Nonce => self.nonce = optional(field, reader)?,
        }
        Ok(())
    }

    fn registers(&mut self, reader: &mut Reader<'_>) -> Result<(), ParseError> {
        let mut entries = reader.open_map()?;
        while reader.another(&mut entries)? {
            let found = reader.unsigned()?;
            let index = u8::try_from(found).unwrap_or(u8::MAX);
            let register = self.registers.get_mut(usize::from(index));
            let register = register.ok_or(ParseError::PcrIndex { found })?;
            let value = reader.bytes()?;
            let digest = <[u8; Pcr::LEN]>::try_from(value);
            let digest = digest.map_err(|_| ParseError::PcrLength { index, found: value.len() })?;
            if register.replace(Pcr::from(digest)).is_some() {
                return Err(ParseError::RepeatedPcr { index });
            }
        }
        Ok(())
    }

    pub(crate) fn pcr(&self, index: u8) -> Option<Pcr> {
        self.registers.get(usize::from(index)).copied().flatten()
    }

    pub(crate) fn pcrs(&self) -> BTreeMap<u8, Pcr> {
        (0..).zip(self.registers).filter_map(|(index, pcr)| Some((index, pcr?))).collect()
    }

    /// Checks 9 and 10.
    fn chain(&self) -> Result<Chain<'a>, ParseError> {
        let parse = |(position, der)| {
            Certificate::parse(der).map_err(|flaw| ParseError::Certificate { position, flaw })
        };
        let authorities = self.cabundle.iter().copied().enumerate().map(parse);
        let authorities = authorities.collect::<Result<Box<[_]>, _>>()?;
        Ok(Chain { leaf: parse((authorities.len(), self.certificate))?, authorities })
    }
}

/// Printable ASCII, so that it can be shown without care.
fn module_id(text: &str) -> Result<&str, ParseError> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = printable && (1..=LONGEST_MODULE_ID).contains(&text.len());
    if fits { Ok(text) } else { Err(ParseError::ModuleId) }
}

fn cabundle<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a [u8]>, ParseError> {
    let mut bundle = Vec::new();
    let mut entries = reader.open_array()?;
    while reader.another(&mut entries)? {
        if bundle.len() == LONGEST_CHAIN {
            return Err(ParseError::ChainTooLong);
        }
        let (position, der) = (bundle.len(), reader.bytes()?);
        if !(1..=LONGEST_FIELD).contains(&der.len()) {
            return Err(ParseError::EntryLength { position, found: der.len() });
        }
        bundle.push(der);
    }
    let (field, least, most) = (Field::Cabundle, 1, LONGEST_CHAIN);
    let empty = ParseError::FieldLength { field, found: 0, least, most };
    if bundle.is_empty() { Err(empty) } else { Ok(bundle) }
}

fn optional<'a>(field: Field, reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, ParseError> {
    reader.bytes_or_null()?.map(|bytes| bounded(field, 0, bytes)).transpose()
}

fn bounded(field: Field, least: usize, bytes: &[u8]) -> Result<&[u8], ParseError> {
    let (found, most) = (bytes.len(), LONGEST_FIELD);
    let fits = (least..=most).contains(&found);
    if fits { Ok(bytes) } else { Err(ParseError::FieldLength { field, found, least, most }) }
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
        7 => FieldLength { field: Field, found: usize, least: usize, most: usize },
            "{field} has length {found}, {least} to {most} is expected";
        7 => EntryLength { position: usize, found: usize },
            "certificate {position} has {found} bytes, 1 to {LONGEST_FIELD} are expected";
        7 => ModuleId, "module_id is not 1 to {LONGEST_MODULE_ID} printable characters";
        7 => Epoch, "the timestamp is zero";
        8 => Digest, "the digest is not SHA384";
        8 => PcrIndex { found: u64 }, "there is no pcr {found}, only those below {REGISTERS}";
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
const EMPTY_MAP: u8 = 0xa0;
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
const REGISTERS: usize = 32;
const SIGNATURE_LEN: usize = 96;
