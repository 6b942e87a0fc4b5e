//! A table of groups as HTML.

use super::{Provenance, dash, escape::Text, notes};
use crate::words::{self, groups as said};
use protocol::result::{TableCell, TableResult};
use std::fmt::{self, Write};

pub(super) fn groups(page: &mut String, result: &TableResult, from: &Provenance) -> fmt::Result {
    let by = result.group_by.join(" and ");
    let title = if by.is_empty() { "People".to_owned() } else { format!("People by {by}") };
    writeln!(page, "<h1>{}</h1>", Text(&title))?;
    writeln!(
        page,
        "<p class=\"sub\">Counted: {}. Asked by {} for {} under the contract \u{201c}{}\u{201d}; answered \
         {}.</p>",
        Text(&result.counted),
        Text(&from.asked_by),
        Text(&result.purpose),
        Text(&result.contract_name),
        words::moment(result.time),
    )?;
    let cells = || result.cells.iter().chain(&result.other);
    let level = words::level(result.confidence);
    let error = format!("\u{b1} ({level})");
    writeln!(page, "<h2>People</h2>")?;
    let largest = cells().map(|cell| cell.people.ci[1]).fold(0.0, f64::max);
    table(page, result, &["People", &error, ""], |row, cell| {
        figures(row, [said::people(&cell.people), said::people_error(&cell.people)])?;
        bar(row, cell, largest)
    })?;
    writeln!(
        page,
        "<p class=\"note\">\u{b1} is how far the noise may have moved a figure, at {level}; the bar ends at \
         the figure, the line across its end is as long as that, \
         and often too short to be seen.</p>"
    )?;
    for first in said::measures(result) {
        writeln!(page, "<h2>{}</h2>", Text(&first.name))?;
        let mut found = cells().filter_map(|cell| said::measured(cell, &first.name));
        let spread = found.any(|it| it.spread.is_some());
        let head = ["Total", &error, "Per person", &error, "Spread"];
        let shown = if spread { head.len() } else { head.len() - 1 };
        let head = head.get(..shown).unwrap_or_default();
        table(page, result, head, |row, cell| {
            let Some(measure) = said::measured(cell, &first.name) else {
                return figures(row, head.iter().map(|_| dash()));
            };
            let mean = measure.mean.as_ref();
            figures(row, [said::amount(&measure.total), said::amount_error(&measure.total)])?;
            figures(
                row,
                [mean.map_or_else(dash, said::amount), mean.map_or_else(dash, said::amount_error)],
            )?;
            let between = spread.then(|| measure.spread.map_or_else(dash, words::size));
            figures(row, between)
        })?;
        let spread = if spread { " Spread: standard deviation between people." } else { "" };
        let cap = words::size(first.cap);
        writeln!(
            page,
            "<p class=\"note\">What one person has above {cap} counts as {cap}.{spread}</p>"
        )?;
    }
    notes(page, &said::notes(result))
}

pub(super) fn limits(page: &mut String) -> fmt::Result {
    writeln!(page, "<h2>What this does not say</h2>\n<ul>")?;
    writeln!(page, "<li>Nothing about any one person: figures are about groups, and noisy.</li>")?;
    writeln!(
        page,
        "<li>The intervals (\u{b1}) cover the noise and nothing else: everybody in the data was counted, and \
         whether the data are right is not known here.</li>\n</ul>"
    )
}

/// A table with a column for each heading of the groups, then `head`, of which `figures` writes the cells.
fn table(
    page: &mut String,
    result: &TableResult,
    head: &[&str],
    figures: impl Fn(&mut String, &TableCell) -> fmt::Result,
) -> fmt::Result {
    if result.cells.is_empty() && result.other.is_none() {
        return writeln!(page, "<p>Nothing can be shown: see the notes.</p>");
    }
    write!(page, "<div class=\"wide\"><table class=\"groups\">\n<thead><tr>")?;
    let headings = said::headings(result);
    for heading in &headings {
        write!(page, "<th scope=\"col\" class=\"by\">{}</th>", Text(heading))?;
    }
    for cell in head {
        match *cell {
            "" => write!(page, "<td></td>")?,
            cell => write!(page, "<th scope=\"col\">{}</th>", Text(cell))?,
        }
    }
    writeln!(page, "</tr></thead>\n<tbody>")?;
    for cell in result.cells.iter().chain(&result.other) {
        write!(page, "<tr>")?;
        let names = said::names(cell, result);
        let span = if names.len() < headings.len() { headings.len() } else { 1 };
        for name in names {
            let name = Text(&name);
            write!(page, "<th scope=\"row\" class=\"by\" colspan=\"{span}\">{name}</th>")?;
        }
        figures(page, cell)?;
        writeln!(page, "</tr>")?;
    }
    writeln!(page, "</tbody></table></div>")
}

fn figures(row: &mut String, texts: impl IntoIterator<Item = String>) -> fmt::Result {
    texts.into_iter().try_for_each(|text| write!(row, "<td>{}</td>", Text(&text)))
}

/// People as a bar of a picture in which `largest` fills the width, and their interval across its end.
fn bar(row: &mut String, cell: &TableCell, largest: f64) -> fmt::Result {
    let x =
        |number: f64| if largest > 0.0 { BAR * (number / largest).clamp(0.0, 1.0) } else { 0.0 };
    let [low, high] = cell.people.ci.map(x);
    let end = x(cell.people.value);
    write!(
        row,
        "<td><svg class=\"bar\" viewBox=\"0 0 {BAR} 14\" aria-hidden=\"true\">\
         <rect x=\"0\" y=\"2\" width=\"{end:.1}\" height=\"10\"/>\
         <line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"7\" y2=\"7\"/></svg></td>"
    )
}

/// Width of a bar's picture.
const BAR: f64 = 160.0;
