//! A table of groups as HTML.

use super::{Provenance, dash, escape::Text, table};
use crate::words;
use protocol::result::{Estimate, TableCell, TableResult};
use std::fmt::{self, Write};

pub(super) fn groups(page: &mut String, result: &TableResult, from: &Provenance) -> fmt::Result {
    let by = result.group_by.join(", ");
    let title = if by.is_empty() { "How many?".to_owned() } else { format!("How many, by {by}?") };
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
    let level = words::level(result.confidence);
    let interval = format!("{level} interval");
    let cells = || result.cells.iter().chain(&result.other);
    let name = |cell: &TableCell| words::cell_name(cell, !by.is_empty());
    writeln!(page, "<h2>People</h2>")?;
    let first = if by.is_empty() { "Group" } else { by.as_str() };
    let rows = cells().map(|cell| vec![name(cell), figure(&cell.people), ends(&cell.people)]);
    table(page, &[first, "People", &interval], rows)?;
    let measures = cells().next().map_or(0, |cell| cell.measures.len());
    for at in 0..measures {
        let title = cells().find_map(|cell| Some(cell.measures.get(at)?.name.as_str()));
        writeln!(page, "<h2>{}</h2>", Text(title.unwrap_or_default()))?;
        let rows = cells().filter_map(|cell| {
            let measure = cell.measures.get(at)?;
            let mean = measure.mean.as_ref();
            Some(vec![
                name(cell),
                figure(&measure.total),
                ends(&measure.total),
                mean.map_or_else(dash, figure),
                mean.map_or_else(dash, ends),
                measure.spread.map_or_else(dash, words::size),
            ])
        });
        table(page, &[first, "Total", &interval, "Per person", &interval, "Spread"], rows)?;
    }
    writeln!(page, "<ul>")?;
    for note in words::table_notes(result) {
        writeln!(page, "<li>{}</li>", Text(&note))?;
    }
    writeln!(page, "</ul>")
}

pub(super) fn limits(page: &mut String, result: &TableResult) -> fmt::Result {
    writeln!(page, "<h2>What this does not say</h2>\n<ul>")?;
    writeln!(page, "<li>Nothing about any one person: figures are about groups, and noisy.</li>")?;
    writeln!(
        page,
        "<li>The intervals cover the noise and nothing else: everybody in the data was counted, and \
         whether the data are right is not known here.</li>"
    )?;
    let capped = result.cells.iter().flat_map(|cell| &cell.measures).any(|it| it.cap > 1.0);
    if capped {
        writeln!(page, "<li>Values of one person above the cap count as the cap.</li>")?;
    }
    writeln!(page, "</ul>")
}

fn figure(estimate: &Estimate) -> String {
    words::figure(estimate.value, estimate.noise_sd)
}

fn ends(estimate: &Estimate) -> String {
    let [low, high] = estimate.ci.map(|end| words::figure(end, estimate.noise_sd));
    format!("{low} to {high}")
}
