//! A table of groups as a page of a terminal.

use super::{WIDTH, columns_after, notes_of, wrap};
use crate::{say, words, words::groups as said};
use protocol::result::{MeasureEstimate, TableResult};
use std::fmt::{self, Write};

pub(super) fn groups(page: &mut String, result: &TableResult) -> fmt::Result {
    let about = say::name(format!("{}, {}", result.contract_name, result.analysis));
    writeln!(page, "{about:<56}{:>24}", words::moment(result.time))?;
    wrap(page, "", &format!("Counted: {}.", result.counted))?;
    let error = format!("\u{b1} ({})", words::level(result.confidence));
    let cells = || result.cells.iter().chain(&result.other);
    let people =
        cells().map(|cell| vec![said::people(&cell.people), said::people_error(&cell.people)]);
    writeln!(page)?;
    table(page, result, &["people", &error], people.collect())?;
    for first in said::measures(result) {
        let found = || cells().map(|cell| said::measured(cell, &first.name));
        let spread = found().flatten().any(|measure| measure.spread.is_some());
        let mut head = vec!["total", &error, "per person", &error];
        head.extend(spread.then_some("spread"));
        let cap = words::size(first.cap);
        writeln!(page)?;
        wrap(page, "", &format!("{} (above {cap} of one person counts as {cap})", first.name))?;
        table(page, result, &head, found().map(|measure| figures(measure, spread)).collect())?;
    }
    notes_of(page, &said::notes(result))
}

/// The figures of every cell, one row for each, under `head`, behind its names.
fn table(
    page: &mut String,
    result: &TableResult,
    head: &[&str],
    figures: Vec<Vec<String>>,
) -> fmt::Result {
    if figures.is_empty() {
        return writeln!(page, "Nothing can be shown.");
    }
    let mut figures: Vec<_> =
        std::iter::once(head.iter().map(|&it| it.to_owned()).collect()).chain(figures).collect();
    let taken: usize = widths(&figures).into_iter().map(|width| width + GAP).sum();
    let headings = said::headings(result);
    let columns = headings.len();
    let room = WIDTH.saturating_sub(taken + GAP * columns.saturating_sub(1));
    let cells = result.cells.iter().chain(&result.other).map(|cell| said::names(cell, result));
    let mut rows: Vec<_> = std::iter::once(headings).chain(cells).collect();
    shorten(&mut rows, room);
    for (row, figures) in rows.iter_mut().zip(&mut figures) {
        row.resize(columns, String::new());
        row.append(figures);
    }
    columns_after(page, &rows, columns)
}

/// Shortens what is longest, so that the columns of `rows` together take no more than `room`.
fn shorten(rows: &mut [Vec<String>], room: usize) {
    let mut widths = widths(rows);
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > SHORTEST) else {
            break;
        };
        *widest -= 1;
    }
    for row in rows {
        for (name, most) in row.iter_mut().zip(&widths) {
            *name = elided(name, *most);
        }
    }
}

/// Letters of the longest text in each column.
fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (widest, text) in widths.iter_mut().zip(row) {
            *widest = text.chars().count().max(*widest);
        }
    }
    widths
}

/// `name` without its middle if it is longer than `most`: what tells names apart is often at the end.
fn elided(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.to_owned();
    }
    let kept = most.saturating_sub(2);
    let (start, end) = (kept - kept / 2, kept / 2);
    let start = letters.iter().take(start);
    let end = letters.iter().skip(letters.len() - end);
    start.chain(&['.', '.']).chain(end).collect()
}

/// As many as there are headings, whether or not the cell has the measure.
fn figures(measure: Option<&MeasureEstimate>, spread: bool) -> Vec<String> {
    let none = || "-".to_owned();
    let Some(measure) = measure else { return vec![none(); if spread { 5 } else { 4 }] };
    let mean = measure.mean.as_ref();
    let mut row = vec![said::amount(&measure.total), said::amount_error(&measure.total)];
    row.extend([mean.map_or_else(none, said::amount), mean.map_or_else(none, said::amount_error)]);
    row.extend(spread.then(|| measure.spread.map_or_else(none, words::size)));
    row
}

/// Between two columns.
const GAP: usize = 2;
/// No column of names becomes narrower for another's sake.
const SHORTEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::groups::by_shop;

    #[test]
    fn a_group_without_a_measure_has_dashes_and_every_other_its_own_figures() {
        let mut result = by_shop();
        result.cells[0].measures.clear();
        let mut visits = result.cells[1].measures[0].clone();
        visits.name = "visits".to_owned();
        visits.total.value = 77_777.0;
        result.cells[1].measures.insert(0, visits);
        let mut page = String::new();
        groups(&mut page, &result).unwrap();
        let total_of = |name: &str, found: &str, measure: &str| {
            let table = page.split(&format!("\n{measure} (above")).nth(1).unwrap();
            let table = table.split("\n\n").next().unwrap();
            let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            let line = lines.find(|it| it.starts_with(&[name]) && it.contains(&found)).unwrap();
            let at = line.iter().position(|it| *it == found).unwrap();
            line[at + 1].to_owned()
        };
        assert_eq!(total_of("High", "no", "spend"), "-");
        assert_eq!(total_of("High", "yes", "spend"), "402,118");
        assert_eq!(total_of("(none)", "yes", "spend"), "11,001");
        assert_eq!(total_of("High", "yes", "visits"), "77,777");
        assert_eq!(total_of("(none)", "yes", "visits"), "-");
    }
}
