//! The pictures on the page of a geo experiment.

use super::{
    amount, level,
    tables::{ends, method},
};
use crate::{
    analysis::geo::answer::{GeoAnswer, GeoCell, GeoEstimate, IntervalKind},
    page::{Axis, Block, Interval, Intervals, Line, Section, Series, Text, Topic, number::figure},
};

/// The treated places over time, beside what they would have been.
pub(super) fn over_time(answer: &GeoAnswer, cell: &GeoCell) -> Option<Section> {
    let first = cell.estimates.first()?;
    let marked = usize::try_from(answer.before).ok()?;
    if cell.counterfactual.len() != cell.observed.len() || marked >= cell.observed.len() {
        return None;
    }
    let tested = cell.observed.len() - marked;
    let line = |name: Text, values: &[f64]| {
        let [before, test] = [values.get(..marked), values.get(marked..)].map(mean);
        let shown = |number: f64| figure(number, number.abs() / 100.0);
        let words = format!("{} before, {} in the test, on average", shown(before), shown(test));
        Line { name, values: values.to_vec(), words: Text::fixed(words) }
    };
    // The interval is of the effect in all periods together: each period has its part of it.
    let [low, high] = first.total_ci;
    let of_each = u32::try_from(tested).map_or(1.0, f64::from);
    let band = low.zip(high).map(|(low, high)| {
        let around = cell.counterfactual.iter().skip(marked);
        let part = |end: f64| (first.total - end) / of_each;
        around.map(|would| [would + part(high), would + part(low)]).collect()
    });
    let band: Vec<_> = band.unwrap_or_default();
    let note = if band.is_empty() {
        "The shaded part is the test. What was seen there above the dashed line is the effect."
            .to_owned()
    } else {
        format!(
            "The shaded part is the test. What was seen there above the dashed line is the effect; the band is where the dashed \
             line may be instead, in every period alike ({} interval).",
            level(first.ci_level)
        )
    };
    let would = Text::fixed(format!("without a campaign, by {}", method(first.method)));
    let series = Series {
        title: Text::fixed("Total of ").quote(&answer.outcome).and(" in the treated places"),
        periods: answer.periods.iter().map(Text::quoted).collect(),
        seen: line("as it was".into(), &cell.observed),
        other: line(would, &cell.counterfactual),
        band,
        marked,
        mark: "test from".into(),
    };
    let heading = Text::quoted(&cell.name).and(" over time");
    Some(
        Section::new(Topic::Picture, heading)
            .with(Block::Series(series))
            .with(Block::Note(Text::fixed(note))),
    )
}

/// The level of the intervals; where there are several cells it may be higher than was asked for.
fn levels(answer: &GeoAnswer, cell: &GeoCell) -> String {
    let all = cell.estimates.iter().map(|estimate| estimate.ci_level);
    let (least, most) =
        all.fold((1.0_f64, 0.0_f64), |(least, most), own| (least.min(own), most.max(own)));
    match most - least < 1e-9 {
        true => format!(", with {} intervals", level(most)),
        false if most > least => format!(", with intervals of {} to {}", level(least), level(most)),
        false => format!(", with {} intervals", level(answer.confidence)),
    }
}

/// Every estimate with its interval.
pub(super) fn methods(answer: &GeoAnswer, cell: &GeoCell) -> Option<Section> {
    let with_interval = |estimate: &&GeoEstimate| {
        matches!(estimate.interval, IntervalKind::Between | IntervalKind::Unbounded)
    };
    let rows = cell.estimates.iter().filter(with_interval).map(|estimate| Interval {
        name: method(estimate.method).into(),
        figure: Text::fixed(amount(estimate.total, estimate)),
        words: Text::fixed(ends(estimate)),
        unit: String::new(),
        estimate: estimate.total,
        ends: estimate.total_ci,
        beside: None,
    });
    let plot = Intervals {
        title: Text::fixed("Incremental ").quote(&answer.outcome).and(levels(answer, cell)),
        rows: rows.collect(),
        axis: Axis::Shared,
        reference: 0.0,
        line: None,
    };
    let heading = Text::quoted(&cell.name).and(" by every method");
    (!plot.rows.is_empty())
        .then(|| Section::new(Topic::Picture, heading).with(Block::Intervals(plot)))
}

fn mean(values: Option<&[f64]>) -> f64 {
    let values = values.unwrap_or_default();
    let count = u32::try_from(values.len().max(1)).map_or(1.0, f64::from);
    values.iter().sum::<f64>() / count
}
