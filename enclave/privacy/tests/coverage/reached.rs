//! The effect on people who were reached because of their arm: how often its interval holds it, with people who are reached in neither or in
//! both arms; that it is not there where too few were reached; and what must hold whatever the figures are.

use super::grid::percent;
use super::{Cells, Door, Draw, Lines, SPEND, YES, agrees, contract_with, trials};
use crate::silent::Silent;
use crate::support::room;
use protocol::contract::Contract;
use protocol::job::{Lift, Multiplicity, OutcomeKind};
use protocol::loss::Epsilon;
use protocol::result::{LateResult, LiftResult, OutcomeResult};
use protocol::tally::Clamp;
use protocol::units::Millionths;

/// People of three sorts: who are reached in the test arm only, in both arms, and in none.
#[derive(Clone, Copy, Debug)]
struct Setting {
    epsilon: f64,
    people: i64,
    test_share: u32,
    /// Share of people who are reached only because they are in the test arm.
    because: f64,
    /// Share of people who are reached anyway.
    anyway: f64,
    /// Share of the first sort that have an outcome if they are not reached. Half as many of the others have, and of those who are reached anyway
    /// twice as many.
    baseline: f64,
    /// How many more of the first sort have an outcome if they are reached, as a share of all of them.
    effect: f64,
    amounts: &'static [i64],
}

/// What came of many trials.
#[derive(Clone, Copy, Default)]
struct Found {
    trials: u32,
    estimated: u32,
    held: u32,
    /// With intervals that are as wide as sampling makes them.
    held_without_noise: u32,
    /// With errors in which the number of people who were reached has none.
    held_without_stage: u32,
    rejected: u32,
    /// Of which the page says that fewer hold, as hardly more people were reached in the test arm.
    barely: u32,
}

/// The room, whose contract says who was reached.
fn contract() -> Contract {
    contract_with("reached", 0, "exposed = \"reached\"")
}

fn asked(amounts: &[i64], epsilon: f64, test_share: u32) -> Lift {
    let outcome = match amounts {
        [_] => room::outcome("visit", OutcomeKind::Binary, 1, 0),
        _ => room::outcome("spend", OutcomeKind::Value, 49_900, 2),
    };
    Lift {
        exposed: Some("reached".to_owned()),
        epsilon: Epsilon::new(epsilon).unwrap(),
        multiplicity: Multiplicity::None,
        expected_test_share: Millionths(test_share),
        ..room::lift(vec![outcome])
    }
}

fn door(amounts: &[i64], epsilon: f64, test_share: u32) -> Door {
    Door::of(contract(), asked(amounts, epsilon, test_share))
}

/// An arm of people, of whom so many with and without an outcome were reached. Only who has an outcome is found.
fn arm(
    cells: &mut Cells,
    arm: usize,
    people: i64,
    all: (i64, i64, i64),
    of_reached: (i64, i64, i64),
) {
    let ((found, sum, squares), (found_reached, sum_reached, reached)) = (all, of_reached);
    // Behind the outcome stand people who were reached, and their total.
    cells.arm(arm, found, people - found, &[(sum, squares), (found_reached, sum_reached)]);
    cells.0[2 * arm + 1].1[1].0 = reached - found_reached;
}

impl Setting {
    fn truth(&self) -> f64 {
        let sum: i64 = self.amounts.iter().sum();
        let unit = if self.amounts == YES { 1.0 } else { 100.0 };
        let count = i32::try_from(self.amounts.len()).unwrap();
        self.effect * f64::from(i32::try_from(sum).unwrap()) / f64::from(count) / unit
    }

