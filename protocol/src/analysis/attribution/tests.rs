//! What a question about attribution may ask, and what is said of its figures.

use super::*;
use crate::{
    analysis::{Question, samples, toml::question_from_toml},
    policy,
    tally::{Dimension, Quantity, Rule},
};

const CONTRACT: &str = include_str!("sample/contract.toml");
const JOB: &str = include_str!("sample/job.toml");

fn asked(job: &str) -> Result<Question, TemplateError> {
    question_from_toml(job, &samples::contract(CONTRACT)).map(|(_, question)| question)
}

/// What the analyst is told before anything is sent.
fn refused(job: &str) -> String {
    asked(job).unwrap_err().to_string()
}

#[test]
fn the_tally_credits_by_the_rule_and_in_the_window_that_are_asked_for() {
    let contract = samples::contract(CONTRACT);
    let (name, question) =
        question_from_toml(&JOB.replace("\"last\"\nwindow_days = 7", "\"linear\""), &contract)
            .unwrap();
    let proven = policy::price(&contract, &name, &question).unwrap();
    let tally = proven.tally();
    let [Dimension::Credited(credit)] = tally.dimensions.as_slice() else { panic!("{tally:?}") };
    // Without a window it is the contract's.
    assert_eq!((credit.rule, credit.window, credit.values), (Rule::Linear, 7, 3));
    assert_eq!(tally.cells_per_person, 5);
    assert_eq!(tally.measures[0].of, Quantity::Credit { column: None, parts: 1_000 });
    let spend = Quantity::Credit { column: Some("spend".to_owned()), parts: 1_000 };
    assert_eq!(tally.measures[1].of, spend);
    // Caps of 4 purchases and of 200.00, in parts.
    assert_eq!(
        tally.measures.iter().map(|measure| measure.clamp.most()).collect::<Vec<_>>(),
        [4_000, 20_000_000]
    );
    // Noise is for one clamp in all, and not for one in each of five places.
    let crate::proof::Leaves::Figures(vectors) = &proven.proof().leaves else { panic!() };
    assert_eq!((vectors.people.cells, vectors.sums[0].cells), (5, 1));
    // A contract may allow more places than there are.
    let more =
        samples::contract(&CONTRACT.replace("cells_per_person = 5", "cells_per_person = 16"));
    let (name, question) = question_from_toml(JOB, &more).unwrap();
    let proven = policy::price(&more, &name, &question).unwrap();
    assert_eq!(proven.tally().cells_per_person, 5, "three values, none, and no exposure");
}

#[test]
fn another_model_or_a_longer_window_is_refused_by_name() {
    let first = refused(&JOB.replace("\"last\"", "\"first\""));
    assert!(first.contains("\"first\"") && first.contains("allows last, linear"), "{first}");
    let other = refused(&JOB.replace("\"last\"", "\"shapley\""));
    assert!(other.contains("\"shapley\"") && other.contains("allows last, linear"), "{other}");
    let longer = refused(&JOB.replace("window_days = 7", "window_days = 8"));
    assert!(longer.contains("at most 7"), "{longer}");
    assert!(refused(&JOB.replace("model = \"last\"\n", "")).contains("attribution.model"));
    // Nor does the policy take it from anybody who has signed it all the same.
    let contract = samples::contract(CONTRACT);
    let Question::Attribution(sample) = asked(JOB).unwrap() else { panic!() };
    for (changed, name) in [
        (Attribution { model: Rule::First, ..sample.clone() }, "attribution by \"first\""),
        (Attribution { window_days: 8, ..sample.clone() }, "a window of 8 days"),
    ] {
        let refused = policy::price(&contract, "attribution", &Question::Attribution(changed));
        let Err(Refusal::NotPermitted { name: found, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(found, name);
    }
    // A person needs a place for outcomes without an exposure, too.
    let contract =
        samples::contract(&CONTRACT.replace("cells_per_person = 5", "cells_per_person = 1"));
    let question = Question::Attribution(sample);
    let refused = policy::price(&contract, "attribution", &question).unwrap_err();
    let limit = Limit::CellsPerPerson;
    assert_eq!(refused, Refusal::OverLimit { limit, found: 2, most: 1 });
}

#[test]
fn nothing_below_zero_is_credited_and_what_is_withheld_is_said() {
    let result = sample::result();
    let answer = &result.answer;
    assert!(result.flags.is_empty(), "{:?}", result.flags);
    let names: Vec<_> = answer.channels.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!((names, answer.withheld), (vec!["tv", "web", "app"], 1));
    let unexposed = answer.unexposed.as_ref().unwrap();
    assert_eq!(unexposed.people.n, 3_950);
    assert!((unexposed.credited[1].value - 172_209.0).abs() < 1e-6);
    assert_eq!(answer.without_outcome.map(|people| people.n), Some(21_480));
    let ends =
        answer.channels.iter().flat_map(|channel| &channel.credited).map(|credited| credited.ci[0]);
    assert!(ends.clone().all(|low| low >= 0.0));
    let page = serde_json::to_string(&words::page(&result)).unwrap();
    assert!(page.contains("1 place is not shown"), "{page}");
}

/// Two figures that noise could have put in either order are not put in one.
#[test]
fn a_channel_leads_only_where_noise_does_not_explain_it() {
    let mut result = sample::result();
    let said = |result: &JobResult<AttributionAnswer>| {
        serde_json::to_string(&words::page(result).answer).unwrap()
    };
    assert!(said(&result).contains("has the most of"), "{}", said(&result));
    let [first, second, ..] = result.answer.channels.as_mut_slice() else { panic!() };
    second.credited[0].value = first.credited[0].value - 2.0 * first.credited[0].noise_sd;
    assert!(said(&result).contains("it cannot be told which channel"), "{}", said(&result));
    result.answer.channels.truncate(1);
    assert!(said(&result).contains("the one channel that is shown"), "{}", said(&result));
}
