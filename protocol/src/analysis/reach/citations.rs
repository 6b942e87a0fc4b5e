//! The figures of reach and frequency for programs.

use super::answer::{Average, Frequency, People, ReachAnswer};
use crate::answers::citation::{Citation, Unit, real};

pub(super) fn citations(answer: &ReachAnswer) -> Vec<Citation> {
    let level = answer.confidence;
    let people = |metric, people: &People| {
        let figure = Citation::people(metric).shown(people.value.map(real));
        let figure = figure.without(people.withheld).noise(people.noise_sd);
        figure.noisy_within(people.ci.map(real), level)
    };
    let average = |average: &Average| {
        let figure = Citation::new("average_frequency", Unit::RowsPerPerson).value(average.value);
        figure.noisy_within(average.ci, level)
    };
    let frequency = |frequency: &Frequency| {
        let mut figures = Vec::new();
        for times in &frequency.times {
            let of = |figure: Citation| figure.of("times", times.times.to_string());
            let is_last = times.times == answer.most_frequency;
            let metric =
                if is_last { "people_at_frequency_or_more" } else { "people_at_frequency" };
            figures.push(of(people(metric, &times.people)));
            figures.push(of(people("people_at_least", &times.at_least)));
        }
        figures.extend(frequency.average.iter().map(average));
        figures
    };
    let mut figures = Vec::new();
    figures.extend(answer.reach.iter().map(|reach| people("reach", reach)));
    figures.extend(answer.frequency.iter().flat_map(frequency));
    if let Some(groups) = &answer.groups {
        let name = groups.column.as_deref().unwrap_or("dataset");
        for group in &groups.groups {
            let mut own = vec![people("people", &group.people)];
            own.extend(group.only.iter().map(|only| people("only", only)));
            own.extend(group.average.iter().map(average));
            own.extend(group.frequency.iter().flat_map(frequency));
            own.extend(group.without_key.iter().map(|found| people("without_key", found)));
            figures.extend(own.into_iter().map(|figure| {
                Citation {
                    group: [(name.to_owned(), group.name.clone())]
                        .into_iter()
                        .chain(figure.group.iter().cloned())
                        .collect(),
                    ..figure
                }
            }));
        }
    }
    figures.extend(answer.without_key.iter().map(|found| people("without_key", found)));
    figures.extend(
        answer.no_consent.iter().map(|found| found.cited(Citation::people("no_consent"), level)),
    );
    figures
}
