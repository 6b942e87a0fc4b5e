//! Questions of which one place leaves.

use super::*;
use crate::job::{ChoiceOf, ChoiceQuestion, GroupBy, Statistic, TableMeasure};
use crate::units::{Millionths, Scale};
use crate::{digest::Digest, job::JobId, proof::By};

const QUANTILE: &str = r#"
[job]
analysis = "reach"
[choice]
version = 1
of = "quantile"
quantile = 0.95
measure = "sales.spend"
edges = [10, 50.5, 200]
[[choice.where]]
column = "sales.bought"
first = "2026-10-01"
last = "2026-10-31"
[choice.privacy]
epsilon = 0.1
delta = 1e-6
"#;

const FULLEST: &str = r#"
[choice]
of = "fullest"
group_by = "exposures.arm"
cells_per_person = 2
[choice.privacy]
epsilon = 0.1
delta = 1e-6
"#;

fn edited(text: &str, from: &str, to: &str) -> Result<Question, TemplateError> {
    assert!(text.contains(from), "no {from}");
    read(&text.replacen(from, to, 1))
}

fn choice(text: &str) -> ChoiceQuestion {
    let Question::Choice(choice) = read(text).unwrap() else { panic!("a choice") };
    choice
}

/// The decision of the policy on a choice.
fn decide(choice: ChoiceQuestion) -> Result<Proven, Refusal> {
    let question = Question::Choice(choice);
    let permitted = permitted_as_is(&contract(), "reach", &question)?;
    prove(&question, permitted, 1)
}

/// A signed analyst could change anything in a job.
fn changed(text: &str, change: impl Fn(&mut ChoiceQuestion)) -> Result<(), Refusal> {
    let mut choice = choice(text);
    change(&mut choice);
    decide(choice).map(drop)
}

#[test]
fn a_quantile_becomes_the_bins_it_is_chosen_from_and_no_figure() {
    let proven = decide(choice(QUANTILE)).unwrap();
    let (tally, proof) = (proven.tally(), proven.proof());
    let edges = vec![1_000, 5_050, 20_000];
    assert_eq!(tally.dimensions, vec![Dimension::Bins { measure: 0, edges }]);
    assert_eq!(tally.measures[0].clamp, Clamp::up_to(20_000).unwrap());
    assert_eq!(tally.cells_per_person, 1);
    assert_eq!(tally.measures[0].of, Quantity::Sum { column: "spend".to_owned() });
    let days = Condition::Between { column: "bought".to_owned(), least: 20_727, most: 20_757 };
    assert_eq!(tally.tables[1].rows, [days]);
    let chosen = proof.choice().unwrap();
    assert_eq!((chosen.by, chosen.range), (By::Quantile(950_000), 1_900_000));
    // √(2ρ), rounded down.
    let (rho, epsilon) = (proof.cost.rho().0, chosen.epsilon_millionths);
    assert!(epsilon * epsilon <= 2 * rho && (epsilon + 1) * (epsilon + 1) > 2 * rho);
    assert_eq!(rho, Rho::from_epsilon(choice(QUANTILE).epsilon, choice(QUANTILE).delta).0);
    assert_eq!(proof.vectors(), None);
    assert_eq!(choice(QUANTILE).offered(&contract()), ["10.00", "50.50", "200.00"]);
}

#[test]
fn a_choice_has_a_price_before_there_are_data() {
    for text in [QUANTILE, FULLEST] {
        let question = Question::Choice(choice(text));
        assert_eq!(price(&contract(), "reach", &question), decide(choice(text)));
    }
}

#[test]
fn rows_and_different_values_have_quantiles_too() {
    let of = |to: &str| {
        let edges = [("edges = [10, 50.5, 200]", "edges = [1, 2, 5]"), ("\"sales.spend\"", to)];
        let text = edges.iter().fold(QUANTILE.to_owned(), |text, it| text.replacen(it.0, it.1, 1));
        decide(choice(&text)).unwrap().tally().measures[0].of.clone()
    };
    assert_eq!(of("\"sales\"\nstatistic = \"rows\""), Quantity::Rows);
    let column = "store".to_owned();
    assert_eq!(of("\"sales.store\"\nstatistic = \"distinct\""), Quantity::Distinct { column });
}

