use super::*;
use crate::{
    analysis::Price,
    contract::tests::table::with_table,
    job::{Filter, TableQuestion, TemplateError, question_from_toml},
    proof::{PriceError, Wanted},
    tally::{Clamp, Condition, Dimension, Product, Quantity, Side},
};

mod choice;
mod floors;
mod length;
mod lengths;
mod lift;
mod noise;

/// A change that a signed analyst could make to its job.
type Change<'a> = &'a dyn Fn(&mut TableQuestion);

const TABLE: &str = r#"
[job]
analysis = "reach"
[table]
group_by = ["matched", "exposures.arm"]
cells_per_person = 2
[[table.where]]
column = "sales.bought"
first = "2026-10-01"
last = "2026-10-31"
[[table.where]]
column = "exposures.arm"
in = ["none", "mens"]
[[table.measure]]
name = "spent"
column = "sales.spend"
statistic = "sum"
cap_per_user = 99.5
spread = true
[[table.measure]]
name = "purchases"
column = "sales"
statistic = "rows"
cap_per_user = 5
bins = [1, 2, 4]
[table.privacy]
epsilon = 1
delta = 1e-6
"#;

fn contract() -> Contract {
    Contract::parse(with_table().as_bytes()).unwrap()
}

fn read(text: &str) -> Result<Question, TemplateError> {
    question_from_toml(text, &contract()).map(|(_, question)| question)
}

fn edited(from: &str, to: &str) -> Result<Question, TemplateError> {
    assert!(TABLE.contains(from), "no {from}");
    read(&TABLE.replacen(from, to, 1))
}

/// The tally of a question, as the policy derives it.
fn tally(question: &Question) -> Result<Tally, Refusal> {
    permitted_as_is(&contract(), "reach", question).map(|permitted| permitted.tally)
}

/// A signed analyst could change anything in a job; the policy must not rely on the template's checks.
fn changed(change: impl Fn(&mut TableQuestion)) -> Result<Tally, Refusal> {
    let mut question = read(TABLE).unwrap();
    let Question::Table(table) = &mut question else { panic!("a table") };
    change(table);
    tally(&question)
}

#[test]
fn a_template_becomes_the_tally_it_describes() {
    let tally = tally(&read(TABLE).unwrap()).unwrap();
    assert_eq!((tally.cells_per_person, tally.ids_per_person), (2, 1));
    assert_eq!(tally.datasets().collect::<Vec<_>>(), ["exposures", "sales"]);
    let codes = vec![0, 2];
    let column = "arm".to_owned();
    assert_eq!(tally.tables[0].rows, [Condition::OneOf { column, codes }]);
    let column = "bought".to_owned();
    let days = Condition::Between { column, least: 20_727, most: 20_757 };
    assert_eq!(tally.tables[1].rows, [days]);
    let arm = Dimension::Group { side: Side::POPULATION, column: "arm".to_owned(), values: 3 };
    let bins = Dimension::Bins { measure: 1, edges: vec![1, 2, 4] };
    assert_eq!(tally.dimensions, vec![Dimension::Matched, arm, bins]);
    assert_eq!(tally.cell_count(), Some(2 * 4 * 4 + 1));
    assert_eq!(tally.measures[0].clamp, Clamp::up_to(9_950).unwrap());
    assert_eq!(tally.measures[1].of, Quantity::Rows);
    assert_eq!(tally.products, [Product::square(0)]);
}

/// A template that names `found` where it must not is told so, and what would pass.
#[test]
fn templates_are_refused_in_words() {
    for (from, to, field) in [
        ("\"exposures.arm\"]", "\"exposures.history\"]", "table.group_by"),
        ("\"exposures.arm\"]", "\"exposures.email\"]", "table.group_by"),
        ("column = \"sales.bought\"", "column = \"sales.margin\"", "table.where.column"),
        (
            "in = [\"none\", \"mens\"]",
            "in = [\"men's' OR 1=1 --\"]",
            "table.where \"exposures.arm\": in",
        ),
        ("in = [\"none\", \"mens\"]", "in = []", "table.where \"exposures.arm\": in"),
        ("in = [\"none\", \"mens\"]", "least = 3", "table.where \"exposures.arm\": in"),
        ("last = \"2026-10-31\"", "last = \"2026-09-31\"", "table.where \"sales.bought\": last"),
        ("last = \"2026-10-31\"", "last = \"2026-09-30\"", "table.where \"sales.bought\": last"),
        ("last = \"2026-10-31\"", "", "table.where \"sales.bought\": first"),
        ("cells_per_person = 2", "cells_per_person = 4", "table.cells_per_person"),
        ("cap_per_user = 99.5", "cap_per_user = 99.555", "table.measure \"spent\": cap_per_user"),
        ("cap_per_user = 99.5", "cap_per_user = 0", "table.measure \"spent\": cap_per_user"),
        ("statistic = \"sum\"", "statistic = \"distinct\"", "table.measure \"spent\": column"),
        ("column = \"sales\"", "column = \"stores\"", "table.measure \"purchases\": column"),
        ("bins = [1, 2, 4]", "bins = [2, 1]", "table.measure \"purchases\": bins"),
        ("bins = [1, 2, 4]", "bins = []", "table.measure \"purchases\": bins"),
        ("delta = 1e-6", "delta = 1e-6\nselection_delta = 1e-9", "table.privacy.selection_delta"),
        ("\"exposures.arm\"]", "\"sales.store\"]", "table.privacy.selection_delta"),
        ("analysis = \"reach\"", "analysis = \"lift\"", "job.analysis"),
    ] {
        let error = edited(from, to).unwrap_err();
        let TemplateError::Value { field: found, .. } = &error else { panic!("{error}") };
        assert_eq!(found, field, "{error}");
    }
    let lift = edited("analysis = \"reach\"", "analysis = \"lift\"").unwrap_err().to_string();
    let expected = "lift is an analysis of kind lift; [table] needs one of: reach";
    assert!(lift.ends_with(expected), "{lift}");
    let swapped = edited("last = \"2026-10-31\"", "last = \"2026-09-30\"").unwrap_err().to_string();
    assert!(swapped.contains("last is 2026-09-30"), "{swapped}");
    assert!(matches!(edited("[table]", "[tables]"), Err(TemplateError::Syntax { .. })));
    assert_eq!(read("[job]\n"), Err(TemplateError::OneKind));
}

