//! Questions about lift: what a signed analyst could change, template or not.

use super::*;
use crate::units::{Millionths, Scale};
use crate::{
    job::{Alternative, Breakdown, Cost, Covariate, Lift, Multiplicity, Outcome, OutcomeKind},
    loss::{Delta, Epsilon},
    tally::{Contrast, Measure, Population, Table},
};

/// A change that a signed analyst could make to its question.
type LiftChange<'a> = &'a dyn Fn(&mut Lift);

fn outcome(column: &str, kind: OutcomeKind, clamp: Clamp, scale: u8) -> Outcome {
    let scale = Scale::new(scale).unwrap();
    let (name, column) = (format!("the {column}"), column.to_owned());
    Outcome { name, column, kind, clamp, scale, weight: kind.weight(), margin: None }
}

fn lift() -> Lift {
    Lift {
        test: vec!["mens".to_owned(), "womens".to_owned()],
        control: vec!["none".to_owned()],
        expected_test_share: Millionths(666_667),
        breakdown: None,
        exposed: None,
        covariate: None,
        srm_flag_p: Millionths(1_000),
        window: Some((20_727, 20_757)),
        outcomes: vec![
            outcome("visit", OutcomeKind::Binary, Clamp::ONE, 0),
            outcome("spend", OutcomeKind::Value, Clamp::new(-500, 9_950).unwrap(), 2),
        ],
        confidence: Millionths(950_000),
        alternative: Alternative::TwoSided,
        multiplicity: Multiplicity::None,
        cost: Some(Cost { millionths: 5, currency: "USD".to_owned() }),
        epsilon: Epsilon::new(1.0).unwrap(),
        delta: Delta::new(1e-6).unwrap(),
        split: Split { n: 200, sum: 500, products: 300 },
        min_cell: 0,
        registered_at: None,
    }
}

/// What the policy makes of the question after `change`, under a contract with `from` written as `to`.
fn under(from: &str, to: &str, change: impl Fn(&mut Lift)) -> Result<Tally, Refusal> {
    let text = with_table();
    assert!(text.contains(from), "no {from}");
    let contract = Contract::parse(text.replacen(from, to, 1).as_bytes()).unwrap();
    let mut lift = lift();
    change(&mut lift);
    price(&contract, "lift", &Question::Lift(lift)).map(|proven| proven.tally().clone())
}

fn changed(change: impl Fn(&mut Lift)) -> Result<Tally, Refusal> {
    under("contract = 2", "contract = 2", change)
}

#[test]
fn a_question_about_lift_becomes_the_tally_it_describes() {
    let table = |dataset: &str| Table { dataset: dataset.to_owned(), rows: Vec::new() };
    let days = Condition::Between { column: "bought".to_owned(), least: 20_727, most: 20_757 };
    let measure = |column: &str, clamp| Measure {
        side: Side::JOINED,
        of: Quantity::Sum { column: column.to_owned() },
        rows: vec![days.clone()],
        clamp,
    };
    let tally = changed(|_| ()).unwrap();
    let clamp = Clamp::new(-500, 9_950).unwrap();
    let arm = Dimension::Arm { column: "arm".to_owned(), test: vec![0, 1], control: vec![2] };
    let expected = Tally {
        population: Population::First,
        tables: vec![table("exposures"), table("sales")],
        dimensions: vec![arm, Dimension::Matched],
        measures: vec![measure("visit", Clamp::ONE), measure("spend", clamp)],
        products: vec![Product::square(1)],
        cells_per_person: 1,
        ids_per_person: 1,
        contrast: Some(Contrast { test: 1, control: 2, measures: vec![1] }),
        weights: vec![1, 6],
        spread: Vec::new(),
        program: None,
    };
    assert_eq!(tally, expected);
    let without = changed(|lift| lift.window = None).unwrap();
    assert!(without.measures.iter().all(|measure| measure.rows.is_empty()));
}

/// Every lift reads one owner's column of the outcome dataset: one that the analysis does not name stays closed,
/// and so does one whose decimals the analyst counts otherwise.
#[test]
fn only_the_measures_of_the_analysis_are_compared_and_at_their_scale() {
    let refused = |column: &str, scale| {
        let (kind, clamp) = (OutcomeKind::Value, Clamp::up_to(100).unwrap());
        changed(|lift| lift.outcomes = vec![outcome(column, kind, clamp, scale)]).map(drop)
    };
    let not = |column: &str| {
        let named = format!("sales.{column}");
        Err(not_permitted(Asked::Column, &named, Some("retailer".to_owned())))
    };
    assert_eq!(refused("spend", 2), Ok(()));
    assert_eq!(refused("visit", 0), Ok(()));
    assert_eq!(refused("spend", 0), not("spend"));
    assert_eq!(refused("margin", 2), not("margin"));
    assert_eq!(refused("bought", 0), not("bought"));
    assert_eq!(refused("nothing", 2), not("nothing"));
}

