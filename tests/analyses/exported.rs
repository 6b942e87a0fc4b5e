//! The figures of an answer for other programs: none that has an error is left out, and none is without it.

use super::{counted::Counted, sample::Sample};
use page::export::{self, COLUMNS, Cell, Line};
use protocol::{
    digest::Digest,
    page::{Checked, DataVersion, Provenance, Source},
    result::JobResult,
    sealed::Declared,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Wherever the answer has a range or the size of its noise, a line has the same numbers.
#[test]
fn every_figure_with_an_error_is_exported_with_it() {
    for sample in Sample::all() {
        let (name, counted) = (sample.name(), Counted::new(&sample));
        let result = counted.result();
        let bytes = result.to_json().unwrap();
        let whole: Value = serde_json::from_slice(&bytes).unwrap();
        // As the file has it: a number is what its decimal digits say.
        let figures = JobResult::from_json(&bytes).unwrap().answer.citations();
        let mut with_errors = Vec::new();
        errors(&whole["answer"], "/answer", &mut with_errors);
        assert!(!with_errors.is_empty() || name == "choice", "{name}");
        for (path, object) in with_errors {
            let number = |field: &str| object.get(field).and_then(Value::as_f64);
            let value = number("value").or(number("n"));
            let ends = object.get("ci").and_then(Value::as_array);
            let is_there = figures.iter().any(|figure| {
                let range = figure.range.map(|range| range.ends);
                let same = ends.is_none_or(|ends| {
                    range.is_some_and(|range| {
                        range.iter().zip(ends).all(|(one, other)| *one == other.as_f64())
                    })
                });
                let noise = number("noise_sd").is_none_or(|sd| figure.noise_sd == Some(sd));
                same && noise && (value.is_none() || figure.value == value)
            });
            assert!(is_there, "{name}: {path} is not exported: {object:?}");
        }
    }
}

#[test]
fn every_line_says_its_error_its_price_and_its_receipt() {
    for sample in Sample::all() {
        let (name, counted) = (sample.name(), Counted::new(&sample));
        let lines = export::lines(&counted.result(), &from_receipt()).unwrap();
        assert!(!lines.is_empty(), "{name}");
        for line in &lines {
            let cell = |wanted: &str| {
                let at = COLUMNS.iter().position(|column| column.name == wanted).unwrap();
                &line.cells()[at]
            };
            for column in
                ["receipt", "contract", "data_versions", "metric", "epsilon", "shown_from"]
            {
                assert_ne!(*cell(column), Cell::Empty, "{name}: {column} of {line:?}");
            }
            let is_withheld = *cell("value") == Cell::Empty;
            let has_error = [cell("covers"), cell("noise_sd")].iter().any(|it| **it != Cell::Empty);
            let Cell::Text(metric) = cell("metric") else { panic!("{line:?}") };
            assert!(
                has_error || is_withheld || WITHOUT_ERROR.contains(&metric.as_str()),
                "{line:?}"
            );
        }
        let names = names(&lines);
        assert_eq!(names.len(), lines.len(), "{name}: two figures have one name");
    }
}

/// What each is of is told apart by metric and group alone.
fn names(lines: &[Line]) -> BTreeSet<String> {
    let of = |line: &Line, wanted: &str| {
        let at = COLUMNS.iter().position(|column| column.name == wanted).unwrap();
        export::plain(&line.cells()[at])
    };
    lines.iter().map(|line| format!("{} {}", of(line, "metric"), of(line, "group"))).collect()
}

#[test]
fn a_trial_is_not_exported() {
    let sample = Sample::all().remove(0);
    let from = Provenance { source: Source::Trial, ..from_receipt() };
    assert_eq!(export::lines(&Counted::new(&sample).result(), &from), None);
}

/// The page lists every column in order, and every metric that the sample of a kind has.
#[test]
fn the_page_of_the_format_says_every_column_and_metric() {
    let page = include_str!("../../protocol/spec/figures-v1.md");
    let (columns, kinds) = page.split_once("| Kind | Metrics |").unwrap();
    let listed = columns.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(listed.collect::<Vec<_>>(), COLUMNS.map(|column| column.name));
    for sample in Sample::all() {
        let name = sample.name();
        let row = kinds.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("{name} is not on figures-v1.md"));
        for figure in Counted::new(&sample).result().answer.citations() {
            let word = format!("`{}`", figure.metric);
            assert!(row.contains(&word), "{name}: {word} is not on figures-v1.md");
        }
    }
}

fn from_receipt() -> Provenance {
    let data = DataVersion {
        dataset: "sales".to_owned(),
        owner: "shop".to_owned(),
        version: 7,
        manifest: Digest::of("sample", b"manifest"),
        declared: Declared::of(1000),
        opt_outs: None,
    };
    Provenance {
        simulated: true,
        asked_by: "shop".to_owned(),
        asker: None,
        output: Digest::of("sample", b"output"),
        source: Source::Receipt(Checked {
            receipt: "cd".repeat(32),
            receivers: vec!["shop".to_owned()],
            data: vec![data],
            root: "UNTRUSTED root".to_owned(),
            registers: Vec::new(),
            attested: "2026-11-23 12:00:00 UTC".to_owned(),
            contract_file: "contract.toml".to_owned(),
            danger_root: None,
        }),
    }
}

/// Objects that have a range, or the noise of a value.
fn errors(value: &Value, path: &str, found: &mut Vec<(String, serde_json::Map<String, Value>)>) {
    match value {
        Value::Object(fields) => {
            let has_number = |name: &str| fields.get(name).is_some_and(Value::is_number);
            let has_range = fields.get("ci").is_some_and(Value::is_array);
            if has_range || (has_number("noise_sd") && (has_number("value") || has_number("n"))) {
                found.push((path.to_owned(), fields.clone()));
            }
            fields.iter().for_each(|(name, it)| errors(it, &format!("{path}/{name}"), found));
        }
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(at, it)| errors(it, &format!("{path}/{at}"), found));
        }
        _ => {}
    }
}

/// Figures of which an answer knows no error: `protocol/spec/figures-v1.md` says so of each.
const WITHOUT_ERROR: [&str; 6] = [
    "mean",
    "minimum_detectable",
    "sample_ratio_chi2",
    "chosen_edge",
    "chosen_group",
    "people_in_withheld_cells_at_least",
];
