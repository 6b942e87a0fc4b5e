//! Lift against reference results; see `source` in `vectors/lift.json`.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail loudly")]

mod covariate;
mod local;
mod margins;
mod sample_ratio;

use proptest::prelude::*;
use serde_json::Value;
use statistics::economics::{CostSet, economics};
use statistics::few_events::{Events, FewEvents};
use statistics::figure::Figure;
use statistics::lift::{
    Alternative, Arm, Bounds, Confidence, EffectScale, Forms, Interval, Lift, Pair, lift,
};
use statistics::multiplicity::{benjamini_hochberg, benjamini_hochberg_misses, holm, holm_misses};
use statistics::power::{Design, minimum_detectable};

#[test]
fn welch_and_fieller_agree_with_the_reference() {
    let vectors = vectors();
    for (pair, test) in [("mens_vs_none", "mens"), ("any_vs_none", "any_email")] {
        for (outcome, expected) in vectors[pair].as_object().unwrap() {
            let unit = if outcome == "spend" { 100.0 } else { 1.0 };
            let found = compare(&vectors, test, outcome, 0.95);
            agrees(&found, expected, unit);
        }
    }
    let expected = &vectors["mens_vs_none_conversion_level90"];
    agrees(&compare(&vectors, "mens", "conversion", 0.90), expected, 1.0);
}

#[test]
fn noise_widens_the_interval_as_the_reference_does() {
    for case in vectors()["dp_ci_vectors"].as_array().unwrap() {
        let found = lift(&arm(&case["test"]), &arm(&case["control"]), Confidence::two_sided(0.95));
        let expected = &case["out"];
        let difference = found.difference.unwrap();
        let interval = difference.interval.unwrap();
        let relative = found.relative.unwrap();
        close(found.test.mean(), &expected["mean_t"]);
        close(found.control.mean(), &expected["mean_c"]);
        close(difference.estimate, &expected["ate"]);
        close(difference.standard_error, &expected["se"]);
        close(difference.sampling_error, &expected["se_sampling"]);
        close(difference.mechanism_error, &expected["se_mechanism"]);
        close(interval.lower, &expected["lo"]);
        close(interval.upper, &expected["hi"]);
        close(difference.p, &expected["p"]);
        close(relative.estimate, &expected["rel"]);
        assert_eq!(difference.degrees_of_freedom, None);
        if expected["rel_lo"].is_null() {
            assert_eq!(relative.interval, Interval::default());
        } else {
            close(relative.interval.lower, &expected["rel_lo"]);
            close(relative.interval.upper, &expected["rel_hi"]);
        }
        assert_eq!(found.flags.unbounded, expected["rel_lo"].is_null());
    }
}

/// y = 1, 2, 3, 4 against 0, 0, 2, 2; worked by hand: s² is 5/3 and 4/3.
#[test]
fn agrees_with_a_sum_done_on_paper() {
    let found = lift(&value(4, 10, 30), &value(4, 4, 8), Confidence::two_sided(0.95));
    let difference = found.difference.unwrap();
    near(difference.estimate, 1.5);
    near(difference.standard_error, 0.75_f64.sqrt());
    near(difference.degrees_of_freedom, 0.5625 / (25.0 / 432.0 + 1.0 / 27.0));
    near(difference.mechanism_error, 0.0);
}

#[test]
fn one_sided_tests_halve_the_two_sided_one() {
    let [two, more, less] =
        [Alternative::TwoSided, Alternative::Greater, Alternative::Less].map(|alternative| {
            let confidence = Confidence { level: 0.9, alternative };
            lift(&value(40, 100, 300), &value(40, 40, 80), confidence).difference.unwrap()
        });
    near(more.p, two.p.unwrap() / 2.0);
    near(less.p, 1.0 - two.p.unwrap() / 2.0);
    assert_eq!(more.interval.unwrap().upper, None);
    assert_eq!(less.interval.unwrap().lower, None);
    // One-sided 90 % ends lie where two-sided 80 % ends do.
    let narrow = lift(&value(40, 100, 300), &value(40, 40, 80), Confidence::two_sided(0.8));
    let narrow = narrow.difference.unwrap().interval.unwrap();
    near(more.interval.unwrap().lower, narrow.lower.unwrap());
    near(less.interval.unwrap().upper, narrow.upper.unwrap());
}

