//! Jobs of the sample, and what a signed analyst could make of them.

use super::*;
use crate::{
    contract::{ColumnRef, Contract, tests},
    identity::Identifier,
    job::{Question, TemplateError, question_from_toml},
    policy,
    tally::{Dimension, Population, Side},
};

const CONTRACT: &str = include_str!("sample/contract.toml");
const JOB: &str = include_str!("sample/job.toml");

/// The sample's contract with keys, a bucket salt and a build.
pub(super) fn contract() -> Contract {
    let datasets = CONTRACT.split_once("[[dataset]]").unwrap().1;
    let paper = tests::sample();
    let build = paper.split_once("[[build]]").unwrap().1;
    let (head, parties) = (tests::head(), tests::parties(&["publisher", "retailer"]));
    let text = format!("{head}min_cell = 20\n{parties}[[dataset]]{datasets}\n[[build]]{build}");
    Contract::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(super) fn asked(job: &str) -> Result<Overlap, TemplateError> {
    let (name, question) = question_from_toml(job, &contract())?;
    assert_eq!(name, "audiences");
    let Question::Overlap(overlap) = question else { panic!("an overlap") };
    Ok(overlap)
}

fn edited(from: &str, to: &str) -> String {
    assert!(JOB.contains(from), "no {from}");
    JOB.replacen(from, to, 1)
}

fn tally(overlap: Overlap) -> Result<Tally, Refusal> {
    let contract = contract();
    let proven = policy::price(&contract, "audiences", &Question::Overlap(overlap))?;
    Ok(proven.tally().clone())
}

#[test]
fn a_template_becomes_the_tally_it_describes() {
    let tally = tally(asked(JOB).unwrap()).unwrap();
    assert_eq!(tally.population, Population::Union { by: Identifier::Email });
    assert_eq!(tally.datasets().collect::<Vec<_>>(), ["customers", "members", "viewers"]);
    let only = Dimension::Only { side: Side(0), column: "tier".to_owned(), values: Some(3) };
    assert_eq!(tally.dimensions, [Dimension::Membership { datasets: 3 }, only]);
    assert_eq!((tally.cells_per_person, tally.measures.len()), (1, 0));
    // Seven sets and three places of people without an address, by three values, none and several; and refusers.
    assert_eq!(tally.cell_count(), Some(10 * 5 + 1));
}

/// So that the same question has the same tally, and its figures are not paid for twice.
#[test]
fn datasets_are_put_into_the_contracts_order_and_may_be_left_out() {
    let all = "datasets = [\"customers\", \"members\", \"viewers\"]";
    for (written, expected) in [
        (
            "datasets = [\"viewers\", \"customers\", \"members\"]",
            &["customers", "members", "viewers"][..],
        ),
        ("datasets = [\"viewers\", \"customers\"]", &["customers", "viewers"]),
        ("", &["customers", "members", "viewers"]),
    ] {
        let tally = tally(asked(&edited(all, written)).unwrap()).unwrap();
        assert_eq!(tally.datasets().collect::<Vec<_>>(), expected);
    }
    let tally = tally(asked(&edited("segment = \"customers.tier\"\n", "")).unwrap()).unwrap();
    assert_eq!(tally.dimensions, [Dimension::Membership { datasets: 3 }]);
}

#[test]
fn refuses_what_the_contract_does_not_list_by_name() {
    let all = "[\"customers\", \"members\", \"viewers\"]";
    for (from, to, expected) in [
        (
            all,
            "[\"customers\"]",
            "overlap.datasets is a list of 1; expected two or more of customers, members, viewers",
        ),
        (all, "[]", "overlap.datasets is a list of 0"),
        (all, "[\"customers\", \"customers\"]", "overlap.datasets is customers twice"),
        (
            all,
            "[\"customers\", \"sales\"]",
            "overlap.datasets is sales; the contract's analysis allows customers, members, viewers",
        ),
        (
            all,
            "[\"members\", \"viewers\"]",
            "overlap.segment is customers.tier; expected a column of one of members, viewers",
        ),
        (
            "customers.tier",
            "customers.agreed",
            "overlap.segment is customers.agreed; the contract's analysis allows customers.tier",
        ),
        (
            "\"email\"",
            "\"phone\"",
            "overlap.by is phone; \"viewers\" has no match key of this kind; all of these datasets have \"email\"",
        ),
        (
            "\"email\"",
            "\"cookie\"",
            "overlap.by is cookie; expected a kind of match key; all of these datasets have \"email\"",
        ),
        ("epsilon = 1.0", "epsilon = 0.0", "overlap.privacy.epsilon is 0"),
        ("by = \"email\"", "by = \"email\"\nconfidence = 1.0", "overlap.confidence is 1"),
        ("by = \"email\"", "by = \"email\"\nwindow = 3", "unknown field `window`"),
    ] {
        let error = asked(&edited(from, to)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let phones = edited(all, "[\"members\", \"customers\"]").replacen("email", "phone", 1);
    assert_eq!(asked(&phones).unwrap().by, Identifier::Phone);
}

/// A signed job says what it likes; the policy must not rely on the template's checks.
#[test]
fn a_signed_job_reads_no_more_than_a_template_could_ask() {
    let changed = |change: &dyn Fn(&mut Overlap)| {
        let mut overlap = asked(JOB).unwrap();
        change(&mut overlap);
        tally(overlap)
    };
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert!(changed(&|overlap| overlap.datasets = names(&["customers", "viewers"])).is_ok());
    for (datasets, named) in [
        (names(&["viewers", "customers"]), Some("customers")),
        (names(&["customers", "payroll"]), Some("payroll")),
        (names(&["customers", "customers"]), Some("customers")),
        (names(&["customers"]), None),
        (names(&[]), None),
    ] {
        let refused = changed(&|overlap| {
            overlap.segment = None;
            overlap.datasets.clone_from(&datasets);
        });
        match (refused, named) {
            (Err(Refusal::NotPermitted { name, .. }), Some(named)) => assert_eq!(name, named),
            (Err(Refusal::Malformed), None) => {}
            (found, _) => panic!("{datasets:?}: {found:?}"),
        }
    }
    let refused = changed(&|overlap| overlap.by = Identifier::Phone).unwrap_err();
    assert!(matches!(refused, Refusal::NotPermitted { name, .. } if name == "viewers"));
    for segment in ["customers.agreed", "members.email", "sales.shop"] {
        let segment: ColumnRef = segment.parse().unwrap();
        let refused = changed(&|overlap| overlap.segment = Some(segment.clone())).unwrap_err();
        let Refusal::NotPermitted { name, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(name, segment.to_string());
    }
    for confidence in [0, 1_000_000] {
        assert!(changed(&|overlap| overlap.confidence = Millionths(confidence)).is_err());
    }
}
