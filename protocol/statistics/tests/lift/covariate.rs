//! Differences that are adjusted by a covariate, against the reference, and over covariates of all sorts.

use super::*;
use statistics::lift::{Adjusted, Covariate};

#[test]
fn adjusted_differences_agree_with_the_reference() {
    let vectors = vectors();
    for case in vectors["cuped"].as_array().unwrap() {
        let unit = case["unit"].as_f64().unwrap();
        let of_covariate = case["unit_of_covariate"].as_f64().unwrap();
        let arms = ["test", "control"].map(|arm| &case[arm]);
        let figure = |arm: &Value, key: &str| Figure::exact(i128::from(arm[key].as_i64().unwrap()));
        let pair = arms.map(|arm| {
            let (users, sum) = (figure(arm, "n"), figure(arm, "y"));
            match case["binary"].as_bool().unwrap() {
                true => Arm::binary(users, sum),
                false => Arm::value(users, sum, figure(arm, "yy")),
            }
        });
        let pair = Pair::new(pair[0], pair[1]);
        let covariate = Covariate {
            sums: arms.map(|arm| figure(arm, "x")),
            squares: arms.map(|arm| figure(arm, "xx")),
            products: arms.map(|arm| figure(arm, "xy")),
        };
        let confidence = Confidence::two_sided(0.95);
        let expected = &case["expected"];
        let found = pair.adjusted(&covariate, confidence).unwrap();
        near(found.coefficient * of_covariate / unit, expected["theta"][0].as_f64().unwrap());
        let difference = found.difference;
        close(difference.estimate / unit, &expected["ate"]);
        close(difference.standard_error / unit, &expected["se"]);
        close(difference.degrees_of_freedom, &expected["df"]);
        close(difference.statistic, &expected["t"]);
        close(difference.p, &expected["p"]);
        ends(difference.interval.unwrap(), &expected["ci"], unit);
        let plain = pair.lift(confidence).difference.unwrap();
        let ratio = difference.standard_error / plain.standard_error;
        close(ratio * ratio, &expected["variance_ratio"]);
        near(found.means[0] - found.means[1], difference.estimate);
    }
}

fn exact(totals: [i128; 2]) -> [Figure; 2] {
    totals.map(Figure::exact)
}

fn adjusted(sums: [i128; 2], squares: [i128; 2], products: [i128; 2]) -> Option<Adjusted> {
    let arms = [(2_000, 9_000, 90_000), (1_500, 6_000, 55_000)];
    let [test, control] = arms.map(|(n, sum, squares)| value(n, sum, squares));
    let covariate =
        Covariate { sums: exact(sums), squares: exact(squares), products: exact(products) };
    Pair::new(test, control).adjusted(&covariate, Confidence::two_sided(0.95))
}

/// A covariate that is the same of everybody, is nothing, or has impossible squares has no use.
#[test]
fn a_covariate_without_a_spread_is_not_used() {
    for [of_one, of_other] in [[7, 7], [0, 0]] {
        let (sums, squares) = (
            [2_000 * of_one, 1_500 * of_other],
            [2_000 * of_one * of_one, 1_500 * of_other * of_other],
        );
        assert_eq!(adjusted(sums, squares, [9_000 * of_one, 6_000 * of_other]), None);
    }
    assert_eq!(adjusted([5_000, 4_000], [-5, -5], [1, 1]), None);
}

/// The outcome itself is the best of all covariates: nothing is left to be told, and nothing divides by that.
#[test]
fn the_outcome_itself_leaves_no_error_and_no_infinity() {
    let found = adjusted([9_000, 6_000], [90_000, 55_000], [90_000, 55_000]);
    assert!(found.is_none_or(|found| found.difference.standard_error.is_finite()), "{found:?}");
}

proptest! {
    /// With noise on everything: the interval is shorter than without the covariate, or there is none; every number is one.
    #[test]
    fn an_adjusted_interval_is_shorter(
        n in 1_000..50_000_i128, m in 1_000..50_000_i128, mean in -50..50_i128, slope in -400..400_i128, noise in 0.0..1e9_f64,
    ) {
        let of = |n: i128| (3 * n, 60 * n, mean * n, (mean * mean + 90) * n, (3 * mean + slope / 10) * n);
        let arms = [n, m].map(of);
        let noisy = |total: i128, times: f64| Figure::noisy(total, noise * times);
        let pair = [n, m].map(|users| {
            let (sum, squares, ..) = of(users);
            Arm::value(Figure::noisy(users, 100.0), noisy(sum, 1e-3), noisy(squares, 1e-2))
        });
        let pair = Pair::new(pair[0], pair[1]);
        let covariate = Covariate {
            sums: arms.map(|arm| noisy(arm.2, 1e-3)),
            squares: arms.map(|arm| noisy(arm.3, 1e-2)),
            products: arms.map(|arm| noisy(arm.4, 1e-2)),
        };
        let confidence = Confidence::two_sided(0.95);
        let Some(found) = pair.adjusted(&covariate, confidence) else { return Ok(()) };
        let plain = pair.lift(confidence).difference.unwrap().interval.unwrap();
        let width = |it: Interval| it.upper.unwrap() - it.lower.unwrap();
        let ratio = width(found.difference.interval.unwrap()) / width(plain);
        prop_assert!(ratio < 1.0 && (ratio / found.length - 1.0).abs() < 1e-6, "{ratio} {found:?}");
        prop_assert!(found.coefficient.is_finite() && found.difference.p.is_some());
    }
}
