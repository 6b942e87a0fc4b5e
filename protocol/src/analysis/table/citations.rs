//! The figures of a table for programs.

use super::answer::{CountRange, Estimate, TableAnswer};
use crate::answers::citation::{Citation, Unit, real};

pub(super) fn citations(answer: &TableAnswer) -> Vec<Citation> {
    let level = answer.confidence;
    let mut figures = Vec::new();
    for cell in &answer.cells {
        let of = |metric, unit| Citation::new(metric, unit).of_all(&answer.group_by, &cell.names);
        figures.push(cell.people.cited(of("people", Unit::People), level));
        for measure in &cell.measures {
            let of = |metric, unit| of(metric, unit).of("measure", &measure.name);
            figures.push(measure.total.cited(of("total", Unit::Amount), level));
            figures.push(measure.mean.cited(of("mean", Unit::AmountPerPerson), level));
            figures.extend(measure.spread.iter().map(|spread| {
                let figure = of("spread_between_people", Unit::AmountPerPerson).value(spread.value);
                figure.noisy_within(spread.ci, level)
            }));
        }
    }
    if let Some(other) = &answer.other {
        // Noise made these counts small, so there is a least number and no estimate.
        let least = Citation::people("people_in_withheld_cells_at_least")
            .value(real(other.people_at_least));
        figures.push(least);
        figures.extend(other.measures.iter().map(|measure| {
            let figure = Citation::new("total_in_withheld_cells", Unit::Amount);
            measure.total.cited(figure.of("measure", &measure.name), level)
        }));
    }
    let withheld = Citation::new("withheld_cells", Unit::Cells);
    figures.push(answer.withheld_cells.cited(withheld, level));
    figures.extend(
        answer.no_consent.iter().map(|found| found.cited(Citation::people("no_consent"), level)),
    );
    figures.extend(answer.matched.iter().map(|matched| {
        let figure = Citation::new("matched_share", Unit::Share).value(matched.share);
        figure.noisy_within(matched.ci, level)
    }));
    figures
}

impl Estimate {
    /// As a citation, which says of what this is an estimate.
    pub(crate) fn cited(&self, figure: Citation, level: f64) -> Citation {
        figure.value(self.value).noise(self.noise_sd).noisy_within(self.ci, level)
    }
}

impl CountRange {
    /// As a citation, which says what is counted.
    pub(crate) fn cited(&self, figure: Citation, level: f64) -> Citation {
        figure.value(real(self.n)).noise(self.noise_sd).noisy_within(self.ci.map(real), level)
    }
}
