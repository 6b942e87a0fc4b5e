//! A table of groups as a page of a terminal.

use super::{columns, notes_of, wrap};
use crate::{say, words};
use protocol::result::{Estimate, MeasureEstimate, TableCell, TableResult};
use std::fmt::{self, Write};

pub(super) fn groups(page: &mut String, result: &TableResult) -> fmt::Result {
    let about = say::name(format!("{}, {}", result.contract_name, result.analysis));
    writeln!(page, "{about:<56}{:>24}", words::moment(result.time))?;
    wrap(page, "", &result.counted)?;
    let level = words::level(result.confidence);
    let by: Vec<_> = result.group_by.iter().map(say::name).collect();
    let head = vec![by.join(" / "), "people".to_owned(), format!("{level} interval")];
    let cells = || result.cells.iter().chain(&result.other);
    let mut rows = vec![head];
    for cell in cells() {
        rows.push(vec![name(cell, result), figure(&cell.people), interval(&cell.people)]);
    }
    writeln!(page)?;
    columns(page, &rows)?;
    let measures = result.cells.first().or(result.other.as_ref()).map(|cell| cell.measures.len());
    for at in 0..measures.unwrap_or(0) {
        let found = || cells().filter_map(|cell| Some((cell, cell.measures.get(at)?)));
        let spread = found().any(|(_, measure)| measure.spread.is_some());
        let mut rows: Vec<_> =
            found().take(1).map(|(_, measure)| measure_head(measure, &level, spread)).collect();
        rows.extend(
            found().map(|(cell, measure)| measure_row(name(cell, result), measure, spread)),
        );
        writeln!(page)?;
        columns(page, &rows)?;
    }
    notes_of(page, &words::table_notes(result))
}

fn name(cell: &TableCell, result: &TableResult) -> String {
    words::cell_name(cell, !result.group_by.is_empty())
}

fn measure_head(measure: &MeasureEstimate, level: &str, spread: bool) -> Vec<String> {
    let interval = format!("{level} interval");
    let title = say::name(&measure.name);
    let mut head = vec![title, "total".to_owned(), interval.clone(), "per person".to_owned()];
    head.push(interval);
    head.extend(spread.then(|| "spread".to_owned()));
    head
}

fn measure_row(name: String, measure: &MeasureEstimate, spread: bool) -> Vec<String> {
    let none = || "-".to_owned();
    let mean = measure.mean.as_ref();
    let mut row = vec![name, figure(&measure.total), interval(&measure.total)];
    row.extend([mean.map_or_else(none, figure), mean.map_or_else(none, interval)]);
    row.extend(spread.then(|| measure.spread.map_or_else(none, words::size)));
    row
}

fn figure(estimate: &Estimate) -> String {
    words::figure(estimate.value, estimate.noise_sd)
}

fn interval(estimate: &Estimate) -> String {
    let [low, high] = estimate.ci.map(|end| words::figure(end, estimate.noise_sd));
    format!("{low} to {high}")
}
