//! An effect on one segment of one creative is found, and others are not: totals of segments are drawn, go through the real door
//! with the real noise, and are read off the result.

use super::{Door, Draw, agrees};
use crate::support::room;
use privacy::{Names, Totals};
use protocol::contract::Contract;
use protocol::job::{Breakdown, Lift, Multiplicity, OutcomeKind};
use protocol::loss::Epsilon;
use protocol::released::{Place, public_name};
use protocol::result::{LiftResult, OutcomeResult};
use protocol::tally::Tally;
use protocol::units::Millionths;

const REGIONS: u32 = 4;
const CREATIVES: u32 = 2;

/// The room, with a region of each person of the exposures.
fn contract() -> Contract {
    let text = room::text();
    let arm = room::column("arm", "\"group\"\ndomain = [\"mens\", \"womens\", \"none\"]");
    let region =
        room::column("region", "\"group\"\ndomain = [\"east\", \"north\", \"south\", \"west\"]");
    let text = text.replace(&arm, &format!("{arm}{region}"));
    let text =
        text.replace("arm = \"arm\"\noutcome", "arm = \"arm\"\nsegments = [\"region\"]\noutcome");
    Contract::parse(text.as_bytes()).unwrap()
}

fn asked(segments: bool, creative: bool, multiplicity: Multiplicity) -> Lift {
    let breakdown = Breakdown {
        segments: if segments { vec!["region".to_owned()] } else { Vec::new() },
        creative: creative.then(|| "arm".to_owned()),
    };
    let lift = room::lift(vec![room::outcome("visit", OutcomeKind::Binary, 1, 0)]);
    let test =
        if creative { vec!["mens".to_owned(), "womens".to_owned()] } else { lift.test.clone() };
    Lift {
        test,
        epsilon: Epsilon::new(1.0).unwrap(),
        expected_test_share: Millionths(if creative { 666_667 } else { 500_000 }),
        breakdown: Some(breakdown),
        multiplicity,
        ..lift
    }
}

/// People of one cell, and how many of them did something: (arm, region, creative) to both.
fn totals(tally: &Tally, mut of: impl FnMut(u32, u32, u32) -> (i64, i64)) -> Totals {
    let cells = tally.public_cells().unwrap() - 1;
    let (mut people, mut sums) = (Vec::new(), Vec::new());
    for at in 0..cells {
        let name = public_name(&tally.dimensions, at).into_iter().map(|place| match place {
            Place::Index(at) => at,
            Place::Label(_) => unreachable!("public"),
        });
        let name: Vec<_> = name.collect();
        let rest = |place: usize| name.get(place).copied().unwrap_or(0);
        // Everybody is found.
        let (all, yes) =
            if name[1] == 1 && name[0] < 2 { of(name[0], rest(2), rest(3)) } else { (0, 0) };
        people.push(all);
        sums.push(yes);
    }
    people.push(0);
    sums.push(0);
    Totals {
        cells: Names::Public,
        people,
        sums: vec![sums],
        products: Vec::new(),
        spread: Vec::new(),
    }
}

fn clear(outcome: &OutcomeResult) -> bool {
    outcome
        .diff_in_means
        .as_ref()
        .and_then(|difference| difference.p_adjusted)
        .is_some_and(|p| p < 0.05)
}

fn run(door: &Door, trial: u32, rate: impl Fn(u32, u32, u32) -> f64) -> LiftResult {
    let mut draw = Draw::new(trial);
    let tally = door.admitted.proven().tally();
    let totals = totals(tally, |arm, region, creative| {
        let is_cell =
            region < REGIONS && if arm == 0 { creative < CREATIVES } else { creative == 2 };
        let people = if is_cell { PEOPLE } else { 0 };
        (people, draw.binomial(people, rate(arm, region, creative)))
    });
    door.answer(totals, trial)
}

