//! Analyses of kind "table".

use super::*;
use crate::analysis::uses::Section;

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
    let table = analysis::table::uses::Listed::of(&contract.analyses["reach"]).unwrap();
    assert_eq!((table.population, table.joined), ("exposures", Some("sales")));
    let column = ColumnRef::new;
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
    let what = "group or label column (written dataset.column)";
    refused(&text, "group_by", &unknown(what, "sales.store"));
}

#[test]
fn refuses_keys_of_the_other_kind() {
    let other = |key, section: &Section| {
        let keys = section.keys().collect();
        Flaw::OtherKind { key, kind: section.kind, keys }
    };
    let text = changed("joined = \"sales\"\n", "joined = \"sales\"\narm = \"arm\"\n");
    // The lift analysis has the same line, and comes first.
    let error = parse(&text).unwrap_err();
    assert_eq!(error.flaw, other("arm", &analysis::table::uses::SECTION));
    let text = edit("kind = \"lift\"", "date = \"bought\"", "filters = []");
    let error = parse(&text).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "its own keys are assignment, arm, segments, creative, exposed, covariates, outcome, measures, date"
        ),
        "{error}"
    );
    refused(&text, "filters = []", &other("filters", &analysis::lift::uses::SECTION));
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

/// However many datasets an analysis joins, people are looked up in each of them.
#[test]
fn what_is_said_of_two_datasets_is_said_of_three() {
    let third = "[[dataset]]\nname = \"loyalty\"\nowner = \"retailer\"\n\
                 [[dataset.column]]\nname = \"phone\"\nrole = \"match_key\"\nkind = \"phone\"\n\
                 [[dataset.column]]\nname = \"email\"\nrole = \"match_key\"\nkind = \"email\"\n\
                 [[dataset.column]]\nname = \"agreed\"\nrole = \"consent\"\n\
                 [[analysis]]\nname = \"lift\"";
    let text = changed("[[analysis]]\nname = \"lift\"", third);
    let mut contract = parse(&text).unwrap();
    let found = |contract: &Contract| {
        let columns = contract.used_columns("loyalty").len();
        let consent = contract.consent_is_known_by_outcome("lift");
        (columns, consent, contract.unused_match_keys("lift").len())
    };
    assert_eq!(found(&contract), (0, false, 0));
    let lift = contract.analyses.get_mut("lift").unwrap();
    lift.datasets.push(("third", "loyalty".to_owned()));
    assert_eq!(lift.datasets().collect::<Vec<_>>(), ["exposures", "sales", "loyalty"]);
    // Its match keys and its consent; and its rows begin with another identifier than those of the population.
    assert_eq!(found(&contract), (3, true, 1));
}
