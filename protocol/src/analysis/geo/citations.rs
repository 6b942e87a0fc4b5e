//! The figures of a geo experiment for programs.

use super::answer::{Frequency, GeoAnswer, GeoCell, GeoEstimate};
use crate::answers::citation::{Citation, Unit, real};

pub(super) fn citations(answer: &GeoAnswer) -> Vec<Citation> {
    let cells = answer.cells.iter().flat_map(|cell| of_cell(answer, cell));
    let no_consent = answer.no_consent.iter();
    let no_consent =
        no_consent.map(|found| found.cited(Citation::people("no_consent"), answer.confidence));
    cells.chain(frequency(answer)).chain(no_consent).collect()
}

/// People by in how many places and periods they are.
fn frequency(answer: &GeoAnswer) -> impl Iterator<Item = Citation> {
    let Frequency { people, noise_sd, .. } = &answer.frequency;
    people.iter().map(|bin| {
        let figure =
            Citation::people("people_by_cells").of("cells_at_least", bin.least.to_string());
        figure.shown(Some(real(bin.n))).noise(*noise_sd)
    })
}

/// The figures of one cell; one without a value where nothing could be estimated.
fn of_cell(answer: &GeoAnswer, cell: &GeoCell) -> Vec<Citation> {
    let level = answer.confidence;
    let of = |metric, unit| {
        let figure = Citation::new(metric, unit).of("cell", &cell.name);
        // Those of the only cell are those of the result.
        let flags = if answer.cells.len() > 1 { cell.flags.clone() } else { Vec::new() };
        Citation { flags, ..figure.of("outcome", &answer.outcome) }
    };
    let incremental = |metric, unit| of(metric, unit);
    let mut figures = Vec::new();
    for estimate in &cell.estimates {
        figures.extend(of_estimate(estimate, &incremental));
    }
    if cell.estimates.is_empty() {
        let is_withheld = cell.observed.is_empty();
        figures.push(Citation { withheld: is_withheld, ..of("incremental", Unit::Amount) });
    }
    if let Some(iroas) = cell.iroas {
        let own = cell.estimates.first().map_or(level, |first| first.ci_level);
        figures.push(of("iroas", Unit::One).value(iroas).within(cell.iroas_ci, own));
    }
    if let Some(placebo) = &cell.placebo_in_space {
        figures.push(Citation { p: Some(placebo.p), ..of("placebo_in_space", Unit::One) });
    }
    if let Some(placebo) = &cell.placebo_in_time {
        let figure = of("placebo_in_time", Unit::Amount).value(placebo.mean);
        figures.push(Citation { p: Some(placebo.p), ..figure.within(placebo.mean_ci, level) });
    }
    figures
}

fn of_estimate(
    estimate: &GeoEstimate,
    of: &dyn Fn(&'static str, Unit) -> Citation,
) -> Vec<Citation> {
    let of = |metric, unit| of(metric, unit).of("method", estimate.method.name());
    let total = of("incremental", Unit::Amount).value(estimate.total);
    let level = estimate.ci_level;
    let total = total.within(estimate.total_ci, level);
    let total = Citation { p: estimate.p, p_adjusted: estimate.p_adjusted, ..total };
    let lift = of("lift", Unit::Share).value(estimate.lift).within(estimate.lift_ci, level);
    vec![total, lift]
}
