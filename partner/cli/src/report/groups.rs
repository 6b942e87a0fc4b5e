//! A table of groups as HTML.

use super::{
    Provenance,
    escape::{Name, Text},
    notes,
};
use crate::words::{self, groups as said, order};
use protocol::result::{TableCell, TableResult};
use std::fmt::{self, Write};

pub(super) fn groups(page: &mut String, result: &TableResult, from: &Provenance) -> fmt::Result {
    let result = &order::natural(result);
    let by = result.answer.group_by.join(" and ");
    let title = if by.is_empty() { "People".to_owned() } else { format!("People by {by}") };
    writeln!(page, "<h1>{}</h1>", Text(&title))?;
    writeln!(
        page,
        "<p class=\"sub\">Counted: {}. Asked by {} for {} under the contract \u{201c}{}\u{201d}; answered \
         {}.</p>",
        Text(&result.answer.counted),
        Text(&from.asked_by),
        Text(&result.purpose),
        Text(&result.contract_name),
        words::moment(result.time),
    )?;
    let level = words::level(result.answer.confidence);
    writeln!(page, "<h2>People</h2>")?;
    let largest = largest(result);
    let head = said::people_headings(result).into_iter().chain([String::new()]);
    table(
        page,
        result,
        &head.collect::<Vec<_>>(),
        said::people_rows(result),
        |row, cell| match cell {
            Some(cell) => bar(row, cell, largest),
            None => write!(row, "<td></td>"),
        },
    )?;
    writeln!(
        page,
        "<p class=\"note\">The range is between what numbers the people of a group lie, at {level}; the bar \
         ends at the noisy count, the line across its end is the range, and often too short to be seen.</p>"
    )?;
    for first in said::measures(result) {
        writeln!(page, "<h2>{}</h2>", Name(&first.name))?;
        let head = said::measure_headings(result);
        let rows = said::measure_rows(result, &first.name);
        table(page, result, &head, rows, |_, _| Ok(()))?;
        writeln!(page, "<p class=\"note\">What is {}.</p>", said::bounds(first))?;
        let spreads = said::spread_rows(result, &first.name);
        if !spreads.is_empty() {
            writeln!(page, "<h3>How much people differ</h3>")?;
            table(page, result, &said::spread_headings(result), spreads, |_, _| Ok(()))?;
            writeln!(page, "<p class=\"note\">{}</p>", said::SPREAD)?;
        }
    }
    notes(page, &said::notes(result))
}

pub(super) fn limits(page: &mut String, result: &TableResult) -> fmt::Result {
    writeln!(page, "<h2>What this does not say</h2>\n<ul>")?;
    writeln!(page, "<li>Nothing about any one person: figures are about groups, and noisy.</li>")?;
    let mut left_out = Vec::new();
    if result.answer.cells.iter().any(|cell| !cell.measures.is_empty()) {
        left_out.push("what a person has beyond the bounds above".to_owned());
    }
    if !result.answer.group_by.is_empty() {
        let groups = match result.answer.cells_per_person {
            1 => "any second group".to_owned(),
            most => format!("more than {most} groups"),
        };
        left_out.push(format!("what a person has in {groups}"));
    }
    let consent = if said::asks_consent(result) { "consent or without " } else { "" };
    left_out.push(format!("people without {consent}an identifier"));
    writeln!(
        page,
        "<li>The ranges and \u{b1} cover the noise and nothing else. Left out of the figures: {}. Whether the \
         data are right is not known here.</li>\n</ul>",
        left_out.join("; ")
    )
}

/// A table with a column for each heading of the groups, then `head`; `more` writes what comes after the figures.
fn table(
    page: &mut String,
    result: &TableResult,
    head: &[String],
    rows: Vec<said::Row<'_>>,
    more: impl Fn(&mut String, Option<&TableCell>) -> fmt::Result,
) -> fmt::Result {
    if rows.is_empty() {
        return writeln!(page, "<p>Nothing can be shown: see the notes.</p>");
    }
    write!(page, "<div class=\"wide\"><table class=\"groups\">\n<thead><tr>")?;
    let headings = said::headings(result);
    for heading in &headings {
        write!(page, "<th scope=\"col\" class=\"by\">{}</th>", Name(heading))?;
    }
    for cell in head {
        match cell.as_str() {
            "" => write!(page, "<td></td>")?,
            cell => write!(page, "<th scope=\"col\">{}</th>", Text(&words::capital(cell)))?,
        }
    }
    writeln!(page, "</tr></thead>\n<tbody>")?;
    for said::Row { names, figures, cell } in rows {
        write!(page, "<tr>")?;
        let span = if names.len() < headings.len() { headings.len() } else { 1 };
        for name in names {
            let name = Name(&name);
            write!(page, "<th scope=\"row\" class=\"by\" colspan=\"{span}\">{name}</th>")?;
        }
        figures.iter().try_for_each(|text| write!(page, "<td>{}</td>", Text(text)))?;
        more(page, cell)?;
        writeln!(page, "</tr>")?;
    }
    writeln!(page, "</tbody></table></div>")
}

/// What fills the width of a bar: the largest group that has all its values, since people without one
/// are often so many that no other bar would be seen.
fn largest(result: &TableResult) -> f64 {
    let of = |all: bool| {
        let cells =
            result.answer.cells.iter().filter(move |it| all || !order::lacks_value(&it.names));
        cells.map(|cell| cell.people.ci[1]).fold(0.0, f64::max)
    };
    if of(false) > 0.0 { of(false) } else { of(true) }
}

/// People as a bar of a picture in which `largest` fills the width, and their interval across its end.
fn bar(row: &mut String, cell: &TableCell, largest: f64) -> fmt::Result {
    let x =
        |number: f64| if largest > 0.0 { BAR * (number / largest).clamp(0.0, 1.0) } else { 0.0 };
    let [low, high] = cell.people.ci.map(x);
    let end = x(cell.people.value);
    // It goes on beyond the picture, and says so.
    let gap = if cell.people.value > largest {
        "<path class=\"gap\" d=\"M144 0h6l-6 14h-6z\"/>"
    } else {
        ""
    };
    write!(
        row,
        "<td><svg class=\"bar\" viewBox=\"0 0 {BAR} 14\" aria-hidden=\"true\">\
         <rect x=\"0\" y=\"2\" width=\"{end:.1}\" height=\"10\"/>\
         <line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"7\" y2=\"7\"/>{gap}</svg></td>"
    )
}

/// Width of a bar's picture.
const BAR: f64 = 160.0;
