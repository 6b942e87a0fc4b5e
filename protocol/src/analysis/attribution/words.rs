//! The page of attribution.

use super::answer::{AttributionAnswer, Place};
use crate::{
    analysis::table::{CountRange, Estimate},
    page::{
        Block, Page, Row, Section, Statement, Table, Text, Topic, UNKNOWN, explain, notes as noted,
        number::{figure, level, whole},
    },
    result::JobResult,
    tally::Rule,
};
use statistics::special::normal_upper_quantile;

type AttributionResult = JobResult<AttributionAnswer>;

pub(super) fn page(result: &AttributionResult) -> Page {
    let answer = &result.answer;
    let shows_nothing = answer.channels.is_empty() && answer.unexposed.is_none();
    let mut sections = Vec::new();
    if !shows_nothing {
        sections.extend(answer.outcomes.iter().enumerate().map(|(at, outcome)| {
            Section::new(Topic::Figures, Text::quoted(&outcome.name))
                .with(Block::Table(table(answer, at)))
        }));
    }
    if !shows_nothing || answer.no_consent.is_some() || answer.without_outcome.is_some() {
        sections.push(people(answer));
    }
    sections.extend(noted(notes(result)));
    sections.push(limits());
    Page {
        title: Text::fixed("To which ").quote(&answer.channel).and(" is what people did credited?"),
        subtitle: Text::fixed("Counted: ").quote(&answer.counted).and("."),
        answer: vec![Statement::whole(if shows_nothing {
            "Nothing can be shown: no channel has enough people.".into()
        } else {
            statement(answer)
        })],
        sections,
        ..Page::default()
    }
}

/// Which of the channels that are shown has the most of the first outcome, if noise does not explain its lead.
fn statement(answer: &AttributionAnswer) -> Text {
    let Some(outcome) = answer.outcomes.first() else { return Text::default() };
    let credited = |place| first_of(place).map(|credited| (place, credited));
    let mut channels: Vec<_> = answer.channels.iter().filter_map(credited).collect();
    channels.sort_by(|one, other| other.1.value.total_cmp(&one.1.value));
    let rule = Text::fixed("By the rule \u{201c}")
        .and(answer.model.name())
        .and(format!("\u{201d} and within {} days, ", answer.window_days));
    let found = |credited: &Estimate| {
        let level = level(answer.confidence);
        format!("{} ({level} interval {})", amount(credited), range(credited))
    };
    let said = |(place, credited): &(&Place, &Estimate)| {
        named(place).and(format!(": {}", found(credited)))
    };
    match channels.as_slice() {
        [] => "No channel has enough people to be shown.".into(),
        [only] => rule
            .and("\u{201c}")
            .quote(&outcome.name)
            .and("\u{201d} is credited to the one channel that is shown, ")
            .with(said(only))
            .and("."),
        [most, next, ..] if !leads(most.1, next.1, answer.confidence) => rule
            .and("it cannot be told which channel has the most of \u{201c}")
            .quote(&outcome.name)
            .and("\u{201d}. The largest figures are of ")
            .with(said(most))
            .and(" and of ")
            .with(said(next))
            .and("."),
        [most, ..] => rule
            .with(named(most.0))
            .and(" has the most of \u{201c}")
            .quote(&outcome.name)
            .and("\u{201d} of the channels that are shown: ")
            .and(found(most.1))
            .and("."),
    }
}

fn first_of(place: &Place) -> Option<&Estimate> {
    place.credited.first()
}

/// Whether one figure is larger than another by more than the noise of both explains.
fn leads(most: &Estimate, next: &Estimate, confidence: f64) -> bool {
    let noise = libm::hypot(most.noise_sd, next.noise_sd);
    most.value - next.value > normal_upper_quantile((1.0 - confidence) / 2.0) * noise
}

fn table(answer: &AttributionAnswer, at: usize) -> Table {
    let range_heading = Text::fixed(format!("Range ({})", level(answer.confidence)));
    let row = |name: Text, place: &Place| {
        let credited = place.credited.get(at);
        let mut figures = vec![
            credited.map_or(UNKNOWN.into(), |credited| Text::fixed(amount(credited))),
            credited.map_or(UNKNOWN.into(), |credited| Text::fixed(range(credited))),
        ];
        figures.push(Text::fixed(whole(place.people.n)));
        figures.push(Text::fixed(people_range(&place.people)));
        Row { names: vec![name], figures, ..Row::default() }
    };
    let channels = answer.channels.iter().map(|place| row(named(place), place));
    let unexposed = answer.unexposed.iter().map(|place| row("(no exposure)".into(), place));
    Table {
        names: vec![Text::quoted(&answer.channel)],
        figures: vec!["Credited".into(), range_heading.clone(), "People".into(), range_heading],
        rows: channels.chain(unexposed).collect(),
        ..Table::default()
    }
}

