//! The figures of an overlap for programs.

use super::answer::{Count, OverlapAnswer, SegmentValue, Share};
use crate::answers::citation::{Citation, Unit, real};

pub(super) fn citations(answer: &OverlapAnswer) -> Vec<Citation> {
    let level = answer.confidence;
    let count = |metric, count: &Count| people(Citation::people(metric), count, level);
    let share = |metric, share: &Share| {
        let figure = Citation::new(metric, Unit::Share).shown(share.value);
        figure.without(share.withheld).noisy_within(share.ci, level)
    };
    let mut figures = Vec::new();
    for dataset in &answer.datasets {
        let of = |figure: Citation| figure.of("dataset", &dataset.dataset);
        figures.push(of(count("people", &dataset.people)));
        figures.push(of(count("only", &dataset.only)));
        figures.push(of(count("without_key", &dataset.without_key)));
    }
    for pair in &answer.pairs {
        let [one, other] = &pair.datasets;
        let of = |figure: Citation| figure.of("one", one).of("other", other);
        figures.push(of(count("both", &pair.both)));
        figures.push(of(count("either", &pair.either)));
        figures.push(of(share("jaccard", &pair.jaccard)));
        let [only_one, only_other] = &pair.only;
        let [rate_one, rate_other] = &pair.match_rates;
        for (here, there, only, rate) in
            [(one, other, only_one, rate_one), (other, one, only_other, rate_other)]
        {
            let of = |figure: Citation, to| figure.of("dataset", here).of(to, there);
            figures.push(of(count("people_of_one_without_other", only), "without"));
            figures.push(of(share("match_rate", rate), "found_in"));
        }
    }
    figures.push(count("any", &answer.any));
    figures.push(count("all", &answer.all));
    figures.push(share("jaccard_of_all", &answer.jaccard));
    for place in &answer.places {
        let sets = place.datasets.join(" and ");
        figures.push(count("people_of_exactly", &place.people).of("datasets", sets));
    }
    if let Some(segments) = &answer.segments {
        let column = format!("{}.{}", segments.dataset, segments.column);
        for segment in &segments.values {
            let value = match &segment.value {
                SegmentValue::Value(value) => value.as_str(),
                SegmentValue::None => "(none)",
                SegmentValue::Several => "(several)",
            };
            let of = |figure: Citation| figure.of(&column, value);
            figures.push(of(count("people_of_segment", &segment.people)));
            for found in &segment.found {
                let of = |figure: Citation| of(figure).of("found_in", &found.dataset);
                figures.push(of(count("people_of_segment_found", &found.people)));
                figures.push(of(share("match_rate_of_segment", &found.match_rate)));
            }
        }
    }
    figures.extend(answer.no_consent.iter().map(|found| count("no_consent", found)));
    figures
}

fn people(figure: Citation, count: &Count, level: f64) -> Citation {
    let figure = figure.shown(count.value.map(real)).without(count.withheld);
    figure.noise(count.noise_sd).noisy_within(count.ci.map(real), level)
}
