//! Whoever changes what a contract says turns one of its tests red.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a path that is not there fails the test"
)]

use super::{parties, says};
use protocol::contract::Contract;
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

/// Every way in which a contract says one thing otherwise than the one in `text`, and is still a contract: each value, each
/// item more or less in a list, each table more or less.
fn changed(text: &str) -> Vec<(String, String)> {
    let whole: toml::Value = text.parse::<toml::Table>().unwrap().into();
    let mut all = Vec::new();
    for path in paths(&whole) {
        let named = path.join(".");
        let found = at(&mut whole.clone(), &path).clone();
        let valid = others(&found).into_iter().find_map(|other| {
            let mut whole = whole.clone();
            match (&found, path.last().unwrap().as_str()) {
                // A name is changed wherever it stands, or what names it would be wrong.
                (toml::Value::String(_), "name") => rename(&mut whole, &found, &other),
                _ => *at(&mut whole, &path) = other,
            }
            let text = toml::to_string(&whole).unwrap();
            Contract::parse(text.as_bytes()).is_ok().then_some(text)
        });
        // The format has one version, and a word that names something else of the contract may be the only one that fits. A column that
        // an analysis calls sensitive is.
        let is_word = matches!(found, toml::Value::String(_) | toml::Value::Boolean(_))
            || named == "contract";
        assert!(valid.is_some() || is_word, "{named}: no other value than {found}?");
        all.extend(valid.map(|text| (named, text)));
    }
    all.extend(more_or_less(&whole));
    all
}

/// The path of every value that is no table and no list.
fn paths(value: &toml::Value) -> Vec<Vec<String>> {
    let below: Vec<(String, &toml::Value)> = match value {
        toml::Value::Table(table) => {
            table.iter().map(|(key, below)| (key.clone(), below)).collect()
        }
        toml::Value::Array(all) => {
            all.iter().enumerate().map(|(place, below)| (place.to_string(), below)).collect()
        }
        _ => return vec![Vec::new()],
    };
    let paths = below.into_iter().flat_map(|(key, below)| {
        paths(below).into_iter().map(move |rest| [vec![key.clone()], rest].concat())
    });
    paths.collect()
}

fn at<'v>(value: &'v mut toml::Value, path: &[String]) -> &'v mut toml::Value {
    path.iter().fold(value, |value, key| match value {
        toml::Value::Array(all) => &mut all[key.parse::<usize>().unwrap()],
        table => &mut table[key.as_str()],
    })
}

/// Other values that may stand in the place of `found`, the next ones first.
fn others(found: &toml::Value) -> Vec<toml::Value> {
    match found {
        toml::Value::Integer(number) => vec![(number - 1).into(), (number + 1).into()],
        toml::Value::Float(number) => vec![(number * 1.01).into(), (number * 2.0).into()],
        toml::Value::String(text) => {
            let mut others = vec![format!("{text}x")];
            for (place, letter) in text.char_indices().rev().filter(|(_, letter)| letter.is_ascii())
            {
                let digits = ['1', '2'].into_iter().filter(|digit| *digit != letter);
                others.extend(
                    digits.map(|digit| format!("{}{digit}{}", &text[..place], &text[place + 1..])),
                );
            }
            others.extend(WORDS.iter().filter(|word| *word != text).map(|word| (*word).to_owned()));
            others.into_iter().map(toml::Value::from).collect()
        }
        toml::Value::Boolean(found) => vec![(!found).into()],
        other => panic!("what else than {other}?"),
    }
}

fn rename(value: &mut toml::Value, from: &toml::Value, to: &toml::Value) {
    match value {
        toml::Value::Table(table) => {
            table.iter_mut().for_each(|(_, below)| rename(below, from, to))
        }
        toml::Value::Array(all) => all.iter_mut().for_each(|below| rename(below, from, to)),
        found if found == from => *found = to.clone(),
        _ => {}
    }
}

