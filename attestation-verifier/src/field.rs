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
    pub(crate) const ALL: [Self; 9] = [
        Self::ModuleId,
        Self::Digest,
        Self::Timestamp,
        Self::Pcrs,
        Self::Certificate,
        Self::Cabundle,
        Self::PublicKey,
        Self::UserData,
        Self::Nonce,
    ];

    /// The field's key in the payload.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::ModuleId => "module_id",
            Self::Digest => "digest",
            Self::Timestamp => "timestamp",
            Self::Pcrs => "pcrs",
            Self::Certificate => "certificate",
            Self::Cabundle => "cabundle",
            Self::PublicKey => "public_key",
            Self::UserData => "user_data",
            Self::Nonce => "nonce",
        }
    }

    pub(crate) fn with_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.key() == key)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
