//! Training on dense features: what released step sums betray of one person, against the price of their steps.
//!
//! The loudest person there can be: whoever looks knows its numbers, and adds up how much each step's sums lie in the direction of its
//! gradient. Sampling, gradients, noise and descent are the crates' own; the loop around them is this test's: neither
//! engine nor door are in it.
//!
//! This finds about a third of what there is, in the full suite more than half (PROOFS.md, "Audit"): a build that costs less than
//! three times its claim may pass.

use super::{DELTA, Halved, above, below, betrayed, honest, pair, real, runs};
use crate::betrayed::count;
use privacy::sampler::{Chance, Exact, Noise, Variance};
use protocol::accounting::{Mechanism, pld};
use protocol::learning::Loss;
use protocol::learning::dense::{Adding, CLIP, Descent, People, Plan};

/// How an unbroken build trains, but for the noise.
fn shipped(people: &People, noise: &mut dyn Noise, drawing: &mut Exact) -> Vec<Vec<i64>> {
    train(STEPS, people, &mut |_| drawing.batch(eighth(), len(people)), &mut |sums| {
        noise.add_gaussian(width(), sums);
    })
}

/// All steps of one training, of whom `batch` names, after `released` was done to each step's sums.
fn train(
    steps: u32,
    people: &People,
    batch: &mut dyn FnMut(u32) -> Vec<u32>,
    released: &mut dyn FnMut(&mut [i64]),
) -> Vec<Vec<i64>> {
    let mut descent = Descent::start(plan(steps));
    let steps = (0..steps).map(|step| {
        let network = descent.network();
        let mut sums = Adding::new(descent.plan(), &network).sums(people, &batch(step));
        released(&mut sums);
        descent.step(&sums);
        sums
    });
    steps.collect()
}

#[test]
fn steps_of_a_dense_model_betray_no_more_than_claimed() {
    let audit = |noise: &mut dyn Noise, seed: u8| {
        let mut drawing = honest(seed);
        let (with, without) = pair(runs(6_000).min(MOST), |person| {
            told(&shipped(&canary(person), noise, &mut drawing))
        });
        betrayed(&with, &without, DELTA)
    };
    let claim = claimed();
    below(audit(&mut honest(50), 51), claim);
    above(audit(&mut Halved(honest(52)), 53), claim);
}

#[test]
fn a_gradient_that_is_not_clipped_is_caught() {
    let (mut noise, mut drawing) = (honest(54), honest(55));
    let (with, without) = pair(runs(3_000).min(MOST), |person| {
        let people = canary(person);
        // Its gradient's norm is far above the clip; three times as much is let through.
        let batch = &mut |_| {
            let drawn = drawing.batch(eighth(), len(&people));
            drawn.iter().flat_map(|place| [*place; 3]).collect()
        };
        let steps = train(STEPS, &people, batch, &mut |sums| noise.add_gaussian(width(), sums));
        told(&steps)
    });
    above(betrayed(&with, &without, DELTA), claimed());
}

/// A loader shuffles everybody anew for each pass and hands them out in batches of one size. Whoever is added pushes somebody else into
/// another batch, and is in each pass for certain; priced as if each were drawn on their own.
#[test]
fn shuffled_batches_that_are_priced_as_poisson_sampling_are_caught() {
    let (mut noise, mut shuffling) = (honest(56), honest(57));
    let others = BATCH * BATCHES - 1;
    let (with, without) = pair(runs(6_000).min(MOST), |person| {
        let mut people = canary(person);
        for _ in 0..others {
            people.add(&NUMBERS, 4096);
        }
        let mut order: Vec<u32> = Vec::new();
        let batch = &mut |step: u32| {
            if step.is_multiple_of(BATCHES) {
                order = shuffled(&mut shuffling, len(&people));
            }
            order.drain(..order.len().min(usize::try_from(BATCH).unwrap())).collect()
        };
        let steps = train(STEPS, &people, batch, &mut |sums| noise.add_gaussian(width(), sums));
        told_of_passes(&steps)
    });
    above(betrayed(&with, &without, DELTA), claimed());
}

/// Sums that are divided by how many people there are: their noise is then as wide as that number says, whatever else they hold.
#[test]
fn sums_divided_by_a_count_of_the_data_are_caught() {
    let (mut noise, mut drawing) = (honest(58), honest(59));
    let (with, without) = pair(runs(2_000).min(MOST), |person| {
        let mut people = canary(person);
        for _ in 0..9 {
            people.add(&NUMBERS, 4096);
        }
        let (found, declared) = (i64::from(len(&people)), 10);
        let released = &mut |sums: &mut [i64]| {
            noise.add_gaussian(width(), sums);
            sums.iter_mut().for_each(|sum| *sum = *sum * declared / found);
        };
        let batch = &mut |_| drawing.batch(eighth(), len(&people));
        let squares = train(STEPS, &people, batch, released).concat();
        let spread = squares.iter().map(|sum| (real(*sum) / sigma()).powi(2)).sum::<f64>();
        // 0 where sums vary by a tenth more than the noise alone does, -8 for no more than that.
        let off = spread / count(squares.len()) - 1.0;
        whole(80.0 * off - 8.0)
    });
    above(betrayed(&with, &without, DELTA), claimed());
}

