//! Steps of dense models beside gradients computed plainly, and what one person can move.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a test compares with the platform's functions, and reads what it made"
)]

use learning::dense::{Adding, CLIP, Descent, Network, People, Plan, UNITS, number};
use learning::{Loss, label_quanta};

fn plan(inputs: u32, hidden: &[u32], loss: Loss) -> Plan {
    Plan {
        inputs,
        hidden: hidden.to_vec(),
        loss,
        cap: if loss == Loss::Logistic { 1 } else { 20 },
        people: 1000,
        sampled: 1 << 30,
        steps: 20,
        clip: 0.5,
        rate: 4.0,
        momentum: 0.9,
        ridge: 0.0,
        averaged: 6,
        seed: 7,
    }
}

/// Numbers that follow from a state; none of them matter.
fn random(state: &mut u32) -> u32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *state >> 8
}

/// Rows of so many people, and labels up to the cap.
fn rows(plan: &Plan, count: usize, seed: u32) -> Vec<(Vec<i16>, i16)> {
    let mut state = seed;
    let row = |_| {
        let numbers: Vec<i16> =
            (0..plan.inputs).map(|_| (random(&mut state) % 4097) as i16 - 2048).collect();
        let label = if f64::from(numbers[0]) > 0.0 { plan.cap } else { random(&mut state) % 2 };
        (numbers, label_quanta(label, plan.cap))
    };
    (0..count).map(row).collect()
}

fn people(plan: &Plan, rows: &[(Vec<i16>, i16)]) -> People {
    let mut people = People::with_room(plan, rows.len());
    rows.iter().for_each(|(numbers, label)| people.add(numbers, *label));
    people
}

/// The clipped gradient of one person, by the chain rule, in floating-point numbers and layer by layer, unrounded, in quanta.
fn plainly(plan: &Plan, weights: &[f64], row: &(Vec<i16>, i16)) -> Vec<f64> {
    let unit = f64::from(UNITS);
    let mut values = vec![row.0.iter().map(|value| f64::from(*value) / unit).collect::<Vec<f64>>()];
    let (mut layers, mut rest) = (Vec::new(), weights);
    for (ins, outs) in plan.layers() {
        let (own, others) = rest.split_at((ins + 1) * outs);
        rest = others;
        layers.push(own.chunks(ins + 1).map(<[f64]>::to_vec).collect::<Vec<_>>());
    }
    let count = layers.len();
    values[0].push(0.25);
    for (at, layer) in layers.iter().enumerate() {
        let from = &values[at];
        let sums = layer.iter().map(|own| own.iter().zip(from).map(|(a, b)| a * b).sum::<f64>());
        let mut next: Vec<f64> = if at + 1 < count {
            sums.map(|sum| (sum.clamp(0.0, 8.0) * unit).round() / unit).collect()
        } else {
            sums.collect()
        };
        next.push(0.25);
        values.push(next);
    }
    let (score, cap) = (values[count][0], f64::from(plan.cap));
    let said = match plan.loss {
        Loss::Logistic => 1.0 / (1.0 + (-score).exp()),
        Loss::Squared => score,
        Loss::Poisson => score.exp().min(cap) / cap,
    };
    let mut delta = vec![said - f64::from(row.1) / 4096.0];
    let mut parts = Vec::new();
    for at in (0..count).rev() {
        let from = &values[at];
        parts.push(delta.iter().flat_map(|d| from.iter().map(move |a| d * a)).collect::<Vec<_>>());
        let before = |k: usize| {
            let back = delta.iter().zip(&layers[at]).map(|(d, own)| d * own[k]).sum::<f64>();
            if from[k] > 0.0 && from[k] < 8.0 { back } else { 0.0 }
        };
        let back = (0..from.len() - 1).map(before).collect();
        delta = back;
    }
    let gradient: Vec<f64> = parts.into_iter().rev().flatten().collect();
    let norm = gradient.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
    let factor = f64::from(CLIP) / plan.clip * (plan.clip / norm).min(1.0);
    gradient.iter().map(|entry| entry * factor).collect()
}

