//! Contrasts of two arms: what may leave so, and at what noise.

use super::*;
use crate::tally::{Clamp, Contrast, Measure, Product};

/// Two arms, with as many measures as there are `caps`, all with squares.
fn arms(caps: &[u32], contrast: Option<Contrast>) -> Tally {
    let mut tally = tally(1, false, 1, 1, false);
    let arm = Dimension::Arm { column: "arm".to_owned(), test: vec![0], control: vec![1] };
    tally.dimensions = vec![arm, Dimension::Matched];
    let measure = tally.measures[0].clone();
    let of = |cap: &u32| Measure { clamp: Clamp::up_to(*cap).unwrap(), ..measure.clone() };
    tally.measures = caps.iter().map(of).collect();
    tally.products = (0..).take(caps.len()).map(Product::square).collect();
    tally.contrast = contrast;
    tally
}

fn contrast(test: u32, control: u32, measures: &[u32]) -> Option<Contrast> {
    Some(Contrast { test, control, measures: measures.to_vec() })
}

#[test]
fn both_forms_are_as_sensitive_as_the_larger_weight() {
    let tally = arms(&[1, 50], contrast(2, 3, &[1]));
    let proof = tally.prove(&request(1_000_000_000_000)).unwrap();
    let vectors = proof.vectors().unwrap();
    let linf = |figures: &[Figure]| figures.iter().map(|figure| figure.linf).collect::<Vec<_>>();
    assert_eq!(linf(&vectors.sums), [1, 150]);
    assert_eq!(linf(&vectors.products), [1, 50 * 50 * 9]);
    assert_eq!(linf(&vectors.pooled), [150, 50 * 50 * 9]);
    assert!(vectors.all().all(|vector| vector.cells == 1));
    // Nine tenths are for what a difference is made of.
    let share = |one: &Figure, other: &Figure| one.rho.0 * 1000 / (one.rho.0 + other.rho.0);
    assert_eq!(share(&vectors.sums[1], &vectors.pooled[0]), 900);
    assert_eq!(share(&vectors.pooled[1], &vectors.products[1]), 900);
    let cost = vectors.all().map(|vector| vector.rho.0).sum::<u64>();
    assert!(cost <= 1_000_000_000_000 && cost > 999_999_000_000, "{cost}");
    assert!(check(tally, proof, 50).is_ok());
}

#[test]
fn a_proof_of_a_contrast_with_less_noise_is_refused() {
    let tally = arms(&[50], contrast(1, 2, &[0]));
    let honest = tally.prove(&request(1_000_000_000_000)).unwrap();
    let after = |change: &dyn Fn(&mut Vectors)| {
        let mut proof = honest.clone();
        change(proof.vectors_mut());
        check(tally.clone(), proof, 50).map(drop)
    };
    assert_eq!(after(&|_| ()), Ok(()));
    let moved = |cells, linf| Err(Flaw::Sensitivity { cells, linf });
    assert_eq!(after(&|vectors| vectors.sums[0].linf = 50), moved(1, 100));
    assert_eq!(after(&|vectors| vectors.pooled[0].linf = 99), moved(1, 100));
    assert_eq!(after(&|vectors| vectors.products[0].linf = 2_500), moved(1, 10_000));
    assert_eq!(after(&|vectors| vectors.pooled[1].linf = 5_000), moved(1, 10_000));
    assert_eq!(after(&|vectors| vectors.pooled[0].sigma.0 /= 2), Err(Flaw::Noise));
    assert_eq!(after(&|vectors| vectors.pooled.truncate(1)), Err(Flaw::Figures));
    assert_eq!(after(&|vectors| vectors.pooled.clear()), Err(Flaw::Figures));
    let dear = |it: &mut Vectors| it.pooled[0].rho.0 += 1_000_000_000;
    assert_eq!(after(&dear), Err(Flaw::Cost));
}

