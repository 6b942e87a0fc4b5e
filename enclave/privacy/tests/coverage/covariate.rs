//! Differences that are adjusted by what was known of people before: how often their intervals hold the effect, that they are never longer than
//! without, and what must hold whatever the figures are.

use super::grid::percent;
use super::{Door, Draw, Lines, SPEND, YES, contract_with, trials};
use crate::silent::Silent;
use crate::support::room;
use privacy::{Names, Totals};
use protocol::contract::Contract;
use protocol::job::{Covariate, Lift, Multiplicity, OutcomeKind};
use protocol::loss::Epsilon;
use protocol::policy::Admitted;
use protocol::result::{CupedResult, LiftResult, OutcomeResult};
use protocol::tally::{Clamp, Product};
use protocol::units::{Millionths, Scale};

/// People of three sorts, by what they spent before: their share, that amount in cents, and the share of them with an outcome.
const SORTS: [(f64, i64, f64); 3] = [(0.6, 0, 0.02), (0.25, 5_000, 0.1), (0.15, 20_000, 0.6)];

#[derive(Clone, Copy, Debug)]
struct Setting {
    epsilon: f64,
    people: i64,
    test_share: u32,
    /// How many more of each sort have an outcome in the test arm, as a share of them.
    effect: f64,
    amounts: &'static [i64],
    /// What each person spent before, times this: of noise and people alike.
    before: i64,
}

#[derive(Clone, Copy, Default)]
struct Found {
    trials: u32,
    estimated: u32,
    used: u32,
    held: u32,
    /// With intervals that are as wide as sampling makes them.
    held_without_noise: u32,
    rejected: u32,
    length: f64,
}

/// Totals of the people of an arm, or of those of them with an outcome.
#[derive(Clone, Copy, Default)]
struct Sums {
    n: i64,
    y: i64,
    yy: i64,
    x: i64,
    xx: i64,
    xy: i64,
}

/// The room, whose contract says what was known before.
fn contract() -> Contract {
    contract_with("before", 2, "covariates = [\"before\"]")
}

fn asked(amounts: &[i64], most: i64) -> Lift {
    let outcome = match amounts {
        [_] => room::outcome("visit", OutcomeKind::Binary, 1, 0),
        _ => room::outcome("spend", OutcomeKind::Value, 49_900, 2),
    };
    let covariate = Covariate {
        column: "before".to_owned(),
        clamp: Clamp::new(0, most).unwrap(),
        scale: Scale::new(2).unwrap(),
    };
    Lift {
        covariate: Some(covariate),
        multiplicity: Multiplicity::None,
        ..room::lift(vec![outcome])
    }
}

/// Of each arm all people, and those with an outcome, who alone are found.
fn totals(admitted: &Admitted, arms: [[Sums; 2]; 2]) -> Totals {
    let products = &admitted.proven().tally().products;
    let [[test, test_found], [control, control_found]] = arms;
    let rest = |all: Sums, found: Sums| Sums {
        n: all.n - found.n,
        x: all.x - found.x,
        xx: all.xx - found.xx,
        ..Sums::default()
    };
    let none = Sums::default();
    let cells = [
        rest(test, test_found),
        test_found,
        rest(control, control_found),
        control_found,
        none,
        none,
        none,
        none,
        none,
    ];
    let column = |pick: fn(&Sums) -> i64| cells.iter().map(pick).collect::<Vec<_>>();
    let of_product = |product: &Product| {
        let unit = i64::try_from(product.unit()).unwrap();
        let column = column(match (product.one, product.other) {
            (0, 0) => |sums| sums.yy,
            (0, _) => |sums| sums.xy,
            _ => |sums| sums.xx,
        });
        column.into_iter().map(|total| total / unit).collect()
    };
    Totals {
        cells: Names::Public,
        people: column(|sums| sums.n),
        sums: vec![column(|sums| sums.y), column(|sums| sums.x)],
        products: products.iter().map(of_product).collect(),
        spread: Vec::new(),
    }
}

