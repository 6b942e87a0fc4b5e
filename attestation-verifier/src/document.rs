//! Parses attestation documents. What is parsed is not yet believed.

use std::collections::{BTreeMap, BTreeSet};

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
/// println!("{:?}", document.pcrs);
/// ```
#[derive(Clone, Debug)]
pub struct Document<'a> {
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) module_id: &'a str,
    pub(crate) timestamp: Timestamp,
    pub(crate) pcrs: BTreeMap<u8, Pcr>,
    pub(crate) chain: Chain<'a>,
    pub(crate) public_key: Option<&'a [u8]>,
    pub(crate) user_data: Option<&'a [u8]>,
    pub(crate) nonce: Option<&'a [u8]>,
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
        let (payload, reader, signature) = envelope(bytes, PROTECTED, SIGNATURE_LEN)?;
        let fields = fields(reader)?;
        required(fields.digest, Field::Digest)?;
        let bundle = required(fields.cabundle, Field::Cabundle)?;
        let leaf = required(fields.certificate, Field::Certificate)?;
        Ok(Self {
            payload,
            signature,
            module_id: required(fields.module_id, Field::ModuleId)?,
            timestamp: required(fields.timestamp, Field::Timestamp)?,
            pcrs: required(fields.pcrs, Field::Pcrs)?,
            public_key: fields.public_key,
            user_data: fields.user_data,
            nonce: fields.nonce,
            chain: chain(&bundle, leaf)?,
        })
    }
}

/// Checks 2 to 5. Returns the payload, a reader over it, and the signature.
pub(crate) fn envelope<'a>(
    bytes: &'a [u8],
    protected: &[u8],
    signature_len: usize,
) -> Result<(&'a [u8], Reader<'a>, &'a [u8]), ParseError> {
    let mut reader = Reader::new(bytes);
    let broken = |error| ParseError::Envelope { error };
    if reader.open_array().map_err(broken)? != Entries::Left(4) {
        let flaw = Flaw::ArrayLength { expected: 4 };
        return Err(broken(CborError { offset: 0, flaw }));
    }
    if reader.bytes().map_err(broken)? != protected {
        return Err(ParseError::Algorithm);
    }
    let offset = reader.offset();
    if reader.open_map().map_err(broken)? != Entries::Left(0) {
        return Err(ParseError::UnprotectedHeader { offset });
    }
    let (payload, payload_reader) = reader.nested().map_err(broken)?;
    let signature = reader.bytes().map_err(broken)?;
    reader.end().map_err(broken)?;
    if signature.len() != signature_len {
        return Err(ParseError::SignatureLength {
            found: signature.len(),
            expected: signature_len,
        });
    }
    Ok((payload, payload_reader, signature))
}

#[derive(Default)]
struct Fields<'a> {
    module_id: Option<&'a str>,
    digest: Option<()>,
    timestamp: Option<Timestamp>,
    pcrs: Option<BTreeMap<u8, Pcr>>,
    certificate: Option<&'a [u8]>,
    cabundle: Option<Vec<&'a [u8]>>,
    public_key: Option<&'a [u8]>,
    user_data: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
}