#[test]
fn the_policy_checks_what_a_template_would_have() {
    let not =
        |what, name: &str, owner: Option<&str>| not_permitted(what, name, owner.map(str::to_owned));
    let group = |text: &str| crate::job::GroupBy::Column(text.parse().unwrap());
    let cases: [(Change<'_>, Refusal); 8] = [
        (
            &|it| it.group_by = vec![group("exposures.email")],
            not(Asked::Column, "exposures.email", Some("publisher")),
        ),
        (&|it| it.group_by = vec![group("nowhere.x")], not(Asked::Column, "nowhere.x", None)),
        (
            &|it| it.cells_per_person = 4,
            Refusal::OverLimit { limit: Limit::CellsPerPerson, found: 4, most: 3 },
        ),
        (
            &|it| it.cells_per_person = 0,
            Refusal::OverLimit { limit: Limit::CellsPerPerson, found: 0, most: 3 },
        ),
        (
            &|it| it.measures[0].column = "sales.margin".to_owned(),
            not(Asked::Column, "sales.margin", Some("retailer")),
        ),
        (&|it| it.measures[0].scale = crate::units::Scale::WHOLE, Refusal::Malformed),
        (
            &|it| it.group_by = vec![group("exposures.arm"), group("exposures.arm")],
            Refusal::Malformed,
        ),
        (
            &|it| {
                let column = "exposures.arm".parse().unwrap();
                it.rows = vec![Filter::OneOf { column, values: vec!["nobody".to_owned()] }];
            },
            not(Asked::Value, "nobody", None),
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(changed(change), Err(expected));
    }
}

/// What makes no sense as a tally is refused with its proof: an inverted range, codes named twice.
#[test]
fn what_makes_no_sense_has_no_proof() {
    let changes: [Change<'_>; 3] = [
        &|it| {
            let column = "sales.spend".parse().unwrap();
            it.rows = vec![Filter::Between { column, least: 2, most: 1 }];
        },
        &|it| {
            let column = "exposures.arm".parse().unwrap();
            it.rows = vec![Filter::OneOf { column, values: vec!["none".to_owned(); 2] }];
        },
        &|it| {
            let column = "exposures.arm".parse().unwrap();
            it.rows = vec![Filter::OneOf { column, values: Vec::new() }];
        },
    ];
    for change in changes {
        let tally = changed(change).unwrap();
        let question = read(TABLE).unwrap();
        assert_eq!(prove(&question, Permitted { tally, floor: 50 }, 1), Err(Refusal::Malformed));
    }
}

#[test]
fn cells_that_the_data_name_are_selected_at_a_cost() {
    let labels = TABLE.replacen("\"exposures.arm\"]", "\"sales.store\"]", 1).replacen(
        "delta = 1e-6",
        "delta = 1e-6\nselection_delta = 1e-9",
        1,
    );
    let question = read(&labels).unwrap();
    let asked = tally(&question).unwrap();
    assert!(asked.is_named_by_data());
    let split = Split { n: 200, sum: 500, products: 300 };
    let proven = prove(&question, Permitted { tally: asked.clone(), floor: 50 }, 1).unwrap();
    assert_eq!(proven.proof().cost.delta(), 1_000_000);
    assert!(proven.proof().vectors().unwrap().selection.unwrap().threshold > 50);
    let request = Request { rho: Rho(1 << 30), split, threshold: 50, selection_delta: 0 };
    assert_eq!(asked.prove(&request), Err(PriceError::NoNoise(Wanted::People)));
}

#[test]
fn a_price_needs_no_room_and_no_data() {
    let question = read(TABLE).unwrap();
    let proven = price(&contract(), "reach", &question).unwrap();
    assert_eq!(proven.tally(), &tally(&question).unwrap());
    let Price { epsilon, delta, .. } = question.price();
    assert_eq!(proven.proof().cost.rho(), Rho::from_epsilon(epsilon, delta));
    for name in ["lift", "nothing"] {
        let refused = price(&contract(), name, &question).unwrap_err();
        assert_eq!(refused, not_permitted(Asked::Analysis, name, None));
    }
}
