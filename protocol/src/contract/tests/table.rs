//! Analyses of kind "table".

use super::*;

/// The sample, with a label column, a δ to select its values, and an analysis of kind "table".
pub(crate) fn with_table() -> String {
    let text = sample().replacen(
        "[[dataset.column]]\nname = \"bought\"",
        "[[dataset.column]]\nname = \"store\"\nrole = \"label\"\n[[dataset.column]]\nname = \"bought\"",
        1,
    );
    let (head, tail) = text.rsplit_once("lifetime_epsilon = 20\n").unwrap();
    let budgets = format!("{head}lifetime_epsilon = 20\nselection_delta = 1e-7\n{tail}").replacen(
        "lifetime_epsilon = 20.0\n",
        "lifetime_epsilon = 20.0\nselection_delta = 1e-7\n",
        1,
    );
    budgets.replacen(
        "[[build]]",
        r#"[[analysis]]
name = "reach"
kind = "table"
purpose = "measurement"
population = "exposures"
joined = "sales"
group_by = ["exposures.arm", "sales.store"]
filters = ["exposures.arm", "sales.bought", "sales.spend"]
measures = ["sales.spend", "sales.store"]
cells_per_person = 3
analysts = ["publisher"]
receivers = ["retailer"]

[[build]]"#,
        1,
    )
}

fn changed(from: &str, to: &str) -> String {
    let text = with_table();
    assert!(text.contains(from), "no {from}");
    text.replacen(from, to, 1)
}

#[test]
fn reads_what_a_table_may_name() {
    let contract = parse(&with_table()).unwrap();
    let Template::Table(table) = &contract.analyses["reach"].template else { panic!("a table") };
    assert_eq!((table.population.as_str(), table.joined.as_deref()), ("exposures", Some("sales")));
    let column = |dataset: &str, column: &str| ColumnRef {
        dataset: dataset.to_owned(),
        column: column.to_owned(),
    };
    assert_eq!(table.group_by, [column("exposures", "arm"), column("sales", "store")]);
    assert_eq!(table.cells_per_person, 3);
    let budget = &contract.datasets["sales"].budgets["measurement"];
    assert_eq!(budget.selection_delta, 100_000_000);
    assert_eq!(budget.per_period().delta(), 100_000_000);
}

#[test]
fn grants_the_columns_that_a_table_names_and_no_others() {
    let contract = parse(&with_table()).unwrap();
    let names = |dataset| {
        let columns = contract.used_columns(dataset);
        columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>()
    };
    // "margin" is named by nobody.
    assert_eq!(names("sales"), ["email", "visit", "spend", "store", "bought"]);
    assert_eq!(names("exposures"), ["email", "arm"]);
}

#[test]
fn refuses_columns_of_another_role_or_dataset() {
    let unknown = |what, name: &str| Flaw::Unknown { what, name: name.to_owned() };
    let group = "group or label column (written dataset.column)";
    let filter = "group, measure or date column (written dataset.column)";
    let measure = "measure, group or label column (written dataset.column)";
    for (from, to, flaw) in [
        (
            "[\"exposures.arm\", \"sales.store\"]",
            "[\"sales.spend\"]",
            unknown(group, "sales.spend"),
        ),
        ("[\"exposures.arm\", \"sales.store\"]", "[\"arm\"]", unknown(group, "arm")),
        ("\"sales.bought\", \"sales.spend\"]", "\"sales.store\"]", unknown(filter, "sales.store")),
        (
            "[\"sales.spend\", \"sales.store\"]",
            "[\"sales.bought\"]",
            unknown(measure, "sales.bought"),
        ),
        (
            "[\"sales.spend\", \"sales.store\"]",
            "[\"sales.email\"]",
            unknown(measure, "sales.email"),
        ),
        (
            "[\"sales.spend\", \"sales.store\"]",
            "[\"exposures.history\"]",
            unknown(measure, "exposures.history"),
        ),
    ] {
        assert_eq!(parse(&changed(from, to)).unwrap_err().flaw, flaw);
    }
}

#[test]
fn a_column_of_a_dataset_that_is_not_joined_is_unknown() {
    let text = changed("joined = \"sales\"\n", "");
    let name = "sales.store".to_owned();
    let what = "group or label column (written dataset.column)";
    refused(&text, "group_by", &Flaw::Unknown { what, name });
}

#[test]
fn refuses_keys_of_the_other_kind() {
    let other = |key, kind| Flaw::OtherKind { key, kind };
    let text = changed("joined = \"sales\"\n", "joined = \"sales\"\narm = \"arm\"\n");
    // The lift analysis has the same line, and comes first.
    let error = parse(&text).unwrap_err();
    assert_eq!(error.flaw, other("arm", "table"));
    let text = edit("kind = \"lift\"", "date = \"bought\"", "filters = []");
    refused(&text, "filters = []", &other("filters", "lift"));
}

#[test]
fn refuses_a_number_of_cells_out_of_range() {
    let found = "17".to_owned();
    let expected = "1 to 16 (1 if left out)";
    let flaw = Flaw::Range { what: "cells_per_person", found, expected };
    let to = "cells_per_person = 17";
    refused(&changed("cells_per_person = 3", to), to, &flaw);
}

#[test]
fn a_lift_needs_its_datasets() {
    let text = edit("kind = \"lift\"", "assignment = \"exposures\"\n", "");
    refused(&text, "name = \"lift\"", &Flaw::Missing("assignment dataset"));
}