/// Ten million people who spent a million dollars each, give or take a cent: the squares agree in
/// 21 digits, more than a floating-point number has.
#[test]
fn centres_a_sum_of_squares_without_losing_the_variance() {
    let (n, cents) = (10_000_000_i128, 100_000_000_i128);
    let steady = value(n, n * cents, n * (cents * cents + 1));
    let found = lift(&steady, &steady, Confidence::two_sided(0.95));
    near(found.test.variance(), 10_000_000.0 / 9_999_999.0);
}

#[test]
fn noise_in_two_cells_adds_up_in_their_sum() {
    let cells = Figure::noisy(1 << 60, 9.0) + Figure::noisy(1, 16.0);
    assert_eq!(cells, Figure::noisy((1 << 60) + 1, 25.0));
    let parts = Arm::binary(
        Figure::noisy(600, 4.0) + Figure::noisy(400, 4.0),
        Figure::noisy(30, 4.0) + Figure::noisy(20, 4.0),
    );
    let whole = Arm::binary(Figure::noisy(1_000, 8.0), Figure::noisy(50, 8.0));
    assert_eq!(parts, whole);
}

#[test]
fn flags_an_arm_that_is_too_small_or_below_zero() {
    for users in [-5, 0, 1] {
        let found = lift(&value(users, 10, 30), &value(40, 40, 80), Confidence::two_sided(0.95));
        assert!(found.flags.too_few);
        assert_eq!((found.difference, found.relative), (None, None));
        near(found.control.mean(), 1.0);
    }
}

#[test]
fn flags_a_variance_that_noise_made_negative() {
    let noisy = Arm::binary(Figure::exact(100), Figure::noisy(120, 4.0));
    let steady = lift(&noisy, &binary(1_000_000, 1_000), Confidence::two_sided(0.95));
    assert!(steady.flags.variance_floored);
    near(steady.test.variance(), 0.0);
    near(steady.test.standard_error(), 0.02);
}

/// The other arm's error is so much larger that it does not matter.
#[test]
fn a_floored_variance_that_changes_nothing_is_no_flag() {
    let noisy = Arm::binary(Figure::exact(100), Figure::noisy(120, 4.0));
    let found = lift(&noisy, &value(40, 40, 80), Confidence::two_sided(0.95));
    assert!(!found.flags.variance_floored);
}

#[test]
fn arms_that_are_nothing_but_noise_get_no_lift() {
    let arm = |people: i128| Arm::binary(Figure::noisy(people, 900.0), Figure::noisy(40, 100.0));
    let found = lift(&arm(137), &arm(119), Confidence::two_sided(0.95));
    assert!(found.flags.noise_dominates && !found.flags.too_few);
    assert_eq!((found.difference, found.control.mean()), (None, None));
    assert!(!lift(&arm(137), &arm(121), Confidence::two_sided(0.95)).flags.noise_dominates);
}

/// With Student's quantile for one and the normal one for the other they could disagree.
#[test]
fn relative_lift_and_difference_agree_about_zero_in_small_arms() {
    let mut disagreed = 0;
    for sum in 8..60 {
        let found = lift(&value(8, sum, 5 * sum), &value(8, 8, 12), Confidence::two_sided(0.95));
        let difference = found.difference.unwrap();
        let relative = found.relative.unwrap().interval;
        let finite = relative.lower.is_some() && relative.upper.is_some();
        let excluded = difference.interval.unwrap().excludes_zero();
        assert!(!finite || relative.excludes_zero() == excluded, "{sum}");
        disagreed += u32::from(!excluded && difference.p.unwrap() < 0.08);
    }
    assert!(disagreed > 0, "no case near enough to tell");
}

