//! Forms of every kind, by the contract of its sample.

#[path = "../../tests/support/contract.rs"]
mod sample;

use super::{Filled, Form, Input, Widget};
use crate::frame::Way;
use protocol::{analysis::KINDS, contract::Contract};

fn contract(section: &str) -> Contract {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/../../protocol/src/analysis/{section}/sample/contract.toml");
    sample::whole(&std::fs::read_to_string(path).unwrap())
}

/// The form of a kind before anything was filled in.
fn form(kind: &str, section: &str) -> Form {
    let contract = contract(section);
    let of_section = |terms: &&String| contract.analyses[*terms].section().kind == section;
    let analysis = contract.analyses.keys().find(of_section).unwrap();
    Form::of(&contract, analysis, kind, &Filled::default()).unwrap()
}

fn choices(form: &Form, name: &str) -> Vec<String> {
    let input = form.groups.iter().flat_map(super::Group::all).find(|input| input.name == name);
    match &input.unwrap_or_else(|| panic!("there is no {name}")).widget {
        Widget::One(choices) => choices.iter().skip(1).map(|choice| choice.value.clone()).collect(),
        Widget::Any(families) => {
            let choices = families.iter().flat_map(|family| &family.choices);
            choices.map(|choice| choice.value.clone()).collect()
        }
        Widget::Each(numbers) => numbers.iter().map(|number| number.of.clone()).collect(),
        _ => panic!("{name} is no choice"),
    }
}

/// A new kind whose words point at nothing of the contract fails here: its form would ask for what nobody can know.
#[test]
fn whoever_asks_types_only_numbers_days_and_names_of_their_own() {
    for kind in KINDS {
        let form = form(kind.kind, kind.section.kind);
        let inputs = form.groups.iter().flat_map(super::Group::all);
        let typed = inputs.filter(|input| {
            matches!(input.widget, Widget::Line { is_number: false } | Widget::Lines { .. })
        });
        for name in typed.map(Input::field) {
            assert!(TYPED.contains(&name), "{}: {name} is typed", kind.kind);
        }
    }
}

/// Names of the asker's own, a moment, a currency, days, and lists of numbers.
const TYPED: [&str; 9] = [
    "name",
    "decision",
    "registered_at",
    "currency",
    "left_out",
    "hidden",
    "edges",
    "between",
    "bins",
];

#[test]
fn a_form_offers_what_the_contract_lists_and_nothing_else() {
    let table = form("table", "table");
    assert_eq!(choices(&table, "table.group_by"), ["matched", "exposures.arm", "sales.shop"]);
    let of_rows = ["exposures", "sales", "sales.spend", "sales.shop"];
    assert_eq!(choices(&table, "table.measure.0.column"), of_rows);
    assert_eq!(choices(&table, "table.where.0.in"), ["mens", "womens", "none"]);
    // One place is chosen of public values alone.
    assert_eq!(choices(&form("choice", "table"), "choice.group_by"), ["exposures.arm"]);
    let overlap = form("overlap", "overlap");
    assert_eq!(choices(&overlap, "overlap.by"), ["email", "phone"]);
    assert_eq!(choices(&overlap, "overlap.segment"), ["customers.tier"]);
    let per = ["frequency", "dataset", "video.creative", "display.place"];
    assert_eq!(choices(&form("reach", "reach"), "reach.per"), per);
    let train = form("train", "train");
    assert_eq!(choices(&train, "train.label.found_in"), ["visits"]);
    assert_eq!(choices(&train, "train.label.values"), ["stayed", "left"]);
    let arms = ["mens", "womens", "none"];
    assert_eq!(choices(&form("lift", "lift"), "lift.assignment.expected_share"), arms);
    assert_eq!(
        choices(&form("attribution", "attribution"), "attribution.model"),
        ["last", "linear"]
    );
    let geo = form("geo", "geo");
    assert_eq!(choices(&geo, "geo.cell.0.treated").len(), 6);
    // Without a filter no row can be chosen, and without that the table is no table.
    assert!(geo.groups.iter().all(|group| !group.path.contains("where")));
    assert_eq!(geo.not_offered, ["Filter: column to filter by"]);
}

/// The fields that are marked of a question that was filled in so.
fn marked(kind: &'static str, section: &str, body: &str) -> Vec<(String, String)> {
    let contract = contract(section);
    let analysis = contract.analyses.keys().next().unwrap();
    let filled = Filled::parse(body.as_bytes());
    let mut form = Form::of(&contract, analysis, kind, &filled).unwrap();
    let (href, datasets) = (String::new(), Vec::new());
    let way = Way { href, analysis, kind, title: "", purpose: "", datasets };
    assert_eq!(form.job(&contract, &way, &filled), Err(None));
    let faults = form.faults();
    faults.iter().map(|fault| (fault.input.to_owned(), fault.why.to_owned())).collect()
}

#[test]
fn what_belongs_to_another_question_is_refused_where_it_stands() {
    let faults = marked(
        "choice",
        "table",
        "choice.of=quantile&choice.quantile=0.5&choice.measure=sales.spend&choice.edges=1,2&choice.group_by=exposures.arm\
         &choice.privacy.epsilon=1&choice.privacy.delta=1e-6",
    );
    let [(field, why)] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!(field, "choice.group_by");
    assert!(why.contains("has none"), "{why}");
}

#[test]
fn of_two_with_one_name_the_second_is_refused() {
    let faults = marked(
        "outcomes",
        "outcomes",
        "outcomes.window.first=0&outcomes.window.last=29&outcomes.observed.first=2026-01-01&outcomes.observed.last=2026-06-30\
         &outcomes.outcome%23=2&outcomes.outcome.0.column=spend&outcomes.outcome.0.cap_per_user=10\
         &outcomes.outcome.1.column=spend&outcomes.outcome.1.name=spend&outcomes.outcome.1.cap_per_user=20\
         &outcomes.privacy.epsilon=1&outcomes.privacy.delta=1e-6",
    );
    let [(field, why)] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!((field.as_str(), why.contains("each name once")), ("outcomes.outcome.1.name", true));
}
