//! A table of groups as a page of a terminal.

use super::{WIDTH, columns_after, notes_of, wrap};
use crate::{
    say, words,
    words::{groups as said, order},
};
use protocol::result::TableResult;
use std::fmt::{self, Write};

pub(super) fn groups(page: &mut String, result: &TableResult) -> fmt::Result {
    let result = &order::natural(result);
    let about = say::name(format!("{}, {}", result.contract_name, result.analysis));
    writeln!(page, "{about:<56}{:>24}", words::moment(result.time))?;
    wrap(page, "", &format!("Counted: {}.", result.answer.counted))?;
    writeln!(page)?;
    table(page, result, &said::people_headings(result), said::people_rows(result))?;
    for first in said::measures(result) {
        writeln!(page)?;
        wrap(page, "", &format!("{} ({})", first.name, said::bounds(first)))?;
        let head = said::measure_headings(result);
        table(page, result, &head, said::measure_rows(result, &first.name))?;
        let spreads = said::spread_rows(result, &first.name);
        if !spreads.is_empty() {
            writeln!(page)?;
            wrap(page, "", &format!("{}: how much people differ. {}", first.name, said::SPREAD))?;
            table(page, result, &said::spread_headings(result), spreads)?;
        }
    }
    notes_of(page, &said::notes(result))
}

/// A row for each cell under `head`, the figures behind the names.
fn table(
    page: &mut String,
    result: &TableResult,
    head: &[String],
    found: Vec<said::Row<'_>>,
) -> fmt::Result {
    if found.is_empty() {
        return writeln!(page, "Nothing can be shown.");
    }
    let (mut rows, mut figures) = (vec![said::headings(result)], vec![head.to_vec()]);
    for row in found {
        rows.push(row.names);
        figures.push(row.figures);
    }
    let taken: usize = widths(&figures).into_iter().map(|width| width + GAP).sum();
    let columns = said::headings(result).len();
    let room = WIDTH.saturating_sub(taken + GAP * columns.saturating_sub(1));
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
        result.answer.cells[0].measures.clear();
        let mut visits = result.answer.cells[1].measures[0].clone();
        visits.name = "visits".to_owned();
        visits.total.value = 77_777.0;
        result.answer.cells[1].measures.insert(0, visits);
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
        assert_eq!(total_of("High", "no", "spend"), "\u{2013}");
        assert_eq!(total_of("High", "yes", "spend"), "402,118");
        assert_eq!(total_of("(none)", "yes", "spend"), "11,001");
        assert_eq!(total_of("High", "yes", "visits"), "77,777");
        assert_eq!(total_of("(none)", "yes", "visits"), "\u{2013}");
    }
}