proptest! {
    /// No interval contradicts the p-value beside it, whatever the adjustment.
    #[test]
    fn adjusted_p_and_level_agree(
        p in prop::collection::vec(prop::option::weighted(0.9, 0.0..0.2_f64), 1..9), alpha in 0.001..0.3_f64,
    ) {
        let pairs = [
            (holm(&p), holm_misses(&p, alpha)),
            (benjamini_hochberg(&p), benjamini_hochberg_misses(&p, alpha)),
        ];
        for (adjusted, misses) in pairs {
            for ((adjusted, p), miss) in adjusted.iter().zip(&p).zip(misses) {
                prop_assert!(miss <= alpha * 1.000_001 && miss >= alpha / 9.01);
                if let (Some(adjusted), Some(p)) = (adjusted, p) {
                    prop_assert_eq!(*adjusted < alpha, *p < miss, "{} {} {}", adjusted, p, miss);
                }
            }
        }
    }
}

#[test]
fn flags_arms_that_do_not_vary() {
    let found = lift(&value(4, 8, 16), &value(4, 4, 4), Confidence::two_sided(0.95));
    assert!(found.flags.degenerate && !found.flags.variance_floored);
    let difference = found.difference.unwrap();
    assert_eq!((difference.p, difference.interval), (None, None));
    near(difference.estimate, 1.0);
}

#[test]
fn adjusted_p_values_agree_with_the_reference() {
    let vectors = vectors();
    let raw = ["visit", "conversion", "spend"]
        .map(|it| compare(&vectors, "mens", it, 0.95).difference.unwrap().p);
    for (found, expected) in holm(&raw).into_iter().zip(vectors["holm"].as_array().unwrap()) {
        close(found, expected);
    }
}

/// R: `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")` and `"BH"`.
#[test]
fn adjusted_p_values_agree_with_r() {
    let raw = [0.01, 0.04, 0.03, 0.005].map(Some);
    for (found, expected) in holm(&raw).into_iter().zip([0.03, 0.06, 0.06, 0.02]) {
        near(found, expected);
    }
    for (found, expected) in benjamini_hochberg(&raw).into_iter().zip([0.02, 0.04, 0.04, 0.02]) {
        near(found, expected);
    }
}

#[test]
fn a_comparison_that_could_not_be_made_still_counts_as_declared() {
    let raw = [None, Some(0.02), Some(0.9)];
    let [found, bh] = [holm(&raw), benjamini_hochberg(&raw)];
    near(found[1], 0.06);
    near(found[2], 1.0);
    near(bh[1], 0.06);
    assert_eq!((found[0], bh[0]), (None, None));
}

#[test]
fn economics_agree_with_the_reference() {
    let vectors = vectors();
    let expected = &vectors["economics"];
    let conversions = compare(&vectors, "mens", "conversion", 0.95);
    let value = compare(&vectors, "mens", "spend", 0.95);
    let cents = expected["cost"].as_f64().unwrap() * 100.0;
    let found = economics(&conversions, &value, cents);
    let total = found.incremental_conversions.unwrap();
    close(total.estimate, &expected["incremental_conversions"]);
    ends(total.interval.unwrap(), &expected["incremental_conversions_ci"], 1.0);
    let total = found.incremental_value.unwrap();
    close(total.estimate / 100.0, &expected["incremental_value"]);
    ends(total.interval.unwrap(), &expected["incremental_value_ci"], 100.0);
    let total = found.return_on_spend.unwrap();
    close(total.estimate, &expected["iroas"]);
    ends(total.interval.unwrap(), &expected["iroas_ci"], 1.0);
    let per = found.cost_per_conversion.unwrap();
    let expected = &expected["cost_per_incremental_conversion"];
    close(per.estimate.unwrap() / 100.0, &expected["estimate"]);
    let Some(CostSet::Between { lower, upper }) = per.set else { unreachable!("it is bounded") };
    ends(Interval { lower: Some(lower), upper: Some(upper) }, &expected["ci"], 100.0);
}

