//! The signature over PCR0 that an image may carry, and which PCR8 names.

use attestation_verifier::Pcr;
use ciborium::Value;
use coset::{
    CborSerializable, CoseSign1, CoseSign1Builder, HeaderBuilder, TaggedCborSerializable, iana,
};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
        EcdsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use x509_parser::{certificate::X509Certificate, pem::Pem, prelude::FromDer};

/// The content of a signature section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PcrSignature {
    /// As the signer gave it: PEM.
    certificate: Vec<u8>,
    /// An untagged `COSE_Sign1`.
    message: Vec<u8>,
}

impl PcrSignature {
    /// Parses a signature section.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Malformed`] unless it is CBOR of the one form that AWS's tools write, with
    /// one signature.
    pub fn parse(section: &[u8]) -> Result<Self, SignatureError> {
        let mut rest = section;
        let value: Value =
            ciborium::from_reader(&mut rest).map_err(|_| SignatureError::Malformed)?;
        if !rest.is_empty() {
            return Err(SignatureError::Malformed);
        }
        let list = value.into_array().map_err(|_| SignatureError::Malformed)?;
        let found = list.len();
        let [entry]: [Value; 1] = list.try_into().map_err(|_| SignatureError::Count { found })?;
        let (mut certificate, mut message) = (None, None);
        for (key, value) in entry.into_map().map_err(|_| SignatureError::Malformed)? {
            let slot = match key.as_text() {
                Some(CERTIFICATE) => &mut certificate,
                Some(SIGNATURE) => &mut message,
                _ => return Err(SignatureError::Malformed),
            };
            if slot.replace(bytes(value)?).is_some() {
                return Err(SignatureError::Malformed);
            }
        }
        let (Some(certificate), Some(message)) = (certificate, message) else {
            return Err(SignatureError::Malformed);
        };
        Ok(Self { certificate, message })
    }

    /// Signs `pcr0` with the PKCS #8 `key` (PEM, P-384) that `certificate` (PEM) is for.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if the key is of another kind, or the certificate is for another key.
    pub fn sign(pcr0: Pcr, key: &[u8], certificate: &[u8]) -> Result<Self, SignatureError> {
        let key = pem(key, "PRIVATE KEY").ok_or(SignatureError::Key)?;
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &key, &random)
            .map_err(|_| SignatureError::Key)?;
        let header = HeaderBuilder::new().algorithm(iana::Algorithm::ES384).build();
        let message = CoseSign1Builder::new()
            .protected(header)
            .payload(payload(pcr0))
            .try_create_signature(&[], |bytes| {
                key.sign(&random, bytes)
                    .map(|signature| signature.as_ref().to_vec())
                    .map_err(|_| SignatureError::Key)
            })?
            .build();
        let message = message.to_vec().map_err(|_| SignatureError::Malformed)?;
        let signed = Self { certificate: certificate.to_vec(), message };
        signed.verify(pcr0)?;
        Ok(signed)
    }

    /// The certificate, DER, if its key signed `pcr0`.
    ///
    /// Neither its issuer nor its dates matter here: PCR8 is the digest of the certificate, so
    /// whoever expects a PCR8 has chosen it. (`nitro-cli` refuses to start with an expired one.)
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if another key signed, or another register value was signed.
    pub fn verify(&self, pcr0: Pcr) -> Result<Vec<u8>, SignatureError> {
        let der = pem(&self.certificate, "CERTIFICATE").ok_or(SignatureError::Certificate)?;
        let (rest, certificate) =
            X509Certificate::from_der(&der).map_err(|_| SignatureError::Certificate)?;
        // All of `der` is measured, so all of it must be the certificate.
        if !rest.is_empty() {
            return Err(SignatureError::Certificate);
        }
        let message = CoseSign1::from_slice(&self.message)
            .or_else(|_| CoseSign1::from_tagged_slice(&self.message))
            .map_err(|_| SignatureError::Malformed)?;
        let key = certificate.public_key();
        let curve = key.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
        let curve = curve.map(|oid| oid.to_id_string()).unwrap_or_default();
        let (algorithm, verifying): (_, &dyn VerificationAlgorithm) = match curve.as_str() {
            P256 => (iana::Algorithm::ES256, &ECDSA_P256_SHA256_FIXED),
            P384 => (iana::Algorithm::ES384, &ECDSA_P384_SHA384_FIXED),
            _ => return Err(SignatureError::Curve),
        };
        if message.protected.header.alg
            != Some(coset::RegisteredLabelWithPrivate::Assigned(algorithm))
        {
            return Err(SignatureError::Curve);
        }
        let key = UnparsedPublicKey::new(verifying, &key.subject_public_key.data);
        message
            .verify_signature(&[], |signature, bytes| key.verify(bytes, signature))
            .map_err(|_| SignatureError::Forged)?;
        if message.payload.as_deref() != Some(payload(pcr0).as_slice()) {
            return Err(SignatureError::OtherImage { expected: pcr0 });
        }
        Ok(der)
    }

    /// The section.
    #[must_use]
    pub fn to_section(&self) -> Vec<u8> {
        encode(&Value::Array(vec![Value::Map(vec![
            (Value::from(CERTIFICATE), numbers(&self.certificate)),
            (Value::from(SIGNATURE), numbers(&self.message)),
        ])]))
    }
}

