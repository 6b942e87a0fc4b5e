//! A geo experiment: what is asked, refused and estimated, with figures of a published one.

use super::{Geo, GeoAnswer, IntervalKind, Method};
use crate::{
    analysis::{Analysis, Question, Scope, samples, toml::question_from_toml},
    contract::Contract,
    policy,
    released::{Cell, Figures, Place, Released, Totals},
    units::Millionths,
};

/// The 40 cities of GeoLift's example: *chicago* and *portland* are treated on the last 15 of 105 days.
const CITIES: &str = include_str!("../../../../tests/data/geo/geolift_test.csv");

fn cities() -> Vec<(&'static str, Vec<i64>)> {
    let row = |line: &'static str| {
        let mut parts = line.split(',');
        (parts.next().unwrap(), parts.map(|number| number.parse().unwrap()).collect())
    };
    CITIES.lines().map(row).collect()
}

fn contract() -> Contract {
    let names: Vec<_> = cities().iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let text = include_str!("sample/contract.toml");
    let listed = r#"domain = ["north", "south", "east", "west", "harbour", "islands"]"#;
    assert!(text.contains(listed));
    let text = text.replace(listed, &format!("domain = [{}]", names.join(", ")));
    samples::contract(&text.replace("scale = 2", "scale = 0"))
}

const JOB: &str = r#"
[geo]
before = { first = "2021-01-01", last = "2021-03-31" }
test = { first = "2021-04-01", last = "2021-04-15" }

[[geo.cell]]
name = "both"
treated = ["chicago", "portland"]
cost = { total = 2000, currency = "USD" }

[geo.outcome]
name = "sales"
column = "spend"
cap_per_user = 100

[geo.privacy]
epsilon = 3
delta = 1e-6
"#;

fn asked(job: &str) -> Geo {
    match question_from_toml(job, &contract()).unwrap() {
        (_, Question::Geo(asked)) => asked,
        (_, other) => panic!("{}", other.kind()),
    }
}

fn refused(change: impl Fn(String) -> String) -> String {
    question_from_toml(&change(JOB.to_owned()), &contract()).unwrap_err().to_string()
}

/// The answer from totals of every city and day that `total` gives.
fn answered(
    job: &str,
    total: impl Fn(&str, usize, i64) -> Option<i64>,
) -> (GeoAnswer, Vec<String>) {
    let (contract, asked) = (contract(), asked(job));
    let question = Question::Geo(asked.clone());
    let (name, _) = question_from_toml(job, &contract).unwrap();
    let proven = policy::price(&contract, &name, &question).unwrap();
    let mut cells = Vec::new();
    for (geo, (city, totals)) in (0..).zip(cities()) {
        for (day, found) in totals.iter().enumerate() {
            let Some(found) = total(city, day, *found) else { continue };
            cells.push(Cell {
                name: vec![Place::Index(geo), Place::Index(u32::try_from(day + 1).unwrap())],
                totals: Totals { people: 500, sums: vec![found], products: Vec::new() },
            });
        }
    }
    let figures = Figures {
        contrasts: Vec::new(),
        spread: vec![9_000, 0, 0, 0, 0, 0],
        noise: false,
        cells,
        cut: 0,
        other: None,
        withheld: 0,
        withheld_without_value: None,
        no_consent: None,
    };
    let scope = Scope::of(&contract, &name).unwrap();
    let (answer, flags) = asked.estimate(&Released::Figures(figures), &proven, &scope).unwrap();
    // A number that is infinite or none would be null in JSON, and not be read again.
    let json = serde_json::to_string(&answer).unwrap();
    let again = serde_json::from_str::<GeoAnswer>(&json).unwrap();
    let totals = |answer: &GeoAnswer| -> Vec<bool> {
        let all = answer.cells.iter().flat_map(|cell| &cell.estimates);
        all.flat_map(|estimate| estimate.total_ci.map(|end| end.is_some())).collect()
    };
    assert_eq!(totals(&again), totals(&answer));
    for flag in flags.iter().chain(answer.cells.iter().flat_map(|cell| &cell.flags)) {
        assert!(Geo::FLAGS.contains(&flag.as_str()), "{flag}");
    }
    (answer, flags)
}

fn exactly(_: &str, _: usize, found: i64) -> Option<i64> {
    Some(found)
}

fn near(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found}, expected {expected}");
}