    fn cells(&self, draw: &mut Draw) -> Cells {
        let test = self.people * i64::from(self.test_share) / 1_000_000;
        let mut cells = Cells::new();
        for (at, people) in [test, self.people - test].into_iter().enumerate() {
            let because = draw.binomial(people, self.because);
            let anyway = draw.binomial(people - because, self.anyway / (1.0 - self.because));
            let is_test = at == 0;
            let rate = self.baseline + if is_test { self.effect } else { 0.0 };
            let sorts = [
                (because, rate, is_test),
                (anyway, 2.0 * self.baseline, true),
                (people - because - anyway, self.baseline / 2.0, false),
            ];
            let (mut all, mut of_reached) = ((0, 0, 0), (0, 0, 0));
            for (people, rate, is_reached) in sorts {
                let found = draw.binomial(people, rate);
                let (sum, squares) = draw.amounts(self.amounts, found);
                all = (all.0 + found, all.1 + sum, all.2 + squares);
                if is_reached {
                    of_reached = (of_reached.0 + found, of_reached.1 + sum, of_reached.2 + people);
                }
            }
            arm(&mut cells, at, people, all, of_reached);
        }
        cells
    }

    fn run(&self, trials: u32) -> Found {
        let door = door(self.amounts, self.epsilon, self.test_share);
        let mut found = Found { trials, ..Found::default() };
        for trial in 0..trials {
            let mut draw = Draw::new(trial);
            let result = door.release(&self.cells(&mut draw), trial);
            let outcome = &result.answer.outcomes[0];
            if outcome.late.is_none_or(|late| late.ci.is_none()) {
                assert!(!outcome.flags.is_empty(), "{outcome:?}");
                continue;
            }
            agrees(&result, outcome);
            if outcome.flags.iter().any(|flag| flag == "first_stage_barely_above_zero") {
                found.barely += 1;
            } else {
                found.count(outcome, self.truth());
            }
        }
        found
    }

    fn band(&self) -> [f64; 2] {
        if self.people <= 2_000 { [0.93, 0.97] } else { [0.94, 0.96] }
    }
}

