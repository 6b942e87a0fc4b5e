//! The random generator, seeded by the module and the kernel together.

use nsm::{Nsm, NsmError};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

/// A fresh generator. It is unpredictable as long as either source is.
pub(crate) fn generator(nsm: &dyn Nsm) -> Result<ChaCha20Rng, NsmError> {
    Ok(ChaCha20Rng::from_seed(*seed(nsm)?))
}

/// A fresh seed of 32 bytes: a hash of several draws from the module and one from the kernel.
///
/// # Errors
///
/// [`NsmError::NoEntropy`] if either gives nothing, or the module gives the same draw twice or one
/// byte repeated: which a working module does less than once in 2²⁴⁰ times.
pub(crate) fn seed(nsm: &dyn Nsm) -> Result<Zeroizing<[u8; 32]>, NsmError> {
    let mut kernel = Zeroizing::new([0_u8; 32]);
    SystemRandom::new().fill(kernel.as_mut()).map_err(|_| NsmError::NoEntropy { who: "kernel" })?;
    let mut draws: Vec<Zeroizing<[u8; 32]>> = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let draw = nsm.entropy()?;
        let constant = draw.windows(2).all(|pair| pair.first() == pair.last());
        if constant || draws.contains(&draw) {
            return Err(NsmError::NoEntropy { who: "module" });
        }
        draws.push(draw);
    }
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"glovebox seed v2");
    for draw in &draws {
        context.update(draw.as_ref());
    }
    context.update(kernel.as_ref());
    let mut seed = Zeroizing::new([0; 32]);
    seed.copy_from_slice(context.finish().as_ref());
    Ok(seed)
}

const DRAWS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// A module whose nth draw is `draw(n)`.
    struct Module<F>(AtomicU8, F);

    impl<F: Fn(u8) -> Result<[u8; 32], NsmError> + Send + Sync> Nsm for Module<F> {
        fn attest(&self, _: Option<&[u8]>, _: Option<&[u8]>) -> Result<Vec<u8>, NsmError> {
            Err(NsmError::NoDevice)
        }

        fn attest_key(&self, _: &[u8]) -> Result<Vec<u8>, NsmError> {
            Err(NsmError::NoDevice)
        }

        fn entropy(&self) -> Result<Zeroizing<[u8; 32]>, NsmError> {
            (self.1)(self.0.fetch_add(1, Ordering::Relaxed)).map(Zeroizing::new)
        }
    }

    fn of(draw: impl Fn(u8) -> Result<[u8; 32], NsmError> + Send + Sync) -> Result<(), NsmError> {
        seed(&Module(AtomicU8::new(0), draw)).map(drop)
    }

    fn counting(n: u8) -> [u8; 32] {
        let mut draw = [n; 32];
        draw[0] = !n;
        draw
    }

    #[test]
    fn two_seeds_differ_even_if_the_module_says_the_same_each_time() {
        let module = || Module(AtomicU8::new(0), |n| Ok(counting(n)));
        assert_ne!(seed(&module()).unwrap(), seed(&module()).unwrap());
    }

    #[test]
    fn refuses_a_module_that_repeats_itself_at_any_draw() {
        let flaw = NsmError::NoEntropy { who: "module" };
        for last in 1..4 {
            let repeats = |n: u8| Ok(counting(if n == last { last - 1 } else { n }));
            assert_eq!(of(repeats), Err(flaw.clone()), "draw {last}");
        }
        assert_eq!(of(|_| Ok([0; 32])), Err(flaw.clone()));
        assert_eq!(of(|n| Ok([n; 32])), Err(flaw), "one byte repeated, another each time");
    }

    #[test]
    fn refuses_a_module_that_gives_up_at_any_draw() {
        for last in 0..4 {
            let gives_up = |n| if n == last { Err(NsmError::OtherAnswer) } else { Ok(counting(n)) };
            assert_eq!(of(gives_up), Err(NsmError::OtherAnswer), "draw {last}");
        }
    }
}
