//! Effects on segments and of creatives.

use super::{Scale, flags, interval_heading, part_name as name, shown_p, with_level};
use crate::{
    job::Multiplicity,
    page::{
        Axis, Block, Interval, Intervals, Row, Section, Statement, Table, Text, Topic, UNKNOWN,
        number::{level, p_is, p_value, whole},
    },
    result::{BreakdownResult, LiftResult, OutcomeResult, PartResult},
};

/// In which parts an outcome changed, in a sentence for each outcome; none, if the job does not ask for parts.
pub(super) fn statements(result: &LiftResult) -> Vec<Statement> {
    let Some(breakdown) = &result.answer.breakdown else { return Vec::new() };
    let outcomes = result.answer.outcomes.iter().enumerate();
    outcomes.map(|(at, outcome)| statement(result, breakdown, at, outcome)).collect()
}

fn statement(
    result: &LiftResult,
    breakdown: &BreakdownResult,
    at: usize,
    outcome: &OutcomeResult,
) -> Statement {
    let tested: Vec<_> =
        of_outcome(breakdown, at).filter(|(_, it)| shown_p(it).is_some()).collect();
    let alpha = 1.0 - result.answer.confidence;
    let is_clear = |it: &OutcomeResult| shown_p(it).is_some_and(|p| p < alpha);
    let found: Vec<_> = tested.iter().filter(|(_, it)| is_clear(it)).collect();
    let parts = whole(i64::try_from(tested.len()).unwrap_or(i64::MAX));
    let kind = kinds(breakdown);
    let text = match found.as_slice() {
        [] if tested.is_empty() => Text::fixed(format!("by {kind}: nothing could be tested.")),
        [] => {
            Text::fixed(format!("by {kind}: in none of {parts} is a change statistically clear."))
        }
        found => {
            let caution = if flags::broken(result).is_empty() {
                "is statistically clear"
            } else {
                "is not explained by chance (but the design may be broken)"
            };
            let mut text = Text::fixed(format!(
                "by {kind}: the change {caution} in {} of {parts}: ",
                found.len()
            ));
            for (place, (part, it)) in found.iter().enumerate().take(NAMED) {
                let change = it.diff_in_means.as_ref().map(|diff| Scale::of(it).change(diff.ate));
                let doubt = if flags::is_of_broken_segment(it) { "; do not use" } else { "" };
                let comma = if place > 0 { ", " } else { "" };
                text = text.and(comma).with(name(part));
                text = text.and(format!(" ({}{doubt})", change.unwrap_or_default()));
            }
            text.and(if found.len() > NAMED { ", and others." } else { "." })
        }
    };
    Statement { name: Some(Text::quoted(&outcome.name)), text }
}

/// The effects on all parts: for each outcome a picture and a table.
pub(super) fn sections(result: &LiftResult) -> Vec<Section> {
    let Some(breakdown) = &result.answer.breakdown else { return Vec::new() };
    let outcomes = result.answer.outcomes.iter().enumerate();
    let sections = outcomes.flat_map(|(at, outcome)| {
        let picture = picture(result, breakdown, at, outcome);
        picture.into_iter().chain([figures(result, breakdown, at, outcome)])
    });
    sections.collect()
}

fn heading(outcome: &OutcomeResult, breakdown: &BreakdownResult) -> Text {
    Text::quoted(&outcome.name).and(format!(", by {}", kinds(breakdown)))
}

fn picture(
    result: &LiftResult,
    breakdown: &BreakdownResult,
    at: usize,
    outcome: &OutcomeResult,
) -> Option<Section> {
    let everybody = std::iter::once((Text::fixed(EVERYBODY), outcome));
    let parts = of_outcome(breakdown, at).map(|(part, it)| (name(part), it));
    let rows: Vec<_> = everybody.chain(parts).filter_map(|(name, it)| row(name, it)).collect();
    let shown = level(super::heading_level(result));
    let title = Text::fixed("Change of ")
        .quote(&outcome.name)
        .and(format!(" per person, with {shown} intervals"));
    let plot = Intervals { title, rows, axis: Axis::Shared, reference: 0.0, line: None };
    let section = Section::new(Topic::Picture, heading(outcome, breakdown));
    (plot.rows.len() > 1).then(|| section.with(Block::Intervals(plot)))
}

