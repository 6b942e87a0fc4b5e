//! The figures of outcomes after a start for programs.

use super::answer::{Others, OutcomesAnswer, Segment, Share};
use crate::answers::citation::{Citation, Unit};

pub(super) fn citations(answer: &OutcomesAnswer) -> Vec<Citation> {
    let level = answer.confidence;
    let segments = answer.segments.iter().flat_map(|segment| of_segment(answer, segment, false));
    let together = answer.together.iter().flat_map(|segment| of_segment(answer, segment, true));
    let elsewhere = [
        ("started_before", &answer.elsewhere.before),
        ("started_after", &answer.elsewhere.after),
        ("without_start", &answer.elsewhere.without_start),
    ];
    let elsewhere = elsewhere.map(|(metric, others)| elsewhere_people(metric, others, level));
    let no_consent = answer.no_consent.iter();
    let no_consent = no_consent.map(|found| found.cited(Citation::people("no_consent"), level));
    segments.chain(together).chain(elsewhere).chain(no_consent).collect()
}

/// The figures of one segment, or of all that are shown together.
fn of_segment(answer: &OutcomesAnswer, segment: &Segment, together: bool) -> Vec<Citation> {
    let level = answer.confidence;
    let of = |metric, unit| {
        let figure = Citation::new(metric, unit);
        if together {
            figure.of("segments", "all that are shown").without(answer.withheld_segments)
        } else {
            figure.of_all(&answer.segment_by, &segment.names)
        }
    };
    let rate = segment.rate.cited(of("rate", Unit::Share), level);
    let mut figures = vec![
        segment.people.cited(of("people", Unit::People), level),
        segment.with_outcome.cited(of("people_with_outcome", Unit::People), level),
        rate,
    ];
    for outcome in &segment.outcomes {
        let of = |metric, unit| of(metric, unit).of("outcome", &outcome.name);
        figures.push(outcome.total.cited(of("total", Unit::Amount), level));
        figures.push(outcome.per_person.cited(of("per_person", Unit::AmountPerPerson), level));
    }
    figures
}

fn elsewhere_people(metric: &'static str, others: &Others, level: f64) -> Citation {
    let figure = Citation::people(metric).without(others.withheld_segments);
    match &others.people {
        Some(people) => people.cited(figure, level),
        None => figure.shown(None),
    }
}

impl Share {
    fn cited(&self, figure: Citation, level: f64) -> Citation {
        figure.value(self.value).within(self.ci.map(Some), level)
    }
}
