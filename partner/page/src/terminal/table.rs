//! Draws a table on a terminal. Names are shortened and headings broken where that makes the table
//! fit; columns that still do not fit stand below the others. Bars are left out: their figures
//! stand in the table.

use super::{
    WIDTH,
    columns::{GAP, widths},
    line, prose, wrap,
};
use protocol::page::{Table, UNKNOWN};
use std::{
    collections::BTreeSet,
    fmt::{self, Write},
};

/// Writes a table.
pub(super) fn table(page: &mut String, table: &Table) -> fmt::Result {
    let names = names(table);
    let figures = Columns::of(table);
    let taken: usize = widths(&names).into_iter().map(|width| width + GAP).sum();
    let wide = figures.wide();
    if taken + room(&wide) <= WIDTH + GAP {
        return side_by_side(page, table, names, &wide);
    }
    let least: usize = widths(&names).into_iter().map(|width| width.min(SHORTEST) + GAP).sum();
    for (at, part) in figures.narrow().parts(WIDTH.saturating_sub(least)).iter().enumerate() {
        if at > 0 {
            writeln!(page)?;
        }
        side_by_side(page, table, names.clone(), part)?;
    }
    Ok(())
}

/// The columns of names, with their headings in the first row.
fn names(table: &Table) -> Vec<Vec<String>> {
    let mut names = vec![table.names.iter().map(line).collect::<Vec<_>>()];
    names.extend(table.rows.iter().map(|row| row.names.iter().map(line).collect()));
    names.iter_mut().for_each(|row| row.resize(table.names.len(), String::new()));
    names
}

/// A column of figures.
#[derive(Clone)]
struct Column {
    /// Lines of its heading.
    heading: Vec<String>,
    /// One text for each row; empty where a remark stands in place of figures.
    cells: Vec<String>,
    width: usize,
}

struct Columns(Vec<Column>);

impl Columns {
    fn of(table: &Table) -> Self {
        let columns = table.figures.iter().enumerate().map(|(at, heading)| {
            let cells = table.rows.iter().map(|row| match row.figures.get(at) {
                Some(figure) => line(figure),
                None if row.figures.is_empty() && row.remark.is_some() => String::new(),
                None => UNKNOWN.to_owned(),
            });
            let cells: Vec<_> = cells.collect();
            let width = cells.iter().map(|cell| letters(cell)).max().unwrap_or(0);
            Column { heading: vec![line(heading)], cells, width }
        });
        Self(columns.collect())
    }

    /// The columns with each heading on one line.
    fn wide(&self) -> Vec<Column> {
        let fitted = self.0.iter().cloned().map(|mut column| {
            let heading = column.heading.iter().map(|text| letters(text)).max();
            column.width = column.width.max(heading.unwrap_or(0));
            column
        });
        fitted.collect()
    }

    /// The column with its heading on as many lines as keep it narrow.
    fn narrow(&self) -> Self {
        let fitted = self.0.iter().map(|column| {
            // A number keeps its unit.
            let words = column.heading.join(" ").replace(" %", "\u{a0}%");
            let words: Vec<&str> = words.split(' ').collect();
            let longest = words.iter().map(|word| letters(word)).max().unwrap_or(0);
            let width = column.width.max(longest);
            let mut heading: Vec<String> = Vec::new();
            for word in words {
                match heading.last_mut() {
                    Some(line) if letters(line) + 1 + letters(word) <= width => {
                        line.push(' ');
                        line.push_str(word);
                    }
                    _ => heading.push(word.to_owned()),
                }
            }
            heading.iter_mut().for_each(|line| *line = line.replace('\u{a0}', " "));
            Column { heading, cells: column.cells.clone(), width }
        });
        Self(fitted.collect())
    }

    /// Splits the columns into parts that fit in `most` letters side by side. Each part has at
    /// least one column.
    fn parts(self, most: usize) -> Vec<Vec<Column>> {
        let mut parts: Vec<Vec<Column>> = Vec::new();
        for column in self.0 {
            match parts.last_mut() {
                Some(part) if room(part) + column.width + GAP <= most => part.push(column),
                _ => parts.push(vec![column]),
            }
        }
        parts
    }
}