/// Checks 6 to 8. Order is free, since NSM does not sort; every field at most once.
fn fields(mut reader: Reader<'_>) -> Result<Fields<'_>, ParseError> {
    let broken = |error| ParseError::Payload { error };
    let mut fields = Fields::default();
    let mut seen = BTreeSet::new();
    let mut entries = reader.open_map().map_err(broken)?;
    while reader.another(&mut entries).map_err(broken)? {
        let offset = reader.offset();
        let key = reader.text().map_err(broken)?;
        let Some(field) = Field::with_key(key) else {
            return Err(if key == NITRO_TPM_PCRS {
                ParseError::NitroTpm
            } else {
                ParseError::UnknownField { offset }
            });
        };
        if !seen.insert(field) {
            return Err(ParseError::RepeatedField { field });
        }
        let in_field = |error| ParseError::Field { field, error };
        let long = |bytes| bounded(field, bytes);
        match field {
            Field::ModuleId => {
                fields.module_id = Some(module_id(reader.text().map_err(in_field)?)?)
            }
            Field::Digest => match reader.text().map_err(in_field)? {
                DIGEST => fields.digest = Some(()),
                _ => return Err(ParseError::Digest),
            },
            Field::Timestamp => match reader.unsigned().map_err(in_field)? {
                0 => return Err(ParseError::Epoch),
                milliseconds => fields.timestamp = Some(Timestamp::from_millis(milliseconds)),
            },
            Field::Pcrs => fields.pcrs = Some(pcrs(&mut reader)?),
            Field::Certificate => {
                fields.certificate = Some(certificate(reader.bytes().map_err(in_field)?, field)?);
            }
            Field::Cabundle => fields.cabundle = Some(cabundle(&mut reader)?),
            Field::PublicKey => {
                fields.public_key = long(reader.bytes_or_null().map_err(in_field)?)?
            }
            Field::UserData => fields.user_data = long(reader.bytes_or_null().map_err(in_field)?)?,
            Field::Nonce => fields.nonce = long(reader.bytes_or_null().map_err(in_field)?)?,
        }
    }
    reader.end().map_err(broken)?;
    Ok(fields)
}

fn pcrs(reader: &mut Reader<'_>) -> Result<BTreeMap<u8, Pcr>, ParseError> {
    let in_field = |error| ParseError::Field { field: Field::Pcrs, error };
    let mut pcrs = BTreeMap::new();
    let mut entries = reader.open_map().map_err(in_field)?;
    while reader.another(&mut entries).map_err(in_field)? {
        let found = reader.unsigned().map_err(in_field)?;
        let index = u8::try_from(found).ok().filter(|index| *index <= LAST_PCR);
        let index = index.ok_or(ParseError::PcrIndex { found })?;
        let value = reader.bytes().map_err(in_field)?;
        let digest = <[u8; Pcr::LEN]>::try_from(value);
        let digest = digest.map_err(|_| ParseError::PcrLength { index, found: value.len() })?;
        if pcrs.insert(index, Pcr::from(digest)).is_some() {
            return Err(ParseError::RepeatedPcr { index });
        }
    }
    Ok(pcrs)
}

fn cabundle<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a [u8]>, ParseError> {
    let in_field = |error| ParseError::Field { field: Field::Cabundle, error };
    let mut bundle = Vec::new();
    let mut entries = reader.open_array().map_err(in_field)?;
    while reader.another(&mut entries).map_err(in_field)? {
        if bundle.len() == LONGEST_CHAIN {
            return Err(ParseError::ChainTooLong);
        }
        bundle.push(certificate(reader.bytes().map_err(in_field)?, Field::Cabundle)?);
    }
    if bundle.is_empty() { Err(ParseError::Missing { field: Field::Cabundle }) } else { Ok(bundle) }
}

/// Checks 9 and 10.
fn chain<'a>(bundle: &[&'a [u8]], leaf: &'a [u8]) -> Result<Chain<'a>, ParseError> {
    let parse = |(position, der)| {
        Certificate::parse(der).map_err(|flaw| ParseError::Certificate { position, flaw })
    };
    let authorities = bundle.iter().copied().enumerate().map(parse).collect::<Result<_, _>>()?;
    Ok(Chain { authorities, leaf: parse((bundle.len(), leaf))? })
}

/// Printable ASCII, so that it can be shown without care.
fn module_id(text: &str) -> Result<&str, ParseError> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    if printable && (1..=LONGEST_MODULE_ID).contains(&text.len()) {
        Ok(text)
    } else {
        Err(ParseError::ModuleId)
    }
}

fn certificate(bytes: &[u8], field: Field) -> Result<&[u8], ParseError> {
    if bytes.is_empty() {
        return Err(ParseError::FieldLength { field, found: 0 });
    }
    bounded(field, Some(bytes)).map(Option::unwrap_or_default)
}

fn bounded(field: Field, bytes: Option<&[u8]>) -> Result<Option<&[u8]>, ParseError> {
    match bytes {
        Some(bytes) if bytes.len() > LONGEST_FIELD => {
            Err(ParseError::FieldLength { field, found: bytes.len() })
        }
        bytes => Ok(bytes),
    }
}

fn required<T>(value: Option<T>, field: Field) -> Result<T, ParseError> {
    value.ok_or(ParseError::Missing { field })
}

