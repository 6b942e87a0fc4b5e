//! Receipts and closings: the word of one Glovebox instance, dated by the hypervisor.
//!
//! An *instance statement* names the keys of one instance under one contract; every NSM document
//! of the instance carries its digest as user data. An *attested* container holds a body (of a
//! receipt, a closing or the opening of a log), an NSM document whose nonce is the body's digest, the statement, and a
//! signature by the statement's receipt key. SPEC.md fixes both to the byte.

use ring::signature::{ED25519, UnparsedPublicKey};

use crate::{
    Believed, CborError, Document, Expected, ParseError, VerifyError,
    cbor::{self, Reader},
    check::{self, Check},
    document::envelope,
    pcr::sha384,
    verify::signature_input,
};

mod deterministic;
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
    pub fn parse(container: &'a [u8]) -> Result<Self, ParseAttestedError> {
        if container.len() > Self::MAX_LEN {
            return Err(ParseAttestedError::TooLong { found: container.len() });
        }
        let (mut reader, signature) = envelope(container, PROTECTED, SIGNATURE_LEN)
            .map_err(|error| ParseAttestedError::Envelope { error })?;
        let payload = reader.rest();
        let keys = ["kind", "body", "document", "statement"];
        let [kind, body, document, statement] = read_map(Part::Container, &mut reader, keys)?;
        let kind = BodyKind::named(kind.read(Reader::text)?).ok_or(ParseAttestedError::Kind)?;
        let body = body.read(Reader::bytes)?;
        let encoded_statement = statement.read(Reader::bytes)?;
        let document = document.read(Reader::bytes)?;
        let statement = Statement::parse(encoded_statement)?;
        let (body_contract, output) = read_body(body, kind)?;
        let document =
            Document::parse(document).map_err(|error| ParseAttestedError::Document { error })?;
        Ok(Self {
            payload,
            signature,
            kind,
            body,
            body_contract,
            output,
            encoded_statement,
            statement,
            document,
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

    /// Receipt, closing, or the opening of a log.
    pub fn kind(&self) -> BodyKind {
        self.kind
    }

    /// The instance's keys and contract.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The encoded body: what the instance says, in deterministic CBOR.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body's entries in diagnostic notation. They are claims of the instance: that it is the
    /// build you named and speaks under your contract is proven, that it reckons rightly is what
    /// you believe of the build.
    pub fn claims(&self) -> Vec<(String, String)> {
        let mut claims = Vec::new();
        let read = deterministic::map(&mut Reader::new(&self.body), |key, value| {
            let printed = deterministic::print(value).unwrap_or_default();
            claims.push((key.to_owned(), printed));
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
    pub fn checks(&self) -> Vec<Check> {
        let document = self.believed.checks().iter().cloned();
        document.chain(check::receipt(None).into_iter().take(7)).collect()
    }
}

named! {
    /// What a container holds.
    BodyKind, name, named {
        /// Of one result.
        Receipt, "receipt";
        /// The last word of an instance.
        Closing, "closing";
        /// What opens the audit log that an instance leaves at its host.
        Log, "log";
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
    for (key, bytes) in [("document", document), ("statement", encoded_statement)] {
        cbor::write_text(&mut out, key);
        cbor::write_bytes(&mut out, bytes);
    }
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
    let keys = ["contract", "output"];
    let [contract, output] = read_map(Part::Body, &mut Reader::new(body), keys)?;
    let contract = contract.sized()?;
    let needless = kind != BodyKind::Receipt && output.item.is_none();
    Ok((contract, if needless { None } else { Some(output.sized()?) }))
}

/// Reads a whole deterministic map: the values of these keys, and in a body others beside them.
fn read_map<'a, const N: usize>(
    part: Part,
    reader: &mut Reader<'a>,
    keys: [&'static str; N],
) -> Result<[Value<'a>; N], ParseAttestedError> {
    let mut values = keys.map(|key| Value { part, key, item: None });
    let mut unknown = false;
    deterministic::map(reader, |key, item| {
        match values.iter_mut().find(|value| value.key == key) {
            Some(value) => value.item = Some(item),
            None => unknown = true,
        }
    })
    .and_then(|()| reader.end())
    .map_err(|error| ParseAttestedError::Malformed { part, error })?;
    let refused = unknown && part != Part::Body;
    if refused { Err(ParseAttestedError::UnknownField { part }) } else { Ok(values) }
}

/// The value of a key, if it is there.
struct Value<'a> {
    part: Part,
    key: &'static str,
    item: Option<Reader<'a>>,
}

impl<'a> Value<'a> {
    fn read<T>(
        self,
        how: impl FnOnce(&mut Reader<'a>) -> Result<T, CborError>,
    ) -> Result<T, ParseAttestedError> {
        let Self { part, key, item } = self;
        let mut item = item.ok_or(ParseAttestedError::Missing { part, key })?;
        how(&mut item).map_err(|error| ParseAttestedError::Malformed { part, error })
    }

    fn sized<const N: usize>(self) -> Result<[u8; N], ParseAttestedError> {
        let (part, key) = (self.part, self.key);
        let bytes = self.read(Reader::bytes)?;
        let length = ParseAttestedError::Length { part, key, found: bytes.len() };
        bytes.try_into().map_err(|_| length)
    }
}

numbered! {
    /// A part of a container.
    Part {
        23 => Container, "container";
        24 => Statement, "instance statement";
        25 => Body, "body";
    }
}

numbered! {
    /// Why bytes are not an attested container, or not an instance statement.
    ///
    /// The offset of what is malformed counts from the beginning of its part.
    ParseAttestedError {
        23 => TooLong { found: usize }, "{found} bytes are too long, a receipt has at most {LONGEST}";
        23 => Envelope { error: ParseError }, "{error}";
        part.check() => Malformed { part: Part, error: CborError }, "malformed {part}: {error}";
        part.check() => UnknownField { part: Part }, "unknown field in the {part}";
        part.check() => Missing { part: Part, key: &'static str }, "{key} is missing in the {part}";
        part.check() => Length { part: Part, key: &'static str, found: usize },
            "{key} in the {part} has {found} bytes, another length is expected";
        23 => Kind, "neither a receipt, nor a closing, nor the opening of a log";
        24 => Protocol { found: u64 }, "the instance speaks protocol {found}, 1 is expected";
        error.check() => Document { error: ParseError }, "document: {error}";
    }
}

numbered! {
    /// Why a container is not believed.
    VerifyAttestedError {
        26 => StatementContract, "the instance serves another contract than the one given";
        27 => BodyContract, "the body names another contract than the one given";
        error.check() => Document { error: VerifyError }, "{error}";
        29 => Signature, "the signature is not by the instance's receipt key";
    }
}

/// External data of the signature, and the beginning of every nonce.
pub const ATTESTED_TAG: &[u8] = b"glovebox attested v1";
/// Begins what a contract's digest covers.
pub const CONTRACT_TAG: &[u8] = b"glovebox contract v2\0";
/// Begins what an output's digest covers.
pub const OUTPUT_TAG: &[u8] = b"glovebox output v1\0";
/// Begins what a statement's digest covers.
pub const STATEMENT_TAG: &[u8] = b"glovebox instance-statement v1\0";
/// `{1: -8}`: EdDSA (RFC 9053, section 2.2).
const PROTECTED: &[u8] = &[0xa1, 0x01, 0x27];
const SIGNATURE_LEN: usize = 64;
const LONGEST: usize = Attested::MAX_LEN;
