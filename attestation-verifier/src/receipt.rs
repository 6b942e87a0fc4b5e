//! Receipts and closings: the word of one Glovebox instance, dated by the hypervisor.
//!
//! An *instance statement* names the keys of one instance under one contract; every NSM document
//! of the instance carries its digest as user data. An *attested* container holds a body (of a
//! receipt or a closing), an NSM document whose nonce is the body's digest, the statement, and a
//! signature by the statement's receipt key. SPEC.md fixes both to the byte.

use std::fmt;

use ring::{
    digest,
    signature::{ED25519, UnparsedPublicKey},
};

use crate::{
    Believed, CborError, Document, Expected, ParseError, VerifyError,
    cbor::{self, Reader},
    check::{self, Check},
    deterministic,
    document::envelope,
    verify::signature_input,
};

mod statement;

pub use statement::Statement;

/// A SHA-384 digest under one of this module's domain tags.
pub type Digest = [u8; 48];

/// A well-formed container, of which nothing is believed yet.
#[derive(Clone, Debug)]
pub struct Attested<'a> {
    payload: &'a [u8],
    signature: &'a [u8],
    kind: BodyKind,
    body: &'a [u8],
    body_contract: Digest,
    output: Option<Digest>,
    encoded_statement: &'a [u8],
    statement: Statement,
    document: Document<'a>,
}

impl<'a> Attested<'a> {
    /// Longest container in bytes.
    pub const MAX_LEN: usize = 1 << 20;

    /// Parses a container.
    ///
    /// # Errors
    ///
    /// [`ParseAttestedError`], for the first of checks 23 to 25 of SPEC.md that fails, or of checks
    /// 1 to 10 on the document inside.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseAttestedError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(ParseAttestedError::TooLong { found: bytes.len() });
        }
        let (payload, mut reader, signature) = envelope(bytes, PROTECTED, SIGNATURE_LEN)
            .map_err(|error| ParseAttestedError::Envelope { error })?;
        let (mut kind, mut body) = (None, None);
        let (mut document, mut statement) = (None, None);
        let part = Part::Container;
        read_map(&mut reader, part, |key, mut value| {
            match key {
                "kind" => kind = Some(BodyKind::named(value.text()?)),
                "body" => body = Some(value.bytes()?),
                "document" => document = Some(value.bytes()?),
                "statement" => statement = Some(value.bytes()?),
                _ => return Ok(Known::No),
            }
            Ok(Known::Yes)
        })?;
        let kind = required(part, "kind", kind)?.ok_or(ParseAttestedError::Kind)?;
        let body = required(part, "body", body)?;
        let encoded_statement = required(part, "statement", statement)?;
        let parsed_statement = Statement::parse(encoded_statement)?;
        let (body_contract, output) = read_body(body, kind)?;
        Ok(Self {
            payload,
            signature,
            kind,
            body,
            body_contract,
            output,
            encoded_statement,
            statement: parsed_statement,
            document: Document::parse(required(part, "document", document)?)
                .map_err(|error| ParseAttestedError::Document { error })?,
        })
    }

    /// Verifies a container as of its document's own time.
    ///
    /// Of `expected`, root, builds and `allow_debug` are used; nonce and user data follow from the
    /// container. `contract` is the contract the caller has in hand: without one a receipt says
    /// nothing, since an instance serves whatever contract it was given.
    ///
    /// # Errors
    ///
    /// [`VerifyAttestedError`], for the first of checks 26 to 29 of SPEC.md that fails.
    pub fn verify(
        &self,
        expected: &Expected,
        contract: &Digest,
    ) -> Result<BelievedReceipt, VerifyAttestedError> {
        if self.statement.contract != *contract {
            return Err(VerifyAttestedError::StatementContract);
        }
        if self.body_contract != *contract {
            return Err(VerifyAttestedError::BodyContract);
        }
        let expected = expected
            .clone()
            .nonce(nonce_for(self.kind, self.body))
            .user_data(user_data_for(self.encoded_statement));
        let believed = self
            .document
            .verify_archived(&expected)
            .map_err(|error| VerifyAttestedError::Document { error })?;
        UnparsedPublicKey::new(&ED25519, self.statement.receipt)
            .verify(&signing_input(self.payload), self.signature)
            .map_err(|_| VerifyAttestedError::Signature)?;
        Ok(BelievedReceipt {
            believed,
            kind: self.kind,
            statement: self.statement.clone(),
            body: self.body.to_vec(),
            output: self.output,
        })
    }
}

/// A receipt or closing, believed. There is no way to make one but [`Attested::verify`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "a proof is worth something only where it is demanded"]
pub struct BelievedReceipt {
    believed: Believed,
    kind: BodyKind,
    statement: Statement,
    body: Vec<u8>,
    output: Option<Digest>,
}

impl BelievedReceipt {
    /// The enclave that spoke, and when.
    pub fn believed(&self) -> &Believed {
        &self.believed
    }

