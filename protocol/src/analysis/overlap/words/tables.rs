//! Tables of an overlap.

use super::{
    super::answer::{Count, DatasetPeople, OverlapAnswer, PlacePeople, Segments},
    figures::{a_key, count, index, index_range, percent, range, segment_name, share_range},
    pictures,
};
use crate::page::{
    Bar, Bars, Block, Row, Section, Table, Text, Topic, UNKNOWN,
    number::{level, whole},
};
use std::cmp::Reverse;

/// The tables. Pairs come first, since most people ask for them; for many datasets all of them
/// together come first, since there are many pairs.
pub(super) fn sections(answer: &OverlapAnswer) -> Vec<Section> {
    let by_pair = pictures::overall(answer).into_iter().chain([pairs(answer)]);
    let all = (answer.datasets.len() > 2).then(|| together(answer));
    let all = [datasets(answer)].into_iter().chain(all);
    let mut sections: Vec<_> = if answer.datasets.len() > pictures::FEW {
        all.chain(by_pair).collect()
    } else {
        by_pair.chain(all).collect()
    };
    if let Some(segments) = &answer.segments {
        let others = segments.values.first().map_or(0, |segment| segment.found.len());
        sections.extend((0..others).filter_map(|at| pictures::segments(answer, segments, at)));
        sections.push(by_segment(answer, segments));
    }
    sections
}

fn pairs(answer: &OverlapAnswer) -> Section {
    let at = level(answer.confidence);
    let both = answer.pairs.iter().map(|pair| Row {
        names: pair.datasets.iter().map(Text::quoted).collect(),
        figures: vec![
            count(&pair.both),
            Text::fixed(range(&pair.both)),
            Text::fixed(index(&pair.jaccard)),
            Text::fixed(index_range(&pair.jaccard)),
        ],
        ..Row::default()
    });
    let of_each = answer.pairs.iter().flat_map(|pair| {
        let [one, other] = &pair.datasets;
        let sides = [(one, other), (other, one)].into_iter().zip(&pair.match_rates).zip(&pair.only);
        sides.map(|(((of, there), rate), only)| Row {
            names: vec![Text::quoted(of), Text::quoted(there)],
            figures: vec![
                Text::fixed(percent(rate)),
                Text::fixed(share_range(rate)),
                count(only),
                Text::fixed(range(only)),
            ],
            ..Row::default()
        })
    });
    let ranged = || Text::fixed(format!("Range ({at})"));
    Section::new(Topic::Figures, "Two datasets at a time".into())
        .with(Block::Table(Table {
            names: vec!["One".into(), "Other".into()],
            figures: vec!["In both".into(), ranged(), "Jaccard".into(), ranged()],
            rows: both.collect(),
            bars: None,
        }))
        .with(Block::Note(
            "Jaccard: people in both over people in either, from 0 for nobody in common to 1 for the same people."
                .into(),
        ))
        .with(Block::Table(Table {
            names: vec!["People of".into(), "Found in".into()],
            figures: vec!["Match rate".into(), ranged(), "Not found".into(), ranged()],
            rows: of_each.collect(),
            bars: None,
        }))
        .with(Block::Note(Text::fixed(format!(
            "Match rate: of the people who have {}, the share that is found in the other dataset.",
            a_key(answer.by)
        ))))
}

fn datasets(answer: &OverlapAnswer) -> Section {
    let table = |figures: fn(&DatasetPeople) -> Vec<&Count>, headings: Vec<Text>| {
        let rows = answer.datasets.iter().map(|dataset| {
            let figures = figures(dataset).into_iter();
            let figures = figures.flat_map(|figure| [count(figure), Text::fixed(range(figure))]);
            Row::new(Text::quoted(&dataset.dataset), figures.collect())
        });
        let (names, rows) = (vec!["Dataset".into()], rows.collect());
        Block::Table(Table { names, figures: headings, rows, bars: None })
    };
    let ranged = || Text::fixed(format!("Range ({})", level(answer.confidence)));
    let with = Text::fixed(format!("With {}", a_key(answer.by)));
    let without = Text::fixed(format!("Without {}", a_key(answer.by)));
    let only: Text =
        if answer.datasets.len() == 2 { "Not in the other" } else { "In no other" }.into();
    Section::new(Topic::Figures, "Each dataset".into())
        .with(table(|found| vec![&found.people, &found.only], vec![with, ranged(), only, ranged()]))
        .with(table(|found| vec![&found.without_key], vec![without, ranged()]))
        .with(Block::Note(Text::fixed(format!(
            "People without {key} are looked up nowhere, and are in no other figure of this page. A person \
             in several datasets under another identifier is counted in the first of them.",
            key = a_key(answer.by)
        ))))
}

