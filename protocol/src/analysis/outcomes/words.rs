//! The page of outcomes after a start.

mod notes;

use super::answer::{AmountEstimate, Others, OutcomesAnswer, Segment, Share};
use crate::{
    analysis::table::Estimate,
    page::{
        Axis, Banner, Block, Interval, Intervals, Page, Row, Section, Severity, Statement, Table,
        Text, Topic, UNKNOWN, notes as noted,
        number::{bound, figure, level, whole},
    },
    result::JobResult,
};

type OutcomesResult = JobResult<OutcomesAnswer>;

pub(super) fn page(result: &OutcomesResult) -> Page {
    let answer = &result.answer;
    let mut sections: Vec<_> = picture(answer).into_iter().collect();
    if whole_of(answer).is_some() {
        sections.push(rates(answer));
    }
    sections.extend((0..outcomes(answer).len()).map(|at| amounts(answer, at)));
    let elsewhere = &answer.elsewhere;
    let others = [&elsewhere.before, &elsewhere.after, &elsewhere.without_start];
    let counts_others = others.iter().any(|others| others.people.is_some());
    if whole_of(answer).is_some() || counts_others || answer.no_consent.is_some() {
        sections.push(people(answer));
    }
    sections.extend(noted(notes::notes(result)));
    sections.push(limits(answer));
    Page {
        title: Text::fixed("What people did ").and(window(answer)),
        subtitle: Text::fixed("Counted: ").quote(&answer.counted).and("."),
        doubts: doubts(result),
        answer: vec![statement(answer)],
        sections,
        ..Page::default()
    }
}

/// The days of the window in words.
fn window(answer: &OutcomesAnswer) -> String {
    match answer.window {
        [0, 0] => "on the day they started".to_owned(),
        [0, last] => format!("within {} of their start", days(last)),
        [first, last] if first == last => format!("on day {first} after they started"),
        [first, last] => format!("from day {first} to day {last} after they started"),
    }
}

fn days(count: i32) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// Warns of days that were not over when the answer was made: they are not observed, whatever the
/// job says.
fn doubts(result: &OutcomesResult) -> Vec<Banner> {
    let [_, last] = &result.answer.observed;
    let today = result.time.to_string();
    let today = today.get(..10).unwrap_or_default();
    if last.as_str() < today {
        return Vec::new();
    }
    let why = Text::fixed("The job says that the outcomes are observed until ")
        .quote(last)
        .and(format!(
            ", and this was answered on {today}. Whose window was not over counts as somebody who did nothing in the \
             rest of it: rates and amounts are too low. Ask again with observed.last as the last day of which the \
             outcome data have everything."
        ));
    let headline = "Some windows were not over.".into();
    vec![Banner { severity: Severity::Warning, headline, reasons: vec![why] }]
}

/// All people who are shown: the only segment, or all segments together.
fn whole_of(answer: &OutcomesAnswer) -> Option<&Segment> {
    answer.together.as_ref().or_else(|| answer.segments.first())
}

fn outcomes(answer: &OutcomesAnswer) -> &[AmountEstimate] {
    whole_of(answer).map(|segment| segment.outcomes.as_slice()).unwrap_or_default()
}

fn statement(answer: &OutcomesAnswer) -> Statement {
    let Some(all) = whole_of(answer) else {
        return Statement::whole(
            "Nothing can be shown: no segment of the cohort has enough people.".into(),
        );
    };
    let level = level(answer.confidence);
    let [first, last] = &answer.started;
    let shown = if answer.together.is_some() && answer.withheld_segments > 0 {
        ", in the segments that are shown"
    } else {
        ""
    };
    let mut text = Text::fixed(format!("Of about {} people who started from ", head(&all.people)))
        .quote(first)
        .and(" to ")
        .quote(last)
        .and(format!(
            "{shown}, {} ({level} interval {}) had an outcome {}",
            percent(all.rate.value),
            range(all.rate, percent),
            window(answer)
        ));
    for outcome in &all.outcomes {
        let show = |value| amount(value, outcome.per_person);
        text = text.and("; ").quote(&outcome.name).and(format!(
            " was {} per person ({})",
            show(outcome.per_person.value),
            range(outcome.per_person, show)
        ));
    }
    Statement::whole(text.and("."))
}

