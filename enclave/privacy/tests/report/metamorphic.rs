//! What must hold between two results whatever the figures are: arms swapped, everybody twice, amounts in another unit, amounts moved;
//! and that nothing which can be counted makes a figure infinite or no number.

use super::{OfCell, hillstrom, result};
use crate::silent::Silent;
use crate::support::room;
use privacy::sampler::Exact;
use protocol::job::{Lift, Multiplicity, OutcomeKind};
use protocol::result::{DiffInMeans, LiftResult, OutcomeResult};
use protocol::tally::Clamp;

/// Unequal arms, matched by three quarters, with visits, purchases and spend.
fn some() -> [OfCell; 7] {
    let mut cells = [(); 7].map(|()| OfCell::default());
    let of = |n, visits, bought, spend, squares| OfCell {
        n,
        measures: [(visits, visits), (bought, bought), (spend, squares)],
    };
    cells[0] = of(9_000, 1_640, 310, 2_100_500, 31_415_926_500);
    cells[1].n = 3_000;
    cells[2] = of(7_500, 1_120, 190, 1_250_250, 19_000_123_250);
    cells[3].n = 2_500;
    cells
}

fn asked() -> Lift {
    Lift { multiplicity: Multiplicity::Holm, cost: None, ..hillstrom() }
}

fn changed(cells: &[OfCell; 7], change: impl Fn(&mut OfCell)) -> [OfCell; 7] {
    let mut cells = cells.clone();
    cells.iter_mut().for_each(change);
    cells
}

fn differences(found: &LiftResult) -> Vec<DiffInMeans> {
    let each = found.answer.outcomes.iter().map(|outcome| outcome.diff_in_means.clone().unwrap());
    each.collect()
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1e-300)
}

fn ends(found: &DiffInMeans) -> [f64; 2] {
    found.ci.unwrap().map(Option::unwrap)
}

#[test]
fn swapped_arms_have_the_contrary_effect_and_the_same_p() {
    let before = differences(&result(asked(), some(), &mut Silent));
    let mut cells = some();
    cells.swap(0, 2);
    cells.swap(1, 3);
    for (one, other) in before.iter().zip(differences(&result(asked(), cells, &mut Silent))) {
        assert!(close(one.ate, -other.ate) && close(one.se, other.se), "{one:?} {other:?}");
        assert!(close(one.p.unwrap(), other.p.unwrap()), "{one:?} {other:?}");
        let ([low, high], [other_low, other_high]) = (ends(one), ends(&other));
        assert!(close(low, -other_high) && close(high, -other_low), "{one:?} {other:?}");
    }
}

#[test]
fn everybody_twice_has_the_same_effect_and_an_error_smaller_by_the_root_of_two() {
    let before = differences(&result(asked(), some(), &mut Silent));
    let twice = changed(&some(), |cell| {
        cell.n *= 2;
        cell.measures = cell.measures.map(|(sum, squares)| (2 * sum, 2 * squares));
    });
    for (one, other) in before.iter().zip(differences(&result(asked(), twice, &mut Silent))) {
        assert!(close(one.ate, other.ate), "{one:?} {other:?}");
        let ratio = one.se / other.se / 2.0_f64.sqrt();
        // Variances are over one person less.
        assert!((ratio - 1.0).abs() < 1e-4, "{ratio}");
    }
}

/// Amounts in a third of the unit, with the cap as well: the same p and relative lift, and an effect that is threefold.
#[test]
fn amounts_in_another_unit_have_the_same_p_and_relative_lift() {
    let before = result(asked(), some(), &mut Silent);
    let thirds = changed(&some(), |cell| {
        let (sum, squares) = cell.measures[2];
        cell.measures[2] = (3 * sum, 9 * squares);
    });
    let mut lift = asked();
    lift.outcomes[2].clamp = Clamp::up_to(149_700).unwrap();
    let after = result(lift, thirds, &mut Silent);
    let (one, other) = (&before.answer.outcomes[2], &after.answer.outcomes[2]);
    let of = |it: &OutcomeResult| it.diff_in_means.clone().unwrap();
    assert!(close(3.0 * of(one).ate, of(other).ate) && close(3.0 * of(one).se, of(other).se));
    assert!(close(of(one).p.unwrap(), of(other).p.unwrap()));
    let relative = |it: &OutcomeResult| it.relative_lift.clone().unwrap();
    assert!(close(relative(one).rel_lift.unwrap(), relative(other).rel_lift.unwrap()));
    let [low, high] = relative(one).ci_fieller.unwrap().map(Option::unwrap);
    let [other_low, other_high] = relative(other).ci_fieller.unwrap().map(Option::unwrap);
    assert!(close(low, other_low) && close(high, other_high));
}