/// What is signed: the register's index and value, as AWS's tools encode them.
fn payload(pcr0: Pcr) -> Vec<u8> {
    encode(&Value::Map(vec![
        (Value::from("register_index"), Value::from(0)),
        (Value::from("register_value"), numbers(pcr0.as_bytes())),
    ]))
}

/// AWS's tools write bytes as an array of numbers.
fn numbers(bytes: &[u8]) -> Value {
    Value::Array(bytes.iter().map(|byte| Value::from(*byte)).collect())
}

fn bytes(value: Value) -> Result<Vec<u8>, SignatureError> {
    let number = |value: Value| value.into_integer().ok().and_then(|n| u8::try_from(n).ok());
    match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::Array(list) => list.into_iter().map(number).collect(),
        _ => None,
    }
    .ok_or(SignatureError::Malformed)
}

/// The first block in `text`, if it is called `label`.
fn pem(text: &[u8], label: &str) -> Option<Vec<u8>> {
    let first = Pem::iter_from_buffer(text).next()?.ok()?;
    (first.label == label).then_some(first.contents)
}

fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("invariant: writing to memory succeeds");
    bytes
}

/// Why a signature section says nothing for the image.
///
/// Remedy: sign the image again with a P-384 key and its certificate, or build it without a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not the CBOR that is expected.
    #[error("the signature section is not CBOR of a certificate and a COSE_Sign1")]
    Malformed,
    /// None, or several.
    #[error("found {found} signatures, expected one")]
    Count {
        /// How many.
        found: usize,
    },
    /// No PEM of a certificate.
    #[error("the signing certificate is not one X.509 certificate in PEM, with nothing after it")]
    Certificate,
    /// No P-384 key.
    #[error(
        "the signing key is not a P-384 key in PEM of PKCS #8 (openssl pkcs8 -topk8 -nocrypt makes \
         one of an \"EC PRIVATE KEY\")"
    )]
    Key,
    /// A curve that is not supported, or an algorithm that does not fit it.
    #[error("expected a signature by P-384 (ES384) or P-256 (ES256)")]
    Curve,
    /// The signature does not verify.
    #[error("the signature is not by the key in the signing certificate")]
    Forged,
    /// It verifies, for something else.
    #[error("the signature is over another image, expected PCR0 {expected}")]
    OtherImage {
        /// PCR0 of this image.
        expected: Pcr,
    },
}

const CERTIFICATE: &str = "signing_certificate";
const SIGNATURE: &str = "signature";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
