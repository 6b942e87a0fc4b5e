//! How often results are right where it is hard: small holdouts, few events, unequal arms, adjusted
//! intervals, arms that are contaminated or matched by half. Totals are drawn, go through the real door
//! with the real noise, and are read off the result; `tests/statistics.rs` has the engine in it as well.
//!
//! Seeds are fixed, so a run gives the same answer every time. Bounds are stated with each test.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail loudly")]

mod consent;
mod covariate;
mod grid;
mod margins;
mod reached;
mod segments;

use crate::support::room::{self, NOW};
use privacy::sampler::{Exact, Noise};
use privacy::{Ledger, Names, Raw, Totals};
use protocol::contract::{Contract, Role};
use protocol::identity::Identifier;
use protocol::job::{Alternative, Lift, Multiplicity, OutcomeKind};
use protocol::loss::{Epsilon, Loss};
use protocol::policy::Admitted;
use protocol::result::{LiftResult, OutcomeResult};
use protocol::units::Millionths;

/// A person has the outcome or has not.
const YES: &[i64] = &[1];
/// What somebody who buys spends, in cents: skewed, as sales are, and cut at 499 dollars.
const SPEND: &[i64] = &[
    2_999, 2_999, 2_999, 4_200, 5_500, 7_100, 8_800, 11_000, 13_000, 17_000, 24_000, 33_000, 49_900,
];

/// A table that `make statistics` prints, with the lines whose figures are outside of their bands.
#[derive(Default)]
struct Lines {
    outside: Vec<String>,
}

impl Lines {
    #[expect(clippy::print_stdout, reason = "prints a table")]
    fn tell(&mut self, line: String, holds: bool) {
        println!("{line}{}", if holds { "" } else { "  OUTSIDE" });
        if !holds {
            self.outside.push(line);
        }
    }

    fn end(self) {
        let Self { outside } = self;
        assert!(outside.is_empty(), "outside of their bands:\n{}", outside.join("\n"));
    }
}

/// The room, with one more measure of the people that the analysis names under `key`, and known by e-mail alone.
fn contract_with(measure: &str, scale: u8, key: &str) -> Contract {
    let agreed = room::column("agreed", "\"consent\"");
    let column = room::column(measure, &format!("\"measure\"\nscale = {scale}"));
    let text = room::text().replacen(&agreed, &format!("{column}{agreed}"), 1);
    let text = text.replacen("arm = \"arm\"\n", &format!("arm = \"arm\"\n{key}\n"), 1);
    let phone = room::column("phone", "\"match_key\"\nkind = \"phone\"");
    Contract::parse(text.replace(&phone, "").as_bytes()).unwrap()
}

/// How often each setting of a long table is tried: `GLOVEBOX_TRIALS` times.
#[expect(clippy::disallowed_methods, reason = "make statistics says how long it may take")]
fn trials() -> u32 {
    let told = std::env::var("GLOVEBOX_TRIALS").ok().and_then(|text| text.parse().ok());
    told.unwrap_or(10_000)
}

/// A 2 % holdout with five events at ε = 8, of a campaign that does nothing. By the normal distribution
/// 11 % of one-sided tests found a lift. 5 % are allowed and 6 % promised; of 200 trials 6 % may be 9 % by
/// chance, and `tests/few_events.rs` holds the promise itself in 1,500.
#[test]
fn few_events_in_a_small_holdout_make_no_more_lifts_or_losses_than_promised() {
    for (side, alternative) in [Alternative::Greater, Alternative::Less].into_iter().enumerate() {
        let outcomes = vec![room::outcome("visit", OutcomeKind::Binary, 1, 0)];
        let asked = Lift { alternative, multiplicity: Multiplicity::None, ..asked(outcomes, 8.0) };
        let asked = Lift { expected_test_share: Millionths(980_392), ..asked };
        let door = Door::new(asked);
        let (mut found, mut told) = (0_u32, 0_u32);
        for trial in 0..FEW {
            let mut draw = Draw::new(trial);
            let (test, control) = (draw.poisson(250.0), draw.poisson(5.0));
            let mut cells = Cells::new();
            cells.arm(0, 50_000, 0, &[(test, test)]);
            cells.arm(1, 1_000, 0, &[(control, control)]);
            let result = door.release(&cells, trial);
            let outcome = &result.answer.outcomes[0];
            let difference = outcome.diff_in_means.as_ref().unwrap();
            assert_eq!(difference.ci_method, "few_events");
            agrees(&result, outcome);
            found += u32::from(difference.p.unwrap() < 0.05);
            told += u32::from(outcome.flags.iter().any(|flag| flag == "few_events"));
        }
        assert!(f64::from(found) / f64::from(FEW) <= 0.09, "{side}: {found} of {FEW}");
        assert_eq!(told, FEW, "some were not told how few events there are");
    }
}