/// One of eight cells has 15.25 % in place of 12 %, with 5,000 people in each arm: 4.65 standard errors, noise included, which Holm's first
/// step finds with probability .97 among nine comparisons.
#[test]
fn an_effect_on_one_segment_of_one_creative_is_found_after_holm() {
    let door = Door::of(contract(), asked(true, true, Multiplicity::Holm));
    let (mut found, mut others) = (0_u32, 0_u32);
    for trial in 0..RUNS {
        let planted = |arm, region, creative| {
            if (arm, region, creative) == (0, 2, 1) { BASE + EFFECT } else { BASE }
        };
        let result = run(&door, trial, planted);
        let breakdown = result.answer.breakdown.as_ref().unwrap();
        assert_eq!((breakdown.parts.len(), breakdown.comparisons), (8, 9));
        let mut wrong = false;
        for part in &breakdown.parts {
            agrees(&result, &part.outcomes[0]);
            let is_planted =
                part.segment == ["south"] && part.creative.as_deref() == Some("womens");
            if is_planted {
                found += u32::from(clear(&part.outcomes[0]));
            } else {
                wrong |= clear(&part.outcomes[0]);
            }
        }
        others += u32::from(wrong);
        agrees(&result, &result.answer.outcomes[0]);
    }
    assert!(f64::from(found) >= 0.9 * f64::from(RUNS), "{found}");
    // In 5 % of all runs any of seven, and 4 standard errors.
    let most = 0.05 + 4.0 * (0.05 * 0.95 / f64::from(RUNS)).sqrt();
    assert!(f64::from(others) <= most * f64::from(RUNS), "{others}");
}

/// Where nothing has an effect, any of all comparisons is found in one job of twenty, by Holm and by Benjamini and Hochberg; and the
/// test of whether segments differ says so in one of twenty.
#[test]
fn a_campaign_without_effects_has_none_on_segments() {
    for multiplicity in [Multiplicity::Holm, Multiplicity::Bh] {
        let door = Door::of(contract(), asked(true, false, multiplicity));
        let (mut wrong, mut differ) = (0_u32, 0_u32);
        for trial in 0..RUNS {
            let mut draw = Draw::new(trial + 10_000);
            let tally = door.admitted.proven().tally();
            let drawn = totals(tally, |_, region, _| {
                let people = if region < REGIONS { 3_000 } else { 0 };
                (people, draw.binomial(people, 0.08))
            });
            let result = door.answer(drawn, trial);
            let breakdown = result.answer.breakdown.as_ref().unwrap();
            let parts = breakdown.parts.iter().flat_map(|part| &part.outcomes);
            let mut all = parts.chain(&result.answer.outcomes);
            wrong += u32::from(all.any(clear));
            differ += u32::from(breakdown.differences[0].p.unwrap() < 0.05);
        }
        let most = (0.05 + 4.0 * (0.05 * 0.95 / f64::from(RUNS)).sqrt()) * f64::from(RUNS);
        assert!(f64::from(wrong) <= most, "{multiplicity:?}: {wrong}");
        assert!(f64::from(differ) <= most, "{differ}");
    }
}

/// People of each region by arm; everybody is found, and half have the outcome, so that arms of a thousand need no exact test.
fn assigned(door: &Door, people: impl Fn(u32, u32) -> i64) -> Totals {
    totals(door.admitted.proven().tally(), |arm, region, _| {
        let people = if region < REGIONS { people(arm, region) } else { 0 };
        (people, people / 2)
    })
}

fn failed(result: &LiftResult) -> Vec<&str> {
    let ratios = &result.answer.breakdown.as_ref().unwrap().sample_ratios;
    let failed = ratios.iter().filter(|ratio| ratio.sample_ratio.failed);
    failed.map(|ratio| ratio.segment[0].as_str()).collect()
}

