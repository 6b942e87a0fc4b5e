//! The fields of a Nitro enclave's attestation document.

use std::fmt;

/// A field of the payload.
///
/// # Source
///
/// "Attestation document specification" in
/// <https://github.com/aws/aws-nitro-enclaves-nsm-api/blob/main/docs/attestation_process.md>.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Field {
    /// Identifier of the enclave.
    ModuleId,
    /// Name of the digest of the registers.
    Digest,
    /// Time of signing.
    Timestamp,
    /// Registers.
    Pcrs,
    /// Certificate of the key that signed the document.
    Certificate,
    /// Certificates from the root down.
    Cabundle,
    /// A key of the enclave.
    PublicKey,
    /// Bytes of the enclave's choice.
    UserData,
    /// The verifier's nonce.
    Nonce,
}

impl Field {
    /// The field's key in the payload.
    #[must_use]
    pub fn key(self) -> &'static str {
        KEYS.iter().find(|(field, _)| *field == self).map_or("", |(_, key)| key)
    }

    pub(crate) fn with_key(key: &str) -> Option<Self> {
        KEYS.iter().find(|(_, known)| *known == key).map(|(field, _)| *field)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

const KEYS: [(Field, &str); 9] = [
    (Field::ModuleId, "module_id"),
    (Field::Digest, "digest"),
    (Field::Timestamp, "timestamp"),
    (Field::Pcrs, "pcrs"),
    (Field::Certificate, "certificate"),
    (Field::Cabundle, "cabundle"),
    (Field::PublicKey, "public_key"),
    (Field::UserData, "user_data"),
    (Field::Nonce, "nonce"),
];
