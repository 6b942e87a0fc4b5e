//! Everything that can be left out, put in or mistaken in contract and job is refused by its name, or reads nothing
//! that is not listed.

use super::{
    counted::Counted,
    fields::{UNKNOWN, shapes},
    readings::beyond,
    sample::{Sample, contract, listed, named},
};
use protocol::{
    analysis::{
        sections,
        uses::{Amount, Lists, Use},
    },
    contract::Contract,
    job::{Question, TemplateError, question_from_toml},
    policy::price,
};
use std::collections::BTreeSet;
use toml::{Table, Value};

#[test]
fn a_section_without_a_key_that_it_needs_is_refused_by_the_noun() {
    for sample in Sample::all() {
        for used in sample.kind.section.uses {
            let mut table = sample.table();
            sample.section(&mut table).remove(used.key);
            let what = format!("{}: without {}", sample.name(), used.key);
            if used.amount.may_be_none() {
                reads_only_what_is_listed(&sample, table, &what, &words(&sample, used));
                continue;
            }
            refused(table, &what, used.noun);
            if used.amount.is_list() {
                let mut table = sample.table();
                let all =
                    sample.section(&mut table).get_mut(used.key).and_then(Value::as_array_mut);
                all.unwrap().truncate(used.amount.least() - 1);
                refused(table, &format!("{what}, but for a list that is too short"), used.noun);
            }
        }
    }
}

#[test]
fn a_key_of_another_kind_is_refused_by_name() {
    for sample in Sample::all() {
        let section = sample.kind.section;
        let own: BTreeSet<_> = section.keys().collect();
        let others: BTreeSet<_> = sections().flat_map(|other| other.keys()).collect();
        for key in others.difference(&own).chain([&UNKNOWN]) {
            let mut table = sample.table();
            sample.section(&mut table).insert((*key).to_owned(), "x".into());
            refused(table, &format!("{}: with {key}", sample.name()), key);
        }
    }
}

/// One by one: either the job is refused by the column's name, or its tally does not read it so.
#[test]
fn a_column_that_is_not_listed_is_not_read() {
    for sample in Sample::all() {
        let columns = sample.kind.section.uses.iter().filter(|used| is_columns(used));
        for used in columns {
            let mut table = sample.table();
            let found = sample.section(&mut table).get(used.key).cloned();
            let count = match &found {
                Some(Value::Array(all)) => all.len(),
                Some(_) => 1,
                None => 0,
            };
            for at in 0..count {
                let mut table = sample.table();
                let section = sample.section(&mut table);
                let taken = match section.get_mut(used.key) {
                    Some(Value::Array(all)) => all.remove(at),
                    _ => section.remove(used.key).unwrap(),
                };
                let taken = taken.as_str().unwrap();
                let column = taken.rsplit('.').next().unwrap().to_owned();
                let what = format!("{}: {} without {taken}", sample.name(), used.key);
                reads_only_what_is_listed(&sample, table, &what, &[column, used.noun.to_owned()]);
            }
        }
    }
}

#[test]
fn a_column_of_another_role_is_refused_by_name() {
    for sample in Sample::all() {
        for used in sample.kind.section.uses {
            let Lists::Columns { of, roles } = used.lists else { continue };
            for (role, more) in ROLES {
                let is_wrong = roles.iter().all(|it| it.to_string() != role.replace('_', " "));
                if !is_wrong {
                    continue;
                }
                let mut table = sample.table();
                let section = sample.section(&mut table);
                let key = of.unwrap_or(sample.kind.section.uses[0].key);
                let dataset = match &section[key] {
                    Value::Array(all) => all[0].as_str().unwrap().to_owned(),
                    found => found.as_str().unwrap().to_owned(),
                };
                let column =
                    if of.is_some() { STRANGE.to_owned() } else { format!("{dataset}.{STRANGE}") };
                let value = Value::from(column.clone());
                if used.amount.is_list() {
                    let all = section.entry(used.key).or_insert(Value::Array(Vec::new()));
                    all.as_array_mut().unwrap().push(value);
                } else {
                    section.insert(used.key.to_owned(), value);
                }
                add_column(&mut table, &dataset, STRANGE, role, more);
                let what = format!("{}: {} of role {role}", sample.name(), used.key);
                refused(table, &what, &column);
            }
        }
    }
}

