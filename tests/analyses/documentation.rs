//! The README of a kind says what is true.

use super::{
    answers::objects,
    counted::{Counted, screen_of},
    fields::shapes,
    format::{HOW, blessing, differs},
    sample::Sample,
};
use protocol::{analysis::uses::Section, job::question_from_toml};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};
use tests::repository;
use toml::{Table, Value};

#[test]
fn a_folder_has_a_page_and_a_sample_whose_files_are_those_of_the_contract() {
    for sample in Sample::all() {
        let contract = sample.paper();
        let expected: BTreeSet<_> = contract
            .datasets
            .keys()
            .map(|dataset| format!("{dataset}.csv"))
            .chain(["contract.toml", "job.toml"].map(str::to_owned))
            .collect();
        let found = fs::read_dir(sample.folder.join("sample")).unwrap();
        let found = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(found.collect::<BTreeSet<_>>(), expected, "{}: sample/", sample.name());
        let title = format!("# `{}`: ", sample.name());
        assert!(
            sample.readme.starts_with(&title),
            "{}: its page is called {title}..",
            sample.name()
        );
    }
}

#[test]
fn the_example_is_the_sample_and_asks_what_its_contract_permits() {
    for sample in Sample::all() {
        let name = sample.name();
        let blocks = sample.blocks("toml");
        let [section, job] = blocks[..] else {
            panic!(
                "{name}: README.md has {} toml blocks, expected the section, then the job",
                blocks.len()
            )
        };
        assert!(
            sample.contract.contains(section),
            "{name}: sample/contract.toml has no\n{section}"
        );
        assert_eq!(job, sample.job, "{name}: the README's job is sample/job.toml");
        let section: Table = section.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        let listed = section.get("analysis").and_then(Value::as_array).map(Vec::len);
        assert_eq!((section.len(), listed), (1, Some(1)), "{name}: one [[analysis]]");
        let analysis = section["analysis"][0]["name"].as_str().unwrap();
        let contract = sample.paper();
        let (asked, question) =
            question_from_toml(job, &contract).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((asked.as_str(), question.kind()), (analysis, name));
    }
}

/// So that a page cannot go stale: what it shows is what the terminal draws of the sample, without noise.
#[test]
fn the_page_shows_what_people_read_of_the_sample() {
    for sample in Sample::all() {
        let name = sample.name();
        let blocks = sample.blocks("text");
        let [shown] = blocks[..] else {
            panic!("{name}: README.md has {} text blocks, expected what people read", blocks.len())
        };
        let screen = screen_of(&Counted::new(&sample).result());
        if blessing() && shown != screen {
            let (from, to) = (format!("```text\n{shown}```"), format!("```text\n{screen}```"));
            // At once: other tests read it.
            let (page, written) = ("README.md", ".README.md.new");
            fs::write(sample.folder.join(written), sample.readme.replace(&from, &to)).unwrap();
            fs::rename(sample.folder.join(written), sample.folder.join(page)).unwrap();
        } else {
            let differs = differs(shown.as_bytes(), screen.as_bytes());
            assert!(shown == screen, "{name}: the text of README.md: {differs}\n{HOW}");
        }
    }
}

