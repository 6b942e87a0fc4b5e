//! That what is copied is right.

use super::*;
use crate::{
    analysis::{samples, toml::ask},
    contract::{Contract, Terms},
    proof::{self, Request},
    released::{Cell, Figures, Totals},
};
use std::collections::BTreeMap;

/// The sample's contract with the section of a kind that there is: no contract permits an example.
fn contract() -> Contract {
    let (rest, section) = include_str!("sample/contract.toml").split_once("[[analysis]]").unwrap();
    assert!(section.contains("kind = \"example\""), "{section}");
    let instead = "name = \"plans\"\nkind = \"table\"\npurpose = \"measurement\"\npopulation = \"members\"\n\
                   analysts = [\"club\"]\nreceivers = [\"club\"]\n";
    samples::contract(&format!("{rest}[[analysis]]\n{instead}"))
}

fn terms() -> Terms {
    let groups = [ColumnRef::new("members", "plan")];
    Terms::listing(&SECTION, &[(PEOPLE.key, "members")], &[(GROUPS.key, &groups)], 1)
}

#[test]
fn the_example_asks_counts_and_answers() {
    let (contract, terms) = (contract(), terms());
    let scope = Scope { contract: &contract, name: "plans", terms: &terms };
    let job: BTreeMap<String, RawExample> =
        ::toml::from_str(include_str!("sample/job.toml")).unwrap();
    let asked = Example::ask(&job["example"], &scope).unwrap();
    let tally = asked.tally(&scope).unwrap();
    let Price { epsilon, delta, split, min_cell, .. } = asked.price();
    let rho = crate::loss::Rho::from_epsilon(epsilon, delta);
    let request = Request { rho, split, threshold: min_cell, selection_delta: 0 };
    let proof = tally.prove(&request).unwrap();
    let proven = proof::check(tally, proof, contract.min_cell).unwrap();
    let cell = |place: u32, people: i64| Cell {
        name: vec![Place::Index(place)],
        totals: Totals { people, ..Totals::default() },
    };
    let released = |cells: Vec<Cell>, withheld: i64| {
        Released::Figures(Figures {
            contrasts: Vec::new(),
            spread: Vec::new(),
            noise: true,
            cells,
            cut: 0,
            other: None,
            withheld,
            withheld_without_value: Some(1),
            // Noise: no dataset asks for consent.
            no_consent: Some(83),
        })
    };
    let some = released(vec![cell(0, 900), cell(1, 300), cell(4, 70)], 2);
    let (answer, flags) = asked.estimate(&some, &proven, &scope).unwrap();
    assert_eq!(flags, [""; 0]);
    assert_eq!(answer.no_consent, None);
    let found: Vec<_> = answer.groups.iter().map(|it| (it.name.as_str(), it.people)).collect();
    assert_eq!(found, [("basic", 900), ("plus", 300), ("(several)", 70)]);
    let result = crate::analysis::lift::sample::result().map(|_| answer);
    let page = Example::page(&result);
    assert_eq!(page.title.raw(), "People by members.plan");
    assert_eq!(page.answer[0].text.raw(), "Most people are in basic: about 900.");

    let nothing = released(Vec::new(), 5);
    let (answer, flags) = asked.estimate(&nothing, &proven, &scope).unwrap();
    assert_eq!(flags, Example::FLAGS);
    let mut result = result.map(|_| answer);
    result.flags = flags;
    let page = Example::page(&result);
    let notes = page.sections.iter().find(|section| section.topic == Topic::Notes).unwrap();
    let once = Block::List(vec!["Every group has too few people to be shown, after noise.".into()]);
    assert_eq!(notes.blocks, [once]);
    assert!(
        !page.sections.iter().any(|it| it.blocks.iter().any(|it| matches!(it, Block::Table(_))))
    );
}

#[test]
fn refuses_a_column_that_is_not_listed() {
    let (contract, terms) = (contract(), terms());
    let scope = Scope { contract: &contract, name: "plans", terms: &terms };
    let raw = RawExample { by: "email".to_owned(), confidence: None, privacy: None };
    let refused = Example::ask(&raw, &scope).unwrap_err().to_string();
    assert!(
        refused.contains("example.by is \"email\"") && refused.contains("allows plan"),
        "{refused}"
    );
    // No contract permits this kind, which nobody could ask for.
    ask::<Example>(include_str!("sample/job.toml"), &contract).unwrap_err();
}