/// 500 to 900 in the south, where half and half is planned, and as many too few in the control arms of all others: the whole is balanced,
/// and gave clear effects on the south without a word.
#[test]
fn a_segment_whose_arms_are_not_as_planned_is_named_where_the_whole_is_balanced() {
    let door = Door::of(contract(), asked(true, false, Multiplicity::Holm));
    for trial in 0..20 {
        let drawn = assigned(&door, |arm, region| match (arm, region) {
            (0, 2) => 500,
            (1, 2) => 900,
            (0, 3) => 5_400,
            _ => 5_000,
        });
        let result = door.answer(drawn, trial);
        assert!(!result.answer.sample_ratio.failed, "{:?}", result.answer.sample_ratio);
        assert!(result.flags.iter().any(|flag| flag == "segment_srm_failed"), "{:?}", result.flags);
        assert!(failed(&result).contains(&"south"), "{:?}", failed(&result));
        let breakdown = result.answer.breakdown.as_ref().unwrap();
        // A quarter of the whole check's p for each of four.
        let is_quarter = |p: f64| (p - 0.001 / 4.0).abs() < 1e-12;
        assert!(breakdown.sample_ratios.iter().all(|ratio| is_quarter(ratio.sample_ratio.flag_p)));
        for part in &breakdown.parts {
            let is_flagged = part.outcomes[0].flags.iter().any(|flag| flag == "segment_srm_failed");
            assert_eq!(is_flagged, failed(&result).contains(&part.segment[0].as_str()));
        }
    }
}

/// A perfect randomisation is flagged in any segment as often as is asked for, whether arms are equal or one is small.
#[test]
fn a_perfect_randomisation_is_flagged_at_the_stated_rate() {
    for (share, people, epsilon, runs) in [(500_000, 2_000, 1.0, 600), (950_000, 3_000, 8.0, 200)] {
        let asked = Lift {
            expected_test_share: Millionths(share),
            srm_flag_p: Millionths(50_000),
            epsilon: Epsilon::new(epsilon).unwrap(),
            ..asked(true, false, Multiplicity::None)
        };
        let door = Door::of(contract(), asked);
        let mut flagged = 0_u32;
        for trial in 0..runs {
            let mut draw = Draw::new(trial + 50_000);
            let test: Vec<_> =
                (0..REGIONS).map(|_| draw.binomial(people, f64::from(share) / 1e6)).collect();
            let of = |arm, region: u32| {
                let test = test[usize::try_from(region).unwrap()];
                if arm == 0 { test } else { people - test }
            };
            let result = door.answer(assigned(&door, of), trial);
            let ratios = &result.answer.breakdown.as_ref().unwrap().sample_ratios;
            assert!(ratios.iter().all(|ratio| ratio.sample_ratio.p.is_some()), "{ratios:?}");
            flagged += u32::from(result.flags.iter().any(|flag| flag == "segment_srm_failed"));
        }
        // 5 %, but for 4 standard errors.
        let rate = f64::from(flagged) / f64::from(runs);
        let error = 4.0 * (0.05 * 0.95 / f64::from(runs)).sqrt();
        assert!((rate - 0.05).abs() < error, "{share}: {rate}");
    }
}

/// Who is in a creative that is too small to be shown is in no figure: that alone breaks no ratio. A ratio that is broken beyond that is
/// told.
#[test]
fn people_who_are_hidden_with_their_creative_break_no_ratio() {
    let door = Door::of(contract(), asked(true, true, Multiplicity::Holm));
    let of = |large: i64, small: i64, control: i64| {
        let tally = door.admitted.proven().tally();
        let drawn = totals(tally, |arm, region, creative| {
            let people = match (arm, region < REGIONS, creative) {
                (0, true, 0) => large,
                (0, true, 1) => small,
                (1, true, 2) => control,
                _ => 0,
            };
            (people, people / 10)
        });
        door.answer(drawn, 1)
    };
    // Two thirds of all are to be in the test arm.
    let sound = of(1_000, 20, 510);
    assert!(sound.flags.iter().any(|flag| flag == "part_withheld"), "{:?}", sound.flags);
    assert_eq!(failed(&sound), [""; 0]);
    assert_eq!(failed(&of(1_000, 20, 900)), ["east", "north", "south", "west"]);
    // Over all segments so many are hidden that those who are not look like a broken design.
    let sound = of(200, 45, 122);
    let is_whole = |flag: &String| flag == "srm_failed";
    assert!(sound.flags.iter().any(|flag| flag == "part_withheld"), "{:?}", sound.flags);
    assert!(!sound.flags.iter().any(is_whole), "{:?}", sound.answer.sample_ratio);
    assert!(of(200, 45, 500).flags.iter().any(is_whole));
}

