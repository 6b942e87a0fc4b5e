//! Who is compared, and what speaks for or against the design.

use super::super::Cell;
use crate::{
    page::{
        Block, Row, Section, Table, Text, Topic,
        number::{level, p_is, size, whole},
    },
    result::{LiftResult, MatchRate, MatchRates, OutcomeResult},
};

pub(super) fn section(result: &LiftResult) -> Section {
    let row = |name: Text, n: String, noise: f64| {
        Row::new(name, vec![Text::fixed(n), Text::fixed(size(noise))])
    };
    let all = arms(result).into_iter();
    let all = all.map(|(arm, n, noise)| row(arm.into(), whole(n), noise));
    let cells = result.answer.cells.iter().map(|cell| {
        let n = cell.n.map_or_else(|| "withheld".to_owned(), whole);
        row(Text::fixed(cell.cell), n, cell.noise_sd)
    });
    let table = Table {
        names: vec!["Where a person is counted".into()],
        figures: vec!["People (noisy)".into(), "Noise s.d.".into()],
        rows: all.chain(cells).collect(),
        ..Table::default()
    };
    let mut note = "Noise can make a small number negative.".to_owned();
    if result.answer.cells.iter().any(|cell| cell.n.is_none()) {
        note.push_str(&format!(
            " Withheld: the arm has fewer than {} people, after noise.",
            whole(i64::from(result.privacy.min_cell))
        ));
    }
    let section = Section::new(Topic::People, "People".into());
    let cells = &result.answer.cells;
    let is_shown = !arms(result).is_empty() || cells.iter().any(|cell| cell.n.is_some());
    let section = if is_shown {
        section.with(Block::Table(table)).with(Block::Note(Text::fixed(note)))
    } else {
        section
    };
    let confidence = level(result.answer.confidence);
    let mut section = section.with(Block::Paragraph(sample_ratio(result)));
    section.blocks.extend(by_segment(result).map(Block::Paragraph));
    let section = section.with(Block::Paragraph(Text::fixed(format!(
        "Found among the outcomes, with {confidence} intervals: {}.",
        rates(result.answer.match_rates.as_ref())
    ))));
    let refused = result.answer.cells.iter().any(|cell| cell.cell == Cell::TestRefused);
    let text = || {
        let found = rates(result.answer.consent_rates.as_ref());
        Text::fixed(format!("Of these, refused there, with {confidence} intervals: {found}."))
    };
    if refused { section.with(Block::Paragraph(text())) } else { section }
}

fn sample_ratio(result: &LiftResult) -> Text {
    let ratio = &result.answer.sample_ratio;
    let verdict = match (ratio.p, ratio.failed) {
        (None, _) => "could not be checked".to_owned(),
        (Some(p), true) => format!("FAILED ({}, it fails below {:.4})", p_is(p), ratio.flag_p),
        (Some(p), false) => format!("passed ({}, it fails below {:.4})", p_is(p), ratio.flag_p),
    };
    Text::fixed(format!(
        "Sample-ratio check, for an expected share of {:.4} in the test arm: {verdict}.",
        ratio.expected_test_share
    ))
}

/// The checks of segments; `None` if people are not told apart by segment.
fn by_segment(result: &LiftResult) -> Option<Text> {
    let ratios = &result.answer.breakdown.as_ref()?.sample_ratios;
    let flag_p = ratios.first()?.sample_ratio.flag_p;
    let checked = ratios.iter().filter(|ratio| ratio.sample_ratio.p.is_some()).count();
    let failed = ratios.iter().filter(|ratio| ratio.sample_ratio.failed).count();
    let number = |count: usize| whole(i64::try_from(count).unwrap_or(i64::MAX));
    let rest = ratios.len() - checked;
    let rest =
        if rest > 0 { format!("; {} could not be checked", number(rest)) } else { String::new() };
    let text = Text::fixed(format!(
        "The same check of each segment, {} in all, which fails below p = {}: ",
        number(ratios.len()),
        size(flag_p)
    ));
    Some(match (checked, failed) {
        (0, _) => text.and("none could be checked."),
        (checked, 0) => text.and(format!("{} passed{rest}.", number(checked))),
        (_, failed) => text
            .and(format!("{} FAILED ", number(failed)))
            .with(failing(result))
            .and(format!("{rest}.")),
    })
}