/// Draws the rate of each segment beside the rate of all.
fn picture(answer: &OutcomesAnswer) -> Option<Section> {
    let all = whole_of(answer)?;
    let row = |name: Text, segment: &Segment| Interval {
        name,
        figure: Text::fixed(percent(segment.rate.value)),
        words: Text::fixed(range(segment.rate, percent)),
        unit: "%".to_owned(),
        estimate: segment.rate.value * 100.0,
        ends: segment.rate.ci.map(|end| Some(end * 100.0)),
        beside: None,
    };
    let rows = answer.segments.iter().map(|segment| row(joined(segment), segment));
    let level = level(answer.confidence);
    let plot = Intervals {
        title: Text::fixed(format!(
            "Share of people with an outcome, with {level} intervals (noise and chance)"
        )),
        rows: rows.collect(),
        axis: Axis::Shared,
        reference: all.rate.value * 100.0,
        line: answer
            .together
            .is_some()
            .then(|| Text::fixed(format!("all: {}", percent(all.rate.value)))),
    };
    let section = Section::new(Topic::Picture, "Who had an outcome".into());
    let section = section.with(Block::Intervals(plot));
    Some(if answer.together.is_some() {
        section
            .with(Block::Note("The dashed line is the rate of all segments that are shown.".into()))
    } else {
        section
    })
}

/// Says how many people had an outcome, in each segment and in all.
fn rates(answer: &OutcomesAnswer) -> Section {
    let rows = rows(answer, |segment| {
        vec![
            Text::fixed(head(&segment.people)),
            Text::fixed(head(&segment.with_outcome)),
            Text::fixed(percent(segment.rate.value)),
            Text::fixed(range(segment.rate, percent)),
        ]
    });
    let figures =
        vec!["People".into(), "With outcome".into(), "Rate".into(), interval_heading(answer)];
    Section::new(Topic::Figures, "People with an outcome".into())
        .with(shown_or_not(Table { figures, rows, ..headed(answer) }))
        .with(Block::Note(
            "An outcome: at least one row that counts in the person\u{2019}s own window. The interval of a rate is \
             of noise and chance: what the rate of people like these may be."
                .into(),
        ))
}

/// Says what was added up for one outcome, in each segment and in all.
fn amounts(answer: &OutcomesAnswer, at: usize) -> Section {
    let found = |segment: &Segment| segment.outcomes.get(at).cloned();
    let rows = rows(answer, |segment| {
        let Some(outcome) = found(segment) else { return Vec::new() };
        let show = |value| amount(value, outcome.per_person);
        let AmountEstimate { total, per_person, .. } = &outcome;
        let [low, high] = total.ci;
        vec![
            Text::fixed(figure(total.value, total.noise_sd)),
            Text::fixed(format!("\u{b1} {}", figure((high - low) / 2.0, total.noise_sd))),
            Text::fixed(show(per_person.value)),
            Text::fixed(range(*per_person, show)),
        ]
    });
    let error = format!("\u{b1} ({})", level(answer.confidence));
    let figures =
        vec!["Total".into(), Text::fixed(error), "Per person".into(), interval_heading(answer)];
    let name =
        outcomes(answer).get(at).map(|outcome| Text::quoted(&outcome.name)).unwrap_or_default();
    let bounds = outcomes(answer).get(at).map(bounds).unwrap_or_default();
    Section::new(Topic::Figures, name)
        .with(shown_or_not(Table { figures, rows, ..headed(answer) }))
        .with(Block::Note(Text::fixed(format!(
            "Per person: the average over everybody, people without an outcome included. {bounds}. \u{b1} is the \
             noise of a total; the interval per person is of noise and chance."
        ))))
}

/// Says above and below which values one person's total does not count as it is.
fn bounds(outcome: &AmountEstimate) -> String {
    let [cap, floor] = [outcome.cap, outcome.floor].map(bound);
    format!("More than {cap} of one person counts as {cap}, and less than {floor} as {floor}")
}

/// Says who is in the cohort, and who of the dataset is not.
fn people(answer: &OutcomesAnswer) -> Section {
    let [first, last] = &answer.started;
    let [_, observed] = &answer.observed;
    let [_, until] = answer.window;
    let cohort = Text::fixed("Cohort: started ").quote(first).and(" to ").quote(last);
    let inside = whole_of(answer);
    let mut rows = vec![Row {
        names: vec![cohort],
        figures: inside
            .map_or_else(|| vec![UNKNOWN.into(), UNKNOWN.into()], |all| counts(&all.people)),
        ..Row::default()
    }];
    let mut other = |name: Text, others: &Others| {
        // Small segments are missing in the sum, so only its lower end is known.
        let hides_some = !answer.segment_by.is_empty() && others.withheld_segments > 0;
        let at_least = |people: &Estimate| {
            let least = figure(people.ci[0].round(), WHOLE);
            vec![Text::fixed(format!("at least {least}")), "no upper end".into()]
        };
        let figures = others
            .people
            .as_ref()
            .map(|people| if hides_some { at_least(people) } else { counts(people) });
        let figures = figures.unwrap_or_else(|| vec!["too few to show".into(), UNKNOWN.into()]);
        rows.push(Row { names: vec![name], figures, ..Row::default() });
    };
    let elsewhere = &answer.elsewhere;
    other(Text::fixed("Started before ").quote(first), &elsewhere.before);
    other(Text::fixed("Started after ").quote(last), &elsewhere.after);
    other("Have no day of a start".into(), &elsewhere.without_start);
    if !answer.consent_from.is_empty() {
        let withheld = answer.no_consent.map(|people| {
            vec![
                Text::fixed(whole(people.n)),
                Text::fixed(format!("{} to {}", whole(people.ci[0]), whole(people.ci[1]))),
            ]
        });
        let figures = withheld.unwrap_or_else(|| vec!["too few to show".into(), UNKNOWN.into()]);
        let name =
            Text::fixed("Withheld consent, in ").with(Text::names(&answer.consent_from, " or "));
        rows.push(Row { names: vec![name], figures, ..Row::default() });
    }
    let figures = vec!["People".into(), interval_heading(answer)];
    let names = vec!["Who".into()];
    Section::new(Topic::People, "Who counts".into())
        .with(Block::Table(Table { names, figures, rows, ..Table::default() }))
        .with(Block::Note(
            Text::fixed("Only the cohort (first line) is in the figures above. The outcomes are said to be observed until ")
                .quote(observed)
                .and(format!(
                    ". People who started later than the cohort had not had all days until day {until} by then, or \
                     were left out by the job. Ranges are of the noise."
                )),
        ))
}