#[test]
fn a_dataset_without_a_budget_for_the_purpose_is_refused_by_name() {
    for sample in Sample::all() {
        let paper = sample.paper();
        let counted = Counted::new(&sample);
        let terms = &paper.analyses[&counted.admitted.job().analysis];
        for dataset in terms.datasets() {
            let mut table = sample.table();
            named(&mut table, "dataset", dataset).remove("budget");
            let what = format!("{}: {dataset} without a budget", sample.name());
            refused(table.clone(), &what, dataset);
            refused(table, &what, &terms.purpose);
        }
    }
}

#[test]
fn an_unknown_field_of_a_job_is_refused_by_name_and_line() {
    for sample in Sample::all() {
        let (name, paper) = (sample.name(), sample.paper());
        let shapes = shapes(&sample, &paper);
        let mut job = sample.job_table();
        let mut places = Vec::new();
        tables(&job, &mut Vec::new(), &mut places);
        for place in places.iter().filter(|place| shapes.contains_key(&place[..])) {
            let mut job = job.clone();
            table_at(&mut job, place).insert(UNKNOWN.to_owned(), 1.into());
            match ask(&job, &paper) {
                Err(TemplateError::Syntax { line, reason }) => {
                    let text = toml::to_string(&job).unwrap();
                    let at = text.lines().nth(line - 1).unwrap_or_default();
                    assert!(reason.contains(UNKNOWN), "{name}: {place:?}: {reason}");
                    assert!(at.contains(UNKNOWN), "{name}: {place:?}: line {line}: {at}");
                }
                other => panic!("{name}: {place:?}: {other:?}"),
            }
        }
        job.insert(UNKNOWN.to_owned(), Value::Table(Table::new()));
        let refused = ask(&job, &paper).unwrap_err().to_string();
        assert!(refused.contains(UNKNOWN), "{name}: {refused}");
    }
}

#[test]
fn a_field_that_a_job_needs_is_asked_for_by_name() {
    for sample in Sample::all() {
        let (name, paper) = (sample.name(), sample.paper());
        let mut places = Vec::new();
        let whole = sample.job_table();
        tables(&whole, &mut Vec::new(), &mut places);
        let mut needed = 0;
        for place in places.iter().filter(|place| place.first().is_some_and(|it| it == name)) {
            let fields: Vec<_> = table_at(&mut whole.clone(), place).keys().cloned().collect();
            for field in fields {
                let mut job = whole.clone();
                table_at(&mut job, place).remove(&field);
                if let Err(error) = ask(&job, &paper) {
                    needed += 1;
                    let error = error.to_string();
                    // Of what has no fields of its own, the whole is named.
                    let is_named = error.contains(&field) || error.contains(place.last().unwrap());
                    assert!(is_named, "{name}: {place:?} without {field}: {error}");
                }
            }
        }
        assert!(needed > 0, "{name}: its job may be empty");
    }
}

#[test]
fn a_person_is_in_no_more_cells_than_the_contract_says() {
    for sample in Sample::all() {
        let name = sample.name();
        let is_cells = |used: &&Use| used.lists == Lists::CellsPerPerson;
        let Some(used) = sample.kind.section.uses.iter().find(is_cells) else { continue };
        for (found, shown) in [(17, "17"), (0, "0")] {
            let mut table = sample.table();
            sample.section(&mut table).insert(used.key.to_owned(), found.into());
            refused(table, &format!("{name}: {} is {found}", used.key), shown);
        }
        let paper = sample.paper();
        let counted = Counted::new(&sample);
        let most = paper.analyses[&counted.admitted.job().analysis].cells_per_person;
        for (path, shape) in shapes(&sample, &paper) {
            let mut job = sample.job_table();
            if !shape.fields.contains(used.key) || !has_table(&job, &path) {
                continue;
            }
            table_at(&mut job, &path).insert(used.key.to_owned(), i64::from(most + 1).into());
            let refused = ask(&job, &paper).map(drop).unwrap_err().to_string();
            assert!(refused.contains(used.key), "{name}: {path:?}: {refused}");
        }
        // With one cell each, the job is refused or keeps to it.
        let mut table = sample.table();
        sample.section(&mut table).remove(used.key);
        let what = format!("{name}: without {}", used.key);
        reads_only_what_is_listed(&sample, table, &what, &words(&sample, used));
    }
}