fn row(name: Text, outcome: &OutcomeResult) -> Option<Interval> {
    let diff = outcome.diff_in_means.as_ref()?;
    let [low, high] = diff.ci?;
    let scale = Scale::of(outcome);
    let shown = |number: f64| scale.in_shown_units(number);
    Some(Interval {
        name,
        figure: Text::fixed(scale.change(diff.ate)),
        words: Text::fixed(scale.interval([low, high])),
        unit: scale.unit_of_change().to_owned(),
        estimate: shown(diff.ate),
        ends: [low.map(shown), high.map(shown)],
        beside: None,
    })
}

fn figures(
    result: &LiftResult,
    breakdown: &BreakdownResult,
    at: usize,
    outcome: &OutcomeResult,
) -> Section {
    let columns = breakdown.segments.iter().chain(&breakdown.creative);
    let everybody = Row { names: vec![EVERYBODY.into()], ..estimated(result, outcome) };
    let parts = breakdown.parts.iter().map(|part| {
        let row = match part.outcomes.get(at) {
            Some(outcome) => estimated(result, outcome),
            None => Row { remark: Some("withheld".into()), ..Row::default() },
        };
        let names = part.segment.iter().chain(&part.creative).map(Text::quoted);
        Row { names: names.collect(), ..row }
    });
    let p = match result.answer.multiplicity {
        Multiplicity::None => "p",
        _ => "p, adjusted",
    };
    let table = Table {
        names: columns.map(Text::quoted).collect(),
        figures: vec![
            "Control".into(),
            "Test".into(),
            "Change".into(),
            interval_heading(result),
            p.into(),
        ],
        rows: std::iter::once(everybody).chain(parts).collect(),
        ..Table::default()
    };
    let section = Section::new(Topic::Figures, heading(outcome, breakdown));
    let section = section.with(Block::Table(table));
    let differ = breakdown.differences.get(at).and_then(|found| found.p);
    match differ {
        Some(p) => section.with(Block::Note(Text::fixed(format!(
            "Whether the effect differs between segments is a question of its own: {} ({}, against {:.4}; Cochran\u{2019}s test, not adjusted). \
             That it is clear in one and not in another does not answer it.{}",
            if p < 1.0 - result.answer.confidence { "it does" } else { "no difference is shown" },
            p_is(p),
            1.0 - result.answer.confidence,
            if of_outcome(breakdown, at).any(|(_, it)| flags::is_of_broken_segment(it)) {
                " Segments whose arms do not have the planned sizes are among them, which alone can make a difference."
            } else {
                ""
            }
        )))),
        None => section,
    }
}

fn estimated(result: &LiftResult, outcome: &OutcomeResult) -> Row {
    let Some(diff) = &outcome.diff_in_means else {
        return Row { remark: Some("not estimated".into()), ..Row::default() };
    };
    let scale = Scale::of(outcome);
    let interval = diff.ci.map(|ends| with_level(result, outcome, scale.interval(ends)));
    let shown = [
        Some(scale.level(diff.mean_c)),
        Some(scale.level(diff.mean_t)),
        Some(scale.change(diff.ate)),
        interval,
        shown_p(outcome).map(p_value),
    ];
    let figures = shown.map(|figure| figure.map_or_else(|| UNKNOWN.into(), Text::fixed));
    Row { figures: figures.into(), ..Row::default() }
}

/// The parts that are shown, each with an outcome.
fn of_outcome(
    breakdown: &BreakdownResult,
    at: usize,
) -> impl Iterator<Item = (&PartResult, &OutcomeResult)> {
    breakdown.parts.iter().filter_map(move |part| Some((part, part.outcomes.get(at)?)))
}

/// What effects are told apart by, in a word or three.
fn kinds(breakdown: &BreakdownResult) -> &'static str {
    match (breakdown.segments.is_empty(), breakdown.creative.is_some()) {
        (false, true) => "segment and creative",
        (true, true) => "creative",
        _ => "segment",
    }
}

const EVERYBODY: &str = "everybody";
/// Parts that a sentence names.
const NAMED: usize = 5;
