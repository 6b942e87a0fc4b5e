//! The figures of a lift: as pictures, as tables, as money.

use super::{Scale, shown_p};
use crate::{
    job::Multiplicity,
    page::{
        Axis, Block, Interval, Intervals, Row, Section, Table, Text, Topic, UNKNOWN,
        number::{between, level, p_value, percent, size},
    },
    result::{ArmResult, Economics, LiftResult, OutcomeResult, RelativeLift},
};

/// The changes per person, each on its own axis; `None` without an estimate.
pub(super) fn changes(result: &LiftResult) -> Option<Section> {
    let rows: Vec<_> = result.answer.outcomes.iter().filter_map(change).collect();
    let level = level(heading_level(result));
    let title = Text::fixed(format!("Change per person, with {level} intervals"));
    let plot = Intervals { title, rows, axis: Axis::Own, reference: 0.0, line: None };
    let note = "The thick line is the interval from sampling and noise together; each outcome has its own axis. The \
                dashed line is no change.";
    let section = Section::new(Topic::Picture, "Change per person".into());
    (!plot.rows.is_empty())
        .then(|| section.with(Block::Intervals(plot)).with(Block::Note(note.into())))
}

/// The relative lifts, on one axis; `None` without an estimate.
pub(super) fn lifts(result: &LiftResult) -> Option<Section> {
    let rows: Vec<_> = result.answer.outcomes.iter().filter_map(lift).collect();
    let level = level(heading_level(result));
    let title = Text::fixed(format!("Relative lift in percent, with {level} intervals"));
    let unbounded = rows.iter().any(|row| row.ends.contains(&None));
    let arrows = " An arrow means that the interval has no end on that side.";
    let note = Text::from("Mean of the test arm over that of the control arm, less one.")
        .and(if unbounded { arrows } else { "" });
    let plot = Intervals { title, rows, axis: Axis::Shared, reference: 0.0, line: None };
    let section = Section::new(Topic::Picture, "Relative lift".into());
    (!plot.rows.is_empty()).then(|| section.with(Block::Intervals(plot)).with(Block::Note(note)))
}

fn change(outcome: &OutcomeResult) -> Option<Interval> {
    let diff = outcome.diff_in_means.as_ref()?;
    let scale = Scale::of(outcome);
    let shown = |number: f64| scale.in_shown_units(number);
    let [low, high] = diff.ci.unwrap_or([Some(diff.ate), Some(diff.ate)]);
    Some(Interval {
        name: Text::quoted(&outcome.name),
        figure: Text::fixed(scale.change(diff.ate)),
        words: Text::fixed(scale.interval([low, high])),
        unit: scale.unit_of_change().to_owned(),
        estimate: shown(diff.ate),
        ends: [low.map(shown), high.map(shown)],
        beside: None,
    })
}

fn lift(outcome: &OutcomeResult) -> Option<Interval> {
    let lift = outcome.relative_lift.as_ref()?;
    let estimate = lift.rel_lift?;
    let ends = relative_ends(lift)?;
    Some(Interval {
        name: Text::quoted(&outcome.name),
        figure: Text::fixed(percent(estimate)),
        words: Text::fixed(between(ends, percent)),
        unit: "%".to_owned(),
        estimate: estimate * 100.0,
        ends: ends.map(|end| end.map(|end| end * 100.0)),
        beside: None,
    })
}

/// All figures in tables, and what the outcomes are worth.
pub(super) fn tables(result: &LiftResult) -> Section {
    let mut section = Section::new(Topic::Figures, "Figures".into())
        .with(Block::Table(effects(result)))
        .with(Block::Table(relative(result)))
        .with(Block::Note(Text::fixed("Estimated: ").quote(&result.answer.estimand)))
        .with(Block::Note(
            "pp: percentage points. s.e.: standard error of the change. \u{201c}Detectable\u{201d} is the smallest \
             change that a study of this size and noise finds four times in five."
                .into(),
        ));
    section.blocks.extend(adjusted_intervals(result).map(|text| Block::Note(Text::fixed(text))));
    section.blocks.extend(result.answer.outcomes.iter().filter_map(|outcome| {
        let worth = worth(outcome, outcome.economics.as_ref()?);
        Some(Block::Paragraph(worth))
    }));
    section
}