/// Why bytes are not an attestation document of a Nitro enclave.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Longer than any document can be.
    #[error(
        "{found} bytes are too long for a document, at most {} are expected",
        Document::MAX_LEN
    )]
    TooLong {
        /// Length in bytes.
        found: usize,
    },
    /// Not an untagged `COSE_Sign1` and nothing else.
    #[error("not a COSE_Sign1: {error}")]
    Envelope {
        /// Where and why.
        error: CborError,
    },
    /// The protected header is not exactly the one algorithm: `{1: -35}` for documents.
    #[error("the protected header is not the one algorithm expected, and nothing else")]
    Algorithm,
    /// The unprotected header holds something.
    #[error("the unprotected header at byte {offset} is not the empty map")]
    UnprotectedHeader {
        /// Where it begins.
        offset: usize,
    },
    /// The signature is of another length.
    #[error("the signature has {found} bytes, {expected} are expected")]
    SignatureLength {
        /// Length in bytes.
        found: usize,
        /// Length of a signature by the algorithm.
        expected: usize,
    },
    /// The payload is not one map with text keys and nothing else.
    #[error("malformed payload: {error}")]
    Payload {
        /// Where and why.
        error: CborError,
    },
    /// The document speaks for an EC2 instance with `NitroTPM`, not for an enclave.
    #[error("a NitroTPM document, which speaks for an instance and not for an enclave")]
    NitroTpm,
    /// A field that enclaves' documents do not have.
    #[error("unknown field at byte {offset}")]
    UnknownField {
        /// Where its key begins.
        offset: usize,
    },
    /// A field occurs twice.
    #[error("field {field} occurs twice")]
    RepeatedField {
        /// The field.
        field: Field,
    },
    /// A field is absent, or `cabundle` is empty.
    #[error("field {field} is missing")]
    Missing {
        /// The field.
        field: Field,
    },
    /// A field holds an item of another kind, or malformed CBOR.
    #[error("malformed {field}: {error}")]
    Field {
        /// The field.
        field: Field,
        /// Where and why.
        error: CborError,
    },
    /// A byte string is too long, or a certificate is empty.
    #[error(
        "{field} has {found} bytes, at most {LONGEST_FIELD} are expected and no empty certificate"
    )]
    FieldLength {
        /// The field.
        field: Field,
        /// Length in bytes.
        found: usize,
    },
    /// The module id is empty, over-long or not printable ASCII.
    #[error("module_id is not 1 to {LONGEST_MODULE_ID} printable characters")]
    ModuleId,
    /// Registers are hashed by another function.
    #[error("the digest is not SHA384")]
    Digest,
    /// The timestamp is zero.
    #[error("the timestamp is zero")]
    Epoch,
    /// A register number past the last.
    #[error("there is no pcr {found}, the last is {LAST_PCR}")]
    PcrIndex {
        /// The number.
        found: u64,
    },
    /// A register occurs twice.
    #[error("pcr {index} occurs twice")]
    RepeatedPcr {
        /// The register.
        index: u8,
    },
    /// A register is not a SHA-384 digest.
    #[error("pcr {index} has {found} bytes, 48 are expected")]
    PcrLength {
        /// The register.
        index: u8,
        /// Length in bytes.
        found: usize,
    },
    /// More certificates than any chain has.
    #[error("more than {LONGEST_CHAIN} certificates in cabundle")]
    ChainTooLong,
    /// A certificate is malformed.
    #[error("certificate {position}: {flaw}")]
    Certificate {
        /// Counted from the root, which is 0.
        position: usize,
        /// What is wrong.
        flaw: CertificateFlaw,
    },
}

impl ParseError {
    /// The number of the check in SPEC.md that failed.
    #[must_use]
    pub fn check(&self) -> u8 {
        match self {
            Self::TooLong { .. } => 1,
            Self::Envelope { .. } => 2,
            Self::Algorithm => 3,
            Self::UnprotectedHeader { .. } => 4,
            Self::SignatureLength { .. } => 5,
            Self::Payload { .. }
            | Self::NitroTpm
            | Self::UnknownField { .. }
            | Self::RepeatedField { .. }
            | Self::Missing { .. } => 6,
            Self::Field { .. } | Self::FieldLength { .. } | Self::ModuleId | Self::Epoch => 7,
            Self::Digest
            | Self::PcrIndex { .. }
            | Self::RepeatedPcr { .. }
            | Self::PcrLength { .. } => 8,
            Self::Certificate {
                flaw: CertificateFlaw::RepeatedExtension | CertificateFlaw::CriticalExtension,
                ..
            } => 10,
            Self::ChainTooLong | Self::Certificate { .. } => 9,
        }
    }
}

/// `{1: -35}`: ES384 (RFC 9053, section 2.1).
pub(crate) const PROTECTED: &[u8] = &[0xa1, 0x01, 0x38, 0x22];
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
