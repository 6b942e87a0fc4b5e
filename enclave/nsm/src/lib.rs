//! The Nitro Secure Module, which measures the enclave, signs for it and tells it the time.

mod device;
mod shared;
#[cfg(feature = "simulated")]
mod simulated;

use attestation_verifier::{Document, ParseError, Pcr, explain::Claims};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

pub use device::Device;
#[cfg(feature = "simulated")]
pub use simulated::{Simulated, SimulatedError, measure};

/// What an enclave asks of its module.
pub trait Nsm: Send + Sync {
    /// A signed document over `user_data` and `nonce`.
    ///
    /// # Errors
    ///
    /// [`NsmError`] if the module does not answer, or with something else.
    fn attest(&self, user_data: Option<&[u8]>, nonce: Option<&[u8]>) -> Result<Vec<u8>, NsmError>;

    /// A signed document over an RSA key in DER, for AWS KMS and nobody else: it says nothing of an instance, and answers no nonce.
    ///
    /// # Errors
    ///
    /// [`NsmError`], as for [`Self::attest`].
    fn attest_key(&self, public_key: &[u8]) -> Result<Vec<u8>, NsmError>;

    /// 32 bytes of entropy.
    ///
    /// # Errors
    ///
    /// [`NsmError`], as for [`Self::attest`].
    fn entropy(&self) -> Result<Zeroizing<[u8; 32]>, NsmError>;
}

/// What the module says of its enclave, in a document fetched to learn it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Own {
    /// Milliseconds since 1970, signed by the hypervisor.
    pub time_millis: u64,
    /// The enclave's own registers.
    pub pcrs: BTreeMap<u8, Pcr>,
}

/// Asks the module for the time and the registers.
///
/// The document comes from the enclave's own device, so it is read and not verified: whoever could
/// forge it there owns the enclave already.
///
/// # Errors
///
/// [`NsmError`] if the module does not answer, or with something that is not a document.
pub fn own(nsm: &dyn Nsm) -> Result<Own, NsmError> {
    read(&nsm.attest(None, None)?)
}

/// Reads time and registers in a document of this enclave's own module.
///
/// # Errors
///
/// [`NsmError::NoDocument`] if `document` is not an attestation document.
pub fn read(document: &[u8]) -> Result<Own, NsmError> {
    let document = Document::parse(document).map_err(NsmError::NoDocument)?;
    let claims = Claims::of(&document);
    Ok(Own { time_millis: claims.timestamp.as_millis(), pcrs: claims.pcrs.clone() })
}

/// Why the module did not do what was asked.
///
/// Remedy: start the enclave again on a Nitro instance; a module that is used up needs a new one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NsmError {
    /// There is no device.
    #[error("/dev/nsm does not open: this is not a Nitro enclave, or it is used up")]
    NoDevice,
    /// The module answered with an error, even after several attempts if another one could help.
    #[error("the module answered with an error: {fault}")]
    Failed {
        /// The module's error code.
        fault: Fault,
    },
    /// A field of the request or the response is longer than the module allows.
    #[error("found {found} bytes of {field}, expected at most {most}")]
    TooLong {
        /// Which field of the request or the response.
        field: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The limit in bytes.
        most: usize,
    },
    /// The source of randomness gave nothing, or bytes that are not random.
    #[error("the {who} gives no randomness")]
    NoEntropy {
        /// The source of randomness.
        who: &'static str,
    },
    /// The module answered another request.
    #[error("the module answered something else than was asked")]
    OtherAnswer,
    /// The module's answer is not an attestation document.
    #[error("the module's document does not parse: {0}")]
    NoDocument(#[source] ParseError),
}

/// Error codes of the module (AWS Nitro Enclaves NSM API, `ErrorCode`).
///
/// Remedy: start the enclave again; the module says no more than this.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A field of the request is wrong.
    #[error("invalid argument")]
    InvalidArgument,
    /// There is no such register.
    #[error("no such register")]
    InvalidIndex,
    /// The response did not fit the request.
    #[error("a response to another request")]
    InvalidResponse,
    /// The register is locked.
    #[error("the register is locked")]
    ReadOnlyIndex,
    /// The module cannot do this.
    #[error("not possible with this module")]
    InvalidOperation,
    /// The response did not fit into the buffer.
    #[error("the response does not fit")]
    BufferTooSmall,
    /// The request was too large.
    #[error("the request does not fit")]
    InputTooLarge,
    /// The module failed, or was busy.
    #[error("internal error")]
    Internal,
}