/// Six outcomes, three of them with an effect, unequal arms. Bonferroni's intervals hold all six in
/// 95 % at least; what Holm alone finds costs some of that, and the rate of each is that of its level.
#[test]
fn adjusted_intervals_hold_together() {
    for multiplicity in [Multiplicity::Holm, Multiplicity::Bh] {
        let door = Door::new(Lift { multiplicity, ..asked(six(), 4.0) });
        let rates =
            [(0.05, 0.05), (0.1, 0.1), (0.2, 0.2), (0.05, 0.057), (0.1, 0.108), (0.2, 0.21)];
        let (mut together, mut missed) = (0_u32, 0.0);
        for trial in 0..MANY {
            let mut draw = Draw::new(trial);
            let mut arm = |people: i64, pick: fn(&(f64, f64)) -> f64| {
                let events = rates.map(|it| draw.binomial(people, pick(&it)));
                (people, events.map(|it| (it, it)))
            };
            let (test, control) = (arm(20_000, |it| it.1), arm(8_000, |it| it.0));
            let mut cells = Cells::new();
            cells.arm(0, test.0, 0, &test.1);
            cells.arm(1, control.0, 0, &control.1);
            let result = door.release(&cells, trial);
            let (mut all, mut wrong, mut shown) = (true, 0_u32, 0_u32);
            for (outcome, (without, with)) in result.answer.outcomes.iter().zip(rates) {
                agrees(&result, outcome);
                let [low, high] =
                    outcome.diff_in_means.as_ref().unwrap().ci.unwrap().map(Option::unwrap);
                let held = (low..=high).contains(&(with - without));
                all &= held;
                let selected = low > 0.0 || high < 0.0;
                shown += u32::from(selected);
                wrong += u32::from(selected && !held);
            }
            together += u32::from(all);
            missed += f64::from(wrong) / f64::from(shown.max(1));
        }
        let share = f64::from(together) / f64::from(MANY);
        let missed = missed / f64::from(MANY);
        match multiplicity {
            // 95 % but for 2.2 standard errors of 600 trials.
            Multiplicity::Holm => assert!(share >= 0.93, "{share}"),
            _ => assert!(missed <= 0.065, "{missed}"),
        }
    }
}

/// A sound design raises each flag in one job of a thousand at most. Of 3,000 that is 3, and more than
/// 10 by chance with probability 3·10⁻⁴.
#[test]
fn a_sound_design_raises_a_flag_as_rarely_as_is_said() {
    for (test, control, epsilon) in [(21_000, 21_000, 1.0), (20_000, 1_500, 4.0), (900, 900, 1.0)] {
        let share = u32::try_from(1_000_000 * test / (test + control)).unwrap();
        let outcomes = vec![room::outcome("visit", OutcomeKind::Binary, 1, 0)];
        let door =
            Door::new(Lift { expected_test_share: Millionths(share), ..asked(outcomes, epsilon) });
        let mut raised = [0_u32; 3];
        for trial in 0..DESIGNS {
            let mut draw = Draw::new(trial);
            let all = test + control;
            let assigned = draw.binomial(all, f64::from(share) / 1e6);
            let mut cells = Cells::new();
            for (arm, people) in [(0, assigned), (1, all - assigned)] {
                let matched = draw.binomial(people, 0.7);
                cells.arm(arm, matched, people - matched, &[(people / 3, people / 3)]);
            }
            // Just as many as are tolerated.
            cells.0[4].0 = assigned.min(all - assigned) / 100;
            let result = door.release(&cells, trial);
            let flags = ["srm_failed", "match_differs", "contaminated"];
            for (count, flag) in raised.iter_mut().zip(flags) {
                *count += u32::from(result.flags.iter().any(|it| it == flag));
            }
        }
        assert!(raised.iter().all(|count| *count <= 10), "{test} {control} {epsilon}: {raised:?}");
    }
}

