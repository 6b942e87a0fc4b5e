//! The check of the sizes of arms against the plan.

use super::{close, near, vectors};
use statistics::{
    figure::Figure,
    sample_ratio::{SAMPLE_RATIO_THRESHOLD, sample_ratio},
};

#[test]
fn sample_ratio_agrees_with_the_reference() {
    for case in vectors()["sample_ratio"].as_array().unwrap() {
        let numbers = |key: &str| -> Vec<f64> {
            case[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let counts: Vec<_> = numbers("counts").iter().map(|&n| Figure::real(n, 0.0)).collect();
        let found = sample_ratio(&counts, &numbers("expected_share"), SAMPLE_RATIO_THRESHOLD);
        close(found.statistic, &case["chi2"]);
        close(found.p, &case["p"]);
        assert!(!found.failed);
    }
}

/// Half and half of 1,000, split 560 to 440: χ² = 14.4. Noise of variance 500 on each count adds
/// ¼·500 + ¼·500 to the 250 that chance has: d²/(250 + 250) with d = 60 is 7.2.
#[test]
fn sample_ratio_allows_for_noise_in_the_counts() {
    let shares = [0.5, 0.5];
    let exact = sample_ratio(&[Figure::exact(560), Figure::exact(440)], &shares, 0.001);
    near(exact.statistic, 14.4);
    assert!(exact.failed);
    let counts = [Figure::noisy(560, 500.0), Figure::noisy(440, 500.0)];
    let noisy = sample_ratio(&counts, &shares, 0.001);
    near(noisy.statistic, 7.2);
    assert!(!noisy.failed);
}

/// The same by d² / (npq + q²v₁ + p²v₂), with unequal shares and noise.
#[test]
fn sample_ratio_of_two_unequal_arms_is_the_formula_in_its_source() {
    let counts = [Figure::noisy(720, 100.0), Figure::noisy(280, 40.0)];
    let found = sample_ratio(&counts, &[7.0, 3.0], 0.001);
    near(found.statistic, 400.0 / (210.0 + 9.0 + 0.49 * 40.0));
}

/// Of 200 people a tenth is planned for one arm, and 39 are there: P[Bin(200, 0.1) ≥ 39] is 3.8888247551407824e-05 in exact fractions
/// (Python), where χ² says half of 7.5e-06.
#[test]
fn sample_ratio_of_a_small_arm_is_exact() {
    let at = |one: i128, threshold: f64| {
        let counts = [Figure::exact(one), Figure::exact(200 - one)];
        sample_ratio(&counts, &[1.0, 9.0], threshold)
    };
    let found = at(39, 1e-5);
    assert!((found.p.unwrap() / 7.777_649_510_281_565e-5 - 1.0).abs() < 1e-6, "{found:?}");
    assert!(!found.failed && at(42, 1e-5).failed && at(3, 1e-5).failed);
    // Whichever arm is named first.
    let swapped = sample_ratio(&[Figure::exact(161), Figure::exact(39)], &[9.0, 1.0], 1e-5);
    assert!((swapped.p.unwrap() / found.p.unwrap() - 1.0).abs() < 1e-6, "{swapped:?}");
}

/// All counts that there can be, each with its probability: a sound design is flagged no more often than is said.
#[test]
fn sample_ratio_flags_a_sound_design_of_a_small_arm_as_rarely_as_is_said() {
    let (people, share) = (200_i32, 0.1_f64);
    let none: f64 = (0..people).map(|_| 1.0 - share).product();
    for threshold in [1e-3, 1e-4, 1e-5] {
        let (mut flagged, mut own) = (0.0, none);
        for one in 0..=people {
            let counts = [Figure::exact(one.into()), Figure::exact((people - one).into())];
            if sample_ratio(&counts, &[share, 1.0 - share], threshold).failed {
                flagged += own;
            }
            own *= f64::from(people - one) / f64::from(one + 1) * share / (1.0 - share);
        }
        assert!(flagged <= threshold && flagged > threshold / 10.0, "{threshold}: {flagged}");
    }
}

#[test]
fn sample_ratio_of_nobody_is_absent() {
    let counts = [Figure::noisy(-3, 4.0), Figure::noisy(1, 4.0)];
    assert_eq!(sample_ratio(&counts, &[0.5, 0.5], 0.001).p, None);
    assert_eq!(sample_ratio(&[Figure::exact(5)], &[1.0], 0.001).p, None);
    assert_eq!(sample_ratio(&[Figure::exact(5); 2], &[1.0, 0.0], 0.001).p, None);
}
