//! Feeds randomness of the Nitro Secure Module to the kernel's generator.

use aws_nitro_enclaves_nsm_api::{
    api::{Request, Response},
    driver::{nsm_exit, nsm_init, nsm_process_request},
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    thread,
    time::Duration,
};
use zeroize::Zeroizing;

/// Mixes the module's randomness into the kernel's pool, and waits until the pool is ready.
///
/// Writing to `/dev/random` mixes without crediting; that needs no `unsafe` ioctl and is enough:
/// the processor (`random.trust_cpu=on`) and the kernel's own NSM driver (`nsm-hwrng`) are
/// credited, and the pool stays unpredictable if any one of the three is.
///
/// # Errors
///
/// [`EntropyError`] without a module: this is not an enclave then, and must not become one.
pub(crate) fn seed() -> Result<(), EntropyError> {
    let random = from_module()?;
    OpenOptions::new()
        .write(true)
        .open(POOL)
        .and_then(|mut pool| pool.write_all(&random))
        .map_err(EntropyError::Pool)?;
    // Blocks until the generator is seeded. After that it serves all programs.
    let mut first = Zeroizing::new([0; 1]);
    File::open(POOL).and_then(|mut pool| pool.read_exact(&mut *first)).map_err(EntropyError::Pool)
}

fn from_module() -> Result<Zeroizing<Vec<u8>>, EntropyError> {
    let descriptor = nsm_init();
    if descriptor < 0 {
        return Err(EntropyError::NoModule);
    }
    let mut random = None;
    for pause in PAUSES_MILLIS {
        if let Response::GetRandom { random: bytes } =
            nsm_process_request(descriptor, Request::GetRandom)
        {
            random = Some(Zeroizing::new(bytes)).filter(|bytes| bytes.len() >= LEAST_BYTES);
            break;
        }
        thread::sleep(Duration::from_millis(pause));
    }
    nsm_exit(descriptor);
    random.ok_or(EntropyError::NoAnswer)
}

/// The kernel's generator would start without the module's randomness.
///
/// Remedy: start the image as an enclave, with its module; PID 1 starts nothing without randomness.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntropyError {
    #[error("/dev/nsm does not open: this is not an enclave")]
    NoModule,
    #[error("/dev/nsm gives no {LEAST_BYTES} bytes of randomness")]
    NoAnswer,
    #[error("writing to or reading from {POOL}: {0}")]
    Pool(io::Error),
}

const POOL: &str = "/dev/random";
/// Length of the key of the kernel's generator.
const LEAST_BYTES: usize = 32;
const PAUSES_MILLIS: [u64; 4] = [5, 20, 100, 400];
