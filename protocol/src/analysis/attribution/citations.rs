//! The figures of an attribution for programs.

use super::answer::{AttributionAnswer, Place};
use crate::answers::citation::{Citation, Unit};

pub(super) fn citations(answer: &AttributionAnswer) -> Vec<Citation> {
    let level = answer.confidence;
    let people = |place: &Place, metric| place.people.cited(Citation::people(metric), level);
    let credited = |place: &Place, metric| {
        let figures = place.credited.iter().zip(&answer.outcomes).map(|(credit, outcome)| {
            let figure = Citation::new(metric, Unit::Amount).of("outcome", &outcome.name);
            credit.cited(figure, level)
        });
        figures.collect::<Vec<_>>()
    };
    let mut figures = Vec::new();
    for place in &answer.channels {
        let own = [people(place, "people")].into_iter().chain(credited(place, "credited"));
        figures.extend(own.map(|figure| figure.of(&answer.channel, &place.name)));
    }
    if let Some(place) = &answer.unexposed {
        figures.push(people(place, "people_unexposed"));
        figures.extend(credited(place, "not_credited"));
    }
    for (metric, found) in
        [("people_without_outcome", &answer.without_outcome), ("no_consent", &answer.no_consent)]
    {
        figures.extend(found.iter().map(|found| found.cited(Citation::people(metric), level)));
    }
    figures
}