impl Found {
    fn count(&mut self, outcome: &OutcomeResult, truth: f64) {
        let (late, difference) = (outcome.late.unwrap(), outcome.diff_in_means.as_ref().unwrap());
        let [low, high] = late.ci.unwrap().map(Option::unwrap);
        let effect = late.late.unwrap();
        assert!(low <= effect && effect <= high, "{late:?}");
        // The null is outside exactly where p says so.
        assert_eq!(low > 0.0 || high < 0.0, difference.p.unwrap() < 0.05, "{late:?}");
        assert!(effect * difference.ate >= 0.0, "{late:?}");
        self.estimated += 1;
        self.held += u32::from((low..=high).contains(&truth));
        self.rejected += u32::from(difference.p.unwrap() < 0.05);
        let half = (high - low) / 2.0;
        let by_sampling = half * late.se_sampling.unwrap() / late.se.unwrap();
        self.held_without_noise += u32::from((effect - truth).abs() <= by_sampling);
        let [low, high] = difference.ci.unwrap().map(Option::unwrap);
        let by_stage = (high - low) / 2.0 / late.first_stage;
        self.held_without_stage += u32::from((effect - truth).abs() <= by_stage);
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

impl Setting {
    fn told(&self, found: &Found) -> String {
        format!(
            "{:5} eps {:4} n {:6} test {:2.0} % reached {:2.0} + {:2.0} % baseline {:4.1} % effect {:4.1} pp: holds {} p < .05 {} \
             without noise {} without first stage {} estimated {:5}, barely {:5}, of {:5}",
            if self.amounts == YES { "share" } else { "spend" },
            self.epsilon,
            self.people,
            f64::from(self.test_share) / 1e4,
            100.0 * self.because,
            100.0 * self.anyway,
            100.0 * self.baseline,
            100.0 * self.effect,
            percent(found.share(found.held)),
            percent(found.share(found.rejected)),
            percent(found.share(found.held_without_noise)),
            percent(found.share(found.held_without_stage)),
            found.estimated,
            found.barely,
            found.trials,
        )
    }
}

const USUAL: Setting = Setting {
    epsilon: 0.25,
    people: 20_000,
    test_share: 500_000,
    because: 0.5,
    anyway: 0.0,
    baseline: 0.1,
    effect: 0.05,
    amounts: SPEND,
};

/// An effect so large that how many were reached decides the interval as much as what they did.
const STRONG: Setting =
    Setting { people: 10_000, because: 0.3, baseline: 0.05, effect: 0.8, amounts: YES, ..USUAL };

#[test]
fn a_slice_of_the_table_holds_and_would_not_without_the_noise() {
    for setting in [
        USUAL,
        Setting { anyway: 0.1, test_share: 600_000, ..USUAL },
        Setting { test_share: 900_000, epsilon: 0.5, because: 0.7, ..USUAL },
        Setting { epsilon: 0.1, amounts: YES, effect: 0.02, ..USUAL },
        STRONG,
    ] {
        let found = setting.run(SLICE);
        let told = setting.told(&found);
        assert!(found.estimated > SLICE / 2, "{told}");
        assert!(found.is_within(found.held, setting.band()), "{told}");
        assert!(!found.is_within(found.held_without_noise, setting.band()), "{told}");
    }
    let found = STRONG.run(SLICE);
    let told = STRONG.told(&found);
    assert!(!found.is_within(found.held_without_stage, STRONG.band()), "{told}");
}

/// Where hardly anybody was reached, noise makes the difference of the shares anything: of either sign, or so small that it would make
/// the effect a hundredfold.
#[test]
fn there_is_no_effect_where_too_few_were_reached() {
    let setting = Setting { because: 0.002, people: 10_000, ..USUAL };
    let door = door(SPEND, setting.epsilon, setting.test_share);
    let mut negative = 0;
    for trial in 0..100 {
        let mut draw = Draw::new(trial);
        let result = door.release(&setting.cells(&mut draw), trial);
        let outcome = &result.answer.outcomes[0];
        let late = outcome.late.unwrap();
        assert_eq!((late.late, late.se, late.ci, late.ci_delta), (None, None, None, None));
        assert!(outcome.flags.contains(&"first_stage_weak".to_owned()), "{outcome:?}");
        assert!(outcome.diff_in_means.as_ref().unwrap().ci.is_some());
        negative += u32::from(late.first_stage < 0.0);
    }
    assert!((20..=70).contains(&negative), "{negative}");
}

/// All of it, with `GLOVEBOX_TRIALS` trials of each.
#[test]
#[ignore = "takes long: make statistics"]
fn the_whole_table() {
    let trials = trials();
    let mut lines = Lines::default();
    let mut tell = |setting: Setting| {
        let found = setting.run(trials);
        let holds = found.estimated == 0 || found.is_within(found.held, setting.band());
        let is_null = setting.effect.abs() < 1e-12;
        let rejects =
            !is_null || found.estimated == 0 || found.is_within(found.rejected, [0.04, 0.06]);
        lines.tell(setting.told(&found), holds && rejects);
    };
    for amounts in [YES, SPEND] {
        for epsilon in [0.25, 1.0] {
            for people in [2_000, 20_000, 200_000] {
                for (because, anyway) in [(0.3, 0.1), (0.8, 0.0)] {
                    for effect in [0.0, 0.05, 0.4] {
                        let usual = Setting { epsilon, people, amounts, ..USUAL };
                        tell(Setting { because, anyway, effect, ..usual });
                    }
                }
            }
        }
        for test_share in [900_000, 660_000] {
            for effect in [0.0, 0.4] {
                tell(Setting { epsilon: 1.0, test_share, effect, amounts, ..USUAL });
            }
        }
    }
    tell(STRONG);
    lines.end();
}

/// People of an arm; who has an outcome, the total and its squares; and of those reached who has one, the total, and their number.
type OfArm = (i64, (i64, i64, i64), (i64, i64, i64));

/// Unequal arms, of which many and a few were reached.
fn some(times: i64, unit: i64) -> [OfArm; 2] {
    let of = |people: i64, found: i64, spend: i64, squares: i64, reached: (i64, i64, i64)| {
        (
            times * people,
            (times * found, times * unit * spend, times * unit * unit * squares),
            (times * reached.0, times * unit * reached.1, times * reached.2),
        )
    };
    [
        of(12_000, 1_640, 8_100_500, 81_415_926_500, (900, 5_200_000, 7_000)),
        of(10_000, 1_120, 5_250_250, 49_000_123_250, (20, 90_000, 150)),
    ]
}

fn exact(arms: [OfArm; 2], unit: u32) -> LiftResult {
    let mut lift = asked(SPEND, 1.0, 500_000);
    lift.outcomes[0].clamp = Clamp::up_to(49_900 * unit).unwrap();
    let mut cells = Cells::new();
    for (at, (people, all, of_reached)) in arms.into_iter().enumerate() {
        arm(&mut cells, at, people, all, of_reached);
    }
    let door = Door::of(contract(), lift);
    door.answer_with(cells.totals(&door.admitted), &mut Silent)
}

fn late(result: &LiftResult) -> LateResult {
    result.answer.outcomes[0].late.unwrap()
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1e-300)
}

fn ends(late: &LateResult) -> [f64; 2] {
    late.ci.unwrap().map(Option::unwrap)
}

#[test]
fn everybody_twice_and_amounts_in_another_unit_change_what_they_should() {
    let before = late(&exact(some(1, 1), 1));
    let twice = late(&exact(some(2, 1), 1));
    assert!(close(before.late.unwrap(), twice.late.unwrap()), "{before:?} {twice:?}");
    let ratio = before.se.unwrap() / twice.se.unwrap() / 2.0_f64.sqrt();
    assert!((ratio - 1.0).abs() < 1e-4, "{ratio}");
    let thirds = late(&exact(some(1, 3), 3));
    assert!(close(3.0 * before.late.unwrap(), thirds.late.unwrap()), "{before:?} {thirds:?}");
    assert!(close(3.0 * before.se.unwrap(), thirds.se.unwrap()), "{before:?} {thirds:?}");
    for (one, other) in ends(&before).into_iter().zip(ends(&thirds)) {
        assert!(close(3.0 * one, other), "{before:?} {thirds:?}");
    }
    assert!(close(before.first_stage, thirds.first_stage));
}

/// Then the control arm is the one that was reached: both differences have the other sign, and nobody was reached because of the test arm.
#[test]
fn swapped_arms_have_the_contrary_first_stage_and_no_effect() {
    let [test, control] = some(1, 1);
    let (before, after) = (exact([test, control], 1), exact([control, test], 1));
    assert!(close(late(&before).first_stage, -late(&after).first_stage));
    assert!(late(&before).late.is_some() && late(&after).late.is_none());
    assert_eq!(after.answer.outcomes[0].flags, ["first_stage_weak"]);
}

/// All of the test arm and nobody else: then the effect on the reached is that on everybody, with the same interval.
#[test]
fn where_everybody_was_reached_it_is_the_effect_of_assignment() {
    let mut arms = some(1, 1);
    for (at, (people, all, of_reached)) in arms.iter_mut().enumerate() {
        *of_reached = if at == 0 { (all.0, all.1, *people) } else { (0, 0, 0) };
    }
    let result = exact(arms, 1);
    let difference = result.answer.outcomes[0].diff_in_means.clone().unwrap();
    let late = late(&result);
    assert!(close(late.late.unwrap(), difference.ate) && close(late.se.unwrap(), difference.se));
    for (one, other) in ends(&late).into_iter().zip(difference.ci.unwrap().map(Option::unwrap)) {
        assert!(close(one, other), "{late:?} {difference:?}");
    }
    assert_eq!(late.first_stage_ci, None);
}

/// Nobody and everybody reached, without an outcome, and in arms without people: numbers, or null with a flag.
#[test]
fn degenerate_totals_have_flags_in_place_of_an_effect() {
    let nobody = (0, 0, 0);
    for arms in [
        [(0, nobody, nobody); 2],
        [(5_000, nobody, nobody), (0, nobody, nobody)],
        [(5_000, nobody, (0, 0, 5_000)), (5_000, nobody, nobody)],
        [(5_000, nobody, nobody); 2],
        [(5_000, nobody, (0, 0, 5_000)); 2],
        [(5_000, (9, 900, 90_000), (9, 900, 9)), (5_000, (9, 900, 90_000), nobody)],
    ] {
        let result = exact(arms, 1);
        let text = serde_json::to_string(&result).unwrap();
        serde_json::from_str::<LiftResult>(&text).unwrap();
        let outcome = &result.answer.outcomes[0];
        let complete = outcome.late.is_some_and(|late| late.ci.is_some());
        assert!(complete || !outcome.flags.is_empty(), "{outcome:?}");
    }
}

const SLICE: u32 = 300;
