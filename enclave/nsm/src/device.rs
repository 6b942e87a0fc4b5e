//! The module behind `/dev/nsm`, used through AWS's own crate.

use crate::{Nsm, NsmError, shared::SharedModule};
use aws_nitro_enclaves_nsm_api::{
    api::{Request, Response},
    driver::{nsm_exit, nsm_init, nsm_process_request},
};
use std::fmt;
use zeroize::Zeroizing;

/// The module of the enclave in which this runs. It answers one request at a time.
pub struct Device {
    asking: SharedModule<Box<dyn FnMut(Request) -> Response + Send>>,
}

impl Device {
    /// Opens the device.
    ///
    /// # Errors
    ///
    /// [`NsmError::NoDevice`] outside an enclave.
    pub fn open() -> Result<Self, NsmError> {
        let descriptor = nsm_init();
        if descriptor < 0 {
            return Err(NsmError::NoDevice);
        }
        let open = Descriptor(descriptor);
        Ok(Self { asking: SharedModule::new(Box::new(move |request| open.carry(request))) })
    }
}

impl Nsm for Device {
    fn attest(&self, user_data: Option<&[u8]>, nonce: Option<&[u8]>) -> Result<Vec<u8>, NsmError> {
        self.asking.attest(user_data, nonce)
    }

    fn attest_key(&self, public_key: &[u8]) -> Result<Vec<u8>, NsmError> {
        self.asking.attest_key(public_key)
    }

    fn entropy(&self) -> Result<Zeroizing<[u8; 32]>, NsmError> {
        self.asking.entropy()
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Device(/dev/nsm)")
    }
}

/// The open device; dropping it closes the device.
struct Descriptor(i32);

impl Descriptor {
    fn carry(&self, request: Request) -> Response {
        nsm_process_request(self.0, request)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        nsm_exit(self.0);
    }
}
