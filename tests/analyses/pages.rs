//! The page of a sample: its width, and what becomes of names and values that are meant to do harm.

use super::{
    counted::{Counted, page_of, seal},
    sample::{Sample, contract, listed},
};
use page::{html, json, picture, terminal};
use protocol::{job::question_from_toml, text::is_hidden};
use std::{collections::BTreeSet, fs};
use toml::{Table, Value};

#[test]
fn the_page_fits_eighty_columns() {
    for sample in Sample::all() {
        let page = page_of(&Counted::new(&sample).result());
        for text in [terminal::summary(&page).unwrap(), terminal::whole(&page).unwrap()] {
            fits(sample.name(), &text);
        }
        html::page(&page).unwrap();
    }
}

/// A slide has the answer and its ranges, and is whole by itself.
#[test]
fn the_pictures_of_a_page_are_one_file() {
    let mut drawn = 0;
    for sample in Sample::all() {
        let (name, page) = (sample.name(), page_of(&Counted::new(&sample).result()));
        let Some(slide) = picture::svg(&page, "whose it is").unwrap() else { continue };
        drawn += 1;
        assert_eq!(slide.matches("<svg").count(), slide.matches("</svg>").count(), "{name}");
        for outside in ["href", "<script", "url(", "<image", "var("] {
            assert!(!slide.contains(outside), "{name}: {outside}");
        }
        assert!(slide.contains("whose it is") && slide.contains("class=\"title\""), "{name}");
        let ranges =
            slide.matches("class=\"ci\"").count() + slide.matches("class=\"range\"").count();
        assert!(ranges > 0, "{name}: a picture without a range");
        if let Ok(folder) = std::env::var("GLOVEBOX_SLIDES") {
            let file = |end| std::path::Path::new(&folder).join(format!("{name}.{end}"));
            fs::write(file("svg"), &slide).unwrap();
            fs::write(file("html"), html::page(&page).unwrap()).unwrap();
        }
    }
    let of_one = std::env::var("GLOVEBOX_KIND").is_ok_and(|kind| !kind.is_empty());
    assert!(drawn > 3 || of_one, "only {drawn} kinds have a picture");
}

/// Where the contract lets it in: in values of public lists, in labels and in what the job calls things.
#[test]
fn the_page_shows_what_it_quotes_as_text() {
    for sample in Sample::all() {
        let name = sample.name();
        let mut let_in = 0;
        for suffix in HARM {
            let folder = tempfile::tempdir().unwrap();
            let Some(harmed) = harmed(&sample, suffix, folder.path()) else { continue };
            let_in += 1;
            let page = page_of(&Counted::of(&harmed).result());
            let screens = [terminal::summary(&page).unwrap(), terminal::whole(&page).unwrap()];
            screens.iter().for_each(|screen| fits(name, screen));
            let [web, machine] = [html::page(&page).unwrap(), json::page(&page).unwrap()];
            let slide = picture::svg(&page, "foot").unwrap().unwrap_or_default();
            assert!(!web.contains("<gb") && !slide.contains("<gb"), "{name}: markup of theirs");
            for text in screens.iter().chain([&web, &machine, &slide]) {
                let hidden = text.chars().find(|letter| *letter != '\n' && is_hidden(*letter));
                assert_eq!(hidden, None, "{name}: {suffix:?}");
            }
        }
        assert!(let_in > 0, "{name}: nothing was quoted");
    }
}

/// Only lines for a shell may be longer: broken, they would be others.
fn fits(kind: &str, text: &str) {
    for line in text.lines().filter(|line| !line.starts_with("    ")) {
        let width = line.chars().count();
        assert!(width <= 80, "{kind}: {width} columns: {line}");
    }
}

/// Each by itself, since a contract refuses some of them.
const HARM: [&str; 6] =
    ["<gb onload=1>", "\"'&amp;", "\u{1b}[7m", "\u{202e}", "\u{2067}", "-of-a-rather-long-name"];