impl Setting {
    fn arms(&self, draw: &mut Draw) -> [[Sums; 2]; 2] {
        let test = self.people * i64::from(self.test_share) / 1_000_000;
        [(test, self.effect), (self.people - test, 0.0)].map(|(people, effect)| {
            let (mut all, mut found, mut left, mut share_left) =
                (Sums::default(), Sums::default(), people, 1.0);
            for (share, before, rate) in SORTS {
                let x = before * self.before;
                let is_last = share_left - share < 1e-9;
                let n = if is_last { left } else { draw.binomial(left, share / share_left) };
                left -= n;
                share_left -= share;
                let bought = draw.binomial(n, rate * (1.0 + effect));
                let (y, yy) = draw.amounts(self.amounts, bought);
                for (sums, n) in [(&mut all, n), (&mut found, bought)] {
                    sums.n += n;
                    sums.y += y;
                    sums.yy += yy;
                    sums.x += x * n;
                    sums.xx += x * x * n;
                    sums.xy += x * y;
                }
            }
            [all, found]
        })
    }

    fn truth(&self) -> f64 {
        let sum: i64 = self.amounts.iter().sum();
        let unit = if self.amounts == YES { 1.0 } else { 100.0 };
        let count = i32::try_from(self.amounts.len()).unwrap();
        let rate: f64 = SORTS.iter().map(|(share, _, rate)| share * rate).sum();
        rate * self.effect * f64::from(i32::try_from(sum).unwrap()) / f64::from(count) / unit
    }

    fn run(&self, trials: u32) -> Found {
        let door = Door::of(
            contract(),
            Lift {
                epsilon: Epsilon::new(self.epsilon).unwrap(),
                expected_test_share: Millionths(self.test_share),
                ..asked(self.amounts, 20_000 * self.before)
            },
        );
        let mut found = Found { trials, ..Found::default() };
        for trial in 0..trials {
            let mut draw = Draw::new(trial);
            let result = door.answer(totals(&door.admitted, self.arms(&mut draw)), trial);
            found.count(&result.answer.outcomes[0], self.truth());
        }
        found
    }

    fn told(&self, found: &Found) -> String {
        format!(
            "{:5} eps {:4} n {:6} test {:2.0} % effect {:3.0} %: holds {} p < .05 {} without noise {} used {} length {:.3} estimated \
             {:5} of {:5}",
            if self.amounts == YES { "share" } else { "spend" },
            self.epsilon,
            self.people,
            f64::from(self.test_share) / 1e4,
            100.0 * self.effect,
            percent(found.share(found.held)),
            percent(found.share(found.rejected)),
            percent(found.share(found.held_without_noise)),
            percent(found.share(found.used)),
            found.length / f64::from(found.estimated.max(1)),
            found.estimated,
            found.trials,
        )
    }

    fn band(&self) -> [f64; 2] {
        if self.people <= 2_000 { [0.93, 0.97] } else { [0.94, 0.96] }
    }
}

impl Found {
    fn count(&mut self, outcome: &OutcomeResult, truth: f64) {
        let Some(cuped) = &outcome.cuped else { return };
        let plain = outcome.diff_in_means.as_ref().unwrap();
        let (Some(ci), Some(of_plain)) = (cuped.ci, plain.ci) else {
            assert!(!outcome.flags.is_empty(), "{outcome:?}");
            return;
        };
        let ([low, high], of_plain) = (ci.map(Option::unwrap), of_plain.map(Option::unwrap));
        let is_flagged = outcome.flags.iter().any(|flag| flag == "covariate_unused");
        assert_eq!(cuped.used, !is_flagged, "{outcome:?}");
        let length = (high - low) / (of_plain[1] - of_plain[0]);
        if cuped.used {
            assert!(length < 1.0 && (length - cuped.length).abs() < 1e-6, "{outcome:?}");
        } else {
            assert_eq!(
                (cuped.ate, cuped.p, ci.map(Option::unwrap)),
                (plain.ate, plain.p, of_plain)
            );
        }
        // The null is outside exactly where p says so.
        assert_eq!(low > 0.0 || high < 0.0, cuped.p.unwrap() < 0.05, "{outcome:?}");
        self.estimated += 1;
        self.used += u32::from(cuped.used);
        self.length += cuped.length;
        self.held += u32::from((low..=high).contains(&truth));
        self.rejected += u32::from(cuped.p.unwrap() < 0.05);
        let half = (high - low) / 2.0 * cuped.se_sampling / cuped.se;
        self.held_without_noise += u32::from((cuped.ate - truth).abs() <= half);
    }

