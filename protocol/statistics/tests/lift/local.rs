//! The effect on people who were reached because of their arm, against the reference, and over arms of all sorts.

use super::*;
use statistics::lift::{Local, LocalEffect, Reached};

/// A synthetic campaign with opportunities to be reached, in which 64 people of the control arm were reached as well.
#[test]
fn the_effect_on_the_reached_agrees_with_the_reference() {
    let vectors = &vectors()["reached"];
    for population in ["all", "ghost_bid"] {
        for (outcome, unit) in [("conversions", 1.0), ("value", 100.0)] {
            let arms = ["test", "control"].map(|arm| &vectors[population][arm]);
            let total = |arm: &Value, at: usize| whole(&arm[outcome][at]);
            let people = arms.map(|arm| Figure::exact(whole(&arm["n"])));
            let sums =
                [0, 1].map(|at| value_of(people[at], total(arms[at], 0), total(arms[at], 1)));
            let reached = Reached {
                people: arms.map(|arm| Figure::exact(whole(&arm["reached"]))),
                totals: arms.map(|arm| Figure::exact(total(arm, 2))),
            };
            let found = local(Pair::new(sums[0], sums[1]), reached, 0.95).unwrap();
            let expected = &vectors[population]["expected"][outcome];
            close(found.first_stage.estimate, &expected["compliance"]);
            let effect = found.effect.unwrap();
            close(effect.estimate / unit, &expected["late"]);
            close(effect.standard_error / unit, &expected["se"]);
            ends(effect.delta.unwrap(), &expected["ci"], unit);
            // With so many who were reached Fieller's is near it, and not the same.
            let (delta, fieller) = (effect.delta.unwrap(), effect.interval.unwrap());
            let off = (fieller.upper.unwrap() / delta.upper.unwrap() - 1.0).abs();
            assert!(off > 1e-9 && off < 0.01, "{off}");
        }
    }
}

fn whole(number: &Value) -> i128 {
    number.as_i64().unwrap().into()
}

fn value_of(users: Figure, sum: i128, squares: i128) -> Arm {
    Arm::value(users, Figure::exact(sum), Figure::exact(squares))
}

fn local(pair: Pair, reached: Reached, level: f64) -> Option<Local> {
    let confidence = Confidence::two_sided(level);
    pair.local(reached, &pair.lift(confidence).difference?, confidence)
}

/// What Fieller's equation says of an effect: how far it is beyond the interval, in squares of errors.
fn beyond(pair: &Pair, reached: Reached, n: [f64; 2], z: f64, effect: f64) -> f64 {
    let lift = pair.lift(Confidence::two_sided(0.95));
    let of = |people: Figure, n: f64| people.value() / n;
    let stage = of(reached.people[0], n[0]) - of(reached.people[1], n[1]);
    let difference = lift.difference.unwrap();
    let means = [lift.test.mean().unwrap(), lift.control.mean().unwrap()];
    let parts = [0, 1].map(|at| {
        let rate = of(reached.people[at], n[at]);
        let variance = rate * (1.0 - rate) / (n[at] - 1.0);
        let common = (reached.totals[at].value() / n[at] - means[at] * rate) / (n[at] - 1.0);
        effect * (effect * variance - 2.0 * common)
    });
    let square = difference.standard_error * difference.standard_error + parts[0] + parts[1];
    let off = difference.estimate - effect * stage;
    off * off / square / (z * z) - 1.0
}

proptest! {
    /// Of shares of people, of whom many or few were reached in either arm: the interval holds the estimate, leaves out zero exactly where that
    /// of everybody does, and ends where Fieller's equation says. Without one the first stage is weak.
    #[test]
    fn the_interval_is_fiellers_and_agrees_with_that_of_everybody(
        n in 20_000..60_000_i128, m in 20_000..60_000_i128,
        events in [600..4_000_i128, 600..4_000], reached in [0..9_000_i128, 0..9_000], both in [0..500_i128, 0..500],
    ) {
        let pair = Pair::new(binary(n, events[0]), binary(m, events[1]));
        let both = [0, 1].map(|at: usize| both[at].min(reached[at]));
        let reached = Reached { people: reached.map(Figure::exact), totals: both.map(Figure::exact) };
        let found = local(pair, reached, 0.95).unwrap();
        let stage = found.first_stage;
        let Some(LocalEffect { estimate, interval, .. }) = found.effect else {
            prop_assert!(stage.estimate <= 4.0 * stage.standard_error);
            return Ok(());
        };
        let difference = pair.lift(Confidence::two_sided(0.95)).difference.unwrap();
        let [low, high] = interval.map(|interval| [interval.lower.unwrap(), interval.upper.unwrap()]).unwrap();
        prop_assert!(low <= estimate && estimate <= high);
        let excludes = interval.unwrap().excludes_zero();
        prop_assert_eq!(excludes, difference.interval.unwrap().excludes_zero());
        let z = statistics::special::normal_upper_quantile(0.025);
        let people = [n, m].map(|people| f64::from(i32::try_from(people).unwrap()));
        for end in [low, high] {
            // Student's t and the normal quantile differ a little at so many people.
            let off = beyond(&pair, reached, people, z, end);
            prop_assert!(off.abs() < 1e-3, "{off}");
        }
    }
}

/// Where a first stage is nothing, or below it, there is no effect, and every number is one.
#[test]
fn a_weak_first_stage_has_no_effect() {
    let pair = Pair::new(binary(1_000, 100), binary(1_000, 50));
    for [test, control] in [[0, 0], [10, 10], [5, 0], [0, 900], [1_000, 1_000]] {
        let reached = Reached {
            people: [test, control].map(Figure::exact),
            totals: [test.min(100), control.min(50)].map(Figure::exact),
        };
        let found = local(pair, reached, 0.95).unwrap();
        assert_eq!(found.effect, None, "{test} {control}");
        assert!(found.first_stage.estimate.is_finite());
    }
    let too_few = Pair::new(binary(1, 1), binary(1_000, 50));
    let reached = Reached { people: [1, 0].map(Figure::exact), totals: [1, 0].map(Figure::exact) };
    assert_eq!(local(too_few, reached, 0.95), None);
}