/// The sample with `suffix` behind every value and name of the parties' own; none if contract or job refuse it
/// everywhere.
fn harmed(sample: &Sample, suffix: &str, folder: &std::path::Path) -> Option<Sample> {
    let mut table = sample.table();
    let mut values = BTreeSet::new();
    for dataset in listed(&mut table, "dataset") {
        for column in listed(dataset, "column") {
            let domain = column.get_mut("domain").and_then(Value::as_array_mut);
            for value in domain.into_iter().flatten() {
                let text = value.as_str().unwrap().to_owned();
                *value = format!("{text}{suffix}").into();
                values.insert(text);
            }
        }
    }
    // What the contract does not let in stays as it was.
    let is_let_in = !values.is_empty() && contract(table.clone()).is_ok();
    if !is_let_in {
        (table, values) = (sample.table(), BTreeSet::new());
    }
    let paper = contract(table.clone()).unwrap();
    let mut changed = sample.clone();
    changed.rows = folder.to_owned();
    changed.contract = toml::to_string(&table).unwrap();
    let jobs = [Names::All, Names::OfColumns, Names::None].map(|names| {
        let mut job = sample.job_table();
        quote(&mut job, &values, suffix, names);
        toml::to_string(&job).unwrap()
    });
    let is_asked = |job: &&String| question_from_toml(job, &paper).is_ok();
    changed.job = jobs.iter().find(is_asked).unwrap().clone();
    let named = changed.job != jobs[2];
    let mut labels = false;
    for (dataset, found) in &paper.datasets {
        let text = fs::read_to_string(sample.rows(dataset)).unwrap();
        let mut lines = text.lines();
        let header: Vec<_> = lines.next().unwrap().split(',').collect();
        let is_label = |name: &str| {
            let column = found.column(name);
            column.is_some_and(|it| it.role == protocol::contract::Role::Label)
        };
        // Longer ones would not be labels.
        let fits = |value: &str| !value.is_empty() && value.len() + suffix.len() <= 32;
        let lines: Vec<_> = lines.collect();
        let write = |with_labels: bool| {
            let rows = lines.iter().map(|line| {
                let cells = line.split(',').zip(&header).map(|(value, name)| {
                    let is_label = with_labels && is_label(name) && fits(value);
                    let is_harmed = values.contains(value) || is_label;
                    let quoted = || format!("{value}{suffix}").replace('"', "\"\"");
                    if is_harmed { format!("\"{}\"", quoted()) } else { value.to_owned() }
                });
                cells.collect::<Vec<_>>().join(",")
            });
            let rows: Vec<_> = rows.collect();
            let text = format!("{}\n{}\n", header.join(","), rows.join("\n"));
            fs::write(changed.rows(dataset), text).unwrap();
        };
        // Sealing does not let everything in either.
        write(true);
        let is_sealed = seal(&paper, dataset, &changed.rows(dataset)).is_ok();
        labels |= is_sealed && header.iter().any(|name| is_label(name));
        if !is_sealed {
            write(false);
        }
    }
    (is_let_in || named || labels).then_some(changed)
}

/// Which things of a job are called otherwise.
#[derive(Clone, Copy, PartialEq)]
enum Names {
    All,
    /// Those that name their column besides, and are not called like it.
    OfColumns,
    None,
}

/// Puts `suffix` behind every one of `values`, and behind what things are called.
fn quote(table: &mut Table, values: &BTreeSet<String>, suffix: &str, names: Names) {
    let is_called =
        names == Names::All || (names == Names::OfColumns && table.contains_key("column"));
    let keys: Vec<_> = table.keys().filter(|key| values.contains(*key)).cloned().collect();
    for key in keys {
        let value = table.remove(&key).unwrap();
        table.insert(format!("{key}{suffix}"), value);
    }
    for (key, value) in table {
        match value {
            Value::Table(below) => quote(below, values, suffix, names),
            Value::Array(all) => {
                for value in all {
                    match value {
                        Value::Table(below) => quote(below, values, suffix, names),
                        Value::String(text) if values.contains(text) => text.push_str(suffix),
                        _ => {}
                    }
                }
            }
            Value::String(text) if values.contains(text) || (is_called && key == "name") => {
                text.push_str(suffix);
            }
            _ => {}
        }
    }
}