/// The weights that a descent begins with, and after a few steps on everybody.
fn weights(plan: &Plan, people: &People, steps: u32) -> Vec<f64> {
    let mut descent = Descent::start(Plan { steps: steps.max(1), averaged: 1, ..plan.clone() });
    let all: Vec<u32> = (0..people.len() as u32).collect();
    for _ in 0..steps.max(1) {
        let network = descent.network();
        let sums = Adding::new(plan, &network).sums(people, &all);
        descent.step(&sums);
    }
    descent.model().unwrap().weights
}

const SHAPES: [&[u32]; 5] = [&[], &[5], &[64], &[9, 4], &[16, 24]];
const LOSSES: [Loss; 3] = [Loss::Logistic, Loss::Squared, Loss::Poisson];

#[test]
fn a_step_is_the_sum_of_clipped_gradients() {
    for (hidden, loss) in SHAPES.iter().flat_map(|shape| LOSSES.map(|loss| (shape, loss))) {
        let plan = plan(11, hidden, loss);
        assert!(plan.is_sound());
        let rows = rows(&plan, 300, 3);
        let all = people(&plan, &rows);
        let weights = weights(&plan, &all, 5);
        let network = Network::new(&plan, &weights);
        let mut moved = 0;
        for place in 0..40_u32 {
            let found = Adding::new(&plan, &network).sums(&all, &[place]);
            let wanted = plainly(&plan, &weights, &rows[place as usize]);
            let squares = found.iter().zip(&wanted).map(|(a, b)| (*a as f64 - b).powi(2));
            let off = squares.sum::<f64>().sqrt();
            // Half a quantum for each delta times what goes in: less than a hundredth of the clip in all.
            assert!(off < 0.01 * f64::from(CLIP), "{hidden:?} {loss:?}: {off}");
            moved +=
                u32::from(found.iter().any(|entry| entry.unsigned_abs() > u64::from(CLIP) / 20));
        }
        assert!(moved > 5, "{hidden:?} {loss:?}: {moved}");
    }
}

/// Weights from -`wild` to `wild`, or some of them none that can be computed with.
fn wild_weights(plan: &Plan, wild: f64) -> Vec<f64> {
    let mut state = 5;
    let weight = |_| (f64::from(random(&mut state)) / f64::from(1 << 23) - 1.0) * wild;
    (0..plan.weights()).map(weight).collect()
}

/// Up to what no processor computes with.
const WILD: [f64; 8] = [1e-3, 1.0, 30.0, 1e6, 1e30, 1e300, f64::INFINITY, f64::NAN];

#[test]
fn nobody_moves_a_step_by_more_than_the_clip_whatever_weights_are() {
    for (hidden, wild) in SHAPES.iter().flat_map(|shape| WILD.map(|wild| (shape, wild))) {
        for loss in LOSSES {
            let plan = Plan { clip: 1e-3, ..plan(40, hidden, loss) };
            let mut rows = rows(&plan, 60, 9);
            rows.push((vec![i16::MIN; 40], i16::MIN));
            rows.push((vec![i16::MAX; 3], i16::MAX));
            rows.push((vec![0; 40], 4096));
            let all = people(&plan, &rows);
            let network = Network::new(&plan, &wild_weights(&plan, wild));
            let adding = Adding::new(&plan, &network);
            for place in 0..rows.len() as u32 {
                let own = adding.sums(&all, &[place]);
                let norm: i128 = own.iter().map(|entry| i128::from(*entry).pow(2)).sum();
                assert!(norm <= i128::from(CLIP).pow(2), "{hidden:?} {wild} {loss:?}: {norm}");
            }
        }
    }
}