#[test]
fn a_cost_per_conversion_is_unbounded_when_there_may_be_no_effect() {
    let confidence = Confidence::two_sided(0.95);
    let cost = |test, alternative| {
        let confidence = Confidence { alternative, ..confidence };
        let conversions = lift(&binary(1_000, test), &binary(1_000, 50), confidence);
        let set = economics(&conversions, &conversions, 10_000.0).cost_per_conversion.unwrap().set;
        (set.unwrap(), conversions.difference.unwrap().interval.unwrap())
    };
    let (set, interval) = cost(55, Alternative::TwoSided);
    let per = |end: Option<f64>| 10.0 / end.unwrap();
    let CostSet::Outside { negative, positive } = set else { unreachable!("zero is inside") };
    near(negative, per(interval.lower));
    near(positive, per(interval.upper));
    let (set, interval) = cost(150, Alternative::Greater);
    assert_eq!(set, CostSet::Between { lower: 0.0, upper: per(interval.lower) });
    assert_eq!(cost(10, Alternative::TwoSided).0, CostSet::Never);
}

#[test]
fn economics_without_a_cost_have_no_prices() {
    let conversions = lift(&binary(1_000, 80), &binary(1_000, 50), Confidence::two_sided(0.95));
    for cost in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let found = economics(&conversions, &conversions, cost);
        assert_eq!((found.return_on_spend, found.cost_per_conversion), (None, None));
        near(found.incremental_value.unwrap().estimate, 30.0);
    }
}

#[test]
fn detectable_effects_agree_with_the_reference() {
    for case in vectors()["mde_mean"].as_array().unwrap() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let design = Design {
            standard_deviation: number("sd"),
            test_users: number("n_t"),
            control_users: number("n_c"),
            explained: number("r2"),
            mechanism_variance: number("mech_var"),
        };
        let confidence = Confidence::two_sided(0.95);
        close(minimum_detectable(&design, confidence, number("power")), &case["mde"]);
        let empty = Design { control_users: 0.0, ..design };
        assert_eq!(minimum_detectable(&empty, confidence, 0.8), None);
    }
}

/// Equal arms of s² = 5/3 have the standard error that the design formula has.
#[test]
fn realised_detectable_effect_is_that_of_the_design() {
    let confidence = Confidence::two_sided(0.95);
    let found = lift(&value(4, 10, 30), &value(4, 10, 30), confidence).difference.unwrap();
    let design = Design {
        standard_deviation: (5.0_f64 / 3.0).sqrt(),
        test_users: 4.0,
        control_users: 4.0,
        explained: 0.0,
        mechanism_variance: 0.0,
    };
    near(found.detectable(confidence, 0.8), minimum_detectable(&design, confidence, 0.8).unwrap());
}

proptest! {
    /// Whatever the totals, no figure is infinite or not a number.
    #[test]
    fn every_total_has_an_answer(
        t in any_arm(), c in any_arm(), level in 0.0..=1.0_f64, side in 0..3_usize, cost in -1.0..9.0,
    ) {
        let alternative = [Alternative::TwoSided, Alternative::Greater, Alternative::Less][side];
        let found = lift(&t, &c, Confidence { level, alternative });
        let paid = economics(&found, &found, cost);
        for printed in [format!("{found:?}"), format!("{paid:?}")] {
            prop_assert!(!printed.contains("NaN") && !printed.contains("inf"), "{}", printed);
        }
    }

    /// Noise on nothing is no noise: the two paths meet.
    #[test]
    fn vanishing_noise_changes_no_standard_error(n in 2..1_000_i128, s in 0..1_000_i128, q in 0..1_000_i128) {
        let exact = value(n, s, s * s + q);
        let faint = Arm::value(
            Figure::noisy(n, 1e-30), Figure::noisy(s, 1e-30), Figure::noisy(s * s + q, 1e-30),
        );
        let confidence = Confidence::two_sided(0.95);
        let [exact, faint] = [exact, faint]
            .map(|it| lift(&it, &value(40, 40, 80), confidence).difference.unwrap().standard_error);
        prop_assert!((exact - faint).abs() <= 1e-12 * exact);
    }
}

