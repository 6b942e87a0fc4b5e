//! `/dev/nsm`, through AWS's own crate.

use crate::{Nsm, NsmError};
use aws_nitro_enclaves_nsm_api::{
    api::{Request, Response},
    driver::{nsm_exit, nsm_init, nsm_process_request},
};
use serde_bytes::ByteBuf;
use std::{
    fmt,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};
use zeroize::{Zeroize, Zeroizing};

/// The module of the enclave that this runs in. One request at a time.
pub struct Device {
    descriptor: Mutex<i32>,
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
        Ok(Self { descriptor: Mutex::new(descriptor) })
    }

    /// Asks, and asks again a few times: the module is shared and now and then busy.
    fn ask(&self, request: impl Fn() -> Request) -> Result<Response, NsmError> {
        let descriptor = self.descriptor.lock().unwrap_or_else(PoisonError::into_inner);
        let mut code = String::new();
        for pause in PAUSES_MILLIS {
            match nsm_process_request(*descriptor, request()) {
                Response::Error(error) => code = format!("{error:?}"),
                response => return Ok(response),
            }
            thread::sleep(Duration::from_millis(pause));
        }
        Err(NsmError::Refused { code })
    }
}

impl Nsm for Device {
    fn attest(&self, user_data: Option<&[u8]>, nonce: Option<&[u8]>) -> Result<Vec<u8>, NsmError> {
        let bytes = |field: Option<&[u8]>| field.map(|bytes| ByteBuf::from(bytes.to_vec()));
        let request = || Request::Attestation {
            user_data: bytes(user_data),
            nonce: bytes(nonce),
            public_key: None,
        };
        match self.ask(request)? {
            Response::Attestation { document } => Ok(document),
            _ => Err(NsmError::OtherAnswer),
        }
    }

    fn entropy(&self) -> Result<Zeroizing<[u8; 32]>, NsmError> {
        let Response::GetRandom { mut random } = self.ask(|| Request::GetRandom)? else {
            return Err(NsmError::OtherAnswer);
        };
        let mut entropy = Zeroizing::new([0; 32]);
        let source = random.get(..32).ok_or(NsmError::OtherAnswer)?;
        entropy.copy_from_slice(source);
        random.zeroize();
        Ok(entropy)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        nsm_exit(*self.descriptor.get_mut().unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Device(/dev/nsm)")
    }
}

const PAUSES_MILLIS: [u64; 4] = [5, 20, 100, 400];