fn limits(answer: &OutcomesAnswer) -> Section {
    let mut left_out = Vec::new();
    if !outcomes(answer).is_empty() {
        left_out.push("what a person has beyond the bounds above");
    }
    left_out.push("people without an identifier");
    left_out.push("outcomes under an identifier that the cohort does not have");
    let limits = vec![
        "Nothing about any one person: figures are about groups, and noisy.".into(),
        "Nothing about causes: people of one segment differ in more than their segment, and what they did after \
         they started they may have done without it."
            .into(),
        Text::fixed(format!(
            "Left out of the figures: {}. Whether the data are right, and whether the outcomes are all there until \
             the day that the job says, is not known here.",
            left_out.join("; ")
        )),
    ];
    Section::new(Topic::Limits, "What this does not say".into()).with(Block::List(limits))
}

/// A row for each segment, and one for all of them if there are several columns of names.
fn rows(answer: &OutcomesAnswer, figures: impl Fn(&Segment) -> Vec<Text>) -> Vec<Row> {
    let segments = answer.segments.iter().map(|segment| Row {
        names: match segment.names.as_slice() {
            [] => vec!["everybody".into()],
            names => names.iter().map(|name| named(name)).collect(),
        },
        figures: figures(segment),
        ..Row::default()
    });
    let all =
        answer.together.iter().map(|all| Row::new("(all that are shown)".into(), figures(all)));
    segments.chain(all).collect()
}

/// A segment's value as it is, or in quotes if it could be taken for a word of ours or for two
/// columns.
fn named(name: &str) -> Text {
    let is_ours = name.starts_with('(') && !["(none)", "(several)"].contains(&name);
    if is_ours || name.contains("  ") {
        Text::quoted(format!("\"{name}\""))
    } else {
        Text::quoted(name)
    }
}

fn joined(segment: &Segment) -> Text {
    match segment.names.as_slice() {
        [] => "everybody".into(),
        names => Text::list(names.iter().map(|name| named(name)), ", "),
    }
}

fn headed(answer: &OutcomesAnswer) -> Table {
    let names = match answer.segment_by.as_slice() {
        [] => vec!["Segment".into()],
        by => by.iter().map(Text::quoted).collect(),
    };
    Table { names, ..Table::default() }
}

fn shown_or_not(table: Table) -> Block {
    if table.rows.is_empty() {
        Block::Paragraph("Nothing can be shown: see the notes.".into())
    } else {
        Block::Table(table)
    }
}

fn interval_heading(answer: &OutcomesAnswer) -> Text {
    Text::fixed(format!("Range ({})", level(answer.confidence)))
}

fn counts(people: &Estimate) -> Vec<Text> {
    let [low, high] = people.ci.map(|end| figure(end.round(), WHOLE));
    vec![Text::fixed(head(people)), Text::fixed(format!("{low} to {high}"))]
}

/// A number of people, rounded to whole ones.
fn head(people: &Estimate) -> String {
    figure(people.value.round(), WHOLE)
}

/// A share of people, with as many decimals as small ones need.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if percent == 0.0 || percent >= 10.0 { 1 } else { 2 };
    format!("{percent:.decimals$} %")
}

/// An amount with the decimals that its interval supports.
fn amount(value: f64, share: Share) -> String {
    figure(value, (share.ci[1] - share.ci[0]) / 4.0)
}

fn range(share: Share, show: impl Fn(f64) -> String) -> String {
    let [low, high] = share.ci.map(show);
    format!("{low} to {high}")
}

/// The error from which a figure is shown without decimals.
const WHOLE: f64 = 100.0;
