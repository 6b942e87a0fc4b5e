//! Whoever weakens a contract by one step turns one of its tests red.

use super::{parties, says};
use std::{fs, path::Path};

/// The demo's contract with one analyst and one reader, its job, and tests that were written from both.
fn tested() -> (tempfile::TempDir, String) {
    let dir = parties();
    let path = dir.path().join("contract.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text
        .replace("analysts = [\"publisher\", \"retailer\"]", "analysts = [\"publisher\"]")
        .replace("receivers = [\"publisher\", \"retailer\"]", "receivers = [\"publisher\"]")
        .replace("role = \"measure\"\nscale = 2", "role = \"measure\"\ncap = 500\nscale = 2");
    fs::write(&path, &text).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let job = fs::read(here.join("../../tests/data/hillstrom/lift.toml")).unwrap();
    fs::write(dir.path().join("lift.toml"), job).unwrap();
    says(dir.path(), 0, "contract test contract.toml --write --job lift.toml");
    let (said, talk) = says(dir.path(), 0, "contract test contract.toml");
    assert!(!said.contains("FAILS") && talk.contains("tests pass"), "{said}{talk}");
    (dir, text)
}

/// Every number of the contract but its version, one step weaker: less is protected, or more may be asked.
fn weakened(text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some((key, rest)) = line.split_once(" = ") else { continue };
        let number = rest.split('#').next().unwrap().trim();
        let weaker = match key {
            "min_cell" => "49",
            "ids_per_person" => "2",
            "scale" if number == "0" => "1",
            "scale" => "3",
            "cap" => "501",
            "epsilon" => "4.1",
            "lifetime_epsilon" => "20.5",
            "delta" => "2e-6",
            "contract" => continue,
            _ => {
                let is_number = number.parse::<f64>().is_ok();
                assert!(!is_number, "what is a weaker {key} than {number}?");
                continue;
            }
        };
        all.push((
            format!("line {}: {key}", at + 1),
            replaced(text, at, &format!("{key} = {weaker}")),
        ));
    }
    all
}

fn replaced(text: &str, at: usize, by: &str) -> String {
    let lines = text.lines().enumerate().map(|(place, line)| if place == at { by } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_number_weakened_by_one_step_turns_a_test_red() {
    let (dir, text) = tested();
    let mut weaker = weakened(&text);
    assert_eq!(weaker.len(), 13, "{weaker:?}");
    for (what, from, to) in [
        ("an end a year later", "expires = \"20", "expires = \"21"),
        ("a role", "role = \"never\"", "role = \"label\""),
        ("a reader", "receivers = [\"publisher\"]", "receivers = [\"publisher\", \"retailer\"]"),
        ("an analyst", "analysts = [\"publisher\"]", "analysts = [\"publisher\", \"retailer\"]"),
        ("a period", "period = \"month\"", "period = \"week\""),
    ] {
        assert!(text.contains(from), "{from}");
        weaker.push((what.to_owned(), text.replacen(from, to, 1)));
    }
    fs::copy(dir.path().join("contract.tests.toml"), dir.path().join("weaker.tests.toml")).unwrap();
    for (what, contract) in weaker {
        fs::write(dir.path().join("weaker.toml"), contract).unwrap();
        let (said, talk) = says(dir.path(), 1, "contract test weaker.toml");
        assert!(said.contains("FAILS"), "{what}: {said}{talk}");
    }
}

#[test]
fn a_file_of_tests_says_what_must_happen_and_names_what_did_not() {
    let (dir, text) = tested();
    let (_, talk) = says(dir.path(), 2, "contract test contract.toml --write --job lift.toml");
    assert!(talk.contains("contract.tests.toml exists already"), "{talk}");
    let raised = text.replace("min_cell = 50 ", "min_cell = 40 ");
    fs::write(dir.path().join("contract.toml"), raised).unwrap();
    let (said, talk) = says(dir.path(), 1, "contract test contract.toml");
    assert!(said.contains("FAILS   publisher may ask lift.toml for publisher"), "{said}");
    assert!(said.contains("cells are shown from 40 people, expected 50"), "{said}");
    assert!(talk.contains("1 of"), "{talk}");
    let (_, talk) = says(dir.path(), 2, "contract test contract.toml --tests none.toml");
    assert!(talk.contains("none.toml"), "{talk}");
    for (tests, why) in [
        ("", "has no test"),
        (
            "[[job]]\nname = \"x\"\nfile = \"lift.toml\"\nanalyst = \"publisher\"\nreceivers = [\"publisher\"]",
            "neither or both",
        ),
        ("[[jobs]]\n", "unknown field"),
        (
            "[[job]]\nname = \"x\"\nfile = \"lift.toml\"\nanalyst = \"publisher\"\nreceivers = [\"publisher\"]\nrefused = \"\"\n\
             set = { \"lift.nothing.epsilon\" = 1 }",
            "sets lift.nothing.epsilon",
        ),
    ] {
        fs::write(dir.path().join("own.toml"), tests).unwrap();
        let (_, talk) = says(dir.path(), 2, "contract test contract.toml --tests own.toml");
        assert!(talk.contains(why), "{tests}: {talk}");
    }
}