/// Everybody has ten dollars less, so that totals are below zero: the same effect, error and p, and no relative lift.
#[test]
fn amounts_moved_have_the_same_effect_and_no_relative_lift_below_zero() {
    let with_floor = |cells| {
        let mut lift = asked();
        lift.outcomes[2].clamp = Clamp::new(-49_900, 49_900).unwrap();
        result(lift, cells, &mut Silent).answer.outcomes.remove(2)
    };
    // All are found, so that each of them can be moved.
    let all_found =
        changed(&some(), |cell| cell.n = if cell.measures[0].0 > 0 { cell.n + 3_000 } else { 0 });
    let moved = changed(&all_found, |cell| {
        let ((sum, squares), by) = (cell.measures[2], -1_000);
        cell.measures[2] = (sum + by * cell.n, squares + 2 * by * sum + by * by * cell.n);
    });
    let (one, other) = (with_floor(all_found), with_floor(moved));
    let of = |it: &OutcomeResult| it.diff_in_means.clone().unwrap();
    assert!(close(of(&one).ate, of(&other).ate), "{one:?} {other:?}");
    assert!((of(&one).se / of(&other).se - 1.0).abs() < 1e-9);
    assert!(of(&other).mean_c < 0.0 && of(&other).mean_t < 0.0);
    assert!(other.relative_lift.as_ref().is_none_or(|lift| lift.rel_lift.is_none()));
    assert!(other.flags.contains(&"control_near_zero".to_owned()), "{other:?}");
}

/// Empty arms, nobody with an outcome, everybody with the same, more events than people after noise: every figure is a number or null,
/// and what is null has a flag that says why.
#[test]
fn degenerate_totals_have_flags_in_place_of_figures() {
    let of = |n, outcome: i64| OfCell { n, measures: [(outcome, outcome); 3] };
    let nobody = OfCell::default();
    let arms = [
        [of(0, 0), nobody.clone(), of(0, 0), nobody.clone()],
        [of(5_000, 0), nobody.clone(), of(0, 0), nobody.clone()],
        [of(5_000, 0), nobody.clone(), of(5_000, 0), nobody.clone()],
        [of(5_000, 5_000), nobody.clone(), of(5_000, 5_000), nobody.clone()],
        [of(60, 1), nobody.clone(), of(60, 0), nobody.clone()],
        [of(60, 6_000), nobody.clone(), of(60, -6_000), nobody.clone()],
    ];
    for [test, test_un, control, control_un] in arms {
        for seed in 0..3 {
            let cells = [test.clone(), test_un.clone(), control.clone(), control_un.clone()];
            let rest = [(); 3].map(|()| OfCell::default());
            let [a, b, c, d] = cells;
            let [e, f, g] = rest;
            let lift = Lift { cost: room::lift(Vec::new()).cost, ..asked() };
            let found = if seed == 0 {
                result(lift, [a, b, c, d, e, f, g], &mut Silent)
            } else {
                result(lift, [a, b, c, d, e, f, g], &mut Exact::from_seed([seed; 32]))
            };
            let text = serde_json::to_string(&found).unwrap();
            // Infinity and what is no number would be written as null, where a number must be.
            serde_json::from_str::<LiftResult>(&text).unwrap();
            for outcome in &found.answer.outcomes {
                let estimated = outcome.diff_in_means.as_ref();
                let complete =
                    estimated.is_some_and(|estimate| estimate.p.is_some() && estimate.ci.is_some());
                assert!(complete || !outcome.flags.is_empty(), "{outcome:?}");
                let relative = outcome.relative_lift.as_ref().and_then(|lift| lift.rel_lift);
                let sign = estimated.zip(relative).map(|(it, relative)| it.ate * relative);
                assert!(sign.is_none_or(|sign| sign >= 0.0), "{outcome:?}");
            }
        }
    }
    assert_eq!(asked().outcomes[2].kind, OutcomeKind::Value);
}
