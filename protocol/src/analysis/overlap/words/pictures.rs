//! Match rates with their intervals, drawn.

use super::{
    super::answer::{OverlapAnswer, Segments, Share},
    figures::{index, index_range, percent, segment_name, share_range},
};
use crate::page::{Axis, Block, Interval, Intervals, Section, Text, Topic, number::level};

/// Draws which share of each dataset is found in each other one. For many datasets it draws how
/// much each two are the same.
pub(super) fn overall(answer: &OverlapAnswer) -> Option<Section> {
    let at = level(answer.confidence);
    let few = answer.datasets.len() <= FEW;
    let heading: Text = if few { "Match rates" } else { "Jaccard" }.into();
    let blocks: Vec<_> = if let [pair] = answer.pairs.as_slice() {
        let sides = pair.datasets.iter().zip(&pair.match_rates);
        let rows = sides.filter_map(|(name, share)| rate(Text::quoted(name), share)).collect();
        let title = format!("Share of the people of each who are found in the other, {at}");
        plot("People of each who are found in the other".into(), Text::fixed(title), rows)
            .into_iter()
            .collect()
    } else {
        let names = answer.datasets.iter().map(|dataset| &dataset.dataset);
        let plots = names.filter_map(|name| {
            let rows = if few { found(answer, name) } else { alike(answer, name) };
            let after = if few { " who are found in" } else { " and those of" };
            let heading = Text::fixed("People of ").quote(name).and(after);
            let what = if few { "Share of the people of " } else { "Jaccard index of " };
            let title = Text::fixed(what).quote(name).and(format!("{after}, {at}"));
            plot(heading, title, rows)
        });
        plots.collect()
    };
    let blocks: Vec<_> = blocks.into_iter().flatten().collect();
    (!blocks.is_empty()).then_some(Section { topic: Topic::Picture, heading, blocks })
}

/// The share of one dataset's people who are found in each other one.
fn found(answer: &OverlapAnswer, of: &String) -> Vec<Interval> {
    let rows = answer.pairs.iter().filter_map(|pair| {
        let ([one, other], [of_one, of_other]) = (&pair.datasets, &pair.match_rates);
        match of {
            of if of == one => rate(Text::quoted(other), of_one),
            of if of == other => rate(Text::quoted(one), of_other),
            _ => None,
        }
    });
    rows.collect()
}

/// How much one dataset is the same as each that comes after it.
fn alike(answer: &OverlapAnswer, one: &String) -> Vec<Interval> {
    let rows = answer.pairs.iter().filter(|pair| pair.datasets[0] == *one);
    rows.filter_map(|pair| jaccard(Text::quoted(&pair.datasets[1]), &pair.jaccard)).collect()
}

/// Draws which share of each segment is found in one other dataset.
pub(super) fn segments(answer: &OverlapAnswer, segments: &Segments, at: usize) -> Option<Section> {
    let name = &segments.values.first()?.found.get(at)?.dataset;
    let rows = segments.values.iter().filter_map(|segment| {
        let found = segment.found.get(at)?;
        rate(segment_name(&segment.value), &found.match_rate)
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() || rows.len() > MOST {
        return None;
    }
    let title = Text::fixed("Share of each segment found in ")
        .quote(name)
        .and(format!(", {}", level(answer.confidence)));
    let plot = Intervals { title, rows, axis: Axis::Shared, reference: 0.0, line: None };
    let heading = Text::fixed("Found in ").quote(name).and(", by segment");
    Some(Section::new(Topic::Picture, heading).with(Block::Intervals(plot)))
}

/// A picture below its heading.
fn plot(heading: Text, title: Text, rows: Vec<Interval>) -> Option<[Block; 2]> {
    if rows.is_empty() {
        return None;
    }
    let plot = Intervals { title, rows, axis: Axis::Shared, reference: 0.0, line: None };
    Some([Block::Heading(heading), Block::Intervals(plot)])
}

/// The share as an interval; `None` if it is not known.
fn rate(name: Text, share: &Share) -> Option<Interval> {
    Some(Interval {
        name,
        figure: Text::fixed(percent(share)),
        words: Text::fixed(share_range(share)),
        unit: "%".to_owned(),
        estimate: share.value? * 100.0,
        ends: share.ci.map(|end| Some(end * 100.0)),
        beside: None,
    })
}

fn jaccard(name: Text, share: &Share) -> Option<Interval> {
    Some(Interval {
        name,
        figure: Text::fixed(index(share)),
        words: Text::fixed(index_range(share)),
        unit: String::new(),
        estimate: share.value?,
        ends: share.ci.map(Some),
        beside: None,
    })
}

/// The largest number of datasets for which both match rates of each two fit in a picture.
pub(super) const FEW: usize = 4;
/// The most rows of a picture.
const MOST: usize = 30;
