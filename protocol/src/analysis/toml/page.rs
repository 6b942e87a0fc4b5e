//! That `spec/job-v1.md` says what is true.

use super::question_from_toml;
use crate::{
    contract::{ColumnRef, Contract, tests::sample},
    job::{ChoiceOf, Filter, GroupBy, Question, Statistic},
};

const PAGE: &str = include_str!("../../../spec/job-v1.md");
/// What `glovebox contract new` fills in.
const NEW: &str = include_str!("../../../../partner/cli/src/contract/template.toml");

/// The page's examples: an addition to the contract, a lift job, a table job, a choice.
fn examples() -> [&'static str; 4] {
    let blocks = PAGE.split("```toml\n").skip(1);
    let blocks: Vec<_> = blocks.map(|rest| rest.split_once("```").unwrap().0).collect();
    blocks.try_into().unwrap()
}

/// A new contract with the page's addition where the page says.
fn contract() -> Contract {
    let sample = sample();
    let parties = sample.split_once("[[party]]").unwrap().1.split_once("[[dataset]]").unwrap().0;
    let (before, after) = NEW.split_once("# What may be asked").unwrap();
    let text = format!("{before}{}\n# What may be asked{after}", examples()[0])
        .replace("{NAME}", "room")
        .replace("{EXPIRES}", "2027-12-31T00:00:00Z")
        .replace("{PARTIES}", &format!("[[party]]{parties}"))
        .replace("{PUBLISHER}", "publisher")
        .replace("{RETAILER}", "retailer");
    let text =
        (0..3).fold(text, |text, at| text.replace(&format!("{{PCR{at}}}"), &"ab".repeat(48)));
    let budget = "delta = 1e-6\n";
    let text = text.replace(budget, &format!("{budget}selection_delta = 1e-6\n"));
    Contract::parse(text.as_bytes()).unwrap()
}

#[test]
fn the_lift_example_is_a_job_of_the_contract_that_the_page_describes() {
    let (analysis, question) = question_from_toml(examples()[1], &contract()).unwrap();
    let Question::Lift(lift) = question else { panic!("{question:?}") };
    assert_eq!(analysis, "dated");
    // 2026-10-01 is day 20,727; 27 days and 14 more to the end.
    assert_eq!(lift.window, Some((20_727, 20_768)));
    let clamps: Vec<_> = lift.outcomes.iter().map(|outcome| outcome.clamp.most()).collect();
    assert_eq!(clamps, [1, 5, 49_900]);
}

#[test]
fn the_table_example_is_a_job_of_the_contract_that_the_page_describes() {
    let (analysis, question) = question_from_toml(examples()[2], &contract()).unwrap();
    let Question::Table(table) = question else { panic!("{question:?}") };
    assert_eq!(analysis, "groups");
    let column = |name: &str| GroupBy::Column(name.parse().unwrap());
    let bins = GroupBy::Bins { measure: "spend".to_owned(), edges: vec![1_000, 5_000, 10_000] };
    assert_eq!(table.group_by, [column("exposures.arm"), column("sales.shop"), bins]);
    let day =
        Filter::Between { column: ColumnRef::new("sales", "day"), least: 20_727, most: 20_754 };
    assert_eq!(table.rows[2], day);
    let statistics: Vec<_> = table.measures.iter().map(|measure| measure.statistic).collect();
    assert_eq!(statistics, [Statistic::Sum, Statistic::Rows, Statistic::Distinct]);
    assert_eq!(table.selection_delta, 100_000_000);
}

#[test]
fn the_choice_is_a_job_of_the_contract_that_the_page_describes() {
    let (analysis, question) = question_from_toml(examples()[3], &contract()).unwrap();
    let Question::Choice(choice) = question else { panic!("{question:?}") };
    assert_eq!(analysis, "groups");
    let ChoiceOf::Quantile { share, column, edges, .. } = choice.of else { panic!("{choice:?}") };
    assert_eq!((share, column.as_str()), (950_000, "sales.spend"));
    assert_eq!(edges, [2_500, 5_000, 10_000, 20_000, 30_000, 49_900]);
}

#[test]
fn the_page_names_every_key_that_a_job_may_have() {
    let rename = [
        ("outcomes", "[[lift.outcome]]"),
        ("rows", "[[table.where]]"),
        ("measures", "[[table.measure]]"),
        ("job", "[job]"),
        ("lift", "[lift]"),
        ("table", "[table]"),
        ("choice", "[choice]"),
        ("assignment", "[lift.assignment]"),
        ("window", "[lift.window]"),
        ("cost", "[lift.cost]"),
        ("privacy", "[table.privacy]"),
    ];
    for line in include_str!("raw.rs").lines() {
        let Some(field) = line.trim().strip_prefix("pub(super) ") else { continue };
        let Some((field, _)) = field.split_once(':') else { continue };
        let field = field.trim_start_matches("r#");
        let shown = rename.iter().find(|(it, _)| *it == field);
        let shown = shown.map_or_else(|| field.to_owned(), |(_, shown)| (*shown).to_owned());
        let found = [format!("`{shown}`"), format!(".{shown}`"), format!("{shown} = ..")];
        assert!(found.iter().any(|text| PAGE.contains(text)), "{shown} is not on the page");
    }
}