/// The segments whose arms do not have the planned sizes, each with its p.
pub(super) fn failing(result: &LiftResult) -> Text {
    let ratios = result.answer.breakdown.iter().flat_map(|breakdown| &breakdown.sample_ratios);
    let failed = ratios.filter(|ratio| ratio.sample_ratio.failed).map(|ratio| {
        let p = ratio.sample_ratio.p.map(|p| format!(" ({})", p_is(p)));
        Text::names(&ratio.segment, " / ").and(p.unwrap_or_default())
    });
    Text::list(failed, " and ")
}

/// The whole of each arm, where it is shown: its people, and the s.d. of the noise on them.
fn arms(result: &LiftResult) -> Vec<(&'static str, i64, f64)> {
    let found =
        |arm: fn(&OutcomeResult) -> Option<i64>| result.answer.outcomes.iter().find_map(arm);
    let noise = |of: [Cell; 3]| {
        let cells = result.answer.cells.iter().filter(|cell| of.contains(&cell.cell));
        cells.map(|cell| cell.noise_sd * cell.noise_sd).sum::<f64>().sqrt()
    };
    let test = found(|outcome| Some(outcome.test.as_ref()?.n));
    let control = found(|outcome| Some(outcome.control.as_ref()?.n));
    [
        ("test, all", test, [Cell::TestMatched, Cell::TestUnmatched, Cell::TestRefused]),
        (
            "control, all",
            control,
            [Cell::ControlMatched, Cell::ControlUnmatched, Cell::ControlRefused],
        ),
    ]
    .into_iter()
    .filter_map(|(name, n, cells)| Some((name, n?, noise(cells))))
    .collect()
}

/// The rates of both arms and whether they differ; why not, where they are not known.
fn rates(rates: Option<&MatchRates>) -> String {
    let Some(MatchRates { test, control, p, flag_p, differs }) = rates else {
        return "not known: an arm is withheld, or nothing but noise".to_owned();
    };
    let rate = |found: &MatchRate| {
        let share = |part: f64| format!("{:.2}", part * 100.0);
        let [low, high] = found.ci.map(share);
        format!("{} % ({low} to {high})", share(found.rate))
    };
    let verdict = if *differs { "THEY DIFFER" } else { "no difference is flagged" };
    format!(
        "test {}, control {}: {verdict} ({}, flagged below {flag_p:.4})",
        rate(test),
        rate(control),
        p_is(*p)
    )
}

/// Who is in the estimate, in a sentence: nobody who is left out is said to count. Of people who withheld
/// consent nothing is said where the contract asks for none, so that the result has no such cell.
pub(super) fn who_counts(result: &LiftResult) -> String {
    let of = |wanted: Cell| {
        let cell = result.answer.cells.iter().find(|cell| cell.cell == wanted)?;
        let n = cell.n.map(|n| format!("about {}", whole(n.max(0))));
        Some(n.unwrap_or_else(|| "an unknown number".to_owned()))
    };
    let contaminated = of(Cell::Contaminated).map(|people| format!("{people} in several arms"));
    let refusers = of(Cell::NoConsent).map(|people| format!("{people} who withheld consent"));
    let left_out: Vec<_> = contaminated.into_iter().chain(refusers).collect();
    format!(
        "Whoever was assigned to one of these arms and to no other counts there, whether they saw \
         something or not; the effect on those who saw it may be larger. Left out, with all that \
         they did: {} (noisy counts: a few may be nobody).",
        left_out.join(", ")
    )
}
