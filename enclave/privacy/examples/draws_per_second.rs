//! Measures the samplers: `cargo run --release -p privacy --example draws_per_second`.
#![expect(clippy::print_stdout, reason = "a figure for people is this program's purpose")]

use std::time::Instant;

use privacy::sampler::{Exact, Noise, Scale, ScaleError, Variance};

fn main() -> Result<(), ScaleError> {
    let mut noise = Exact::from_seed([7; 32]);
    for (sigma, variance) in [
        ("0.5", Variance::new(1, 4)?),
        ("5", Variance::new(25, 1)?),
        ("1000", Variance::new(1_000_000, 1)?),
        ("1000.3 (fraction)", Variance::rounded_up(1_000.3 * 1_000.3)?),
        ("2^40", Variance::new(1 << 80, 1)?),
    ] {
        let rate = draws_per_second(|| noise.gaussian(variance));
        println!("discrete Gaussian, sigma {sigma}: {rate:.2} million draws/s");
    }
    for (name, scale) in [("0.2", Scale::new(1, 5)?), ("1000", Scale::new(1_000, 1)?)] {
        let rate = draws_per_second(|| noise.laplace(scale));
        println!("discrete Laplace, t {name}: {rate:.2} million draws/s");
    }
    Ok(())
}

/// In millions.
fn draws_per_second(mut draw: impl FnMut() -> i64) -> f64 {
    let start = Instant::now();
    let mut sum = 0_i64;
    for _ in 0..DRAWS {
        sum = sum.wrapping_add(draw());
    }
    std::hint::black_box(sum);
    f64::from(DRAWS) / start.elapsed().as_secs_f64() / 1e6
}

const DRAWS: u32 = 2_000_000;