/// Half of the control list has old addresses; three in ten people are in both arms. Neither may ever
/// pass without a word, and the match rates are there however well an arm is matched.
#[test]
fn a_broken_design_says_so() {
    let outcomes = vec![room::outcome("visit", OutcomeKind::Binary, 1, 0)];
    let door = Door::new(asked(outcomes, 2.0));
    for trial in 0..50 {
        let mut cells = Cells::new();
        cells.arm(0, 10_000, 0, &[(2_000, 2_000)]);
        cells.arm(1, 5_000, 5_000, &[(1_000, 1_000)]);
        cells.0[4].0 = 5_977;
        let result = door.release(&cells, trial);
        let rates = result.answer.match_rates.as_ref().unwrap();
        assert!(rates.test.rate > 0.99 && (rates.control.rate - 0.5).abs() < 0.02, "{rates:?}");
        assert!(rates.test.ci[1] <= 1.0 && rates.test.ci[0] <= rates.test.rate);
        assert_eq!(result.flags, ["match_differs", "contaminated"]);
        assert!(result.answer.cells.iter().all(|cell| cell.n.is_some()));
    }
}

/// Of a holdout of 2 % some are reached after all: with them its buyers leave, and an effect comes of
/// nothing. That is never without a word, whether noise lets it be seen or not.
#[test]
fn a_few_people_in_both_arms_of_a_small_holdout_are_not_passed_over() {
    let (seen, hidden) = ("contaminated", "contamination_hidden");
    for (epsilon, leaked, told) in
        [(8.0, 60, [seen, seen]), (1.0, 60, [seen, hidden]), (1.0, 200, [seen, seen])]
    {
        let outcomes = vec![room::outcome("visit", OutcomeKind::Binary, 1, 0)];
        let asked = Lift { expected_test_share: Millionths(980_000), ..asked(outcomes, epsilon) };
        let door = Door::new(asked);
        for trial in 0..50 {
            let mut cells = Cells::new();
            cells.arm(0, 98_000, 0, &[(7_840, 7_840)]);
            cells.arm(1, 2_000 - leaked, 0, &[(160 - leaked.min(100), 160 - leaked.min(100))]);
            cells.0[4].0 = leaked;
            let flags = door.release(&cells, trial).flags;
            assert!(
                flags.iter().any(|flag| told.contains(&flag.as_str())),
                "{epsilon} {leaked}: {flags:?}"
            );
        }
    }
}

/// The interval of a match rate holds it, also where nearly everybody or nobody is found.
#[test]
fn intervals_of_match_rates_hold() {
    let outcomes = vec![room::outcome("visit", OutcomeKind::Binary, 1, 0)];
    let door = Door::new(asked(outcomes, 1.0));
    for rate in [0.0, 0.003, 0.4, 0.998, 1.0] {
        let mut held = 0_u32;
        for trial in 0..MANY {
            let mut draw = Draw::new(trial);
            let mut cells = Cells::new();
            for arm in [0, 1] {
                let matched = draw.binomial(5_000, rate);
                cells.arm(arm, matched, 5_000 - matched, &[(1_000, 1_000)]);
            }
            let [low, high] = door.release(&cells, trial).answer.match_rates.unwrap().test.ci;
            held += u32::from((low..=high).contains(&rate));
        }
        // At the ends of the scale half of the misses cannot be.
        assert!((0.93..=0.99).contains(&(f64::from(held) / f64::from(MANY))), "{rate}: {held}");
    }
}

