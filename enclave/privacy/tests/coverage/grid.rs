//! A table of coverage: how often the intervals of a lift hold the effect, over ε, people, baselines and effects, with unequal
//! arms, few events and amounts that may be negative. Totals are drawn, go through the real door with the real
//! noise, and are read off the result. `make statistics` prints it; a slice of it runs with the other tests.

use super::{Cells, Door, Draw, Lines, SPEND, YES, agrees, trials};
use crate::support::room;
use protocol::job::{Lift, Multiplicity, Outcome, OutcomeKind};
use protocol::loss::Epsilon;
use protocol::result::OutcomeResult;
use protocol::tally::Clamp;
use protocol::units::Millionths;

/// A trial's population.
#[derive(Clone, Copy)]
struct Setting {
    epsilon: f64,
    /// People in both arms.
    people: i64,
    /// Share of the test arm, in millionths.
    test_share: u32,
    /// Share of the control arm's people with an outcome.
    baseline: f64,
    /// How many more of the test arm have one, as a share of the baseline.
    effect: f64,
    amounts: &'static [i64],
}

/// What somebody with a purchase has left of it, after returns of what was bought before.
const REFUNDS: &[i64] = &[-20_000, -5_000, -1_000, 2_999, 5_000, 8_000, 12_000, 20_000];

/// How often intervals held the truth.
#[derive(Clone, Copy, Default)]
struct Tally {
    trials: u32,
    estimated: u32,
    held: u32,
    /// Without the noise's part of the interval.
    held_without_noise: u32,
    found: u32,
    bounded: u32,
    bounded_held: u32,
    width: f64,
}

impl Setting {
    fn outcome(&self) -> Outcome {
        match self.amounts {
            [_] => room::outcome("visit", OutcomeKind::Binary, 1, 0),
            amounts => {
                let cap = u32::try_from(*amounts.iter().max().unwrap()).unwrap();
                let floor = *amounts.iter().min().unwrap().min(&0);
                let outcome = room::outcome("spend", OutcomeKind::Value, cap, 2);
                Outcome { clamp: Clamp::new(floor, cap.into()).unwrap(), ..outcome }
            }
        }
    }

    fn mean(&self) -> f64 {
        let sum: i64 = self.amounts.iter().sum();
        let unit = if self.amounts.len() == 1 { 1.0 } else { 100.0 };
        real(sum) / real(i64::try_from(self.amounts.len()).unwrap()) / unit
    }

    fn truth(&self) -> f64 {
        self.baseline * self.effect * self.mean()
    }

    fn arms(&self) -> [(i64, f64); 2] {
        let test = self.people * i64::from(self.test_share) / 1_000_000;
        [(test, self.baseline * (1.0 + self.effect)), (self.people - test, self.baseline)]
    }

    fn run(&self, trials: u32) -> Tally {
        let asked = Lift {
            epsilon: Epsilon::new(self.epsilon).unwrap(),
            multiplicity: Multiplicity::None,
            expected_test_share: Millionths(self.test_share),
            ..room::lift(vec![self.outcome()])
        };
        let door = Door::new(asked);
        let mut tally = Tally { trials, ..Tally::default() };
        for trial in 0..trials {
            let mut draw = Draw::new(trial);
            let mut cells = Cells::new();
            for (arm, (people, rate)) in self.arms().into_iter().enumerate() {
                let found = draw.binomial(people, rate);
                let total = draw.amounts(self.amounts, found);
                cells.arm(arm, found, people - found, &[total]);
            }
            let result = door.release(&cells, trial);
            let outcome = &result.answer.outcomes[0];
            if outcome.diff_in_means.as_ref().is_some_and(|difference| difference.ci.is_some()) {
                agrees(&result, outcome);
                tally.count(outcome, self.truth(), self.effect);
            }
        }
        tally
    }

    /// The least and the largest share of intervals that hold.
    fn band(&self) -> [f64; 2] {
        let fewest = self.arms().map(|(people, rate)| real(people) * rate);
        let fewest = fewest[0].min(fewest[1]);
        match () {
            // The largest p over a set is taken.
            () if self.amounts == YES && fewest <= 20.0 => [0.94, 0.99],
            () if self.people <= 2_000 => [0.93, 0.97],
            () => [0.94, 0.96],
        }
    }
}

impl Tally {
    fn count(&mut self, outcome: &OutcomeResult, truth: f64, effect: f64) {
        let found = outcome.diff_in_means.as_ref().unwrap();
        let [lower, upper] = found.ci.unwrap().map(Option::unwrap);
        self.estimated += 1;
        self.held += u32::from((lower..=upper).contains(&truth));
        self.found += u32::from(found.p.unwrap() < 0.05);
        self.width += upper - lower;
        let half = (upper - lower) / 2.0 * found.se_sampling / found.se;
        self.held_without_noise += u32::from((found.ate - truth).abs() <= half);
        let relative = outcome.relative_lift.as_ref().unwrap();
        if let Some([Some(lower), Some(upper)]) = relative.ci_fieller.or(relative.ci_few_events) {
            self.bounded += 1;
            self.bounded_held += u32::from((lower..=upper).contains(&effect));
        }
    }

    fn share(&self, of: u32) -> f64 {
        f64::from(of) / f64::from(self.estimated)
    }

