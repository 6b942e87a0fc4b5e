//! Measures sampler, release and ledger: `cargo run --release -p privacy --example draws_per_second`.
#![expect(clippy::print_stdout, reason = "figures for people are this program's purpose")]
#![expect(clippy::unwrap_used, reason = "a measurement may fail loudly")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use privacy::sampler::{Exact, Noise, Scale, Variance};
use privacy::{Names, Raw, Totals};
use protocol::loss::Rho;
use protocol::tally::Dimension;
use support::{Payer, group, proven, table};

fn main() {
    let mut noise = Exact::from_seed([7; 32]);
    for (sigma, variance) in [
        ("0.5", Variance::new(1, 4)),
        ("5", Variance::new(25, 1)),
        ("1000", Variance::new(1_000_000, 1)),
        ("1000.3 (fraction)", Variance::rounded_up(1_000.3 * 1_000.3)),
        ("2^40", Variance::new(1 << 80, 1)),
    ] {
        let mut totals = vec![0; DRAWS];
        let took = measure(|| noise.add_gaussian(variance.unwrap(), &mut totals));
        println!("discrete Gaussian, sigma {sigma}: {:.2} million draws/s", rate(took));
    }
    for (name, scale) in [("0.2", Scale::new(1, 5)), ("1000", Scale::new(1_000, 1))] {
        let scale = scale.unwrap();
        let draws = || std::hint::black_box((0..DRAWS).map(|_| noise.laplace(scale)).sum::<i64>());
        println!("discrete Laplace, t {name}: {:.2} million draws/s", rate(measure(draws)));
    }
    for rho in [Rho(1_000_000_000), Rho(1_000_000_000_000)] {
        let took = release_a_million(vec![group(999), group(998)], rho, &mut noise);
        println!(
            "a million groups, counts noised and thresholded, rho {}: {took:.2?}",
            rho.value()
        );
    }
    let question = proven(table(Vec::new()), Rho(1_000_000_000), 0);
    let payer = Payer::new(&question);
    let mut funded = payer.ledger();
    let took = measure(|| {
        for _ in 0..DEBITS {
            let _paid = payer.pay_from(&mut funded);
        }
    });
    println!("a debit on two accounts: {:.2?}", took / DEBITS);
}

/// Counts alone.
fn release_a_million(dimensions: Vec<Dimension>, rho: Rho, noise: &mut Exact) -> Duration {
    let mut tally = table(dimensions);
    tally.measures.clear();
    tally.products.clear();
    let question = proven(tally, rho, 0);
    let cells = usize::try_from(question.tally().cell_count().unwrap()).unwrap();
    assert!(cells > 999_000);
    let people = (0..).take(cells).map(|at: i64| at % 100).collect();
    let totals = Totals {
        cells: Names::Public,
        people,
        sums: Vec::new(),
        products: Vec::new(),
        spread: Vec::new(),
    };
    let (raw, paid) = (Raw::new(question.clone(), totals), Payer::new(&question).pay());
    let mut shown = 0;
    let took = measure(|| {
        let release = raw.release(paid, noise).unwrap();
        let view = release.view().unwrap();
        shown = view.len() + usize::try_from(view.cut()).unwrap();
    });
    assert!((cells / 3..cells).contains(&shown));
    took
}

/// Time on the processor, where the system tells, so that a busy machine measures the same.
fn measure<T>(work: impl FnOnce() -> T) -> Duration {
    let on_processor = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    let (clock, before) = (Instant::now(), on_processor());
    std::hint::black_box(work());
    let after = on_processor().zip(before).map(|(after, before)| after - before);
    after.unwrap_or_else(|| clock.elapsed())
}

/// In millions each second.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "two million")]
fn rate(took: Duration) -> f64 {
    DRAWS as f64 / took.as_secs_f64() / 1e6
}

const DRAWS: usize = 2_000_000;
const DEBITS: u32 = 20_000;
