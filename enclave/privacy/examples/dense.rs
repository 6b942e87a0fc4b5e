//! Measures dense training: `cargo run --release -p privacy --example dense FILE EPSILON BATCH EPOCHS RANGE SEEDS [WIDTH ..]`.
//!
//! FILE has, as little-endian numbers, how many people are trained on, how many judge, and how many numbers each has (`u32`
//! each); then the numbers of everybody, one person after another (`f32`), and a label each (`u8`, 0 or 1): first those who are
//! trained on (`dense_data.py` writes it). Numbers beyond ±RANGE count as that; WIDTHs are of hidden layers. It prints the mean AUC over seeds
//! and, of the last training, processor seconds of batches, steps, noise and of the price, on one thread.
#![expect(clippy::print_stdout, reason = "figures for people are this program's purpose")]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a benchmark may fail loudly"
)]

use std::time::Duration;

use privacy::sampler::{Chance, Exact, Noise, Variance};
use protocol::accounting::{Mechanism, rdp};
use protocol::learning::Loss;
use protocol::learning::dense::{Adding, CLIP, Descent, People, Plan, number};

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let real = |at: usize| given[at].parse::<f64>().unwrap();
    let bytes = std::fs::read(&given[0]).unwrap();
    let (epsilon, batch, epochs, range) = (real(1), real(2), real(3), real(4));
    let word = |at: usize| u32::from_le_bytes(bytes[4 * at..][..4].try_into().unwrap());
    let (trained, judges, inputs) = (word(0), word(1), word(2));
    let steps = (f64::from(trained) / batch).ceil();
    let sampled = (4_294_967_296.0 / steps) as u64;
    let steps = (epochs * steps) as u32;
    let plan = Plan {
        inputs,
        hidden: given[6..].iter().map(|width| width.parse().unwrap()).collect(),
        loss: Loss::Logistic,
        cap: 1,
        people: trained.into(),
        sampled,
        steps,
        clip: 0.5,
        rate: 8.0,
        momentum: 0.9,
        ridge: 0.0,
        averaged: (steps * 3).div_ceil(10),
        seed: 1,
    };
    assert!(plan.is_sound());
    let mut all = [People::with_room(&plan, 0), People::with_room(&plan, 0)];
    let width = inputs as usize;
    let ends = (1 << 24, (range * 16_777_216.0) as i64);
    let labels = &bytes[12 + 4 * width * (trained + judges) as usize..];
    for (at, label) in labels.iter().enumerate() {
        let row = bytes[12 + 4 * width * at..].chunks(4).take(width);
        let row: Vec<i16> = row
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .map(|value| number((f64::from(value) * f64::from(ends.0)) as i64, -ends.1, ends.1))
            .collect();
        all[usize::from(at >= trained as usize)].add(&row, i16::from(*label) * 4096);
    }
    let (sigma, priced) = measured(|| sigma(&plan, epsilon));
    let mut aucs = Vec::new();
    for seed in 0..real(5) as u8 {
        let (auc, took) = train(&plan, &all, sigma, seed);
        aucs.push(auc);
        if f64::from(seed) + 1.0 >= real(5) {
            let mean = aucs.iter().sum::<f64>() / aucs.len() as f64;
            let [batches, adding, noise] = took.map(|time| time.as_secs_f64());
            println!(
                "{trained} people x {inputs}, hidden {:?}, {steps} steps, noise multiplier {sigma:.4}: AUC {mean:.4}; \
                 {:.3} s of processor: batches {batches:.3}, sums {adding:.3}, noise {noise:.3}, price {:.3}",
                plan.hidden,
                batches + adding + noise + priced.as_secs_f64(),
                priced.as_secs_f64(),
            );
        }
    }
}

/// The AUC on those who judge, and how long batches, sums and noise took.
fn train(plan: &Plan, all: &[People; 2], sigma: f64, seed: u8) -> (f64, [Duration; 3]) {
    let [people, judges] = all;
    let (mut descent, mut took) = (Descent::start(plan.clone()), [Duration::ZERO; 3]);
    // No seed of noise is one of drawing.
    let of = |purpose: u8| {
        Exact::from_seed(std::array::from_fn(|at| if at == 0 { purpose } else { seed }))
    };
    let (mut noise, mut drawing) = (of(0), of(1));
    let chance = Chance::new(plan.sampled).unwrap();
    let width = Variance::rounded_up((sigma * f64::from(CLIP)).powi(2)).unwrap();
    for _ in 0..plan.steps {
        let (batch, own) = measured(|| drawing.batch(chance, people.len() as u32));
        took[0] += own;
        let (mut sums, own) = measured(|| {
            let network = descent.network();
            Adding::new(plan, &network).sums(people, &batch)
        });
        took[1] += own;
        took[2] += measured(|| noise.add_gaussian(width, &mut sums)).1;
        took[1] += measured(|| descent.step(&sums)).1;
    }
    let network = descent.model().unwrap().network(plan);
    let mut scored = Vec::new();
    network.scores(judges, 0..judges.len() as u32, &mut |score, label| {
        scored.push((score, label > 0));
    });
    (auc(scored), took)
}

/// The least noise, as a multiple of the clip, that costs at most this ε at δ = 10⁻⁶, by Rényi divergences as the peers price it.
fn sigma(plan: &Plan, epsilon: f64) -> f64 {
    let rate = plan.sampled as f64 / 4_294_967_296.0;
    let (mut low, mut high) = (0.3, 50.0);
    for _ in 0..20 {
        let middle = f64::midpoint(low, high);
        let step = Mechanism::subsampled_gaussian(middle, rate).unwrap();
        let found = rdp::epsilon(&[(step, plan.steps.into())], 1e-6).unwrap();
        if found > epsilon { low = middle } else { high = middle }
    }
    high
}

/// Ties count half.
fn auc(mut scored: Vec<(f32, bool)>) -> f64 {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut sum, mut positive) = (0.0, 0.0, 0.0);
    for same in scored.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let with = same.iter().filter(|person| person.1).count() as f64;
        let without = same.len() as f64 - with;
        sum += with * (below + without / 2.0);
        below += without;
        positive += with;
    }
    sum / positive / below
}

/// What the work gives, and how long this thread was on a processor.
fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let on_processor = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
    };
    let before = on_processor();
    let found = std::hint::black_box(work());
    (found, on_processor().saturating_sub(before))
}