/// The people in any dataset, in all datasets, and in every set that is shown, the largest first.
fn together(answer: &OverlapAnswer) -> Section {
    let summary = [("In any of them", &answer.any), ("In all of them", &answer.all)];
    let summary = summary.map(|(name, people)| {
        Row::new(name.into(), vec![count(people), Text::fixed(range(people))])
    });
    let mut places: Vec<&PlacePeople> = answer.places.iter().collect();
    places.sort_by_key(|place| Reverse(place.people.value));
    let widest = places.iter().map(|place| place.people.ci[1]).max().unwrap_or(0);
    let rows = places.iter().take(MOST).map(|place| Row {
        bar: place.people.value.map(|value| bar(value, &place.people)),
        ..Row::new(
            Text::names(&place.datasets, " + "),
            vec![count(&place.people), Text::fixed(range(&place.people))],
        )
    });
    let ranged = || Text::fixed(format!("Range ({})", level(answer.confidence)));
    let table = Table {
        names: vec!["In these and in no other".into()],
        figures: vec!["People".into(), ranged()],
        rows: rows.collect(),
        bars: Some(Bars {
            widest: real(widest),
            from: None,
            note: "The bar ends at the noisy count; the line across its end is the range, and often too short to be \
                   seen."
                .into(),
        }),
    };
    let section =
        Section::new(Topic::Figures, "All datasets together".into()).with(Block::Table(Table {
            names: vec!["People".into()],
            figures: vec!["People".into(), ranged()],
            rows: summary.into(),
            bars: None,
        }));
    if places.is_empty() {
        return section
            .with(Block::Paragraph("No set of datasets has enough people to be shown.".into()));
    }
    let section = section.with(Block::Table(table));
    match places.len().checked_sub(MOST) {
        Some(more @ 1..) => section.with(Block::Note(Text::fixed(format!(
            "The {MOST} largest sets are shown; {more} smaller ones stand in result.json."
        )))),
        _ => section,
    }
}

fn by_segment(answer: &OverlapAnswer, segments: &Segments) -> Section {
    let ranged = || Text::fixed(format!("Range ({})", level(answer.confidence)));
    let rows = segments.values.iter().flat_map(|segment| {
        segment.found.iter().map(|found| Row {
            names: vec![segment_name(&segment.value), Text::quoted(&found.dataset)],
            figures: vec![
                count(&segment.people),
                count(&found.people),
                Text::fixed(range(&found.people)),
                Text::fixed(percent(&found.match_rate)),
                Text::fixed(share_range(&found.match_rate)),
            ],
            ..Row::default()
        })
    });
    let heading =
        Text::fixed("People of ").quote(&segments.dataset).and(" by ").quote(&segments.column);
    Section::new(Topic::Figures, heading)
        .with(Block::Table(Table {
            names: vec![Text::quoted(&segments.column), "Found in".into()],
            figures: vec![
                "People".into(),
                "Found".into(),
                ranged(),
                "Match rate".into(),
                ranged(),
            ],
            rows: rows.collect(),
            bars: None,
        }))
        .with(Block::Note(
            "Each person is in one segment: people with none of the values are under (none), people with several of \
             them under (several)."
                .into(),
        ))
}

/// The people who are in no figure above.
pub(super) fn people(answer: &OverlapAnswer) -> Section {
    let section = Section::new(Topic::People, "Who is counted".into());
    let text = if answer.consent_from.is_empty() {
        "No dataset asks for consent, so nobody is left out for that.".into()
    } else {
        let sources = Text::names(&answer.consent_from, " and ");
        let many = match &answer.no_consent {
            Some(refusers) => format!(
                "About {} people ({} at {}) withheld consent (asked in ",
                refusers.value.map_or_else(|| UNKNOWN.to_owned(), whole),
                range(refusers),
                level(answer.confidence)
            ),
            None => "Too few people to be shown withheld consent (asked in ".to_owned(),
        };
        Text::fixed(many).with(sources).and(
            "). They are in no other figure of this page, whatever datasets they are in: neither found nor not found.",
        )
    };
    section.with(Block::Paragraph(text))
}

fn bar(value: i64, people: &Count) -> Bar {
    Bar { value: real(value), range: people.ci.map(real) }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "the length of a bar")]
fn real(number: i64) -> f64 {
    number as f64
}

/// The most rows of a table of sets.
const MOST: usize = 31;