/// Nobody of the control arm visited, so that noise makes its mean negative in half of the runs.
#[test]
fn no_relative_lift_over_a_control_mean_that_may_be_nothing() {
    let door = Door::new(asked(six().into_iter().take(2).collect(), 1.0));
    let (mut negative, mut positive) = (0, 0);
    for trial in 0..50 {
        let mut cells = Cells::new();
        cells.arm(0, 2_000, 0, &[(300, 300); 2]);
        cells.arm(1, 0, 2_000, &[(0, 0), (200, 200)]);
        for outcome in &door.release(&cells, trial).answer.outcomes {
            let difference = outcome.diff_in_means.as_ref().unwrap();
            let relative = outcome.relative_lift.as_ref().unwrap();
            if difference.mean_c <= 0.0 {
                negative += 1;
                assert_eq!((relative.rel_lift, relative.ci_fieller), (None, None));
                assert_eq!(relative.ci_few_events, None);
                assert!(outcome.flags.iter().any(|it| it == "control_near_zero"), "{outcome:?}");
            }
            if let Some(lift) = relative.rel_lift {
                positive += 1;
                assert!(lift.signum() * difference.ate.signum() > 0.0, "{outcome:?}");
            }
        }
    }
    assert!(negative > 15 && positive > 40, "{negative} {positive}");
}

/// Nobody in either arm, at ε = 0.1: what passes the threshold is noise, and no lift comes of it.
#[test]
fn arms_that_are_nothing_but_noise_get_no_figure() {
    let outcomes = vec![
        room::outcome("visit", OutcomeKind::Binary, 1, 0),
        room::outcome("spend", OutcomeKind::Value, 10_000, 2),
    ];
    let door = Door::new(asked(outcomes, 0.1));
    let mut passed = 0;
    for trial in 0..200 {
        let result = door.release(&Cells::new(), trial);
        for outcome in &result.answer.outcomes {
            assert!(outcome.diff_in_means.is_none() && outcome.relative_lift.is_none());
            if outcome.test.is_some() && outcome.control.is_some() {
                passed += 1;
                assert_eq!(outcome.flags, ["noise_dominates"]);
                assert!(outcome.economics.is_none() && outcome.minimum_detectable.is_none());
                assert_eq!(result.answer.match_rates, None);
            }
        }
    }
    assert!(passed > 10, "{passed}");
}

/// Three people at the cap decide the total of a small arm, however many small payers stand beside them.
#[test]
fn a_few_large_payers_among_many_small_ones_are_few_in_unequal_arms() {
    let outcomes = vec![room::outcome("spend", OutcomeKind::Value, 10_000, 2)];
    let of = |test: i64, control: i64, whales: i64| {
        let asked = Lift { multiplicity: Multiplicity::None, ..asked(outcomes.clone(), 20.0) };
        let door = Door::new(Lift { expected_test_share: Millionths(500_000), ..asked });
        let mut cells = Cells::new();
        for (arm, people) in [(0, test), (1, control)] {
            let (large, small) = (whales * people / control, people * 8 / 100);
            let squares = large * 10_000 * 10_000 + small * 200 * 200;
            cells.arm(arm, people, 0, &[(large * 10_000 + small * 200, squares)]);
        }
        let outcome = door.release(&cells, 1).answer.outcomes.remove(0);
        outcome.flags.contains(&"few_payers".to_owned())
    };
    assert!(of(98_000, 2_000, 3), "of 2 %");
    assert!(of(39_000, 10_000, 4), "of a fifth");
    assert!(!of(98_000, 2_000, 150) && !of(39_000, 10_000, 40), "many of them");
}

