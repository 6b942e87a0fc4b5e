//! How long steps take: people, features, bins and steps from the command line; processor seconds of one thread.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement"
)]

use learning::{Adding, Descent, Feature, Link, Loss, People, Plan};

fn main() {
    let mut given = std::env::args().skip(1).map(|argument| argument.parse::<u32>().unwrap());
    let mut or = |other: u32| given.next().unwrap_or(other);
    let (count, features, bins, steps) = (or(100_000), or(50), or(20), or(200));
    let width = usize::try_from(features).unwrap();
    let plan = Plan {
        features: vec![Feature { bins, is_ordered: true }; width],
        loss: Loss::Logistic,
        cap: 1,
        people: count.into(),
        steps,
        clip: 2651,
        rate: 0.1,
        momentum: 0.9,
        ridge: 0.0,
        averaged: steps.div_ceil(2),
    };
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let mut people = People::with_room(&plan.features, usize::try_from(count).unwrap());
    for _ in 0..count {
        let row: Vec<u8> = (0..width).map(|_| u8::try_from(random() % bins).unwrap()).collect();
        let label = if u32::from(row[0]) + random() % bins > bins { 4096 } else { 0 };
        people.add(&row, label);
    }
    let link = Link::new(plan.loss, plan.cap);
    let mut descent = Descent::start(plan, i64::from(count / 2));
    let begun = processor();
    for _ in 0..steps {
        let (plan, grid) = (descent.plan().clone(), descent.grid());
        let adding = Adding::new(&plan, &link, &grid);
        let sums = adding.sums(&people, 0..people.len());
        descent.step(&sums);
    }
    let took = processor() - begun;
    let each = took * 1e9 / f64::from(count) / f64::from(features) / f64::from(steps);
    println!(
        "{count} people x {features} features x {steps} steps: {took:.3} s of one processor, {each:.2} ns each"
    );
}

/// Seconds that this thread has had a processor, whoever else wanted it.
fn processor() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    told.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
