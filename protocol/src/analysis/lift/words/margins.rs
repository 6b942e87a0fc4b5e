//! What tests against margins found.

use super::{Scale, flags, named};
use crate::{
    analysis::margin::{MarginScale, MarginTest},
    page::{
        Block, Row, Section, Table, Text, Topic, UNKNOWN,
        number::{between, level, p_is, p_value, percent},
    },
    result::{LiftResult, MarginResult, OutcomeResult},
};

/// What the test of an outcome's margin found, after the sentence on its change; empty without a margin.
pub(super) fn sentence(result: &LiftResult, outcome: &OutcomeResult) -> String {
    let Some(margin) = &outcome.margin else { return String::new() };
    let (name, claim) = (name(margin), claim(outcome, margin));
    let Some((p, ends)) = margin.p.zip(margin.ci) else {
        return format!(" {name} cannot be tested.");
    };
    let p = margin.p_adjusted.unwrap_or(p);
    let found = format!(
        "{} interval {}; {}",
        level(margin.ci_level),
        interval(outcome, margin, ends),
        p_is(p)
    );
    match margin.shown {
        true if flags::broken(result).is_empty() => format!(" {name} is shown: {claim} ({found})."),
        true => {
            format!(
                " By the figures {claim} ({found}); but the design may be broken, so they show no {}.",
                name.to_lowercase()
            )
        }
        false => format!(" {name} is not shown: this study cannot tell whether {claim} ({found})."),
    }
}

/// All margins in a table, with what makes one shown; `None` if the job has none.
pub(super) fn section(result: &LiftResult) -> Option<Section> {
    let rows: Vec<_> = named(result).filter_map(|(name, outcome)| row(name, outcome)).collect();
    let table = Table {
        names: vec!["Outcome".into()],
        figures: ["To be shown", "Interval", "Its level", "p", "Shown"].map(Text::from).into(),
        rows,
        ..Table::default()
    };
    let alpha = 1.0 - result.answer.confidence;
    let note = format!(
        "A margin is shown where the interval in this table lies within it, and so exactly where p is below {alpha:.4}. Each end of the \
         interval misses with that probability at most{}. That something is not shown does not show the contrary.",
        match result.answer.multiplicity {
            crate::job::Multiplicity::None => "",
            _ => ", less where p-values are adjusted over all margins",
        }
    );
    let section = Section::new(Topic::Figures, "Margins".into());
    (!table.rows.is_empty())
        .then(|| section.with(Block::Table(table)).with(Block::Note(Text::fixed(note))))
}

fn row(name: Text, outcome: &OutcomeResult) -> Option<Row> {
    let margin = outcome.margin.as_ref()?;
    let shown = [
        Some(bounds(outcome, margin)),
        margin.ci.map(|ends| interval(outcome, margin, ends)),
        margin.ci.map(|_| level(margin.ci_level)),
        margin.p_adjusted.or(margin.p).map(p_value),
        margin.p.map(|_| if margin.shown { "yes" } else { "no" }.to_owned()),
    ];
    let shown = shown.map(|figure| figure.map_or_else(|| UNKNOWN.into(), Text::fixed));
    Some(Row::new(name, shown.into()))
}

/// The name of the test, as a sentence begins with it.
fn name(margin: &MarginResult) -> &'static str {
    match margin.test {
        MarginTest::Equivalence => "Equivalence",
        MarginTest::NonInferiority => "Non-inferiority",
        MarginTest::Superiority => "Superiority by the margin",
    }
}

/// What is to be shown of an outcome, in a clause.
pub(super) fn claim(outcome: &OutcomeResult, margin: &MarginResult) -> String {
    let size = |bound: f64| of_margin(outcome, margin, bound.abs());
    match (margin.above, margin.below) {
        (Some(low), Some(_)) => format!("the change is less than {}, up or down", size(low)),
        (Some(low), None) if low < 0.0 => format!("any loss is less than {}", size(low)),
        (Some(low), None) => format!("the gain is more than {}", size(low)),
        (None, Some(high)) if high > 0.0 => format!("any increase is less than {}", size(high)),
        (None, Some(high)) => format!("the decrease is more than {}", size(high)),
        (None, None) => "nothing".to_owned(),
    }
}

fn of_margin(outcome: &OutcomeResult, margin: &MarginResult, bound: f64) -> String {
    match margin.scale {
        MarginScale::Relative => format!("{} of the control mean", plain_percent(bound)),
        MarginScale::Absolute => amount(outcome, bound),
    }
}

/// A margin in percent.
fn plain_percent(bound: f64) -> String {
    format!("{} %", plain(100.0 * bound))
}

/// A margin with the decimals that it was given.
fn plain(bound: f64) -> String {
    let text = format!("{bound:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn amount(outcome: &OutcomeResult, bound: f64) -> String {
    let unit = Scale::of(outcome).unit_of_change();
    format!("{} {unit}", plain(Scale::of(outcome).in_shown_units(bound))).trim_end().to_owned()
}

/// The bounds in a few words, for a table.
fn bounds(outcome: &OutcomeResult, margin: &MarginResult) -> String {
    between([margin.above, margin.below], |bound| {
        let sign = if bound < 0.0 { "-" } else { "+" };
        let size = match margin.scale {
            MarginScale::Relative => plain_percent(bound.abs()),
            MarginScale::Absolute => amount(outcome, bound.abs()),
        };
        format!("{sign}{size}")
    })
}

fn interval(outcome: &OutcomeResult, margin: &MarginResult, ends: [Option<f64>; 2]) -> String {
    match margin.scale {
        MarginScale::Relative => between(ends, percent),
        MarginScale::Absolute => Scale::of(outcome).interval(ends),
    }
}