/// Five people who spend decide a total: neither p nor interval. Three hundred have both.
#[test]
fn a_value_of_few_payers_has_no_p() {
    let spend = || vec![room::outcome("spend", OutcomeKind::Value, 10_000, 2)];
    let of = |payers: i64, epsilon: f64| {
        let door = Door::new(Lift { multiplicity: Multiplicity::None, ..asked(spend(), epsilon) });
        let mut cells = Cells::new();
        for arm in [0, 1] {
            cells.arm(arm, 10_000, 0, &[(payers * 5_000, payers * 5_000 * 5_000)]);
        }
        door.release(&cells, 1).answer.outcomes.remove(0)
    };
    let few = of(5, 20.0);
    assert_eq!(few.flags[0], "few_payers", "{few:?}");
    let difference = few.diff_in_means.unwrap();
    assert_eq!((difference.p, difference.ci, difference.t), (None, None, None));
    let many = of(300, 20.0);
    assert!(many.flags.is_empty() && many.diff_in_means.unwrap().p.is_some());
    // Noise that is far larger makes the total normal again.
    assert!(!of(5, 0.5).flags.contains(&"few_payers".to_owned()));
}

/// On the question that is shown first, noise often makes a variance negative, and it changes nothing.
#[test]
fn a_floored_variance_cries_no_wolf() {
    let outcomes = vec![room::outcome("spend", OutcomeKind::Value, 49_900, 2)];
    let door = Door::new(asked(outcomes, 1.0));
    let mut floored = 0_u32;
    for trial in 0..MANY {
        let mut cells = Cells::new();
        cells.arm(0, 21_307, 0, &[(3_031_172, 90_000_000_000)]);
        cells.arm(1, 21_306, 0, &[(1_390_833, 32_000_000_000)]);
        let result = door.release(&cells, trial);
        floored +=
            u32::from(result.answer.outcomes[0].flags.iter().any(|it| it == "variance_floored"));
    }
    assert!(floored < MANY / 50, "{floored}");
}

/// No interval contradicts its p, no relative lift its difference.
fn agrees(result: &LiftResult, outcome: &OutcomeResult) {
    let difference = outcome.diff_in_means.as_ref().unwrap();
    let outside = |ends: Option<[Option<f64>; 2]>| {
        let [low, high] = ends?;
        Some(low.is_some_and(|it| it > 0.0) || high.is_some_and(|it| it < 0.0))
    };
    let p = difference.p_adjusted.or(difference.p).unwrap();
    let found = p < 1.0 - result.answer.confidence;
    assert_eq!(outside(difference.ci), Some(found), "{outcome:?}");
    if let Some(relative) = &outcome.relative_lift {
        let interval = outside(relative.ci_fieller.or(relative.ci_few_events));
        assert!(interval.is_none_or(|it| it == found), "{outcome:?}");
        assert!(relative.rel_lift.is_none_or(|it| it * difference.ate >= 0.0), "{outcome:?}");
    }
}

fn six() -> Vec<protocol::job::Outcome> {
    let named = |at: u32| protocol::job::Outcome {
        name: format!("visit-{at}"),
        ..room::outcome("visit", OutcomeKind::Binary, 1, 0)
    };
    (0..6).map(named).collect()
}

fn asked(outcomes: Vec<protocol::job::Outcome>, epsilon: f64) -> Lift {
    Lift { epsilon: Epsilon::new(epsilon).unwrap(), ..room::lift(outcomes) }
}

/// People, and a sum and a sum of squares for each outcome. Behind the only outcome of a job may stand people who were reached, and the
/// outcome's total over them.
type OfCell = (i64, Vec<(i64, i64)>);

/// The cells in the order of `protocol::analysis::lift::Cell::ALL`.
struct Cells([OfCell; 7]);

impl Cells {
    fn new() -> Self {
        Self([(); 7].map(|()| (0, vec![(0, 0); 6])))
    }

    /// All outcomes are of those who were found.
    fn arm(&mut self, arm: usize, matched: i64, unmatched: i64, outcomes: &[(i64, i64)]) {
        self.0[2 * arm] = (matched, outcomes.to_vec());
        self.0[2 * arm + 1].0 = unmatched;
    }

