//! The figures about a model for programs. Its weights are the model itself, and not figures.

use super::answer::{Judged, TrainAnswer};
use crate::answers::citation::{Citation, Unit, real};

pub(super) fn citations(answer: &TrainAnswer) -> Vec<Citation> {
    let level = answer.confidence;
    let labels = answer.label_sum.map(|sum| {
        let figure = Citation::new("label_sum", Unit::Amount).value(sum.value);
        figure.noise(sum.noise_sd).noisy_within(sum.ci, level)
    });
    labels
        .into_iter()
        .chain(answer.judged.iter().flat_map(|judged| of_test(judged, level)))
        .collect()
}

/// What people who were held out say.
fn of_test(judged: &Judged, level: f64) -> Vec<Citation> {
    let mut figures = Vec::new();
    if let Some(auc) = &judged.auc {
        let figure = Citation::new("auc", Unit::Share).value(auc.value);
        let figure = figure.within(auc.ci.map(Some), level);
        figures.push(Citation { noise_sd: Some(auc.noise_sd), ..figure });
    }
    for bin in &judged.bins {
        let of = |metric, unit| {
            let figure = Citation::new(metric, unit);
            figure.of("says_from", bin.says_from.to_string()).of("says_to", bin.says_to.to_string())
        };
        let people = of("people_by_score", Unit::People).shown(bin.people.map(real));
        figures.push(people.noise(bin.people_noise_sd));
        let rate = of("rate_by_score", Unit::Share).value(bin.rate);
        let rate = Citation { withheld: bin.people.is_none(), ..rate };
        figures.push(match bin.ci {
            Some(ends) => rate.within(ends.map(Some), level),
            None => rate,
        });
    }
    figures
}