/// Every list with one item less, and every table of a list once more under another name.
fn more_or_less(whole: &toml::Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut lists: Vec<_> = paths(whole)
        .into_iter()
        .flat_map(|path| {
            let numbers = path.iter().enumerate().filter(|(_, key)| key.parse::<usize>().is_ok());
            numbers.map(|(place, _)| path[..=place].to_vec()).collect::<Vec<_>>()
        })
        .collect();
    lists.sort();
    lists.dedup();
    for path in lists {
        let (place, list) = path.split_last().unwrap();
        let place: usize = place.parse().unwrap();
        let mut less = whole.clone();
        at(&mut less, list).as_array_mut().unwrap().remove(place);
        let mut more = whole.clone();
        let mut twin = at(&mut more, &path).clone();
        if let Some(table) = twin.as_table_mut() {
            for key in ["name", "lineage"] {
                table.insert(key.to_owned(), "twin".into());
            }
            if list.last().unwrap() != "dataset" {
                table.remove("lineage");
            }
            at(&mut more, list).as_array_mut().unwrap().push(twin);
        }
        for (what, changed) in [("less", less), ("more", more)] {
            // No word of a list is put there twice.
            let is_other = changed != *whole;
            let text = toml::to_string(&changed).unwrap();
            if is_other && Contract::parse(text.as_bytes()).is_ok() {
                all.push((format!("one {what}: {}", path.join(".")), text));
            }
        }
    }
    all
}

/// Words of which one may stand where another does, if names and numbers may not.
const WORDS: [&str; 14] = [
    "never",
    "label",
    "date",
    "group",
    "measure",
    "email",
    "phone",
    "week",
    "month",
    "table",
    "publisher",
    "retailer",
    "exposures",
    "sales",
];

#[test]
fn whatever_a_contract_says_otherwise_turns_a_test_red() {
    let (dir, text) = tested();
    let floors = "sensitive = [\"sales.spend\"]\n\
                  min_cells = [{ columns = [\"exposures.arm\", \"sales.spend\"], min_cell = 70 }]\n";
    let text = text
        .replace("cap = 500\n", "cap = 500\nmin_cell = 60\nsensitive = true\n")
        .replace("kind = \"lift\"\n", &format!("kind = \"lift\"\n{floors}"));
    fs::write(dir.path().join("contract.toml"), &text).unwrap();
    let (shown, _) = says(dir.path(), 0, "contract show contract.toml");
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "sensitive; a question that reads it shows nothing of fewer than 60 people",
        "sensitive columns that it uses all the same: sales.spend",
        "questions that read exposures.arm and sales.spend show nothing of fewer than 70 people",
        "Where a question reads columns with floors of their own, the largest of them holds.",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // All that is compared without a job; the file with jobs is tried below.
    says(dir.path(), 0, "contract test contract.toml --write --tests changed.tests.toml");
    let (said, _) = says(dir.path(), 0, "contract test contract.toml --tests changed.tests.toml");
    assert!(said.contains("passes  party \"retailer\" says what was agreed"), "{said}");
    let mut all = changed(&text);
    // It ends by a day that was agreed: a later end is another contract, and an earlier one is not.
    let mut later: toml::Table = text.parse().unwrap();
    later["expires"] = "2098-01-01T00:00:00Z".into();
    all.retain(|(what, _)| what != "expires");
    all.push(("expires".to_owned(), toml::to_string(&later).unwrap()));
    let third = {
        says(dir.path(), 0, "init --dir t --name third");
        fs::read_to_string(dir.path().join("t/party.toml")).unwrap()
    };
    let third = format!("{text}\n{third}");
    Contract::parse(third.as_bytes()).unwrap();
    all.push(("a third party".to_owned(), third));
    for kind in [
        "min_cell",
        "min_cells.0.min_cell",
        "pcr0",
        "lineage",
        "legal_basis",
        "analysts",
        "custody",
    ] {
        assert!(all.iter().any(|(what, _)| what.contains(kind)), "{kind}");
    }
    let is_of_column = |what: &str| what.contains(".column.") && what.ends_with(".min_cell");
    assert!(all.iter().any(|(what, _)| is_of_column(what)), "the floor of a column");
    for what in ["one more: analysis.0", "one more: build.0", "one less: dataset.0.column."] {
        assert!(all.iter().any(|(found, _)| found.starts_with(what)), "{what}");
    }
    for (what, contract) in all {
        fs::write(dir.path().join("changed.toml"), contract).unwrap();
        let (said, talk) = says(dir.path(), 1, "contract test changed.toml");
        let named = [", now ", "new", "gone", "it ends"].iter().any(|word| said.contains(word));
        assert!(said.contains("FAILS") && named, "{what}: {said}{talk}");
    }
}

