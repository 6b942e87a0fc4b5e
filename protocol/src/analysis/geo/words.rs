//! The page of a geo experiment.

mod frequency;
mod notes;
mod pictures;
mod tables;

use super::answer::{GeoAnswer, GeoCell, GeoEstimate, IntervalKind};
use crate::{
    page::{
        Banner, Block, Page, Section, Severity, Statement, Text, Topic, notes as noted,
        number::{between, figure, level, p_is, percent, whole},
    },
    result::JobResult,
};

type GeoResult = JobResult<GeoAnswer>;

pub(super) fn page(result: &GeoResult) -> Page {
    let answer = &result.answer;
    let mut sections: Vec<_> =
        answer.cells.iter().flat_map(|cell| cell_sections(answer, cell)).collect();
    sections.push(tables::asked(answer));
    sections.extend(frequency::section(answer));
    sections.extend(noted(notes::notes(result)));
    sections.push(limits());
    let places = Text::list(answer.cells.iter().map(|cell| Text::quoted(&cell.name)), " and ");
    Page {
        title: Text::fixed("What ").with(places).and(" changed where it ran"),
        subtitle: Text::fixed("Counted: ").quote(&answer.counted).and("."),
        doubts: doubts(answer).into_iter().chain(frequency::doubt(answer, &result.flags)).collect(),
        answer: answer.cells.iter().map(|cell| statement(answer, cell)).collect(),
        sections,
        ..Page::default()
    }
}

/// What was estimated of one cell.
fn cell_sections(answer: &GeoAnswer, cell: &GeoCell) -> Vec<Section> {
    if cell.estimates.is_empty() {
        return Vec::new();
    }
    let mut sections: Vec<_> = pictures::over_time(answer, cell).into_iter().collect();
    sections.extend(pictures::methods(answer, cell));
    sections.push(tables::estimates(answer, cell));
    sections.extend(tables::checks(answer, cell));
    sections.extend(tables::weights(cell));
    sections
}

/// Reasons why the figures may not be the campaign's.
fn doubts(answer: &GeoAnswer) -> Vec<Banner> {
    let doubted = |cell: &GeoCell| -> Vec<Text> {
        let reasons = cell.flags.iter().filter_map(|flag| notes::doubt(flag));
        reasons.map(|reason| Text::quoted(&cell.name).and(": ").and(reason)).collect()
    };
    let reasons: Vec<_> = answer.cells.iter().flat_map(doubted).collect();
    if reasons.is_empty() {
        return Vec::new();
    }
    let headline = "The estimate may not be of the campaign.".into();
    vec![Banner { severity: Severity::Warning, headline, reasons }]
}

/// One cell in a sentence.
fn statement(answer: &GeoAnswer, cell: &GeoCell) -> Statement {
    let name = Some(Text::quoted(&cell.name));
    let Some(first) = cell.estimates.first() else {
        let why = if cell.observed.is_empty() {
            "Nothing can be estimated: a treated place has too few people in some period to be shown."
        } else {
            "Nothing can be estimated: see the notes below."
        };
        return Statement { name, text: why.into() };
    };
    let test = answer.periods.len().saturating_sub(usize::try_from(answer.before).unwrap_or(0));
    let periods = periods(answer, i64::try_from(test).unwrap_or(i64::MAX));
    let lift = first.lift.map(|lift| format!(" ({})", percent(lift))).unwrap_or_default();
    let text = Text::fixed("changed ").quote(&answer.outcome).and(format!(
        " in its {} over {periods} by about {}{lift}, by {}. {}",
        places(cell.treated.len()),
        amount(first.total, first),
        tables::method(first.method),
        interval(answer, cell, first)
    ));
    Statement { name, text }
}

/// The interval in a sentence, and what it says of no effect.
fn interval(answer: &GeoAnswer, cell: &GeoCell, estimate: &GeoEstimate) -> String {
    let level = level(estimate.ci_level);
    let adjusted = match estimate.p_adjusted {
        Some(_) => format!(", adjusted after Holm over {} cells", answer.cells.len()),
        None => String::new(),
    };
    let p = shown_p(estimate).map(|p| format!(" ({}{adjusted})", p_is(p))).unwrap_or_default();
    match estimate.interval {
        IntervalKind::None => "No interval can be given.".to_owned(),
        IntervalKind::Empty => {
            format!(
                "No constant effect fits these figures at {level}{p}, so that there is no interval."
            )
        }
        IntervalKind::Unbounded if estimate.total_ci == [None, None] => {
            format!("There is no bounded interval at {level}{p}.")
        }
        _ => {
            let ends = between(estimate.total_ci, |end| amount(end, estimate));
            let has_zero = estimate.total_ci[0].is_none_or(|low| low <= 0.0)
                && estimate.total_ci[1].is_none_or(|high| 0.0 <= high);
            let verdict = if has_zero {
                "which includes no change at all: this test cannot tell"
            } else if cell.flags.iter().any(|flag| flag == "poor_fit") {
                "but these places and the others did not go together before the test, so that the campaign need not be the cause"
            } else if cell.flags.iter().any(|flag| flag == "drifts") {
                "but that interval may be too narrow: this test cannot tell"
            } else {
                "so chance alone does not explain it"
            };
            format!("{level} interval {ends}{p}, {verdict}.")
        }
    }
}

/// The p-value to show: adjusted where there are several cells.
fn shown_p(estimate: &GeoEstimate) -> Option<f64> {
    estimate.p_adjusted.or(estimate.p)
}

/// An amount with as many decimals as its interval supports.
fn amount(number: f64, estimate: &GeoEstimate) -> String {
    let reach = match estimate.total_ci {
        [Some(low), Some(high)] => (high - low) / 4.0,
        _ => number.abs() / 100.0,
    };
    figure(number, reach)
}

fn places(count: usize) -> String {
    if count == 1 { "place".to_owned() } else { format!("{count} places") }
}

/// So many periods in words.
fn periods(answer: &GeoAnswer, count: i64) -> String {
    let (one, many) = match answer.period_days {
        1 => ("day", "days"),
        7 => ("week", "weeks"),
        _ => ("period", "periods"),
    };
    if count == 1 { format!("1 {one}") } else { format!("{} {many}", whole(count)) }
}

fn limits() -> Section {
    let limits = vec![
        "Nothing about any one person: figures are about places, and noisy.".into(),
        "Nothing that chance did not decide: unless the treated places were drawn, they may differ from the others in what \
         happened to them during the test, and no figure here can tell."
            .into(),
        "Nothing about people who crossed a border: who saw the campaign in one place and bought in another counts where \
         the purchase was."
            .into(),
        Text::fixed(
            "Left out of the figures: rows without a place or a day, what one person has beyond the bounds of the question, and \
             people without an identifier. Whether the data are right is not known here.",
        ),
    ];
    Section::new(Topic::Limits, "What this does not say".into()).with(Block::List(limits))
}