/// The contract is refused by a name.
fn refused(table: Table, what: &str, name: &str) {
    let error = match contract(table) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{what}: the contract is accepted"),
    };
    assert!(error.contains(name), "{what}: the refusal does not name {name}: {error}");
}

/// The contract or the job is refused by one of `names`, or a tally comes of it that reads nothing but what is listed;
/// and so is the question that was signed under the contract as it was.
fn reads_only_what_is_listed(sample: &Sample, table: Table, what: &str, names: &[String]) {
    let is_named = |refusal: String| {
        let named = names.iter().any(|name| refusal.contains(name.as_str()));
        assert!(named, "{what}: the refusal names none of {names:?}: {refusal}");
    };
    let (analysis, signed) = question_from_toml(&sample.job, &sample.paper()).unwrap();
    let paper = match contract(table) {
        Ok(paper) => paper,
        Err(error) => return is_named(error.to_string()),
    };
    let holds = |asked: &Question| match price(&paper, &analysis, asked) {
        Ok(proven) => {
            let beyond = beyond(&paper.analyses[&analysis], proven.tally());
            assert_eq!(beyond, None, "{what}: what is read");
        }
        Err(refusal) => is_named(refusal.to_string()),
    };
    holds(&signed);
    match question_from_toml(&sample.job, &paper) {
        Ok((_, asked)) => holds(&asked),
        Err(error) => is_named(error.to_string()),
    }
}

/// What a refusal may call a key, or what the sample lists under it.
fn words(sample: &Sample, used: &Use) -> Vec<String> {
    let mut table = sample.table();
    let listed = match sample.section(&mut table).get(used.key) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all.iter().map(|it| it.as_str().unwrap().to_owned()).collect(),
        _ => Vec::new(),
    };
    let columns = listed.iter().map(|it| it.rsplit('.').next().unwrap().to_owned());
    let cells = (used.lists == Lists::CellsPerPerson).then(|| "cells that one person".to_owned());
    let own = [used.key.to_owned(), used.noun.to_owned()];
    columns.chain(own).chain(cells).collect()
}

fn ask(job: &Table, contract: &Contract) -> Result<(String, Question), TemplateError> {
    question_from_toml(&toml::to_string(job).unwrap(), contract)
}

fn is_columns(used: &Use) -> bool {
    matches!(used.lists, Lists::Columns { .. }) && used.amount != Amount::One
}

/// Adds a column to a dataset.
pub(crate) fn add_column(table: &mut Table, dataset: &str, name: &str, role: &str, more: &str) {
    let mut column: Table = more.parse().unwrap();
    column.insert("name".to_owned(), name.into());
    column.insert("role".to_owned(), role.into());
    let columns = named(table, "dataset", dataset).get_mut("column").and_then(Value::as_array_mut);
    columns.unwrap().push(column.into());
    assert!(listed(table, "dataset").count() > 0);
}

/// Where there are tables in `table`, the first of each list.
fn tables(table: &Table, above: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
    places.extend((!above.is_empty()).then(|| above.clone()));
    for (key, value) in table {
        above.push(key.clone());
        match value {
            Value::Table(below) => tables(below, above, places),
            Value::Array(all) => {
                if let Some(Value::Table(below)) = all.first() {
                    tables(below, above, places);
                }
            }
            _ => {}
        }
        above.pop();
    }
}

fn has_table(table: &Table, place: &[String]) -> bool {
    let mut places = Vec::new();
    tables(table, &mut Vec::new(), &mut places);
    places.iter().any(|it| it == place)
}

fn table_at<'t>(table: &'t mut Table, place: &[String]) -> &'t mut Table {
    place.iter().fold(table, |table, key| match table.get_mut(key).unwrap() {
        Value::Array(all) => all[0].as_table_mut().unwrap(),
        found => found.as_table_mut().unwrap(),
    })
}

const STRANGE: &str = "strange";

/// Every role, with what else such a column says.
pub(crate) const ROLES: [(&str, &str); 8] = [
    ("match_key", "kind = \"phone\""),
    ("group", "domain = [\"a\", \"b\"]"),
    ("label", ""),
    ("measure", ""),
    ("date", ""),
    ("feature", ""),
    ("consent", ""),
    ("never", ""),
];