    /// Receipt or closing.
    #[must_use]
    pub fn kind(&self) -> BodyKind {
        self.kind
    }

    /// The instance's keys and contract.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The encoded body: what the instance says, in deterministic CBOR.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body's entries in diagnostic notation. They are claims of the instance: that it is the
    /// build you named and speaks under your contract is proven, that it reckons rightly is what
    /// you believe of the build.
    #[must_use]
    pub fn claims(&self) -> Vec<(String, String)> {
        let mut claims = Vec::new();
        let read = deterministic::map(&mut Reader::new(&self.body), |key, mut value| {
            let mut printed = String::new();
            deterministic::print(&mut value, &mut printed)?;
            claims.push((key.to_owned(), printed));
            Ok::<(), CborError>(())
        });
        debug_assert!(read.is_ok(), "the body was parsed before");
        claims
    }

    /// Whether these are the exact bytes of the result that the receipt is for (check 30).
    #[must_use]
    pub fn matches_output(&self, result: &[u8]) -> bool {
        self.output == Some(output_digest(result))
    }

    /// Every check and how it went, for people: 1 to 22 on the document, then 23 to 29.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let document = self.believed.checks().iter().cloned();
        document.chain(check::receipt(None).into_iter().take(7)).collect()
    }
}

/// What a container holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BodyKind {
    /// The receipt of one result.
    Receipt,
    /// The last word of an instance.
    Closing,
}

impl BodyKind {
    /// The name, as in the container.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Closing => "closing",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Receipt, Self::Closing].into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for BodyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The identity of a contract: the digest of its exact bytes.
#[must_use]
pub fn contract_digest(contract: &[u8]) -> Digest {
    sha384(&[CONTRACT_TAG, contract])
}

/// What a receipt says of a result: the digest of its exact bytes.
#[must_use]
pub fn output_digest(result: &[u8]) -> Digest {
    sha384(&[OUTPUT_TAG, result])
}

/// The user data of every NSM document of the instance with this encoded statement.
#[must_use]
pub fn user_data_for(encoded_statement: &[u8]) -> Digest {
    sha384(&[STATEMENT_TAG, encoded_statement])
}

/// The nonce of the NSM document in the container of this body.
#[must_use]
pub fn nonce_for(kind: BodyKind, body: &[u8]) -> Digest {
    sha384(&[ATTESTED_TAG, b" ", kind.name().as_bytes(), b"\0", body])
}

/// The payload of a container, for the instance to sign.
#[must_use]
pub fn payload(kind: BodyKind, body: &[u8], document: &[u8], encoded_statement: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    cbor::write_head(&mut out, 5, 4);
    cbor::write_text(&mut out, "body");
    cbor::write_bytes(&mut out, body);
    cbor::write_text(&mut out, "kind");
    cbor::write_text(&mut out, kind.name());
    cbor::write_text(&mut out, "document");
    cbor::write_bytes(&mut out, document);
    cbor::write_text(&mut out, "statement");
    cbor::write_bytes(&mut out, encoded_statement);
    out
}

/// The bytes that the instance's receipt key signs for a payload.
#[must_use]
pub fn signing_input(payload: &[u8]) -> Vec<u8> {
    signature_input(PROTECTED, ATTESTED_TAG, payload)
}

/// The container of a payload and its Ed25519 signature.
#[must_use]
pub fn encode(payload: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
    let mut out = Vec::new();
    cbor::write_head(&mut out, 4, 4);
    cbor::write_bytes(&mut out, PROTECTED);
    cbor::write_head(&mut out, 5, 0);
    cbor::write_bytes(&mut out, payload);
    cbor::write_bytes(&mut out, signature);
    out
}

/// The contract and, of a receipt, the output. Everything else is the `protocol` crate's to read.
fn read_body(body: &[u8], kind: BodyKind) -> Result<(Digest, Option<Digest>), ParseAttestedError> {
    let (mut contract, mut output) = (None, None);
    let mut reader = Reader::new(body);
    read_map(&mut reader, Part::Body, |key, mut value| {
        match key {
            "contract" => contract = Some(value.bytes()?),
            "output" => output = Some(value.bytes()?),
            _ => (),
        }
        Ok(Known::Yes)
    })?;
    let contract = sized(Part::Body, "contract", required(Part::Body, "contract", contract)?)?;
    let output = output.map(|output| sized(Part::Body, "output", output)).transpose()?;
    match kind {
        BodyKind::Receipt => Ok((contract, Some(required(Part::Body, "output", output)?))),
        BodyKind::Closing => Ok((contract, output)),
    }
}

enum Known {
    Yes,
    No,
}

/// Reads a whole deterministic map, in which nothing is unknown.
fn read_map<'a>(
    reader: &mut Reader<'a>,
    part: Part,
    mut entry: impl FnMut(&'a str, Reader<'a>) -> Result<Known, CborError>,
) -> Result<(), ParseAttestedError> {
    let mut unknown = false;
    deterministic::map(reader, |key, value| {
        unknown |= matches!(entry(key, value)?, Known::No);
        Ok(())
    })
    .and_then(|()| reader.end())
    .map_err(|error| ParseAttestedError::Malformed { part, error })?;
    if unknown { Err(ParseAttestedError::UnknownField { part }) } else { Ok(()) }
}