#[test]
fn its_tables_have_every_key_of_the_contract_and_of_the_job_and_no_other() {
    for sample in Sample::all() {
        let name = sample.name();
        let documented = tables(&sample.readme);
        let section = sample.kind.section;
        match documented.get("[[analysis]]") {
            Some(rows) if section.kind == name => uses(name, section, rows),
            None if section.kind != name => {
                let link = format!("](../{}/README.md)", section.kind);
                assert!(
                    sample.readme.contains(&link),
                    "{name}: no link to the kind of its section"
                );
            }
            found => {
                panic!("{name}: a table of the keys of [[analysis]]: found {}", found.is_some())
            }
        }
        let shapes = shapes(&sample, &sample.paper());
        let heading = |path: &[String]| {
            let is_list = shapes.get(path).is_some_and(|shape| shape.is_list);
            let (path, begins, ends) = (path.join("."), "[".to_owned(), "]".to_owned());
            if is_list { format!("[[{path}]]") } else { begins + &path + &ends }
        };
        for (path, shape) in &shapes {
            let heading_of_path = heading(path);
            let Some(rows) = documented.get(&heading_of_path) else {
                // Written in one line, it is explained where it stands.
                let (field, above) = path.split_last().unwrap();
                let row = documented.get(&heading(above)).and_then(|rows| row_of(rows, field));
                let row = row.unwrap_or_else(|| panic!("{name}: no table of {heading_of_path}"));
                let has = |field: &String| row.contains(&format!("{field} ="));
                assert!(shape.fields.iter().all(has), "{name}: {heading_of_path} has {shape:?}");
                continue;
            };
            let is_table =
                |field: &String| shapes.contains_key(&[path.clone(), vec![field.clone()]].concat());
            let named: BTreeSet<String> = rows.iter().flat_map(|row| row.names.clone()).collect();
            let missing: Vec<_> =
                shape.fields.difference(&named).filter(|field| !is_table(field)).collect();
            assert!(missing.is_empty(), "{name}: the table of {heading_of_path} lacks {missing:?}");
            let strange: Vec<_> = named.difference(&shape.fields).collect();
            assert!(strange.is_empty(), "{name}: {heading_of_path} has no {strange:?}");
        }
        let known: BTreeSet<_> = shapes.keys().map(|path| heading(path)).collect();
        let strange = documented.keys().filter(|it| *it != "[[analysis]]" && !known.contains(*it));
        assert_eq!(strange.collect::<Vec<_>>(), [""; 0], "{name}: tables of what there is not");
    }
}

/// What an answer is in JSON: every object has a table, each field its type, and what is null says when.
#[test]
fn its_tables_have_every_field_of_the_answer_and_no_other() {
    for sample in Sample::all() {
        let name = sample.name();
        let documented = answer_tables(&sample.readme);
        let known = objects(sample.kind.kind);
        let headings: Vec<_> = documented.keys().collect();
        assert_eq!(headings, known.keys().collect::<Vec<_>>(), "{name}: objects of the answer");
        for (object, fields) in &known {
            let rows = &documented[object];
            let types: BTreeMap<_, _> =
                rows.iter().map(|(field, cells)| (field.clone(), cells[1].clone())).collect();
            assert_eq!(&types, fields, "{name}: the table of `{object}`");
            for (field, cells) in rows {
                assert_eq!(cells.len(), 5, "{name}: {object}.{field}: {cells:?}");
                let (is_null, when) = (cells[1].contains("or null"), cells[4].as_str());
                assert_eq!(is_null, when != "-", "{name}: {object}.{field} is null when?");
                let is_number = cells[1].contains("number");
                assert!(!is_number || cells[2] != "-", "{name}: {object}.{field} has no unit");
            }
        }
        let result = Counted::new(&sample).result().to_json().unwrap();
        let result: serde_json::Value = serde_json::from_slice(&result).unwrap();
        let root = format!("`answer.{name}`");
        let found = &result["answer"][name];
        holds(&documented, &root, found).unwrap_or_else(|why| panic!("{name}: answer.{name}{why}"));
    }
}

/// By object and field: the cells of the row.
type Documented = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// The tables of a page under the heading "In the result".
fn answer_tables(page: &str) -> Documented {
    let section = page.split("\n## In the result\n").nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap();
    let mut tables = Documented::new();
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        let Some(object) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) else {
            continue;
        };
        let rows = lines.by_ref().skip(1).take_while(|line| line.starts_with('|')).map(|line| {
            let cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
            let cells: Vec<_> = cells.collect();
            (cells[0].trim_matches('`').to_owned(), cells)
        });
        assert!(tables.insert(object.to_owned(), rows.collect()).is_none(), "two of `{object}`");
    }
    tables
}

