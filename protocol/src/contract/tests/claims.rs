//! By which kinds of match keys the people of a joined dataset claim those of a population.

use super::*;
use crate::{
    identity::Identifier::{Email, Phone},
    page::danger,
};

const PHONE: &str =
    "[[dataset.column]]\nname = \"phone\"\nrole = \"match_key\"\nkind = \"phone\"\n";

/// The sample, in which these datasets have a phone number, too, and sales are joined by these claims.
fn with(phones: &[&str], claims: &str) -> String {
    let mut text = sample();
    for dataset in phones {
        let owner = if *dataset == "sales" { "retailer" } else { "publisher" };
        let head = format!("name = \"{dataset}\"\nowner = \"{owner}\"\n");
        let head = if *dataset == "sales" { head } else { head + "lineage = \"newsletter\"\n" };
        assert!(text.contains(&head), "{text}");
        text = text.replacen(&head, &format!("{head}{PHONE}"), 1);
    }
    let owner = "owner = \"retailer\"\n";
    text.replacen(owner, &format!("{owner}{claims}\n"), 1)
}

#[test]
fn claims_name_an_order_of_kinds_that_both_datasets_have() {
    let contract =
        parse(&with(&["exposures", "sales"], "claims = [\"phone\", \"email\"]")).unwrap();
    assert_eq!(contract.claims("sales"), [Phone, Email]);
    assert!(contract.claims("exposures").is_empty() && contract.claimed("sales").is_empty());
    assert_eq!(contract.claimed("exposures"), [Email, Phone].into());
    assert!(contract.unused_match_keys("lift").is_empty());
    // A kind that both have and that nobody claims by is left unused.
    let contract = parse(&with(&["exposures", "sales"], "claims = [\"email\"]")).unwrap();
    assert_eq!(contract.unused_match_keys("lift"), [Phone].into());
    // Without claims the first key of a row counts, as ever.
    let contract = parse(&with(&["exposures", "sales"], "")).unwrap();
    assert!(contract.claims("sales").is_empty() && contract.claimed("exposures").is_empty());
    let contract = parse(&with(&["sales"], "")).unwrap();
    assert_eq!(contract.unused_match_keys("lift"), [Email].into());
}

#[test]
fn claims_that_could_find_nobody_are_refused_by_name() {
    let lacks = |kind, dataset: &str, by: Option<&str>| Flaw::NoKeyToClaim {
        kind,
        dataset: dataset.to_owned(),
        by: by.map(str::to_owned),
    };
    let line = "claims = [\"phone\", \"email\"]";
    refused(&with(&["sales"], line), line, &lacks("phone", "exposures", Some("sales")));
    refused(&with(&["exposures"], line), line, &lacks("phone", "sales", None));
    let error = parse(&with(&["sales"], line)).unwrap_err().to_string();
    let expected = "\"sales\" cannot claim by \"phone\": it is joined to \"exposures\", which has no match key of that \
                    kind";
    assert!(error.ends_with(expected), "{error}");
    let none = "claims = []";
    let (what, found) = ("the number of kinds in claims", "0".to_owned());
    refused(&with(&[], none), none, &Flaw::Range { what, found, expected: "1 to 3" });
    let twice = "claims = [\"email\", \"email\"]";
    refused(&with(&[], twice), twice, &Flaw::ClaimedTwice("email"));
    let said = parse(&with(&[], twice)).unwrap_err().to_string();
    assert!(said.ends_with("a kind of match key stands there once"), "{said}");
    refused_by_toml(
        &with(&[], "claims = [\"fax\"]"),
        "claims = [\"fax\"]",
        "found `fax`, expected one of",
    );
    // Nobody is found by the claims of those who are counted: they accept.
    let owner = "owner = \"publisher\"\n";
    let text = sample().replacen(owner, &format!("{owner}claims = [\"email\"]\n"), 1);
    refused(&text, "claims = [\"email\"]", &Flaw::ClaimsOfNobody("exposures".to_owned()));
}

#[test]
fn a_reader_is_told_by_what_people_are_found() {
    let both = ["exposures", "sales"];
    let said = |claims: &str| danger::claims(&parse(&with(&both, claims)).unwrap(), "sales");
    let order = said("claims = [\"phone\", \"email\"]").unwrap();
    assert!(
        order.contains("the first of these that the row there has: phone, then e-mail"),
        "{order}"
    );
    let only = said("claims = [\"email\"]").unwrap();
    assert!(only.contains("looked for by e-mail only"), "{only}");
    assert_eq!(said(""), None);
    let contract = parse(&with(&both, "claims = [\"email\"]")).unwrap();
    let dangers = danger::dangers(&contract, "lift").concat();
    let expected = "known by the first of these identifiers that a row has (\"exposures\" phone, then e-mail; \
                    \"sales\" e-mail), so that phone does not find everybody";
    assert!(dangers.contains(expected), "{dangers}");
}
