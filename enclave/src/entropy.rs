//! The generator: seeded by the module and, mixed in, by the kernel.

use nsm::{Nsm, NsmError};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use zeroize::{Zeroize, Zeroizing};

/// A fresh generator. It stays unpredictable while either source is.
pub(crate) fn generator(nsm: &dyn Nsm) -> Result<ChaCha20Rng, NsmError> {
    let mut seed = seed(nsm)?;
    let generator = ChaCha20Rng::from_seed(*seed);
    seed.zeroize();
    Ok(generator)
}

/// A fresh seed of 32 bytes.
pub(crate) fn seed(nsm: &dyn Nsm) -> Result<Zeroizing<[u8; 32]>, NsmError> {
    let mut kernel = Zeroizing::new([0_u8; 32]);
    SystemRandom::new()
        .fill(kernel.as_mut())
        .map_err(|_| NsmError::Refused { code: "no entropy from the kernel".to_owned() })?;
    let module = nsm.entropy()?;
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"glovebox seed v1");
    context.update(module.as_ref());
    context.update(kernel.as_ref());
    let mut seed = Zeroizing::new([0; 32]);
    seed.copy_from_slice(context.finish().as_ref());
    Ok(seed)
}