/// A contrast is of two arms, in one of which a person counts once.
#[test]
fn a_contrast_of_anything_else_makes_no_sense() {
    let shape = |change: &dyn Fn(&mut Tally)| {
        let mut tally = arms(&[50, 9], contrast(1, 1, &[0, 1]));
        change(&mut tally);
        let proof = tally.prove(&request(1_000_000_000_000)).unwrap();
        check(tally, proof, 50).map(drop)
    };
    let refused = Err(Flaw::Shape("contrast"));
    assert_eq!(shape(&|_| ()), Ok(()));
    assert_eq!(shape(&|tally| tally.dimensions.truncate(1)), refused);
    assert_eq!(shape(&|tally| tally.dimensions.swap(0, 1)), refused);
    assert_eq!(shape(&|tally| tally.cells_per_person = 2), refused);
    for (test, control) in [(0, 1), (1, 0), (17, 1), (1, 17)] {
        assert_eq!(shape(&|tally| tally.contrast = contrast(test, control, &[0])), refused);
    }
    for measures in [&[][..], &[1, 0], &[0, 0], &[2]] {
        assert_eq!(shape(&|tally| tally.contrast = contrast(1, 1, measures)), refused);
    }
    // A product of one that leaves as a contrast with one that does not leaves cell by cell, with its own reach.
    let mixed = |it: &mut Tally| {
        it.contrast = contrast(3, 2, &[0]);
        it.products = vec![Product { one: 0, other: 1, coarse: 0 }];
    };
    assert_eq!(shape(&mixed), Ok(()));
    let mut tally = arms(&[50, 9], None);
    mixed(&mut tally);
    let proof = tally.prove(&request(1_000_000_000_000)).unwrap();
    assert_eq!(proof.vectors().unwrap().products[0].linf, 450);
    assert_eq!(proof.vectors().unwrap().pooled.len(), 1);
    let mut short = proof.clone();
    short.vectors_mut().products[0].linf = 449;
    assert_eq!(check(tally, short, 50).map(drop), Err(Flaw::Sensitivity { cells: 1, linf: 450 }));
    let refused = Err(Flaw::Shape("weights"));
    assert_eq!(shape(&|tally| tally.weights = vec![1]), refused);
    assert_eq!(shape(&|tally| tally.weights = vec![1, 1_001]), refused);
    assert_eq!(shape(&|tally| tally.weights = vec![1, 1_000]), Ok(()));
    // A measure without a part has no noise that could be drawn.
    let nothing = Tally { weights: vec![1, 0], ..arms(&[50, 9], None) };
    assert_eq!(
        nothing.prove(&request(1_000_000_000_000)),
        Err(PriceError::NoNoise(Wanted::Sum(1)))
    );
}

/// What leaves as a difference has 1/√0.9 times the noise of one arm; the difference of two arms has √2 times.
#[test]
fn error_bars_say_what_a_contrast_buys() {
    let bars = |contrast| {
        let tally = arms(&[50], contrast);
        let proof = tally.prove(&request(1_000_000_000_000)).unwrap();
        check(tally, proof, 50).unwrap().error_bars(Some(10_000)).unwrap()
    };
    let (by_arm, apart) = (bars(None), bars(contrast(1, 1, &[0])));
    let ratio = apart.differences[0].unwrap().sd / by_arm.differences[0].unwrap().sd;
    assert!((ratio - 1.0 / 1.8_f64.sqrt()).abs() < 1e-3, "{ratio}");
    // An arm's own sum is (P ± D)/2: variances of 10 and 10/9, over 4.
    let ratio = apart.sums[0][0].sd / by_arm.sums[0][0].sd;
    assert!((ratio - (100.0_f64 / 36.0).sqrt()).abs() < 1e-3, "{ratio}");
    // Three people in one arm for two in the other, and weights as unequal: by the smaller arm's people.
    let unequal = bars(contrast(3, 2, &[0]));
    // The sum of each arm is as exact as its weight is large: the larger arm's has half as much noise again.
    let [test, control] = unequal.sums[0].map(|bar| bar.sd);
    assert!((control / test - 1.5).abs() < 1e-9, "{test} {control}");
    assert!((test / apart.sums[0][0].sd - 1.0).abs() < 1e-3, "{test}");
    let unequal = unequal.differences[0].unwrap().sd;
    let equal = apart.differences[0].unwrap().sd;
    assert!((unequal / equal - 1.0).abs() < 1e-3, "{unequal} {equal}");
}