fn any_arm() -> impl Strategy<Value = Arm> {
    let total = || prop_oneof![-3..100_i128, any::<i128>(), any::<i64>().prop_map(i128::from)];
    let noise = || prop_oneof![Just(0.0), 0.0..1e30_f64];
    (total(), total(), total(), noise(), noise(), noise()).prop_map(|(n, s, q, vn, vs, vq)| {
        Arm::value(Figure::noisy(n, vn), Figure::noisy(s, vs), Figure::noisy(q, vq))
    })
}

fn value(users: i128, sum: i128, sum_of_squares: i128) -> Arm {
    Arm::value(Figure::exact(users), Figure::exact(sum), Figure::exact(sum_of_squares))
}

fn binary(users: i128, converters: i128) -> Arm {
    Arm::binary(Figure::exact(users), Figure::exact(converters))
}

fn arm(case: &Value) -> Arm {
    let figure = |key: &str, sigma: &str| {
        let sigma = case[sigma].as_f64().unwrap();
        Figure::real(case[key].as_f64().unwrap(), sigma * sigma)
    };
    let (users, sum) = (figure("n", "sigma_n"), figure("S", "sigma_S"));
    if case["binary"].as_bool().unwrap() {
        Arm::binary(users, sum)
    } else {
        Arm::value(users, sum, figure("Q", "sigma_Q"))
    }
}

fn compare(vectors: &Value, test: &str, outcome: &str, level: f64) -> Lift {
    let [test, control] = [test, "none"].map(|name| {
        let total = |key: &str| i128::from(vectors["arms"][name][key].as_i64().unwrap());
        match outcome {
            "visit" => binary(total("n"), total("visits")),
            "conversion" => binary(total("n"), total("conversions")),
            _ => value(total("n"), total("spend_cents_sum"), total("spend_cents_sum_sq")),
        }
    });
    lift(&test, &control, Confidence::two_sided(level))
}

/// `unit` is how many of ours make one of the reference's.
fn agrees(found: &Lift, expected: &Value, unit: f64) {
    let welch = &expected["diff_in_means"];
    let difference = found.difference.unwrap();
    close(found.test.users(), &welch["n_t"]);
    close(found.control.users(), &welch["n_c"]);
    close(found.test.mean().unwrap() / unit, &welch["mean_t"]);
    close(found.control.mean().unwrap() / unit, &welch["mean_c"]);
    close(difference.estimate / unit, &welch["ate"]);
    close(difference.standard_error / unit, &welch["se"]);
    close(difference.degrees_of_freedom, &welch["df"]);
    close(difference.statistic, &welch["t"]);
    close(difference.p, &welch["p"]);
    ends(difference.interval.unwrap(), &welch["ci"], unit);
    let expected = &expected["relative_lift"];
    let relative = found.relative.unwrap();
    close(relative.estimate, &expected["rel_lift"]);
    close(relative.standard_error, &expected["se_delta"]);
    close(relative.fieller_g, &expected["fieller_g"]);
    ends(relative.interval, &expected["ci_fieller"], 1.0);
}

fn ends(found: Interval, expected: &Value, unit: f64) {
    close(found.lower.unwrap() / unit, &expected[0]);
    close(found.upper.unwrap() / unit, &expected[1]);
}

fn close(found: impl Into<Option<f64>>, expected: &Value) {
    near(found, expected.as_f64().unwrap());
}

fn near(found: impl Into<Option<f64>>, expected: f64) {
    let found = found.into().unwrap();
    let error = (found - expected).abs();
    assert!(error <= 1e-9 * expected.abs(), "found {found:e}, expected {expected:e}");
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/lift.json")).unwrap()
}