#[test]
fn the_published_experiment_has_its_published_figures() {
    let (answer, flags) = answered(JOB, exactly);
    assert_eq!(flags, Vec::<String>::new());
    let cell = &answer.cells[0];
    assert_eq!((cell.others, answer.before, answer.periods.len()), (38, 90, 105));
    assert_eq!(answer.periods[90], "2021-04-01");
    let [synthetic, ridge, regression, difference] = cell.estimates.as_slice() else { panic!() };
    assert_eq!(synthetic.method, Method::SyntheticControl);
    near(synthetic.mean, 155.5556868860611, 1e-9);
    near(synthetic.total, 4666.6706065818325, 1e-9);
    near(100.0 * synthetic.lift.unwrap(), 5.423187382869887, 1e-9);
    near(synthetic.p.unwrap(), 0.11428571428571428, 1e-12);
    let [low, high] = synthetic.total_ci.map(Option::unwrap);
    near(low, 30.0 * -16.20883803194635, 2e-3);
    near(high, 30.0 * 282.72642067014243, 2e-3);
    near(ridge.mean, 156.8051652107097, 1e-9);
    near(ridge.total, 4704.154956321291, 1e-9);
    near(difference.total, 7652.280701754388, 1e-12);
    assert_eq!(
        (ridge.method, difference.method),
        (Method::AugmentedSyntheticControl, Method::DifferenceInDifferences)
    );
    assert_eq!(regression.method, Method::TimeBasedRegression);
    near(cell.scaled_l2.unwrap(), 0.1636394216770283, 1e-9);
    assert_eq!((cell.weights.len(), cell.weights[0].place.as_str()), (13, "cincinnati"));
    near(cell.iroas.unwrap(), 4666.6706065818325 / 2000.0, 1e-9);
    let observed: f64 = cell.observed[90..].iter().sum();
    near(observed, 90717.0, 1e-12);
}

#[test]
fn an_interval_has_no_effect_exactly_where_p_is_above_its_level() {
    for (confidence, total) in [("0.8", 0), ("0.9", 0), ("0.88", 0), ("0.95", 300), ("0.9", -900)] {
        let job = JOB.replace("[[geo.cell]]", &format!("confidence = {confidence}\n[[geo.cell]]"));
        let shifted = |city: &str, day: usize, found: i64| {
            let treated = ["chicago", "portland"].contains(&city) && day >= 90;
            Some(if treated { found + total } else { found })
        };
        let (answer, _) = answered(&job, shifted);
        let alpha = 1.0 - answer.confidence;
        for estimate in &answer.cells[0].estimates {
            let [low, high] = estimate.total_ci;
            let (Some(low), Some(high), Some(p)) = (low, high, estimate.p) else { continue };
            assert_eq!(low <= 0.0 && 0.0 <= high, p > alpha, "{confidence}: {estimate:?}");
            // Lift says the same as the total.
            let [least, most] = estimate.lift_ci.map(Option::unwrap);
            assert_eq!(least <= 0.0 && 0.0 <= most, p > alpha, "{confidence}: {estimate:?}");
        }
    }
}

#[test]
fn the_method_that_was_asked_for_answers() {
    let job = JOB.replace("[geo]", "[geo]\nmethod = \"time_based_regression\"");
    let (answer, _) = answered(&job, exactly);
    let first = &answer.cells[0].estimates[0];
    assert_eq!(first.method, Method::TimeBasedRegression);
    let would: f64 = answer.cells[0].counterfactual[90..].iter().sum();
    near(90717.0 - would, first.total, 1e-9);
}

#[test]
fn a_treated_place_that_is_not_shown_leaves_no_estimate_and_another_one_is_left_out() {
    let (answer, flags) =
        answered(JOB, |city, day, found| (city != "portland" || day != 40).then_some(found));
    assert_eq!(flags, ["treated_withheld"]);
    assert!(answer.cells[0].estimates.is_empty());
    assert_eq!(answer.withheld, ["portland"]);
    let (answer, flags) =
        answered(JOB, |city, day, found| (city != "reno" || day != 3).then_some(found));
    assert!(flags.contains(&"others_withheld".to_owned()), "{flags:?}");
    assert_eq!((answer.cells[0].others, answer.cells[0].estimates.len()), (37, 4));
    let (_, flags) =
        answered(JOB, |city, _, found| ["chicago", "portland"].contains(&city).then_some(found));
    assert_eq!(flags, ["nothing_to_compare"]);
}