#[test]
fn the_fullest_group_is_chosen_among_its_public_values() {
    let proven = decide(choice(FULLEST)).unwrap();
    let arm = Dimension::Group { side: Side::POPULATION, column: "arm".to_owned(), values: 3 };
    assert_eq!(proven.tally().dimensions, vec![arm]);
    assert_eq!((proven.tally().measures.len(), proven.tally().cells_per_person), (0, 2));
    let chosen = proven.proof().choice().unwrap();
    assert_eq!((chosen.by, chosen.range), (By::Fullest, 1));
    assert_eq!(choice(FULLEST).offered(&contract()), ["mens", "womens", "none"]);
}

#[test]
fn templates_of_choices_are_refused_in_words() {
    for (text, from, to, field) in [
        (QUANTILE, "quantile = 0.95\n", "", "choice.quantile"),
        (QUANTILE, "quantile = 0.95", "quantile = 1", "choice.quantile"),
        (QUANTILE, "quantile = 0.95", "quantile = 0", "choice.quantile"),
        (QUANTILE, "\"quantile\"", "\"median\"", "choice.of"),
        (QUANTILE, "edges = [10, 50.5, 200]", "", "choice.edges"),
        (QUANTILE, "50.5", "5", "choice.edges"),
        (QUANTILE, "50.5", "50.555", "choice.edges"),
        (QUANTILE, "[10, ", "[0, ", "choice.edges"),
        (QUANTILE, "[10, 50.5, 200]", "[200]", "choice.edges"),
        (QUANTILE, "[10, 50.5, 200]", "[]", "choice.measure \"choice\": cap_per_user"),
        (QUANTILE, "sales.spend", "sales.margin", "choice.measure \"choice\": column"),
        (QUANTILE, "sales.spend", "sales.store", "choice.measure \"choice\": column"),
        (QUANTILE, "sales.bought", "sales.margin", "choice.where.column"),
        (QUANTILE, "version = 1", "group_by = \"exposures.arm\"", "choice.group_by"),
        (QUANTILE, "version = 1", "cells_per_person = 1", "choice.cells_per_person"),
        (QUANTILE, "epsilon = 0.1", "epsilon = 0", "choice.privacy.epsilon"),
        (QUANTILE, "analysis = \"reach\"", "analysis = \"lift\"", "job.analysis"),
        (FULLEST, "group_by = \"exposures.arm\"\n", "", "choice.group_by"),
        (FULLEST, "exposures.arm", "sales.store", "choice.group_by"),
        (FULLEST, "exposures.arm", "exposures.history", "choice.group_by"),
        (FULLEST, "exposures.arm", "matched", "choice.group_by"),
        (FULLEST, "cells_per_person = 2", "cells_per_person = 4", "choice.cells_per_person"),
        (FULLEST, "cells_per_person = 2", "quantile = 0.5", "choice.quantile"),
        (FULLEST, "cells_per_person = 2", "measure = \"sales.spend\"", "choice.measure"),
        (FULLEST, "cells_per_person = 2", "statistic = \"sum\"", "choice.statistic"),
        (FULLEST, "cells_per_person = 2", "edges = [1, 2]", "choice.edges"),
    ] {
        let error = edited(text, from, to).unwrap_err();
        let TemplateError::Value { field: found, .. } = &error else { panic!("{error}") };
        assert_eq!(found, field, "{error}");
    }
    let fields = vec!["choice.version (offered: 1)".to_owned()];
    let two = edited(QUANTILE, "version = 1", "version = 2").unwrap_err();
    assert_eq!(two, TemplateError::NotOffered { fields });
    let both = format!("{TABLE}of = \"quantile\"\n");
    assert!(matches!(read(&both), Err(TemplateError::Syntax { .. })), "keys of both");
    let both = format!("{TABLE}[choice]\nof = \"fullest\"\n");
    assert_eq!(read(&both), Err(TemplateError::OneKind));
    let unpaid = FULLEST.split_once("[choice.privacy]").unwrap().0;
    assert_eq!(read(unpaid), Err(TemplateError::Missing("choice.privacy")));
}

