//! How often people come, and what is left out of those who come too often to count whole.

use super::whole;
use crate::{
    analysis::geo::answer::{Frequency, GeoAnswer, PeopleInCells},
    page::{
        Banner, Block, Row, Section, Severity, Table, Text, Topic,
        number::{level, size},
    },
};

/// A warning where so much is left out that totals are too small; `None` elsewhere.
pub(super) fn doubt(answer: &GeoAnswer, flags: &[String]) -> Option<Banner> {
    if !is_shown(answer) || !flags.iter().any(|flag| flag == CELLS_LEFT_OUT) {
        return None;
    }
    let kept = i64::from(answer.cells_per_person);
    let share = level(rounded(answer.frequency.left_out_at_least));
    let reason = format!(
        "At least {share} of the places and periods in which people are do not count, since one person counts in {} at most: about {} \
         of {} people are in more. Totals, incremental amounts and what they return lack what people did there; a lift in percent is \
         not, unless the campaign changed how often people come. Ask for more places and periods of a person, if the contract \
         allows them, or for longer periods.",
        whole(kept),
        whole(beyond(answer)),
        whole(sum(answer.frequency.people.iter())),
    );
    Some(Banner {
        severity: Severity::Warning,
        headline: "The totals are too small.".into(),
        reasons: vec![Text::fixed(reason)],
    })
}

/// Whether any total is shown, that could lack something.
fn is_shown(answer: &GeoAnswer) -> bool {
    answer.cells.iter().any(|cell| !cell.observed.is_empty())
}

/// How many people are in more places and periods than count.
fn beyond(answer: &GeoAnswer) -> i64 {
    let bins = answer.frequency.people.iter();
    sum(bins.filter(|bin| bin.least > answer.cells_per_person))
}

/// How many people are in some classes, at least 0 with the noise.
fn sum<'b>(bins: impl Iterator<Item = &'b PeopleInCells>) -> i64 {
    bins.fold(0, |sum: i64, bin| sum.saturating_add(bin.n)).max(0)
}

/// People by how often they come.
pub(super) fn section(answer: &GeoAnswer) -> Option<Section> {
    let Frequency { people, noise_sd, left_out_at_least } = &answer.frequency;
    let row = |bin: &PeopleInCells| Row::new(name(bin), vec![Text::fixed(whole(bin.n))]);
    let table = Table {
        names: vec!["Places and periods".into()],
        figures: vec!["People (noisy)".into()],
        rows: people.iter().map(row).collect(),
        bars: None,
    };
    let share = if *left_out_at_least > 0.0 {
        format!(
            "at least {} of people\u{2019}s places and periods",
            level(rounded(*left_out_at_least))
        )
    } else if *noise_sd > 0.0 {
        "so little that noise could have made it".to_owned()
    } else {
        "nothing".to_owned()
    };
    let noise = match *noise_sd > 0.0 {
        true => format!(
            " Noise s.d. of each count: {}; it can make a small one negative.",
            size(*noise_sd)
        ),
        false => String::new(),
    };
    let note = format!(
        "Counted before any is left out. Of a person in more than {} the others do not count: {share}.{noise}",
        whole(i64::from(answer.cells_per_person))
    );
    (is_shown(answer) && !people.is_empty()).then(|| {
        Section::new(Topic::People, "How often people come".into())
            .with(Block::Table(table))
            .with(Block::Note(Text::fixed(note)))
    })
}

/// A share with a decimal of percent, rounded down.
fn rounded(share: f64) -> f64 {
    (share * 1_000.0).floor() / 1_000.0
}

fn name(bin: &PeopleInCells) -> Text {
    Text::fixed(match bin.most {
        Some(most) if most == bin.least => most.to_string(),
        Some(most) => format!("{} to {most}", bin.least),
        None => format!("{} or more", bin.least),
    })
}

/// The flag of totals that are too small.
pub(super) const CELLS_LEFT_OUT: &str = "cells_left_out";