/// What a person adds depends on the person and the weights alone, and neither on who else is there nor on which place of a block each of
/// them has: also where weights are infinite or no numbers. The proof of what one person moves rests on this.
#[test]
fn a_batch_is_the_sum_of_its_people_in_any_parts_and_order() {
    for (hidden, loss) in SHAPES.iter().flat_map(|shape| LOSSES.map(|loss| (shape, loss))) {
        let plan = plan(13, hidden, loss);
        let mut rows = rows(&plan, 700, 4);
        rows[5] = (vec![i16::MIN; 13], i16::MIN);
        rows[399] = (vec![i16::MAX; 13], i16::MAX);
        let all = people(&plan, &rows);
        let usual = weights(&plan, &all, 3);
        let wild = WILD.map(|wild| wild_weights(&plan, wild));
        // One infinite weight among others makes numbers infinite for some people and none at all for others.
        let mixed = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(|of| {
            let mut weights = usual.clone();
            weights.iter_mut().skip(3).step_by(7).for_each(|weight| *weight = of);
            weights
        });
        for weights in [usual.clone()].iter().chain(&wild).chain(&mixed) {
            adds_up(&plan, &rows, &all, weights);
        }
    }
}

fn adds_up(plan: &Plan, rows: &[(Vec<i16>, i16)], all: &People, weights: &[f64]) {
    let what = (&plan.hidden, plan.loss, &weights[..4]);
    let network = Network::new(plan, weights);
    let adding = Adding::new(plan, &network);
    let batch: Vec<u32> = (0..700).filter(|place| place % 3 != 1).collect();
    let whole = adding.sums(all, &batch);
    let add = |parts: &mut dyn Iterator<Item = Vec<i64>>| {
        parts.fold(vec![0; plan.weights()], |sum: Vec<i64>, own| {
            sum.iter().zip(own).map(|(a, b)| a + b).collect()
        })
    };
    let one_by_one = add(&mut batch.iter().map(|place| adding.sums(all, &[*place])));
    let in_parts = add(&mut batch.chunks(129).map(|part| adding.sums(all, part)));
    let backwards: Vec<u32> = batch.iter().rev().copied().collect();
    assert_eq!(whole, one_by_one, "{what:?}");
    assert_eq!(whole, in_parts, "{what:?}");
    assert_eq!(whole, adding.sums(all, &backwards), "{what:?}");
    // The same people in another order of rows.
    let turned = people(plan, &rows.iter().rev().cloned().collect::<Vec<_>>());
    let batch: Vec<u32> = batch.iter().map(|place| 699 - place).collect();
    assert_eq!(whole, adding.sums(&turned, &batch), "{what:?}");
}

/// A network that sees more numbers than people have sees 0 for the rest, and nothing of whoever was computed before.
#[test]
fn people_of_fewer_numbers_add_nothing_of_whoever_was_before_them() {
    let (wide, narrow) = (plan(13, &[], Loss::Logistic), plan(3, &[], Loss::Logistic));
    let all = people(&narrow, &rows(&narrow, 300, 6));
    let network = Network::new(&wide, &wild_weights(&wide, 1.0));
    let adding = Adding::new(&wide, &network);
    let whole = adding.sums(&all, &(0..300).collect::<Vec<_>>());
    let mut one_by_one = vec![0; wide.weights()];
    for place in 0..300 {
        let own = adding.sums(&all, &[place]);
        one_by_one.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
    }
    assert_eq!(whole, one_by_one);
}

#[test]
fn whoever_is_not_there_adds_nothing() {
    let plan = plan(3, &[4], Loss::Logistic);
    let all = people(&plan, &rows(&plan, 5, 1));
    let network = Network::new(&plan, &weights(&plan, &all, 1));
    let sums = Adding::new(&plan, &network).sums(&all, &[5, 6, u32::MAX]);
    assert_eq!(sums, vec![0; plan.weights()]);
}