#[test]
fn degenerate_totals_are_never_infinite() {
    type Total = fn(&str, usize, i64) -> Option<i64>;
    let cases: [(&str, Total); 6] = [
        ("all zero", |_, _, _| Some(0)),
        ("constant", |_, _, _| Some(700)),
        ("negative", |_, _, found| Some(-found)),
        ("treated zero", |city, _, found| {
            Some(if city == "chicago" || city == "portland" { 0 } else { found })
        }),
        ("others zero", |city, _, found| {
            Some(if city == "chicago" || city == "portland" { found } else { 0 })
        }),
        ("a spike", |_, day, found| Some(if day == 97 { i64::MAX } else { found })),
    ];
    for (what, total) in cases {
        let (answer, _) = answered(JOB, total);
        assert!(!answer.cells[0].observed.is_empty(), "{what}");
    }
}

#[test]
fn what_cannot_be_told_is_flagged() {
    let flagged = |job: &str, total: fn(&str, usize, i64) -> Option<i64>, flag: &str| {
        let (answer, flags) = answered(job, total);
        assert!(flags.contains(&flag.to_owned()), "{flag}: {flags:?}");
        answer
    };
    flagged(JOB, |_, _, _| Some(0), "nothing_without");
    let free = flagged(&JOB.replace("total = 2000", "total = 0"), exactly, "no_cost");
    assert!(free.cells[0].iroas.is_none());
    // One place to compare with; fewer days than places; an interval that so few days cannot have.
    flagged(&JOB.replace("[geo]", "[geo]\nothers = [\"miami\"]"), exactly, "poor_fit");
    let short = JOB.replace("first = \"2021-01-01\"", "first = \"2021-03-26\"");
    let few = |_: &str, day: usize, found: i64| (day < 21).then_some(found);
    let answer = flagged(&short, few, "more_places_than_periods");
    assert_eq!(answer.periods.len(), 21);
    let sure = short.replace("[geo]", "[geo]\nconfidence = 0.99");
    let answer = flagged(&sure, few, "too_few_periods");
    assert_eq!(answer.cells[0].estimates[0].interval, IntervalKind::Unbounded);
}

/// Panels of one season that all places share, so that a plain mean of the others is a good fit already. Between `own` of 0 and
/// more, the treated places have a season of their own, too.
fn simulated(seed: u64, effect: f64, own: f64) -> impl Fn(&str, usize, i64) -> Option<i64> {
    move |city, day, _| {
        let treated = city == "chicago" || city == "portland";
        let name = city
            .bytes()
            .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let chance = |at: u64| {
            let mut state = name.wrapping_add(at).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX) - 0.5
        };
        let wave = |days: f64, day: usize| {
            libm::sin(f64::from(u32::try_from(day).unwrap()) * std::f64::consts::TAU / days)
        };
        let size = 2000.0 + 1500.0 * chance(1_000_000);
        let season = 1.0 + 0.2 * wave(7.0, day) + 0.1 * wave(45.0, day);
        let own = if treated { 1.0 + own * wave(38.0, day) } else { 1.0 };
        let lift = if treated && day >= 90 { 1.0 + effect } else { 1.0 };
        // Chance moves a place by 3 % of its level.
        let moved = 1.0 + 0.1 * chance(u64::try_from(day).unwrap());
        let total = size * season * own * lift * moved;
        #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "thousands")]
        let total = total as i64;
        Some(total)
    }
}

/// The flag went by a plain mean of the others, which fits as well where all places go together: then it stood above every
/// answer, however good.
#[test]
fn a_fit_is_poor_beside_level_and_effect_not_beside_a_plain_mean() {
    let flags = |seed, effect, own| {
        let (answer, flags) = answered(JOB, simulated(seed, effect, own));
        let cell = &answer.cells[0];
        let missed = cell.missed_before(answer.before).unwrap();
        (flags.contains(&"poor_fit".to_owned()), missed, cell.scaled_l2.unwrap())
    };
    for seed in 0..2 {
        for effect in [0.0, 0.2] {
            let (poor, missed, beside_plain) = flags(seed, effect, 0.0);
            // Beside a plain mean these fits look poor, all of them.
            assert!(
                !poor && missed < 0.04 && beside_plain > 0.25,
                "{seed} {effect}: {missed} {beside_plain}"
            );
        }
        let (poor, missed, _) = flags(seed, 0.2, 0.25);
        assert!(poor && missed > 0.1, "{seed}: {missed}");
        // An effect far beyond what is missed stands.
        assert!(!flags(seed, 1.0, 0.25).0, "{seed}");
    }
}

