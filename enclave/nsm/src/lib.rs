//! The Nitro Secure Module: who measures the enclave, signs for it and tells it the time.

mod device;
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

    /// 32 bytes of entropy.
    ///
    /// # Errors
    ///
    /// [`NsmError`], as for [`Self::attest`].
    fn entropy(&self) -> Result<Zeroizing<[u8; 32]>, NsmError>;
}

/// What the module says of the enclave it belongs to, from a document fetched for this.
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
/// [`NsmError`] if the module does not answer, or with something that is no document.
pub fn own(nsm: &dyn Nsm) -> Result<Own, NsmError> {
    read(&nsm.attest(None, None)?)
}

/// Time and registers in a document of this enclave's own module.
///
/// # Errors
///
/// [`NsmError::NoDocument`] if `document` is none.
pub fn read(document: &[u8]) -> Result<Own, NsmError> {
    let document = Document::parse(document).map_err(NsmError::NoDocument)?;
    let claims = Claims::of(&document);
    Ok(Own { time_millis: claims.timestamp.as_millis(), pcrs: claims.pcrs.clone() })
}

/// Why the module gave nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NsmError {
    /// There is no device.
    #[error("/dev/nsm does not open: this is no Nitro enclave, or it is used up")]
    NoDevice,
    /// It answered with an error, several times.
    #[error("the module answered {code}")]
    Refused {
        /// The module's error code.
        code: String,
    },
    /// It answered another question.
    #[error("the module answered something else than was asked")]
    OtherAnswer,
    /// It answered with something that is no document.
    #[error("the module's document does not parse: {0}")]
    NoDocument(#[source] ParseError),
}