#[test]
fn models_learn_what_there_is_to_learn() {
    for (hidden, loss) in SHAPES.iter().flat_map(|shape| LOSSES.map(|loss| (shape, loss))) {
        let plan = Plan { steps: 60, averaged: 18, rate: 1.0, ..plan(4, hidden, loss) };
        let rows = rows(&plan, 1000, 8);
        let all = people(&plan, &rows);
        let mut descent = Descent::start(Plan { sampled: 1 << 32, ..plan.clone() });
        let batch: Vec<u32> = (0..1000).collect();
        for _ in 0..plan.steps {
            let network = descent.network();
            let sums = Adding::new(&plan, &network).sums(&all, &batch);
            descent.step(&sums);
        }
        let network = descent.model().unwrap().network(&plan);
        let (mut high, mut low) = (Vec::new(), Vec::new());
        network.scores(&all, 0..1000, &mut |score, label| {
            if label > 2048 { high.push(score) } else { low.push(score) }
        });
        let above = high.iter().map(|score| low.iter().filter(|lower| *lower < score).count());
        let auc = above.sum::<usize>() as f64 / (high.len() * low.len()) as f64;
        assert!(auc > 0.8, "{hidden:?} {loss:?}: {auc}");
    }
}

#[test]
fn numbers_are_even_steps_between_public_ends() {
    assert_eq!([0, 50, 100].map(|value| number(value, 0, 100)), [-2048, 0, 2048]);
    assert_eq!(
        [i64::MIN, -1, 101, i64::MAX].map(|value| number(value, 0, 100)),
        [-2048, -2048, 2048, 2048]
    );
    assert_eq!(number(0, i64::MIN, i64::MAX), 0);
    assert_eq!([number(7, 7, 7), number(9, 9, 1)], [0, 0]);
    // 1/3 of the way: 4096/3 = 1365.3 steps above -2048.
    assert_eq!(number(1, 0, 3), -683);
}

#[test]
fn refuses_what_cannot_be_computed() {
    let sound = plan(3, &[4], Loss::Logistic);
    let flawed = [
        Plan { inputs: 0, ..sound.clone() },
        Plan { inputs: 513, ..sound.clone() },
        Plan { hidden: vec![1, 1, 1], ..sound.clone() },
        Plan { hidden: vec![0], ..sound.clone() },
        Plan { hidden: vec![257], ..sound.clone() },
        Plan { inputs: 512, hidden: vec![128], ..sound.clone() },
        Plan { cap: 2, ..sound.clone() },
        Plan { people: 0, ..sound.clone() },
        Plan { sampled: 0, ..sound.clone() },
        Plan { sampled: (1 << 32) + 1, ..sound.clone() },
        Plan { steps: 0, ..sound.clone() },
        Plan { steps: 1001, ..sound.clone() },
        Plan { clip: 0.0, ..sound.clone() },
        Plan { clip: f64::NAN, ..sound.clone() },
        Plan { rate: 0.0, ..sound.clone() },
        Plan { momentum: 1.0, ..sound.clone() },
        Plan { ridge: 1.0, rate: 100.0, ..sound.clone() },
        Plan { averaged: 0, ..sound.clone() },
        Plan { averaged: 21, ..sound.clone() },
    ];
    assert!(sound.is_sound());
    for plan in flawed {
        assert!(!plan.is_sound(), "{plan:?}");
    }
}

/// Products and sums of floating-point numbers are taken in a fixed order, and none is fused: another machine gives these bytes too.
#[test]
fn steps_are_the_same_on_every_machine() {
    let digest = |sums: &[i64]| {
        // FNV-1a, of the little-endian bytes.
        sums.iter()
            .flat_map(|sum| sum.to_le_bytes())
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            })
    };
    let found = SHAPES.map(|hidden| {
        let plan = plan(11, hidden, Loss::Logistic);
        let all = people(&plan, &rows(&plan, 300, 3));
        let network = Network::new(&plan, &weights(&plan, &all, 5));
        digest(&Adding::new(&plan, &network).sums(&all, &(0..300).collect::<Vec<_>>()))
    });
    assert_eq!(
        found,
        [
            14_818_522_095_187_296_687,
            13_858_921_586_576_270_374,
            7_446_123_331_881_185_118,
            2_396_082_373_850_767_527,
            9_894_924_411_387_562_958,
        ]
    );
}