/// Two cells of which one has an effect: what a page says of each allows for having looked at both.
#[test]
fn several_cells_are_adjusted_together_and_no_interval_contradicts_its_p() {
    let cell = |name: &str, city: &str| {
        format!("[[geo.cell]]\nname = \"{name}\"\ntreated = [\"{city}\"]\n")
    };
    let start = JOB.find("[[geo.cell]]").unwrap();
    let end = JOB.find("[geo.outcome]").unwrap();
    let job = |confidence: &str| {
        let cells = [cell("one", "chicago"), cell("two", "portland"), cell("three", "reno")];
        let head = format!("{}confidence = {confidence}\n", &JOB[..start]);
        [&head, &*cells.concat(), &JOB[end..]].concat()
    };
    let lifted = |city: &str, day: usize, found: i64| {
        Some(if city == "chicago" && day >= 90 { found + found / 5 } else { found })
    };
    for confidence in ["0.8", "0.9", "0.95"] {
        let (answer, _) = answered(&job(confidence), lifted);
        let alpha = 1.0 - answer.confidence;
        let of = |method: Method| -> Vec<_> {
            let all = answer.cells.iter().flat_map(|cell| &cell.estimates);
            all.filter(|estimate| estimate.method == method).collect()
        };
        let own = of(Method::SyntheticControl);
        assert_eq!(own.len(), 3);
        // Holm by hand: the smallest p three times, then two times, then once, never falling.
        let mut order: Vec<_> = own
            .iter()
            .map(|estimate| (estimate.p.unwrap(), estimate.p_adjusted.unwrap()))
            .collect();
        order.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut largest = 0.0_f64;
        for ((p, adjusted), times) in order.iter().zip([3.0, 2.0, 1.0]) {
            largest = largest.max(p * times).min(1.0);
            assert!((adjusted - largest).abs() < 1e-12, "{order:?}");
        }
        for estimate in answer.cells.iter().flat_map(|cell| &cell.estimates) {
            let [low, high] = estimate.total_ci;
            let Some(p) = estimate.p_adjusted else { continue };
            let excludes = low.is_some_and(|low| low > 0.0) || high.is_some_and(|high| high < 0.0);
            assert_eq!(excludes, p <= alpha * (1.0 + 1e-12), "{confidence}: {estimate:?}");
            assert!(estimate.ci_level >= answer.confidence - 1e-12, "{estimate:?}");
        }
        assert!(
            own.iter().any(|estimate| estimate.p_adjusted.unwrap() <= alpha),
            "{confidence}: {own:?}"
        );
        assert!(
            own.iter().any(|estimate| estimate.p_adjusted > estimate.p),
            "{confidence}: {own:?}"
        );
    }
    // One cell is as it was.
    let (answer, _) = answered(JOB, exactly);
    for estimate in &answer.cells[0].estimates {
        assert_eq!((estimate.p_adjusted, estimate.ci_level), (None, answer.confidence));
    }
}

/// Noise can make the total of treated places negative, where nothing is sold any more.
#[test]
fn an_amount_that_cannot_be_negative_falls_by_no_more_than_all_of_it() {
    let gone = |city: &str, day: usize, found: i64| {
        let is_gone = ["chicago", "portland"].contains(&city) && day >= 90;
        Some(if is_gone { -300 } else { found })
    };
    let (answer, flags) = answered(JOB, gone);
    assert!(flags.contains(&"less_than_nothing".to_owned()), "{flags:?}");
    for estimate in &answer.cells[0].estimates {
        let mut lifts = estimate.lift.into_iter().chain(estimate.lift_ci.into_iter().flatten());
        assert!(lifts.all(|lift| lift >= -1.0), "{estimate:?}");
    }
    // Refunds can be more than sales.
    let signed = JOB.replace("cap_per_user = 100", "cap_per_user = 100\nfloor_per_user = -100");
    let (answer, flags) = answered(&signed, gone);
    assert!(!flags.contains(&"less_than_nothing".to_owned()), "{flags:?}");
    assert!(answer.cells[0].estimates[0].lift.unwrap() < -1.0);
}