    fn share(&self, of: u32) -> f64 {
        f64::from(of) / f64::from(self.estimated)
    }

    fn chance(&self) -> f64 {
        4.0 * (0.05 * 0.95 / f64::from(self.estimated)).sqrt()
    }

    fn is_within(&self, of: u32, [least, most]: [f64; 2]) -> bool {
        (least - self.chance()..=most + self.chance()).contains(&self.share(of))
    }
}

const USUAL: Setting = Setting {
    epsilon: 0.5,
    people: 40_000,
    test_share: 500_000,
    effect: 0.0,
    amounts: SPEND,
    before: 1,
};

/// Where noise lets it be used the interval is shorter and holds as often as it says, and so it does where it is used in some trials only.
#[test]
fn a_slice_of_the_table_holds_and_would_not_without_the_noise() {
    for (setting, is_used) in [
        (
            Setting { epsilon: 0.25, test_share: 800_000, amounts: YES, people: 20_000, ..USUAL },
            true,
        ),
        (Setting { epsilon: 0.1, amounts: YES, effect: 0.5, ..USUAL }, true),
        (Setting { epsilon: 0.25, effect: 0.2, test_share: 600_000, ..USUAL }, true),
        (Setting { epsilon: 0.25, people: 10_000, ..USUAL }, false),
    ] {
        let found = setting.run(SLICE);
        let told = setting.told(&found);
        assert!(found.estimated > SLICE / 2, "{told}");
        assert!(found.is_within(found.held, setting.band()), "{told}");
        assert_eq!(found.used > SLICE / 2, is_used, "{told}");
        assert!(!found.is_within(found.held_without_noise, setting.band()), "{told}");
    }
}

/// All of it, with `GLOVEBOX_TRIALS` trials of each.
#[test]
#[ignore = "takes long: make statistics"]
fn the_whole_table() {
    let trials = trials();
    let mut lines = Lines::default();
    for amounts in [YES, SPEND] {
        for epsilon in [0.25, 0.5, 1.0, 2.0] {
            for people in [2_000, 20_000, 200_000] {
                for (effect, test_share) in [(0.0, 500_000), (0.5, 500_000), (0.0, 800_000)] {
                    let setting = Setting { epsilon, people, effect, amounts, test_share, ..USUAL };
                    let found = setting.run(trials);
                    let holds = found.estimated == 0 || found.is_within(found.held, setting.band());
                    let rejects = effect > 0.0
                        || found.estimated == 0
                        || found.is_within(found.rejected, [0.04, 0.06]);
                    lines.tell(setting.told(&found), holds && rejects);
                }
            }
        }
    }
    lines.end();
}

/// Unequal arms of one population, without noise.
fn some() -> [[Sums; 2]; 2] {
    let setting = Setting { effect: 0.3, test_share: 600_000, ..USUAL };
    setting.arms(&mut Draw::new(1))
}

fn exact(arms: [[Sums; 2]; 2], most: i64) -> LiftResult {
    let door = Door::of(contract(), asked(SPEND, most));
    door.answer_with(totals(&door.admitted, arms), &mut Silent)
}

fn cuped(result: &LiftResult) -> CupedResult {
    result.answer.outcomes[0].cuped.clone().unwrap()
}

fn changed(change: impl Fn(&mut Sums)) -> [[Sums; 2]; 2] {
    let mut arms = some();
    arms.iter_mut().flatten().for_each(change);
    arms
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1e-300)
}