/// What a job sees of a weaker contract is red in the words of the job, too.
#[test]
fn a_weaker_floor_and_a_new_analyst_are_seen_by_the_jobs() {
    let (dir, text) = tested();
    fs::copy(dir.path().join("contract.tests.toml"), dir.path().join("weaker.tests.toml")).unwrap();
    for (from, to, words) in [
        ("min_cell = 50", "min_cell = 49", "cells are shown from 49 people, expected 50"),
        (
            "analysts = [\"publisher\"]",
            "analysts = [\"publisher\", \"retailer\"]",
            "it was answered, and must be refused",
        ),
        (
            "receivers = [\"publisher\"]",
            "receivers = [\"publisher\", \"retailer\"]",
            "it was answered, and must be refused",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(dir.path().join("weaker.toml"), text.replacen(from, to, 1)).unwrap();
        let (said, _) = says(dir.path(), 1, "contract test weaker.toml");
        assert!(said.contains(words), "{said}");
    }
}

/// Keys come last: tests that were written before hold all but them, and say so.
#[test]
fn tests_that_were_written_before_there_were_keys_hold_the_rest() {
    let (dir, text) = tested();
    let mut table: toml::Table = text.parse().unwrap();
    assert!(table.remove("build").is_some() && table.remove("bucket_salt").is_some());
    for party in table["party"].as_array_mut().unwrap() {
        let party = party.as_table_mut().unwrap();
        assert!(party.remove("root_key").is_some() && party.remove("recipient_key").is_some());
    }
    fs::write(dir.path().join("draft.toml"), toml::to_string(&table).unwrap()).unwrap();
    says(dir.path(), 0, "contract test draft.toml --write");
    says(dir.path(), 0, "contract test draft.toml");
    let (said, talk) = says(dir.path(), 0, "contract test contract.toml --tests draft.tests.toml");
    assert!(!said.contains("FAILS") && talk.contains("were not compared"), "{said}{talk}");
    let other = text.replace("min_cell = 50", "min_cell = 51");
    fs::write(dir.path().join("other.toml"), other).unwrap();
    let (said, _) = says(dir.path(), 1, "contract test other.toml --tests draft.tests.toml");
    assert!(said.contains("the smallest cell shown: 50, now 51"), "{said}");
}

/// A mistake in a test is no refusal: it would be green whatever the contract says.
#[test]
fn what_a_contract_does_not_refuse_does_not_count_as_refused() {
    let (dir, _) = tested();
    let test = |more: &str| {
        let test = format!(
            "[[job]]\nname = \"x\"\nfile = \"lift.toml\"\nanalyst = \"publisher\"\nreceivers = [\"publisher\"]\n{more}\n"
        );
        fs::write(dir.path().join("own.toml"), test).unwrap();
        "contract test contract.toml --tests own.toml"
    };
    for (more, words) in [
        (
            "set = { \"lift.privacy.epsilom\" = 4.5 }\nrefused = \"epsilon\"",
            "sets lift.privacy.epsilom, which is no field there",
        ),
        (
            "add = { \"lift.privacy.epsilon\" = 4.5 }\nrefused = \"epsilon\"",
            "adds lift.privacy.epsilon, which is there already",
        ),
        ("refused = \"\"", "is refused in no words"),
        ("refused = \" \"", "is refused in no words"),
    ] {
        let (_, talk) = says(dir.path(), 2, test(more));
        assert!(talk.contains(words), "{more}: {talk}");
    }
    for (more, words) in [
        (
            "add = { \"lift.privacy.epsilom\" = 4.5 }\nrefused = \"epsilo\"",
            "the job does not read, whatever the contract says",
        ),
        (
            "set = { \"lift.privacy.epsilon\" = 0 }\nrefused = \"job\"",
            "only if `refused` names the field",
        ),
    ] {
        let (said, _) = says(dir.path(), 1, test(more));
        assert!(said.contains(words), "{more}: {said}");
    }
    for more in [
        "set = { \"lift.privacy.epsilon\" = 4.5 }\nrefused = \"epsilon 4\"",
        "set = { \"lift.outcome.2.cap_per_user\" = 501 }\nrefused = \"found 50100\"",
    ] {
        says(dir.path(), 0, test(more));
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
    assert!(talk.contains("2 of"), "{talk}");
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
            "[[job]]\nname = \"x\"\nfile = \"lift.toml\"\nanalyst = \"publisher\"\nreceivers = [\"publisher\"]\nrefused = \"x\"\n\
             set = { \"lift.nothing.epsilon\" = 1 }",
            "sets lift.nothing.epsilon",
        ),
    ] {
        fs::write(dir.path().join("own.toml"), tests).unwrap();
        let (_, talk) = says(dir.path(), 2, "contract test contract.toml --tests own.toml");
        assert!(talk.contains(why), "{tests}: {talk}");
    }
}