#[test]
fn steps_that_nobody_paid_for_are_caught() {
    let (mut noise, mut drawing) = (honest(60), honest(61));
    let (with, without) = pair(runs(3_000).min(MOST), |person| {
        let people = canary(person);
        let batch = &mut |_| drawing.batch(eighth(), len(&people));
        let all = 6 * STEPS;
        told(&train(all, &people, batch, &mut |sums| noise.add_gaussian(width(), sums)))
    });
    above(betrayed(&with, &without, DELTA), claimed());
}

/// The person who is there or not, alone.
fn canary(person: i64) -> People {
    let mut people = People::with_room(&plan(1), 1);
    if person > 0 {
        people.add(&NUMBERS, 0);
    }
    people
}

/// How much likelier these sums are if the person is there: a sum over steps, in quarters.
fn told(steps: &[Vec<i64>]) -> i64 {
    let rate = 1.0 / f64::from(BATCHES);
    let ratio = steps.iter().map(|sums| (rate * (along(sums) - 0.5 / variance()).exp_m1()).ln_1p());
    whole(4.0 * ratio.sum::<f64>())
}

/// The same of shuffled passes in which everybody else's gradient is the opposite: in one of the batches, whichever it is, the person
/// stands in somebody's place, who comes last.
fn told_of_passes(steps: &[Vec<i64>]) -> i64 {
    let size = f64::from(BATCH);
    let of_pass = |pass: &[Vec<i64>]| {
        let last = pass.len() - 1;
        // What sums lie beyond those of the others alone, by which the last batch has one less.
        let beyond: Vec<f64> = (pass.iter().enumerate())
            .map(|(at, sums)| {
                let others = if at == last { size - 1.0 } else { size };
                along(sums) + others / variance()
            })
            .collect();
        let placed = (0..=last).map(|place| {
            let moved = |at: usize| 2.0 * of(at == place) - of(at == last);
            let fits =
                |(at, beyond): (usize, &f64)| moved(at) * (beyond - 0.5 * moved(at) / variance());
            beyond.iter().enumerate().map(fits).sum::<f64>().exp()
        });
        (placed.sum::<f64>() / count(pass.len())).ln()
    };
    let passes = steps.chunks(usize::try_from(BATCHES).unwrap());
    whole(4.0 * passes.map(of_pass).sum::<f64>())
}

fn of(it: bool) -> f64 {
    f64::from(u8::from(it))
}

/// Sums along the person's gradient, such that the gradient itself gives one over the variance of noise in clips.
fn along(sums: &[i64]) -> f64 {
    // With such a label every gradient is along the numbers, and the constant.
    let direction = NUMBERS.iter().chain([&512]).map(|number| f64::from(*number));
    let norm = direction.clone().map(|entry| entry * entry).sum::<f64>().sqrt();
    let product = direction.zip(sums).map(|(it, sum)| it * real(*sum)).sum::<f64>();
    product / norm / f64::from(CLIP) / variance()
}

/// Everybody's places in a random order.
fn shuffled(by: &mut Exact, people: u32) -> Vec<u32> {
    let half = Chance::new(1 << 31).unwrap();
    let mut keyed: Vec<(u64, u32)> = (0..people).map(|place| (0, place)).collect();
    for _ in 0..40 {
        let ones = by.batch(half, people);
        keyed.iter_mut().for_each(|(key, _)| *key <<= 1);
        for place in ones {
            keyed.get_mut(usize::try_from(place).unwrap()).unwrap().0 += 1;
        }
    }
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, place)| place).collect()
}

/// A linear model whose weights stay near 0, so that the gradient of everybody is far above the clip.
fn plan(steps: u32) -> Plan {
    Plan {
        inputs: 8,
        hidden: Vec::new(),
        loss: Loss::Logistic,
        cap: 1,
        people: 32,
        sampled: (1 << 32) / u64::from(BATCHES),
        steps,
        clip: 0.001,
        rate: 0.001,
        momentum: 0.9,
        ridge: 0.0,
        averaged: 1,
        seed: 0,
    }
}

/// The ε of the steps at [`DELTA`], as whoever is told of them would compute it.
fn claimed() -> f64 {
    let step = Mechanism::subsampled_gaussian(MULTIPLIER, 1.0 / f64::from(BATCHES)).unwrap();
    pld::epsilon(&[(step, STEPS.into())], DELTA).unwrap()
}

fn sigma() -> f64 {
    MULTIPLIER * f64::from(CLIP)
}

fn width() -> Variance {
    Variance::rounded_up(sigma() * sigma()).unwrap()
}

/// Of noise, in clips.
fn variance() -> f64 {
    MULTIPLIER * MULTIPLIER
}

fn eighth() -> Chance {
    Chance::new((1 << 32) / u64::from(BATCHES)).unwrap()
}

fn len(people: &People) -> u32 {
    u32::try_from(people.len()).unwrap()
}

#[expect(clippy::as_conversions, reason = "a few dozen")]
fn whole(number: f64) -> i64 {
    number.floor() as i64
}

/// Batches in a pass, and people in one.
const BATCHES: u32 = 8;
const BATCH: u32 = 4;
const STEPS: u32 = 64;
/// Noise, in clips.
const MULTIPLIER: f64 = 2.0;
/// The person's numbers: at their ends.
const NUMBERS: [i16; 8] = [2048, -2048, 2048, 2048, -2048, 2048, -2048, -2048];
/// Trainings of each kind that the full suite makes.
const MOST: u32 = 50_000;