/// Nobody of the test arm has the outcome, and noise makes its total negative in half of all runs: still nothing falls by more than all
/// of it, and where that was cut a flag says so.
#[test]
fn no_outcome_that_cannot_be_negative_falls_by_more_than_all_of_it() {
    let mut outcomes = vec![
        room::outcome("visit", OutcomeKind::Binary, 1, 0),
        room::outcome("spend", OutcomeKind::Value, 10_000, 2),
    ];
    let margin = protocol::analysis::margin::Margin::new(
        protocol::analysis::margin::MarginTest::Superiority,
        protocol::analysis::margin::MarginScale::Relative,
        0.2,
        protocol::analysis::margin::Better::Less,
    );
    outcomes[1].margin = Some(margin.unwrap());
    let asked = Lift { epsilon: Epsilon::new(2.0).unwrap(), ..room::lift(outcomes) };
    let door = Door::of(room::contract(), asked);
    let (mut below, mut cut) = (0_u32, 0_u32);
    for trial in 0..40 {
        let mut cells = super::Cells::new();
        cells.arm(0, 3_000, 0, &[(0, 0), (0, 0)]);
        cells.arm(1, 3_000, 0, &[(900, 900), (900 * 5_000, 900 * 5_000 * 5_000)]);
        let result = door.release(&cells, trial);
        for outcome in &result.answer.outcomes {
            let relative = outcome.relative_lift.as_ref().unwrap();
            let ends = relative.ci_fieller.or(relative.ci_few_events).into_iter().flatten();
            let of_margin = outcome.margin.iter().flat_map(|margin| margin.ci).flatten();
            let mut all = relative.rel_lift.into_iter().chain(ends.chain(of_margin).flatten());
            assert!(all.all(|lift| lift >= -1.0), "{outcome:?}");
            let is_flagged = outcome.flags.iter().any(|flag| flag == "less_than_nothing");
            let mean = outcome.diff_in_means.as_ref().unwrap().mean_t;
            below += u32::from(mean < 0.0);
            cut += u32::from(is_flagged);
            assert!(is_flagged || mean >= 0.0, "{outcome:?}");
        }
    }
    assert!(below > 20 && cut >= below, "{below} {cut}");
}

/// A segment split in two and added up is the segment, and the segments added up are everybody.
#[test]
fn segments_add_up_to_everybody() {
    let door = Door::of(contract(), asked(true, true, Multiplicity::Holm));
    let result = run(&door, 1, |_, _, _| BASE);
    let breakdown = result.answer.breakdown.as_ref().unwrap();
    let sum = |arm: fn(&OutcomeResult) -> (i64, f64)| {
        let all = breakdown.parts.iter().map(|part| arm(&part.outcomes[0]));
        all.fold((0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1))
    };
    let of = |arm: &Option<protocol::result::ArmResult>| {
        arm.as_ref().map(|arm| (arm.n, arm.sum)).unwrap()
    };
    let test = sum(|outcome| outcome.test.as_ref().map(|arm| (arm.n, arm.sum)).unwrap());
    let control = sum(|outcome| outcome.control.as_ref().map(|arm| (arm.n, arm.sum)).unwrap());
    assert_eq!(of(&result.answer.outcomes[0].test), test);
    // Each creative is compared with the same control arm.
    let (people, events) = of(&result.answer.outcomes[0].control);
    assert_eq!((2 * people, 2.0 * events), control);
}

const PEOPLE: i64 = 5_000;
const BASE: f64 = 0.12;
const EFFECT: f64 = 0.0325;
const RUNS: u32 = 100;