fn effects(result: &LiftResult) -> Table {
    let p = match result.answer.multiplicity {
        Multiplicity::None => "p",
        _ => "p, adjusted",
    };
    let rows = result.answer.outcomes.iter().map(|outcome| {
        let scale = Scale::of(outcome);
        let diff = outcome.diff_in_means.as_ref();
        named(
            outcome,
            diff.map(|diff| {
                [
                    Some(scale.level(diff.mean_c)),
                    Some(scale.level(diff.mean_t)),
                    Some(scale.change(diff.ate)),
                    effect_interval(result, outcome),
                    shown_p(outcome).map(p_value),
                ]
            }),
        )
    });
    let interval = interval_heading(result);
    Table {
        names: vec!["Outcome".into()],
        figures: vec!["Control".into(), "Test".into(), "Change".into(), interval, p.into()],
        rows: rows.collect(),
        ..Table::default()
    }
}

fn relative(result: &LiftResult) -> Table {
    let rows = result.answer.outcomes.iter().map(|outcome| {
        let scale = Scale::of(outcome);
        let error = |number: f64| scale.change(number).replace('+', "");
        let diff = outcome.diff_in_means.as_ref();
        let lift = outcome.relative_lift.as_ref().and_then(|lift| lift.rel_lift);
        named(
            outcome,
            diff.map(|diff| {
                [
                    lift.map(percent),
                    relative_interval(result, outcome),
                    Some(error(diff.se_sampling)),
                    Some(error(diff.se_mechanism)),
                    detectable(outcome),
                ]
            }),
        )
    });
    Table {
        names: vec!["Outcome".into()],
        figures: vec![
            "Relative lift".into(),
            interval_heading(result),
            "s.e. sampling".into(),
            "s.e. noise".into(),
            "Detectable".into(),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// A row for an outcome. If nothing was estimated of it, the row says so.
fn named<const N: usize>(outcome: &OutcomeResult, figures: Option<[Option<String>; N]>) -> Row {
    let name = Text::quoted(&outcome.name);
    let Some(figures) = figures else {
        return Row { remark: Some("not estimated".into()), ..Row::new(name, Vec::new()) };
    };
    let shown = figures.map(|figure| figure.map_or_else(|| UNKNOWN.into(), Text::fixed));
    Row::new(name, shown.into())
}

pub(super) fn interval_heading(result: &LiftResult) -> Text {
    Text::fixed(format!("{} interval", level(heading_level(result))))
}

/// The noise on the totals of an arm.
pub(super) fn noise(result: &LiftResult) -> Option<Section> {
    let rows = result.answer.outcomes.iter().map(|outcome| {
        let of_sum = |arm: &Option<ArmResult>| arm.as_ref().map(|arm| arm.sum_noise_sd);
        let sds = [of_sum(&outcome.test), of_sum(&outcome.control), outcome.noise_sd.sum_sq];
        let figures = sds.map(|sd| sd.map_or_else(|| UNKNOWN.into(), |sd| Text::fixed(size(sd))));
        Row::new(Text::quoted(&outcome.name), figures.into())
    });
    let table = Table {
        names: vec!["Noise s.d. on an arm\u{2019}s total".into()],
        figures: vec!["Test".into(), "Control".into(), "Squares".into()],
        rows: rows.collect(),
        ..Table::default()
    };
    let section = Section::new(Topic::Figures, "Noise".into());
    result.noise.then(|| section.with(Block::Table(table)))
}

/// Compares what an outcome is worth with what it cost.
fn worth(outcome: &OutcomeResult, money: &Economics) -> Text {
    let ends = |ends: Option<[Option<f64>; 2]>| {
        ends.map_or_else(|| "no interval".to_owned(), |ends| between(ends, size))
    };
    let mut text = Text::fixed(format!("Against a cost of {} ", money.cost))
        .quote(&money.currency)
        .and(", ")
        .quote(&outcome.name)
        .and(":");
    if let Some(total) = money.incremental {
        text = text.and(format!(" {} more in all ({}).", size(total), ends(money.incremental_ci)));
    }
    if let Some(iroas) = money.iroas {
        text = text
            .and(format!(" {} for each ", size(iroas)))
            .quote(&money.currency)
            .and(format!(" spent ({}).", ends(money.iroas_ci)));
    }
    if let Some(cost) = money.cost_per_incremental {
        let bounds = money.cost_per_incremental_ci.unwrap_or([None, None]);
        text = text
            .and(format!(" {} ", size(cost)))
            .quote(&money.currency)
            .and(" per additional ")
            .quote(&outcome.name)
            .and(format!(" ({}).", between(bounds, size)));
    }
    text
}

/// The level of most intervals: the highest of all outcomes and parts.
pub(super) fn heading_level(result: &LiftResult) -> f64 {
    let parts = result.answer.breakdown.iter().flat_map(|breakdown| &breakdown.parts);
    let of_parts = parts.flat_map(|part| &part.outcomes);
    let levels = result
        .answer
        .outcomes
        .iter()
        .chain(of_parts)
        .filter_map(|outcome| Some(outcome.diff_in_means.as_ref()?.ci_level));
    levels.fold(result.answer.confidence, f64::max)
}

/// The interval of the effect, with its level where that differs from the heading's.
fn effect_interval(result: &LiftResult, outcome: &OutcomeResult) -> Option<String> {
    let ends = outcome.diff_in_means.as_ref()?.ci?;
    Some(with_level(result, outcome, Scale::of(outcome).interval(ends)))
}

/// The interval of the relative lift, with its level where that differs from the heading's.
fn relative_interval(result: &LiftResult, outcome: &OutcomeResult) -> Option<String> {
    let ends = relative_ends(outcome.relative_lift.as_ref()?)?;
    Some(with_level(result, outcome, between(ends, percent)))
}

/// Ends of the relative lift's interval, by whichever method it was made.
fn relative_ends(lift: &RelativeLift) -> Option<[Option<f64>; 2]> {
    lift.ci_fieller.or(lift.ci_few_events)
}

pub(super) fn with_level(result: &LiftResult, outcome: &OutcomeResult, interval: String) -> String {
    let own = outcome.diff_in_means.as_ref().map_or(result.answer.confidence, |diff| diff.ci_level);
    if (own - heading_level(result)).abs() < 1e-9 {
        interval
    } else {
        format!("{interval} ({})", level(own))
    }
}

/// The smallest change that the study detects; `None` if it would be written as zero.
fn detectable(outcome: &OutcomeResult) -> Option<String> {
    let text = Scale::of(outcome).change(outcome.minimum_detectable?).replace('+', "");
    text.contains(|digit| matches!(digit, '1'..='9')).then_some(text)
}

/// Says how intervals go with adjusted p-values; `None` if nothing is adjusted, or nothing has an
/// interval.
fn adjusted_intervals(result: &LiftResult) -> Option<String> {
    let mut estimates =
        result.answer.outcomes.iter().filter_map(|outcome| outcome.diff_in_means.as_ref());
    estimates.find(|diff| diff.ci.is_some())?;
    let (own, asked) = (level(heading_level(result)), level(result.answer.confidence));
    match result.answer.multiplicity {
        Multiplicity::Holm => Some(format!(
            "Intervals are adjusted as the p-values are: each of {own}, which together hold with {asked} \
             (Bonferroni). An outcome that only Holm's test finds has the interval of the step that \
             found it, with its level beside it, and is not among these. An interval leaves out zero exactly \
             where its p is below {:.4}.",
            1.0 - result.answer.confidence
        )),
        Multiplicity::Bh => Some(format!(
            "Intervals are adjusted as the p-values are: each of {own}, so that of those that leave \
             out zero {asked} hold on average (false coverage rate, Benjamini and Yekutieli). An \
             interval leaves out zero exactly where its p is below {:.4}.",
            1.0 - result.answer.confidence
        )),
        _ => None,
    }
}
