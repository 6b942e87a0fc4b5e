//! Every parser of bytes from outside, on its seeds and on pieces of them: more of these with
//! `GLOVEBOX_TEST_FULL=1`. `make fuzz` goes further.

use crate::fuzz;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn no_seed_and_no_piece_of_one_breaks_a_parser() {
    let mut broken = Vec::new();
    for target in fuzz::TARGETS {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let mut tried = 0;
        for seed in target.seeds() {
            let mut inputs = vec![seed.clone(), seed[..seed.len() / 2].to_vec()];
            inputs.extend((0..pieces()).map(|_| changed(&seed, &mut rng)));
            for input in inputs {
                tried += 1;
                let held = catch_unwind(AssertUnwindSafe(|| (target.check)(&input)));
                if held.is_err() {
                    broken.push(format!("{}: {}", target.name, hex::encode(&input)));
                }
            }
        }
        assert!(tried > 8, "{} has been tried", target.name);
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// With a few bytes set, and sometimes a piece taken out.
fn changed(seed: &[u8], rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let below =
        |most: usize, rng: &mut ChaCha20Rng| usize::try_from(rng.next_u32()).unwrap() % most.max(1);
    for _ in 0..=below(3, rng) {
        let at = below(bytes.len(), rng);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = rng.next_u32().to_le_bytes()[0];
        }
    }
    if below(2, rng) == 0 {
        let from = below(bytes.len(), rng);
        let to = (from + below(40, rng)).min(bytes.len());
        bytes.drain(from..to);
    }
    bytes
}

/// Pieces of each seed.
fn pieces() -> usize {
    if std::env::var_os("GLOVEBOX_TEST_FULL").is_some() { 200 } else { 2 }
}
