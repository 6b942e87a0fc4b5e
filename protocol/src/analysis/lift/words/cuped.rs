//! Effects that are adjusted by what was known of people before.

use super::{Scale, named, verdict};
use crate::{
    page::{
        Block, Row, Section, Table, Text, Topic, UNKNOWN,
        number::{level, p_is, p_value, percent},
    },
    result::{CupedResult, LiftResult, OutcomeResult},
};

/// The adjusted change, after the sentence on the plain one; empty if the job does not ask for it.
pub(super) fn sentence(result: &LiftResult, outcome: &OutcomeResult) -> Text {
    let Some(cuped) = &outcome.cuped else { return Text::default() };
    let by = Text::fixed(" Adjusted for \u{201c}")
        .quote(&cuped.covariate)
        .and("\u{201d}, as the job asks,");
    if !cuped.used {
        return by.and(
            " it stands as it is: the interval would not be clearly shorter, or so few events are tested exactly.",
        );
    }
    let scale = Scale::of(outcome);
    let interval = cuped.ci.map_or_else(
        || "no interval".to_owned(),
        |ends| format!("{} interval {}", level(cuped.ci_level), scale.interval(ends)),
    );
    let p = shown_p(cuped).map(|p| format!("; {}", p_is(p))).unwrap_or_default();
    let (change, less) = (scale.change(cuped.ate), less(cuped));
    let verdict = verdict(result, shown_p(cuped));
    by.and(format!(" it is {change} ({interval}, {less} shorter{p}), {verdict}."))
}

/// By what covariate the job wants changes adjusted, and between which ends a person's total of it counts.
pub(super) fn asked(result: &LiftResult) -> Option<Text> {
    let cuped = result.answer.outcomes.iter().find_map(|outcome| outcome.cuped.as_ref())?;
    let ends = format!(": a person\u{2019}s total counts from {} to {}", cuped.floor, cuped.cap);
    Some(Text::fixed("\u{201c}").quote(&cuped.covariate).and("\u{201d}").and(ends))
}

/// All such effects in a table, with what they are; `None` if the job does not ask for any.
pub(super) fn section(result: &LiftResult) -> Option<Section> {
    let mut rows = Vec::new();
    let mut heading = None;
    for (name, outcome) in named(result) {
        let Some(cuped) = &outcome.cuped else { continue };
        heading.get_or_insert_with(|| {
            Text::fixed("Change adjusted for \u{201c}").quote(&cuped.covariate).and("\u{201d}")
        });
        rows.push(row(name, outcome, cuped));
    }
    let figures = ["Change", "Adjusted", "Interval", "Its level", "p", "Shorter by"];
    let table = Table {
        names: vec!["Outcome".into()],
        figures: figures.map(Text::from).into(),
        rows,
        ..Table::default()
    };
    let section = Section::new(Topic::Figures, heading?).with(Block::Table(table));
    Some([WHAT, SHORTER].into_iter().fold(section, |all, note| all.with(Block::Note(note.into()))))
}

fn row(name: Text, outcome: &OutcomeResult, cuped: &CupedResult) -> Row {
    let scale = Scale::of(outcome);
    let shown = [
        outcome.diff_in_means.as_ref().map(|diff| scale.change(diff.ate)),
        Some(scale.change(cuped.ate)),
        cuped.ci.map(|ends| scale.interval(ends)),
        cuped.ci.map(|_| level(cuped.ci_level)),
        shown_p(cuped).map(p_value),
        Some(if cuped.used { less(cuped) } else { "not used".to_owned() }),
    ];
    let shown = shown.map(|figure| figure.map_or_else(|| UNKNOWN.into(), Text::fixed));
    Row::new(name, shown.into())
}

/// By how much the interval is shorter.
fn less(cuped: &CupedResult) -> String {
    percent(1.0 - cuped.length).replace('+', "")
}

/// The p-value to show: adjusted if the job asks so.
fn shown_p(cuped: &CupedResult) -> Option<f64> {
    cuped.p_adjusted.or(cuped.p)
}

const WHAT: &str = "Adjusted (CUPED): the same effect, less what the arms differed by in the covariate before and how far the outcome goes with it.                     The job asks for it; the plain change is beside it for comparison. Totals, costs and margins are of the                     plain change.";
const SHORTER: &str = "The interval has the noise on the covariate in it. Where noise, or a covariate that tells nothing of the outcome, would                        not leave it clearly shorter, the covariate is not used, and change, interval and p are the plain ones.";
