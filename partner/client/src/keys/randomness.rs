//! Numbers that nobody can guess.

use super::IdentityError;
use protocol::salt::BucketSalt;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroize;

/// A generator seeded by the operating system.
///
/// # Errors
///
/// [`IdentityError::Randomness`] if the operating system has none to give.
pub fn generator() -> Result<ChaCha20Rng, IdentityError> {
    let mut seed = random::<32>()?;
    let generator = ChaCha20Rng::from_seed(seed);
    seed.zeroize();
    Ok(generator)
}

/// A new bucket salt.
///
/// # Errors
///
/// [`IdentityError::Randomness`] if the operating system has none to give.
pub fn bucket_salt() -> Result<BucketSalt, IdentityError> {
    Ok(BucketSalt::take(&mut random()?))
}

/// Bytes that nobody can guess.
///
/// # Errors
///
/// [`IdentityError::Randomness`] if the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], IdentityError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| IdentityError::Randomness)?;
    Ok(bytes)
}