/// Says who has nothing that is credited.
fn people(answer: &AttributionAnswer) -> Section {
    let row = |name: Text, people: Option<CountRange>| {
        let figures = people.map_or_else(
            || vec!["too few to show".into(), UNKNOWN.into()],
            |people| vec![Text::fixed(whole(people.n)), Text::fixed(people_range(&people))],
        );
        Row::new(name, figures)
    };
    let mut rows = vec![row("Exposed, without an outcome".into(), answer.without_outcome)];
    if !answer.consent_from.is_empty() {
        let name =
            Text::fixed("Withheld consent, in ").with(Text::names(&answer.consent_from, " or "));
        rows.push(row(name, answer.no_consent));
    }
    let figures =
        vec!["People".into(), Text::fixed(format!("Range ({})", level(answer.confidence)))];
    let table = Table { names: vec!["Who".into()], figures, rows, ..Table::default() };
    Section::new(Topic::People, "Nothing is credited of".into()).with(Block::Table(table)).with(
        Block::Note(
            "People who were not exposed are counted nowhere, whatever they did: what is credited here cannot be \
             divided by all that was sold."
                .into(),
        ),
    )
}

fn notes(result: &AttributionResult) -> Vec<Text> {
    let answer = &result.answer;
    let mut notes: Vec<_> = result.flags.iter().map(|flag| explain(flag, own)).collect();
    notes.push(rule(answer.model).into());
    for outcome in &answer.outcomes {
        notes.push(
            Text::fixed("of one person at most ")
                .and(figure(outcome.cap, 0.0))
                .and(" of \u{201c}")
                .quote(&outcome.name)
                .and("\u{201d} are credited in all, of the first days; what is beyond is left out.")
                .capital(),
        );
    }
    if answer.withheld > 0 && !(answer.channels.is_empty() && answer.unexposed.is_none()) {
        let withheld = i64::try_from(answer.withheld).unwrap_or(i64::MAX);
        let (places, each) = if withheld == 1 { ("place is", "") } else { ("places are", " each") };
        notes.push(Text::fixed(format!(
            "{} {places} not shown: fewer than {} people{each}, after noise. They may be empty.",
            whole(withheld),
            whole(answer.shown_from)
        )));
    }
    notes
}

fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Last => {
            "Each outcome is credited to the last day's exposure before it; of several on that day, to the channel that \
             comes first in the contract's list."
        }
        Rule::First => {
            "Each outcome is credited to the first day's exposure of its window; of several on that day, to the channel \
             that comes first in the contract's list."
        }
        Rule::Linear => "Each outcome is credited to all exposures of its window alike.",
        Rule::Position => {
            "Each outcome is credited to the first and the last exposure of its window with two fifths each, and the rest \
             to those between; of two, to both alike."
        }
    }
}

/// The sentence of a flag that only this kind has.
fn own(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "all_withheld" => "no channel has enough people to be shown.",
        "values_left_out" => {
            "CAREFUL: a person may have been exposed to more channels than count. The exposures of some, chosen by chance, \
             were left out before anything was credited."
        }
        _ => return None,
    })
}

fn limits() -> Section {
    let limits = vec![
        "Nothing about any one person: figures are about groups, and noisy.".into(),
        "What would have happened without the exposures. A rule divides what people did among what came before it, and \
         has no idea of what caused it; ask for a lift of a randomised design for that."
            .into(),
        "The ranges cover the noise, and nothing else. An exposure that the data do not have is credited nothing, and \
         its outcome goes to another or to none."
            .into(),
    ];
    Section::new(Topic::Limits, "What this does not say".into()).with(Block::List(limits))
}

/// A channel's name as it is, or in quotes if it could be taken for a word of ours.
fn named(place: &Place) -> Text {
    if place.name.starts_with('(') && place.name != "(none)" {
        Text::quoted(format!("\"{}\"", place.name))
    } else {
        Text::quoted(&place.name)
    }
}

fn amount(credited: &Estimate) -> String {
    figure(credited.value, credited.noise_sd)
}

fn range(credited: &Estimate) -> String {
    let [low, high] = credited.ci.map(|end| figure(end, credited.noise_sd));
    format!("{low} to {high}")
}

fn people_range(people: &CountRange) -> String {
    let [low, high] = people.ci.map(whole);
    format!("{low} to {high}")
}