/// Whether `value` is of the type that the tables say, with every field of an object and no other. A field that may be left out says so
/// first, where others say when they are null.
fn holds(documented: &Documented, says: &str, value: &serde_json::Value) -> Result<(), String> {
    use serde_json::Value::{Array, Bool, Null, Number, Object, String as Text};
    if let Some(says) = says.strip_suffix(" or null") {
        return if *value == Null { Ok(()) } else { holds(documented, says, value) };
    }
    let below = |name: String, says: &str, value: &serde_json::Value| {
        holds(documented, says, value).map_err(|why| format!("{name}{why}"))
    };
    match (says, value) {
        ("true or false", Bool(_)) | ("text", Text(_)) | ("number", Number(_)) => Ok(()),
        ("whole number", Number(number)) if number.is_i64() => Ok(()),
        (says, Array(all)) if says.starts_with("list of ") => {
            let of = says.trim_start_matches("list of ");
            all.iter().enumerate().try_for_each(|(at, it)| below(format!("[{at}]"), of, it))
        }
        (says, Array(all)) if says.starts_with('[') => {
            let each: Vec<_> = says.trim_matches(['[', ']']).split(", ").collect();
            if each.len() != all.len() {
                return Err(format!(": {} elements, documented as {says}", all.len()));
            }
            let mut pairs = each.iter().zip(all).enumerate();
            pairs.try_for_each(|(at, (says, it))| below(format!("[{at}]"), says, it))
        }
        (says, Text(word)) if quoted(says).contains(word) => Ok(()),
        (says, Object(held)) => match documented.get(says.trim_matches('`')) {
            Some(rows) => {
                let is_there = |(field, cells): &(&String, &Vec<String>)| {
                    held.contains_key(*field) || !cells[4].starts_with("left out")
                };
                let rows: Vec<_> = rows.iter().filter(is_there).collect();
                let (found, expected): (Vec<_>, Vec<_>) =
                    (held.keys().collect(), rows.iter().map(|(field, _)| *field).collect());
                if found != expected {
                    return Err(format!(": fields {found:?}, documented {expected:?}"));
                }
                rows.into_iter().try_for_each(|(field, cells)| {
                    below(format!(".{field}"), &cells[1], &held[field])
                })
            }
            // One of several, with a value of its own.
            None if held.len() == 1
                && quoted(says).is_superset(&held.keys().cloned().collect()) =>
            {
                Ok(())
            }
            None => Err(format!(": an object, documented as {says}")),
        },
        (says, found) => Err(format!(": {found}, documented as {says}")),
    }
}

/// A row of a table of keys.
struct Row {
    /// The keys that it is about.
    names: BTreeSet<String>,
    /// What it says of them, cell by cell.
    cells: Vec<String>,
}

fn row_of<'r>(rows: &'r [Row], name: &str) -> Option<&'r str> {
    let row = rows.iter().find(|row| row.names.contains(name))?;
    row.cells.get(1).map(String::as_str)
}

/// What a contract lists, and what each of it may be read for.
fn uses(kind: &str, section: &Section, rows: &[Row]) {
    let named: BTreeSet<_> =
        rows.iter().flat_map(|row| row.names.iter().map(String::as_str)).collect();
    assert_eq!(named, section.keys().collect(), "{kind}: the keys of [[analysis]]");
    for used in section.uses {
        let row = rows.iter().find(|row| row.names.contains(used.key)).unwrap();
        let found = quoted(row.cells.last().unwrap());
        let expected: BTreeSet<_> =
            used.reads.iter().map(|reading| format!("{reading:?}").to_lowercase()).collect();
        assert_eq!(found, expected, "{kind}: what `{}` is read for", used.key);
        let spec = fs::read_to_string(repository("protocol/spec/contract-v2.md")).unwrap();
        for reading in expected {
            assert!(
                spec.contains(&format!("\n| `{reading}` |")),
                "contract-v2.md has no {reading}"
            );
        }
    }
}

/// The tables of keys in a page, by what their first heading quotes.
fn tables(page: &str) -> BTreeMap<String, Vec<Row>> {
    let mut tables: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(heading) = line.strip_prefix("| `[").and_then(|rest| rest.split('`').next())
        else {
            continue;
        };
        let rows = lines.by_ref().skip(1).take_while(|line| line.starts_with('|'));
        let rows = rows.map(|line| {
            let cells: Vec<_> =
                line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
            Row { names: quoted(&cells[0]), cells }
        });
        let rows = rows.collect();
        assert!(tables.insert(format!("[{heading}"), rows).is_none(), "two tables of [{heading}");
    }
    tables
}

fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