/// The width of columns, each with a gap before it.
fn room(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width + GAP).sum()
}

fn side_by_side(
    page: &mut String,
    table: &Table,
    mut names: Vec<Vec<String>>,
    figures: &[Column],
) -> fmt::Result {
    let gaps = GAP * table.names.len().saturating_sub(1);
    shorten(&mut names, WIDTH.saturating_sub(room(figures) + gaps));
    let widths = widths(&names);
    let mut names = names.into_iter();
    let lines = figures.iter().map(|column| column.heading.len()).max().unwrap_or(1);
    let heading = names.next().unwrap_or_default();
    for at in 0..lines {
        let last = at + 1 == lines;
        let shown = if last { heading.clone() } else { Vec::new() };
        let cells = figures.iter().map(|column| {
            // The heading stands at the bottom, so that it ends where its figures begin.
            let skipped = lines - column.heading.len();
            let line = at.checked_sub(skipped).and_then(|at| column.heading.get(at));
            (line.map_or("", String::as_str), column.width)
        });
        row(page, &shown, &widths, cells, None)?;
    }
    for (at, (names, found)) in names.zip(&table.rows).enumerate() {
        let cells = figures
            .iter()
            .map(|column| (column.cells.get(at).map_or("", String::as_str), column.width));
        let remark = found.remark.as_ref().map(prose);
        let in_place = remark.as_deref().filter(|_| found.figures.is_empty());
        row(page, &names, &widths, cells, in_place)?;
        if let Some(remark) = remark.filter(|_| !found.figures.is_empty()) {
            wrap(page, "    ", &remark)?;
        }
    }
    Ok(())
}

/// Writes names to the left and figures to the right, or `remark` in their place.
fn row<'c>(
    page: &mut String,
    names: &[String],
    widths: &[usize],
    cells: impl Iterator<Item = (&'c str, usize)>,
    remark: Option<&str>,
) -> fmt::Result {
    let mut line = String::new();
    for (at, width) in widths.iter().enumerate() {
        let gap = if at == 0 { "" } else { "  " };
        let name = names.get(at).map_or("", String::as_str);
        let blanks = " ".repeat(width.saturating_sub(letters(name)));
        write!(line, "{gap}{}{blanks}", isolated(name))?;
    }
    if let Some(remark) = remark {
        return wrap(page, &format!("{line}  "), remark);
    }
    for (cell, width) in cells {
        write!(line, "  {cell:>width$}")?;
    }
    writeln!(page, "{}", line.trim_end())
}

/// Shortens the longest names, so that the columns of `rows` together take no more than `room`.
fn shorten(rows: &mut [Vec<String>], room: usize) {
    let mut widths = widths(rows);
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > SHORTEST) else {
            break;
        };
        *widest -= 1;
    }
    for (at, most) in widths.iter().enumerate() {
        let column = || rows.iter().filter_map(|row| row.get(at));
        let names: BTreeSet<_> = column().collect();
        let short: BTreeSet<_> = column().map(|name| elided(name, *most)).collect();
        // If two names would become one, they are kept whole: a long line is better than a wrong
        // one.
        if short.len() < names.len() {
            continue;
        }
        for name in rows.iter_mut().filter_map(|row| row.get_mut(at)) {
            *name = elided(name, *most);
        }
    }
}

/// A name isolated in its direction, so that a name written from right to left does not turn the
/// figures beside it around.
fn isolated(name: &str) -> String {
    let turns = |letter: char| matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}');
    if name.chars().any(turns) { format!("\u{2068}{name}\u{2069}") } else { name.to_owned() }
}

/// `name` without its middle if it is longer than `most`. Names often differ at their ends.
fn elided(name: &str, most: usize) -> String {
    let all: Vec<char> = name.chars().collect();
    if all.len() <= most {
        return name.to_owned();
    }
    let kept = most.saturating_sub(1);
    let (start, end) = (kept - kept / 2, kept / 2);
    let start = all.iter().take(start);
    let end = all.iter().skip(all.len() - end);
    start.chain(&['\u{2026}']).chain(end).collect()
}

fn letters(text: &str) -> usize {
    text.chars().count()
}

/// No column of names becomes narrower than this to make room for another one.
const SHORTEST: usize = 8;