fn required<T>(part: Part, key: &'static str, value: Option<T>) -> Result<T, ParseAttestedError> {
    value.ok_or(ParseAttestedError::Missing { part, key })
}

fn sized<const N: usize>(
    part: Part,
    key: &'static str,
    bytes: &[u8],
) -> Result<[u8; N], ParseAttestedError> {
    let length = ParseAttestedError::Length { part, key, found: bytes.len() };
    bytes.try_into().map_err(|_| length)
}

fn sha384(parts: &[&[u8]]) -> Digest {
    let mut context = digest::Context::new(&digest::SHA384);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 48];
    out.iter_mut().zip(context.finish().as_ref()).for_each(|(out, byte)| *out = *byte);
    out
}

/// A part of a container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Part {
    /// The outer map.
    Container,
    /// The instance statement.
    Statement,
    /// The receipt or closing itself.
    Body,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Container => "container",
            Self::Statement => "instance statement",
            Self::Body => "body",
        })
    }
}

/// Why bytes are not an attested container, or not an instance statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseAttestedError {
    /// Longer than any container.
    #[error("{found} bytes are too long for a receipt, at most {} are expected", Attested::MAX_LEN)]
    TooLong {
        /// Length in bytes.
        found: usize,
    },
    /// Not an untagged `COSE_Sign1` by Ed25519.
    #[error(transparent)]
    Envelope {
        /// What is wrong with it.
        error: ParseError,
    },
    /// Not one deterministic map.
    #[error("malformed {part}: {error}")]
    Malformed {
        /// Where.
        part: Part,
        /// Where in it, and why.
        error: CborError,
    },
    /// A field that version 1 does not have.
    #[error("unknown field in the {part}")]
    UnknownField {
        /// Where.
        part: Part,
    },
    /// A field is missing.
    #[error("{key} is missing in the {part}")]
    Missing {
        /// Where.
        part: Part,
        /// Which.
        key: &'static str,
    },
    /// A field is of another length.
    #[error("{key} in the {part} has {found} bytes, another length is expected")]
    Length {
        /// Where.
        part: Part,
        /// Which.
        key: &'static str,
        /// Length in bytes.
        found: usize,
    },
    /// Neither a receipt nor a closing.
    #[error("neither a receipt nor a closing")]
    Kind,
    /// Another version of the protocol.
    #[error("the instance speaks protocol {found}, 1 is expected")]
    Protocol {
        /// The version.
        found: u64,
    },
    /// The NSM document inside is malformed.
    #[error("document: {error}")]
    Document {
        /// What is wrong with it.
        error: ParseError,
    },
}

impl ParseAttestedError {
    /// The number of the check in SPEC.md that failed.
    #[must_use]
    pub fn check(&self) -> u8 {
        match self {
            Self::Document { error } => error.check(),
            Self::Protocol { .. } => 24,
            Self::Malformed { part, .. }
            | Self::UnknownField { part }
            | Self::Missing { part, .. }
            | Self::Length { part, .. } => match part {
                Part::Container => 23,
                Part::Statement => 24,
                Part::Body => 25,
            },
            Self::TooLong { .. } | Self::Envelope { .. } | Self::Kind => 23,
        }
    }
}

/// Why a container is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyAttestedError {
    /// The instance serves another contract than the caller's.
    #[error("the instance serves another contract than the one given")]
    StatementContract,
    /// The body is about another contract than the caller's.
    #[error("the body names another contract than the one given")]
    BodyContract,
    /// The NSM document inside is not believed.
    #[error(transparent)]
    Document {
        /// Why.
        error: VerifyError,
    },
    /// The signature is not by the instance's receipt key.
    #[error("the signature is not by the instance's receipt key")]
    Signature,
}

impl VerifyAttestedError {
    /// The number of the check in SPEC.md that failed.
    #[must_use]
    pub fn check(&self) -> u8 {
        match self {
            Self::StatementContract => 26,
            Self::BodyContract => 27,
            Self::Document { error } => error.check(),
            Self::Signature => 29,
        }
    }
}

/// External data of the signature, and the beginning of every nonce.
pub const ATTESTED_TAG: &[u8] = b"glovebox attested v1";
/// Begins what a contract's digest covers.
pub const CONTRACT_TAG: &[u8] = b"glovebox contract v1\0";
/// Begins what an output's digest covers.
pub const OUTPUT_TAG: &[u8] = b"glovebox output v1\0";
/// Begins what a statement's digest covers.
pub const STATEMENT_TAG: &[u8] = b"glovebox instance-statement v1\0";
/// `{1: -8}`: EdDSA (RFC 9053, section 2.2).
const PROTECTED: &[u8] = &[0xa1, 0x01, 0x27];
const SIGNATURE_LEN: usize = 64;