    fn totals(&self, admitted: &Admitted) -> Totals {
        let tally = admitted.proven().tally();
        let [test, test_un, control, control_un, several, other, refused] = &self.0;
        let none = &(0, Vec::new());
        // Of those in several arms, or in another one, nobody was found.
        let cells = [test_un, test, control_un, control, several, none, other, none, refused];
        let column = |pick: &dyn Fn(&OfCell) -> i64| cells.iter().copied().map(pick).collect();
        let of = |cell: &OfCell, at: usize| cell.1.get(at).copied().unwrap_or((0, 0));
        Totals {
            cells: Names::Public,
            people: column(&|it| it.0),
            sums: (0..tally.measures.len()).map(|at| column(&|it| of(it, at).0)).collect(),
            spread: Vec::new(),
            products: tally
                .products
                .iter()
                .map(|product| {
                    let unit = i64::try_from(product.unit()).unwrap();
                    column(&|cell| of(cell, usize::try_from(product.other).unwrap()).1 / unit)
                })
                .collect(),
        }
    }
}

/// Everything that is the same in every trial of a job.
struct Door {
    contract: Contract,
    admitted: Admitted,
}

impl Door {
    fn new(asked: Lift) -> Self {
        let mut contract = room::contract();
        for dataset in contract.datasets.values_mut() {
            dataset.columns.retain(|column| column.role != Role::MatchKey(Identifier::Phone));
        }
        Self::of(contract, asked)
    }

    fn of(contract: Contract, asked: Lift) -> Self {
        let admitted = room::admitted(&contract, asked, 64_000);
        Self { contract, admitted }
    }

    fn release(&self, cells: &Cells, trial: u32) -> LiftResult {
        self.answer(cells.totals(&self.admitted), trial)
    }

    fn answer(&self, totals: Totals, trial: u32) -> LiftResult {
        let mut seed = [9; 32];
        seed[..4].copy_from_slice(&trial.to_le_bytes());
        self.answer_with(totals, &mut Exact::from_seed(seed))
    }

    fn answer_with(&self, totals: Totals, noise: &mut impl Noise) -> LiftResult {
        let raw = Raw::new(self.admitted.proven().clone(), totals);
        let mut ledger = Ledger::new();
        for dataset in ["exposures", "sales"] {
            let slice =
                room::slice(&self.contract, dataset, Loss::zcdp(self.admitted.cost().rho()));
            ledger.accept(&slice, &self.contract, NOW).unwrap();
        }
        let paid = ledger.pay(self.admitted.clone(), &self.contract, NOW);
        let released = raw.release(paid.unwrap(), noise).unwrap();
        released
            .result(released.paid().admitted(), "analyst", &self.contract, NOW)
            .unwrap()
            .of()
            .unwrap()
    }
}

/// Draws people; a linear congruence with its high bits, as this is no secret.
struct Draw(u64);

impl Draw {
    /// Draws whose seeds have nothing in common: with neighbouring ones many draws of one trial, added up, differed less between trials
    /// than chance does. Mixed as by Steele, Lea and Flood 2014 (`SplitMix64`).
    fn new(trial: u32) -> Self {
        let seed = u64::from(trial).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let seed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self(seed ^ (seed >> 31))
    }

    fn unit(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bits = u32::try_from(self.0 >> 33).unwrap();
        (f64::from(bits) + 0.5) / 2_147_483_648.0
    }

    /// By the gaps between events.
    fn poisson(&mut self, mean: f64) -> i64 {
        let (mut at, mut count) = (0.0, -1);
        while at < mean {
            at -= self.unit().ln();
            count += 1;
        }
        count.max(0)
    }

    /// Poisson where it is rare (or its contrary is), normal elsewhere.
    fn binomial(&mut self, people: i64, rate: f64) -> i64 {
        let n = f64::from(u32::try_from(people).unwrap());
        if rate > 0.5 {
            return people - self.binomial(people, 1.0 - rate);
        }
        if rate < 0.01 {
            return self.poisson(n * rate).min(people);
        }
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        let drawn = (n * rate + (n * rate * (1.0 - rate)).sqrt() * normal).round();
        #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "people")]
        let drawn = drawn as i64;
        drawn.clamp(0, people)
    }
}

const FEW: u32 = 200;
const MANY: u32 = 600;
const DESIGNS: u32 = 3_000;