/// The figure that noise cannot be drawn for is named as the analyst named it.
#[test]
fn an_outcome_whose_noise_cannot_be_drawn_is_named() {
    let refused = changed(|lift| {
        lift.epsilon = Epsilon::new(0.001).unwrap();
        lift.outcomes[1].clamp = Clamp::up_to(1 << 31).unwrap();
    });
    let Err(Refusal::Undrawable { figure, cap, scale, largest, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((figure.as_str(), cap, scale.decimals()), ("the spend", 1 << 31, 2));
    assert!(largest.is_some());
}

#[test]
fn arms_have_known_values_each_in_one_of_them() {
    let values = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let arms = |test: &[&str], control: &[&str]| {
        let change = |lift: &mut Lift| {
            lift.test = values(test);
            lift.control = values(control);
        };
        changed(change).map(drop)
    };
    assert_eq!(arms(&["mens"], &["none", "womens"]), Ok(()));
    let nobody = not_permitted(Asked::Arm, "nobody", Some("publisher".to_owned()));
    assert_eq!(arms(&["mens", "nobody"], &["none"]), Err(nobody.clone()));
    assert_eq!(arms(&["mens"], &["nobody"]), Err(nobody));
    for (test, control) in [
        (&[][..], &["none"][..]),
        (&["mens"], &[]),
        (&["mens"], &["mens"]),
        (&["mens", "mens"], &["none"]),
        (&["mens", "womens"], &["none", "womens"]),
    ] {
        assert_eq!(arms(test, control), Err(Refusal::Malformed), "{test:?} {control:?}");
    }
}

#[test]
fn a_question_about_lift_that_makes_no_sense_is_refused() {
    let count = |lift: &mut Lift| lift.outcomes[1].kind = OutcomeKind::Count;
    let changes: [LiftChange<'_>; 8] = [
        &|lift| lift.window = Some((20_757, 20_756)),
        &|lift| lift.outcomes[0].clamp = Clamp::up_to(2).unwrap(),
        &count,
        &|lift| lift.outcomes[0].name = String::new(),
        &|lift| lift.outcomes[0].name = "n".repeat(65),
        &|lift| lift.outcomes[0].name = "a\u{202e}b".to_owned(),
        &|lift| lift.split.products = 299,
        &|lift| lift.split = Split { n: u32::MAX, sum: 1001, products: 0 },
    ];
    for change in changes {
        assert_eq!(changed(change), Err(Refusal::Malformed));
    }
    for currency in ["", "US", "USDT", "usd", "U5D"] {
        let cost = |lift: &mut Lift| lift.cost.as_mut().unwrap().currency = currency.to_owned();
        assert_eq!(changed(cost), Err(Refusal::Malformed), "{currency}");
    }
    let (limit, found, most) = (Limit::Outcomes, 0, 16);
    let none = changed(|lift| lift.outcomes.clear());
    assert_eq!(none, Err(Refusal::OverLimit { limit, found, most }));
    // What is barely within.
    let fine: [LiftChange<'_>; 4] = [
        &|lift| lift.window = Some((20_757, 20_757)),
        &|lift| lift.outcomes[0].name = "n".repeat(64),
        &|lift| lift.cost = None,
        &|lift| {
            count(lift);
            lift.outcomes[1].clamp = Clamp::up_to(3).unwrap();
        },
    ];
    for change in fine {
        changed(change).unwrap();
    }
}

#[test]
fn shares_lie_between_nothing_and_all() {
    let shares: [fn(&mut Lift) -> &mut u32; 3] = [
        |lift| &mut lift.expected_test_share.0,
        |lift| &mut lift.srm_flag_p.0,
        |lift| &mut lift.confidence.0,
    ];
    for share in shares {
        let with = |value: u32| changed(|lift| *share(lift) = value).map(drop);
        assert_eq!((with(1), with(999_999)), (Ok(()), Ok(())));
        for value in [0, 1_000_000] {
            let (limit, found, most) = (Limit::Share, u64::from(value), 999_999);
            assert_eq!(with(value), Err(Refusal::OverLimit { limit, found, most }));
        }
    }
}

/// The contract's floor is 50 people, whatever an analyst asks; one may ask for more.
#[test]
fn figures_are_shown_from_the_larger_of_both_floors() {
    let shown_from = |min_cell: u32| {
        let question = Question::Lift(Lift { min_cell, ..lift() });
        price(&contract(), "lift", &question).unwrap().proof().threshold
    };
    assert_eq!([0, 49, 50, 51].map(shown_from), [50, 50, 50, 51]);
}

/// Without a date column in the analysis nobody may look at some days alone.
#[test]
fn a_window_is_refused_where_the_analysis_names_no_date() {
    let refused = under("date = \"bought\"\n", "", |_| ());
    let owner = Some("retailer".to_owned());
    assert_eq!(refused, Err(not_permitted(Asked::Window, "lift", owner)));
    under("date = \"bought\"\n", "", |lift| lift.window = None).unwrap();
}

/// Segments are of the contract's list, creatives of the arm's column or the contract's; each divides people by their only value.
#[test]
fn effects_are_told_apart_by_what_the_contract_lists() {
    let asked = |segments: &[&str], creative: Option<&str>| Breakdown {
        segments: segments.iter().map(|column| (*column).to_owned()).collect(),
        creative: creative.map(str::to_owned),
    };
    let listed = |breakdown: Breakdown| {
        let (from, to) = ("arm = \"arm\"\n", "arm = \"arm\"\nsegments = [\"area\"]\n");
        let change = |lift: &mut Lift| lift.breakdown = Some(breakdown.clone());
        let area = "[[dataset.column]]\nname = \"area\"\nrole = \"group\"\ndomain = [\"east\", \"west\"]\n";
        let text = with_table().replacen(from, to, 1);
        let arm = "[[dataset.column]]\nname = \"arm\"";
        let text = text.replacen(arm, &format!("{area}{arm}"), 1);
        let contract = Contract::parse(text.as_bytes()).unwrap();
        let mut lift = lift();
        change(&mut lift);
        price(&contract, "lift", &Question::Lift(lift)).map(|proven| proven.tally().clone())
    };
    let area =
        Dimension::Only { side: Side::POPULATION, column: "area".to_owned(), values: Some(2) };
    let creative = Dimension::Creative { column: "arm".to_owned(), values: 3 };
    let tally = listed(asked(&["area"], None)).unwrap();
    assert_eq!((&tally.dimensions[2..], tally.segment_places()), (&[area.clone()][..], 4));
    assert!(tally.compares_arms() && tally.contrast.is_some() && tally.cells_per_person == 1);
    let tally = listed(asked(&["area"], Some("arm"))).unwrap();
    assert_eq!(tally.dimensions[2..], [area, creative.clone()]);
    // The control arm would be in the contrast of each creative.
    assert_eq!((tally.contrast.clone(), tally.creative_places()), (None, Some(5)));
    let tally = listed(asked(&[], Some("arm"))).unwrap();
    assert_eq!(tally.dimensions[2..], [creative]);
    let not = |column: &str| {
        let named = format!("exposures.{column}");
        Err(not_permitted(Asked::Column, &named, Some("publisher".to_owned())))
    };
    for column in ["arm", "email", "nothing"] {
        assert_eq!(listed(asked(&[column], None)).map(drop), not(column), "{column}");
    }
    assert_eq!(listed(asked(&[], Some("area"))).map(drop), not("area"));
    for malformed in
        [asked(&[], None), asked(&["area", "area"], None), asked(&["area"], Some("area"))]
    {
        assert_eq!(listed(malformed).map(drop), Err(Refusal::Malformed));
    }
    let many = listed(asked(&["area", "arm", "email", "x"], None)).map(drop);
    assert_eq!(many, Err(Refusal::OverLimit { limit: Limit::GroupBy, found: 4, most: 3 }));
}

/// Who was reached is one more measure, with a small part of the loss, and every outcome has a product with it; the amount leaves as a
/// contrast all the same, and its product cell by cell.
#[test]
fn who_was_reached_is_a_measure_with_a_product_for_each_outcome() {
    let column = "[[dataset.column]]\nname = \"shown\"\nrole = \"measure\"\n[[dataset.column]]\nname = \"arm\"";
    let asked = |listed: &str, exposed: &str, outcomes: usize| {
        let text = with_table().replacen("arm = \"arm\"\n", &format!("arm = \"arm\"\n{listed}"), 1);
        let text = text.replacen("[[dataset.column]]\nname = \"arm\"", column, 1);
        let contract = Contract::parse(text.as_bytes()).unwrap();
        let mut lift = lift();
        lift.exposed = Some(exposed.to_owned());
        lift.expected_test_share = Millionths(500_000);
        for at in lift.outcomes.len()..outcomes {
            lift.outcomes.push(Outcome { name: at.to_string(), ..lift.outcomes[0].clone() });
        }
        price(&contract, "lift", &Question::Lift(lift)).map(|proven| proven.tally().clone())
    };
    let listed = "exposed = \"shown\"\n";
    let tally = asked(listed, "shown", 2).unwrap();
    let of = Quantity::Sum { column: "shown".to_owned() };
    let reached = Measure { side: Side::POPULATION, of, rows: Vec::new(), clamp: Clamp::ONE };
    assert_eq!(tally.measures[2], reached);
    let pairs: Vec<_> = tally.products.iter().map(|product| (product.one, product.other)).collect();
    assert_eq!(pairs, [(0, 2), (1, 1), (1, 2)]);
    assert_eq!(tally.weights, [10, 60, 1]);
    assert_eq!(tally.contrast.as_ref().unwrap().measures, [1]);
    assert_eq!([0, 1, 2].map(|at| tally.contrast_of_product(at).is_some()), [false, true, false]);
    let not = |column: &str| {
        let named = format!("exposures.{column}");
        Err(not_permitted(Asked::Column, &named, Some("publisher".to_owned())))
    };
    assert_eq!(asked("", "shown", 2).map(drop), not("shown"));
    assert_eq!(asked(listed, "arm", 2).map(drop), not("arm"));
    assert_eq!(asked(listed, "shown", 15).map(drop), Ok(()));
    let over = Refusal::OverLimit { limit: Limit::Outcomes, found: 16, most: 15 };
    assert_eq!(asked(listed, "shown", 16).map(drop), Err(over));
}

/// A covariate is one more measure with its square and a product for each outcome, behind who was reached.
#[test]
fn a_covariate_is_a_measure_with_its_square_and_a_product_for_each_outcome() {
    let columns = "[[dataset.column]]\nname = \"shown\"\nrole = \"measure\"\n[[dataset.column]]\nname = \"before\"\nrole = \"measure\"\nscale = 2\n\
                   [[dataset.column]]\nname = \"arm\"";
    let lists = "arm = \"arm\"\nexposed = \"shown\"\ncovariates = [\"before\"]\n";
    let asked = |column: &str, scale: u8, is_reached: bool| {
        let text = with_table().replacen("arm = \"arm\"\n", lists, 1);
        let text = text.replacen("[[dataset.column]]\nname = \"arm\"", columns, 1);
        let contract = Contract::parse(text.as_bytes()).unwrap();
        let clamp = Clamp::up_to(500).unwrap();
        let covariate =
            Covariate { column: column.to_owned(), clamp, scale: Scale::new(scale).unwrap() };
        let exposed = is_reached.then(|| "shown".to_owned());
        let lift = Lift { exposed, covariate: Some(covariate), ..lift() };
        price(&contract, "lift", &Question::Lift(lift)).map(|proven| proven.tally().clone())
    };
    let pairs = |tally: &Tally| -> Vec<_> {
        tally.products.iter().map(|product| (product.one, product.other)).collect()
    };
    let tally = asked("before", 2, false).unwrap();
    assert_eq!(pairs(&tally), [(0, 2), (1, 1), (1, 2), (2, 2)]);
    assert_eq!((tally.weights.clone(), tally.measures[2].side), (vec![3, 18, 6], Side::POPULATION));
    let tally = asked("before", 2, true).unwrap();
    assert_eq!(pairs(&tally), [(0, 2), (0, 3), (1, 1), (1, 2), (1, 3), (3, 3)]);
    assert_eq!(tally.weights, [10, 60, 1, 20]);
    for (column, scale) in [("before", 0), ("shown", 0), ("arm", 0), ("nothing", 2)] {
        let named = format!("exposures.{column}");
        let refused = Err(not_permitted(Asked::Column, &named, Some("publisher".to_owned())));
        assert_eq!(asked(column, scale, false).map(drop), refused, "{column}");
    }
}