/// The safe default: what the contract's table does not name cannot be chosen from either.
#[test]
fn the_policy_checks_what_a_template_of_a_choice_would_have() {
    let not =
        |what, name: &str, owner: Option<&str>| not_permitted(what, name, owner.map(str::to_owned));
    let column = |to: &'static str| {
        move |it: &mut ChoiceQuestion| match &mut it.of {
            ChoiceOf::Quantile { column, .. } => to.clone_into(column),
            ChoiceOf::Fullest { column, .. } => *column = to.parse().unwrap(),
        }
    };
    let edges = |to: &'static [u32]| {
        move |it: &mut ChoiceQuestion| {
            let ChoiceOf::Quantile { edges, .. } = &mut it.of else { panic!("a quantile") };
            *edges = to.to_vec();
        }
    };
    let refused = changed(QUANTILE, column("sales.margin")).unwrap_err();
    assert_eq!(refused, not(Asked::Column, "sales.margin", Some("retailer")));
    let refused = changed(FULLEST, column("exposures.email")).unwrap_err();
    assert_eq!(refused, not(Asked::Column, "exposures.email", Some("publisher")));
    let refused = changed(FULLEST, column("sales.store")).unwrap_err();
    assert_eq!(refused, not(Asked::Column, "sales.store", None));
    for wrong in [&[][..], &[5], &[0, 5], &[5, 5], &[7, 5]] {
        assert_eq!(changed(QUANTILE, edges(wrong)), Err(Refusal::Malformed), "{wrong:?}");
    }
    for (share, found) in [(0, 0), (1_000_000, 1_000_000)] {
        let refused = changed(QUANTILE, |it| {
            let ChoiceOf::Quantile { share: to, .. } = &mut it.of else { panic!("a quantile") };
            *to = Millionths(share);
        });
        let most = 999_999;
        assert_eq!(refused, Err(Refusal::OverLimit { limit: Limit::Share, found, most }));
    }
    let refused = changed(QUANTILE, |it| {
        let ChoiceOf::Quantile { scale, .. } = &mut it.of else { panic!("a quantile") };
        *scale = Scale::WHOLE;
    });
    assert_eq!(refused, Err(Refusal::Malformed));
    let refused = changed(FULLEST, |it| {
        let ChoiceOf::Fullest { cells_per_person, .. } = &mut it.of else { panic!("a group") };
        *cells_per_person = 4;
    });
    let (limit, found, most) = (Limit::CellsPerPerson, 4, 3);
    assert_eq!(refused, Err(Refusal::OverLimit { limit, found, most }));
}

/// An analysis of lift permits no choice, and one of a table permits it to its own analysts alone.
#[test]
fn a_choice_is_not_permitted_where_no_table_is() {
    let contract = contract();
    let manifests = BTreeMap::new();
    for (analysis, analyst, expected) in [
        ("lift", "publisher", not_permitted(Asked::Analysis, "lift", None)),
        ("reach", "retailer", not_permitted(Asked::Analyst, "retailer", None)),
    ] {
        let receivers = contract.analyses[analysis].receivers.clone();
        let question = Question::Choice(choice(FULLEST));
        let job = Job {
            contract: contract.digest,
            instance: Digest::of("test", b""),
            id: JobId([0; 16]),
            not_after: Time(1000),
            analysis: analysis.to_owned(),
            question,
            datasets: BTreeMap::new(),
            receivers,
            decision: None,
            checks: None,
        };
        let refused = admit(&contract, &job, analyst, &manifests, Time(0)).unwrap_err();
        assert_eq!(refused, expected);
    }
}

#[test]
fn the_same_table_is_asked_as_a_table_would_ask_it() {
    let table = choice(QUANTILE).table();
    let edges = vec![1_000, 5_050, 20_000];
    let measure = "value".to_owned();
    assert_eq!(table.group_by, [GroupBy::Bins { measure: measure.clone(), edges }]);
    let (column, statistic) = ("sales.spend".to_owned(), Statistic::Sum);
    let clamp = Clamp::up_to(20_000).unwrap();
    let (name, squares, scale) = (measure, false, Scale::new(2).unwrap());
    let expected = TableMeasure { name, column, statistic, clamp, squares, scale };
    assert_eq!(table.measures, [expected]);
    let Question::Table(asked) = read(
        "[job]\nanalysis = \"reach\"\n[[table.measure]]\nname = \"value\"\ncolumn = \"sales.spend\"\n\
         statistic = \"sum\"\ncap_per_user = 200\nbins = [10, 50.5, 200]\n[[table.where]]\n\
         column = \"sales.bought\"\nfirst = \"2026-10-01\"\nlast = \"2026-10-31\"\n\
         [table.privacy]\nepsilon = 0.1\ndelta = 1e-6\n",
    )
    .unwrap() else {
        panic!("a table")
    };
    assert_eq!(tally(&Question::Table(asked)), tally(&Question::Table(table)));
}
