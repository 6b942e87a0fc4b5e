//! Effects on people who were reached because of their arm.

use super::{Scale, named, with_level};
use crate::{
    page::{
        Block, Row, Section, Table, Text, Topic, UNKNOWN,
        number::{level, percent},
    },
    result::{LateResult, LiftResult, OutcomeResult},
};

/// The effect on the reached, after the sentence on the change for everybody; empty if the job does not ask for it.
pub(super) fn sentence(outcome: &OutcomeResult) -> String {
    let Some(late) = &outcome.late else { return String::new() };
    let (of, by) = (share(late.reached_t), share(late.reached_c));
    let Some(effect) = late.late else {
        let why = if late.first_stage < 0.0 {
            "not more of the test arm, so nobody can be said to be reached because of it".to_owned()
        } else {
            let error = share(late.first_stage_se);
            format!(
                "a difference with a standard error of {error}, noise included, which is too large to tell the effect on them"
            )
        };
        return format!(" Of the test arm {of} were reached and of the control arm {by}: {why}.");
    };
    let effect = Scale::of(outcome).change(effect);
    let interval = late.ci.zip(outcome.diff_in_means.as_ref()).map_or_else(
        || "no interval could be estimated".to_owned(),
        |(ends, diff)| {
            let ends = Scale::of(outcome).interval(ends);
            format!("{} interval {ends}", level(diff.ci_level))
        },
    );
    format!(" For a person who was reached because of the arm it is {effect} ({interval}).")
}

/// All such effects in a table, with what they are; `None` if the job does not ask for any.
pub(super) fn section(result: &LiftResult) -> Option<Section> {
    let rows = named(result).filter_map(|(name, outcome)| row(result, name, outcome));
    let table = Table {
        names: vec!["Outcome".into()],
        figures: [
            "Reached, control",
            "Reached, test",
            "Change, everybody",
            "Effect on the reached",
            "Interval",
        ]
        .map(Text::from)
        .into(),
        rows: rows.collect(),
        ..Table::default()
    };
    let notes = [ESTIMAND, SUPPOSES, INTERVAL].map(|note| Block::Note(note.into()));
    let section = Section::new(Topic::Figures, "Effect on people who were reached".into());
    (!table.rows.is_empty()).then(|| {
        let section = section.with(Block::Table(table));
        notes.into_iter().fold(section, Section::with)
    })
}

fn row(result: &LiftResult, name: Text, outcome: &OutcomeResult) -> Option<Row> {
    let late: &LateResult = outcome.late.as_ref()?;
    let scale = Scale::of(outcome);
    let interval = late.ci.map(|ends| with_level(result, outcome, scale.interval(ends)));
    let shown = [
        Some(share(late.reached_c)),
        Some(share(late.reached_t)),
        outcome.diff_in_means.as_ref().map(|diff| scale.change(diff.ate)),
        late.late.map(|effect| scale.change(effect)),
        interval,
    ];
    let shown = shown.map(|figure| figure.map_or_else(|| UNKNOWN.into(), Text::fixed));
    Some(Row::new(name, shown.into()))
}

/// A share of an arm; noise can put it outside of what is possible.
fn share(share: f64) -> String {
    percent(share.clamp(0.0, 1.0)).replace('+', "")
}

const ESTIMAND: &str = "Local average treatment effect (LATE, also complier average effect): the change for everybody, divided by how much \
                        larger a share of the test arm was reached than of the control arm. It is the average effect on people who \
                        were reached because they were in the test arm, and says nothing about others.";
const SUPPOSES: &str = "It supposes that being in the test arm changes nothing for somebody who is not reached, and that nobody is \
                        reached only for being in the control arm. On which day somebody was reached is not asked: whoever was \
                        reached only after the days that count, or after what they did, makes this effect too small.";
const INTERVAL: &str = "Its interval is Fieller\u{2019}s, with sampling and noise of the outcome, of the people reached and of both together. \
                        It leaves out zero exactly where that of the change does, and has the same p.";
