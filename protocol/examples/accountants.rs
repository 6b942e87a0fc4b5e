//! Measures the accountants: `cargo run --release -p protocol --example accountants`.
#![expect(clippy::print_stdout, reason = "a figure for people is this program's purpose")]
#![expect(clippy::disallowed_methods, reason = "it measures time and memory")]

use std::time::Instant;

use protocol::accounting::{AccountingError, Mechanism, pld, rdp};
use protocol::loss::{Delta, Loss};

fn main() -> Result<(), AccountingError> {
    for (sigma, rate, steps) in
        [(1.0, 0.001, 10_000), (1.1, 0.01, 10_000), (4.0, 0.1, 10_000), (0.6, 1e-5, 100_000)]
    {
        let run = [(Mechanism::subsampled_gaussian(sigma, rate)?, steps)];
        let start = Instant::now();
        let tight = pld::epsilon(&run, 1e-6)?;
        let took = start.elapsed().as_secs_f64();
        let ledger = rdp::epsilon(&run, 1e-6)?;
        println!(
            "PLD, sigma {sigma}, rate {rate}, {steps} steps: epsilon {tight:.4} (RDP {ledger:.4}) in {took:.2} s"
        );
    }
    let cap = Delta::new(1e-9).unwrap_or(Delta::MAX);
    let start = Instant::now();
    std::hint::black_box(Loss::sampled(1.1, 0.01, 10_000, Some(cap))?);
    println!("loss of a training run: {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
    if let Some(peak) = peak_memory() {
        println!("peak memory of all this: {peak}");
    }
    Ok(())
}

/// As Linux counts it; nothing elsewhere.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