fn ends(cuped: &CupedResult) -> [f64; 2] {
    cuped.ci.unwrap().map(Option::unwrap)
}

#[test]
fn swapped_arms_have_the_contrary_adjusted_effect() {
    let (before, [test, control]) = (cuped(&exact(some(), 20_000)), some());
    let after = cuped(&exact([control, test], 20_000));
    assert!(before.used && before.length < 0.95, "{before:?}");
    assert!(close(before.ate, -after.ate) && close(before.se, after.se), "{before:?} {after:?}");
    assert!(close(before.theta.unwrap(), after.theta.unwrap()));
    let ([low, high], [other_low, other_high]) = (ends(&before), ends(&after));
    assert!(close(low, -other_high) && close(high, -other_low), "{before:?} {after:?}");
}

/// In another unit, or of somebody who spent twenty dollars more before: the same effect, error and p.
#[test]
fn a_covariate_in_another_unit_or_moved_adjusts_alike() {
    let before = cuped(&exact(some(), 20_000));
    let thirds =
        changed(|sums| (sums.x, sums.xx, sums.xy) = (3 * sums.x, 9 * sums.xx, 3 * sums.xy));
    let thirds = cuped(&exact(thirds, 60_000));
    assert!(close(before.theta.unwrap(), 3.0 * thirds.theta.unwrap()), "{before:?} {thirds:?}");
    let by = 2_000;
    let moved = changed(|sums| {
        (sums.xx, sums.xy) = (sums.xx + 2 * by * sums.x + by * by * sums.n, sums.xy + by * sums.y);
        sums.x += by * sums.n;
    });
    let moved = cuped(&exact(moved, 22_000));
    for other in [thirds, moved] {
        assert!(close(before.ate, other.ate) && close(before.se, other.se), "{before:?} {other:?}");
        assert!(close(before.p.unwrap(), other.p.unwrap()), "{before:?} {other:?}");
    }
}

#[test]
fn everybody_twice_has_the_same_adjusted_effect_and_a_smaller_error() {
    let before = cuped(&exact(some(), 20_000));
    let twice = changed(|sums| {
        let Sums { n, y, yy, x, xx, xy } = *sums;
        *sums = Sums { n: 2 * n, y: 2 * y, yy: 2 * yy, x: 2 * x, xx: 2 * xx, xy: 2 * xy };
    });
    let twice = cuped(&exact(twice, 20_000));
    assert!(close(before.ate, twice.ate), "{before:?} {twice:?}");
    let ratio = before.se / twice.se / 2.0_f64.sqrt();
    assert!((ratio - 1.0).abs() < 1e-4, "{ratio}");
}

/// A covariate that everybody has alike, or nobody: the change stands, and a flag says so. Empty arms have neither.
#[test]
fn a_covariate_that_tells_nothing_leaves_the_change_as_it_is() {
    for of_all in [0, 700] {
        let arms = changed(|sums| {
            (sums.x, sums.xx, sums.xy) =
                (of_all * sums.n, of_all * of_all * sums.n, of_all * sums.y);
        });
        let result = exact(arms, 20_000);
        let (outcome, found) = (&result.answer.outcomes[0], cuped(&result));
        assert_eq!(outcome.flags, ["covariate_unused"]);
        let plain = outcome.diff_in_means.as_ref().unwrap();
        assert_eq!((found.used, found.theta, found.ate), (false, None, plain.ate));
        assert_eq!((found.p, found.ci, found.se), (plain.p, plain.ci, plain.se));
    }
    let nobody = [[Sums::default(); 2]; 2];
    let idle = [[Sums { n: 500, x: 500, xx: 500, ..Sums::default() }, Sums::default()]; 2];
    for arms in [nobody, idle] {
        let result = exact(arms, 20_000);
        let text = serde_json::to_string(&result).unwrap();
        serde_json::from_str::<LiftResult>(&text).unwrap();
        let outcome = &result.answer.outcomes[0];
        assert!(!outcome.flags.is_empty(), "{outcome:?}");
    }
}

const SLICE: u32 = 300;