#[test]
fn there_is_no_lift_of_less_than_nothing() {
    let treated = |city: &str| ["chicago", "portland"].contains(&city);
    // Less than nothing; nothing within the error; and something.
    for (less, has_lift) in [(9000, false), (2800, false), (0, true)] {
        let total = |city: &str, _: usize, found: i64| {
            Some(if treated(city) { found - less } else { found })
        };
        let (answer, flags) = answered(JOB, total);
        let first = &answer.cells[0].estimates[0];
        assert_eq!(first.lift.is_some(), has_lift, "{less}: {first:?}");
        assert_eq!(first.lift_ci.iter().all(Option::is_some), has_lift, "{less}: {first:?}");
        assert_eq!(flags.contains(&"nothing_without".to_owned()), !has_lift, "{less}");
    }
}

#[test]
fn a_regression_that_drifts_is_flagged_where_it_was_asked_for() {
    let drift = |city: &str, day: usize, found: i64| {
        let season = i64::try_from(day % 30).unwrap() - 15;
        Some(if city == "chicago" { found + 100 * season.abs() } else { found })
    };
    let job = JOB.replace("[geo]", "[geo]\nmethod = \"time_based_regression\"");
    let (answer, flags) = answered(&job, drift);
    assert!(flags.contains(&"drifts".to_owned()), "{flags:?}");
    assert_eq!(answer.cells[0].estimates[0].interval, IntervalKind::Between);
    let (_, flags) = answered(JOB, drift);
    assert!(!flags.contains(&"drifts".to_owned()), "{flags:?}");
}

#[test]
fn days_that_are_left_out_are_in_no_period() {
    let job = JOB.replace("[geo]", "[geo]\nleft_out = [\"2021-02-14\", \"2021-04-03\"]");
    let (answer, _) =
        answered(&job, |_, day, found| Some(if day == 44 || day == 92 { 1 << 40 } else { found }));
    assert_eq!((answer.before, answer.periods.len()), (89, 103));
    let first = &answer.cells[0].estimates[0];
    assert!((100.0..200.0).contains(&first.mean), "{first:?}");
}

#[test]
fn pairs_give_a_trimmed_match() {
    let pairs = r#"treated = ["chicago", "portland", "miami", "reno"]
pairs = [
  { treated = "chicago", other = "dallas", cost = 1000 },
  { treated = "portland", other = "houston", cost = 1500 },
  { treated = "miami", other = "nashville", cost = 700 },
  { treated = "reno", other = "austin", cost = 900 },
]"#;
    let job = JOB.replace(r#"treated = ["chicago", "portland"]"#, pairs);
    let job = job.replace("[geo]", "[geo]\nmethod = \"trimmed_match\"");
    let (answer, _) = answered(&job, exactly);
    let first = &answer.cells[0].estimates[0];
    assert_eq!(first.method, Method::TrimmedMatch);
    assert!(first.total.is_finite());
    let short = refused(|job| job.replace("[geo]", "[geo]\nmethod = \"trimmed_match\""));
    assert!(short.contains("trimmed match needs 3 or more"), "{short}");
}

#[test]
fn another_confidence_has_the_same_figures() {
    let asked = asked(JOB).at_confidence(Millionths(800_000)).unwrap();
    assert_eq!(asked.confidence, Millionths(800_000));
}

#[test]
fn refuses_what_cannot_be_asked_by_name() {
    for (from, to, says) in [
        ("\"portland\"]", "\"atlantis\"]", "atlantis"),
        ("\"portland\"]", "\"chicago\"]", "expected each place once, in one cell"),
        (
            "first = \"2021-04-01\"",
            "first = \"2021-03-31\"",
            "expected a day after geo.before.last",
        ),
        ("[geo]", "[geo]\nperiod_days = 7", "expected whole periods of 7 days"),
        ("[geo]", "[geo]\nperiod_days = 0", "expected 1 for days, 7 for weeks"),
        ("[geo]", "[geo]\ncells_per_person = 5", "the contract allows 1 to 4"),
        ("[geo]", "[geo]\nothers = [\"chicago\"]", "none that is treated"),
        ("[geo]", "[geo]\nothers = []", "expected at least one place"),
        ("currency = \"USD\"", "currency = \"usd\"", "three capitals"),
        ("total = 2000", "total = -1", "expected an amount of 0 or more"),
        ("last = \"2021-04-15\"", "last = \"2021-03-15\"", "expected no day before the first"),
        ("cap_per_user = 100", "cap_per_user = 0", "cap_per_user"),
        ("column = \"spend\"", "column = \"region\"", "region"),
    ] {
        assert!(JOB.contains(from), "{from}");
        let said = refused(|job| job.replace(from, to));
        assert!(said.contains(says), "{from} to {to}: {said}");
    }
}