    /// Four standard errors of a share near 95 %: what chance does to as few trials.
    fn chance(&self) -> f64 {
        4.0 * (0.05 * 0.95 / f64::from(self.estimated)).sqrt()
    }

    fn is_within(&self, held: u32, [least, most]: [f64; 2]) -> bool {
        let (share, chance) = (self.share(held), self.chance());
        (least - chance..=most + chance).contains(&share)
    }
}

impl Draw {
    /// What so many people have together, and its squares.
    pub(super) fn amounts(&mut self, amounts: &[i64], people: i64) -> (i64, i64) {
        let [_, ..] = amounts else { return (0, 0) };
        if let [one] = amounts {
            return (one * people, one * one * people);
        }
        let count = f64::from(u32::try_from(amounts.len()).unwrap());
        (0..people).fold((0, 0), |(sum, squares), _| {
            #[expect(
                clippy::as_conversions,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place"
            )]
            let place = (self.unit() * count) as usize;
            let amount = amounts[place.min(amounts.len() - 1)];
            (sum + amount, squares + amount * amount)
        })
    }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:6.2}", 100.0 * share)
}

fn real(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap())
}

const EVEN: u32 = 500_000;

fn setting(epsilon: f64, people: i64, baseline: f64, amounts: &'static [i64]) -> Setting {
    Setting { epsilon, people, test_share: EVEN, baseline, effect: 0.0, amounts }
}

/// The slice that runs with the other tests; a build that leaves the noise out of its intervals fails it.
#[test]
fn a_slice_of_the_table_holds_and_would_not_without_the_noise() {
    for setting in [
        setting(0.25, 20_000, 0.05, SPEND),
        Setting { effect: 0.5, test_share: 600_000, ..setting(0.25, 20_000, 0.05, SPEND) },
        Setting { effect: 0.1, test_share: 900_000, ..setting(0.5, 20_000, 0.05, SPEND) },
        setting(0.1, 20_000, 0.2, REFUNDS),
        Setting { effect: 0.1, ..setting(0.1, 20_000, 0.05, YES) },
    ] {
        let tally = setting.run(SLICE);
        let told = setting.told(&tally);
        assert!(tally.estimated > SLICE / 2, "{told}");
        assert!(tally.is_within(tally.held, setting.band()), "{told}");
        assert!(!tally.is_within(tally.held_without_noise, setting.band()), "{told}");
    }
}

impl Setting {
    fn told(&self, tally: &Tally) -> String {
        let kind = match self.amounts {
            [_] => "share",
            amounts if amounts[0] < 0 => "refunds",
            _ => "spend",
        };
        let relative = if tally.bounded == 0 {
            "     -".to_owned()
        } else {
            percent(f64::from(tally.bounded_held) / f64::from(tally.bounded))
        };
        format!(
            "{kind:8} eps {:4} n {:6} test {:2.0} % baseline {:4.1} % effect {:2.0} %: holds {} found {} \
             relative {relative} ({:5} of {:5}) width {:.4} without noise {} estimated {:5} of {:5}",
            self.epsilon,
            self.people,
            f64::from(self.test_share) / 1e4,
            100.0 * self.baseline,
            100.0 * self.effect,
            percent(tally.share(tally.held)),
            percent(tally.share(tally.found)),
            tally.bounded,
            tally.estimated,
            tally.width / f64::from(tally.estimated.max(1)),
            percent(tally.share(tally.held_without_noise)),
            tally.estimated,
            tally.trials,
        )
    }
}

/// All of it, with `GLOVEBOX_TRIALS` trials of each.
#[test]
#[ignore = "takes long: make statistics"]
fn the_whole_table() {
    let trials = trials();
    let mut lines = Lines::default();
    let mut tell = |setting: Setting| {
        let tally = setting.run(trials);
        let holds = tally.estimated == 0 || tally.is_within(tally.held, setting.band());
        let null = setting.effect.abs() < 1e-12;
        let rejects =
            !null || tally.estimated == 0 || tally.share(tally.found) <= 0.06 + tally.chance();
        lines.tell(setting.told(&tally), holds && rejects);
    };
    for amounts in [YES, SPEND] {
        for epsilon in [0.25, 0.5, 1.0, 2.0] {
            for people in [2_000, 20_000, 200_000] {
                for baseline in [0.005, 0.05] {
                    for effect in [0.0, 0.1, 0.5] {
                        tell(Setting { effect, ..setting(epsilon, people, baseline, amounts) });
                    }
                }
            }
        }
        for (test_share, people) in [(980_000, 200_000), (900_000, 20_000), (660_000, 20_000)] {
            for effect in [0.0, 0.5] {
                let even = setting(1.0, people, 0.05, amounts);
                tell(Setting { effect, test_share, ..even });
            }
        }
    }
    for events in [5.0, 20.0] {
        for epsilon in [1.0, 2.0] {
            tell(setting(epsilon, 20_000, events / 10_000.0, YES));
        }
    }
    for epsilon in [0.25, 0.5, 1.0, 2.0] {
        for effect in [0.0, 0.5] {
            tell(Setting { effect, ..setting(epsilon, 20_000, 0.2, REFUNDS) });
        }
    }
    lines.end();
}

const SLICE: u32 = 300;
