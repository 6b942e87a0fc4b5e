//! The page of reach and frequency.

mod notes;

use super::answer::{Average, Frequency, Group, Groups, People, ReachAnswer, Times};
use crate::{
    identity::Identifier,
    page::{
        Axis, Block, Interval, Intervals, Page, Row, Section, Statement, Table, Text, Topic,
        UNKNOWN, notes as noted,
        number::{level, whole},
    },
    result::JobResult,
};

type ReachResult = JobResult<ReachAnswer>;

pub(super) fn page(result: &ReachResult) -> Page {
    let answer = &result.answer;
    let mut sections = Vec::new();
    if !shows_nothing(answer) {
        sections.extend(picture(answer));
        sections.extend(answer.frequency.as_ref().map(|frequency| frequencies(answer, frequency)));
        sections.extend(answer.groups.as_ref().map(|group| groups(answer, group)));
        let of_values = answer.groups.as_ref();
        sections.extend(of_values.and_then(|groups| frequencies_of_values(answer, groups)));
    }
    let without = answer.without_key.as_ref().is_some_and(|people| people.value.is_some());
    if !shows_nothing(answer) || without || answer.no_consent.is_some() {
        sections.push(people(answer));
    }
    sections.extend(noted(notes::notes(result)));
    sections.push(limits(answer));
    let title = match answer.groups.as_ref().map(|groups| groups.column.as_ref()) {
        None => "How many people were reached, and how often?".into(),
        Some(None) => "How many people did each dataset reach?".into(),
        Some(Some(column)) => {
            Text::fixed("How many people were reached by ").quote(column).and("?")
        }
    };
    let known = format!(". People are known by their {}.", key(answer.by));
    Page {
        title,
        subtitle: Text::fixed("Counted: ").quote(&answer.counted).and(known),
        answer: if shows_nothing(answer) {
            vec![Statement::whole("Nothing can be shown: no group has enough people.".into())]
        } else {
            statement(answer).into_iter().collect()
        },
        sections,
        ..Page::default()
    }
}

/// Whether no number of people who were reached is shown.
pub(super) fn shows_nothing(answer: &ReachAnswer) -> bool {
    let groups = answer.groups.iter().flat_map(|groups| &groups.groups);
    let frequencies = groups.clone().filter_map(|group| group.frequency.as_ref());
    let times = frequencies.chain(&answer.frequency).flat_map(|frequency| &frequency.times);
    let mut all = answer.reach.iter().chain(groups.map(|group| &group.people));
    all.all(|people| people.value.is_none())
        && times.clone().all(|time| time.people.value.is_none())
}

fn key(by: Identifier) -> &'static str {
    match by {
        Identifier::Email => "e-mail address",
        Identifier::Phone => "phone number",
        Identifier::Hashed => "hashed identifier",
    }
}

fn statement(answer: &ReachAnswer) -> Option<Statement> {
    let level = level(answer.confidence);
    let Some(reach) = &answer.reach else {
        let [first, ..] = answer.groups.as_ref()?.groups.as_slice() else { return None };
        let largest = answer.groups.iter().flat_map(|groups| &groups.groups);
        let largest = largest.max_by_key(|group| group.people.value).unwrap_or(first);
        let text = Text::fixed("\u{201c}").quote(&largest.name).and(format!(
            "\u{201d} reached {} people ({level} interval {}), the most of any value.",
            counted(&largest.people),
            range(&largest.people)
        ));
        return Some(Statement::whole(text));
    };
    let several = if answer.datasets.len() > 1 {
        format!(" by {} datasets together, each counted once", answer.datasets.len())
    } else {
        String::new()
    };
    let mut text = format!(
        "{} people were reached{several} ({level} interval {})",
        counted(reach),
        range(reach)
    );
    if let Some(average) = answer.frequency.as_ref().and_then(|frequency| frequency.average) {
        text.push_str(&format!(
            ", on average {} times each ({}), where more than {} times count as {}",
            times(average.value),
            times_range(&average),
            answer.most_frequency,
            answer.most_frequency
        ));
    }
    Some(Statement::whole(Text::fixed(text).and(".").capital()))
}

/// Draws the share of people by frequency, or the people of each group, with intervals.
fn picture(answer: &ReachAnswer) -> Option<Section> {
    let row = |name: Text, people: &People| {
        let value = people.value?;
        Some(Interval {
            name,
            figure: Text::fixed(whole(value)),
            words: Text::fixed(range(people)),
            unit: String::new(),
            estimate: real(value),
            ends: people.ci.map(|end| Some(real(end))),
            beside: None,
        })
    };
    let (heading, title, rows): (_, _, Vec<_>) = if let Some(frequency) = &answer.frequency {
        let rows = frequency.times.iter();
        let rows = rows.filter_map(|time| row(Text::fixed(often(answer, time)), &time.people));
        ("How often", "People by how often they were reached", rows.collect())
    } else {
        let groups = answer.groups.as_ref()?.groups.iter();
        let rows = groups.filter_map(|group| row(named(group), &group.people));
        ("Reach", "People reached", rows.collect())
    };
    if rows.is_empty() {
        return None;
    }
    let plot = Intervals {
        title: Text::fixed(format!("{title}, with {} intervals", level(answer.confidence))),
        rows,
        axis: Axis::Shared,
        reference: 0.0,
        line: None,
    };
    Some(Section::new(Topic::Picture, heading.into()).with(Block::Intervals(plot)))
}

fn often(answer: &ReachAnswer, times: &Times) -> String {
    let or_more = if times.times == answer.most_frequency { " or more" } else { "" };
    match times.times {
        1 => "once".to_owned(),
        2 if or_more.is_empty() => "twice".to_owned(),
        many => format!("{many}{or_more} times"),
    }
}

fn frequencies(answer: &ReachAnswer, frequency: &Frequency) -> Section {
    let rows = frequency.times.iter().map(|time| Row {
        names: vec![Text::fixed(often(answer, time))],
        figures: figures_of(time),
        ..Row::default()
    });
    let table = of_times(answer, vec!["Reached".into()], rows.collect());
    let most = answer.most_frequency;
    let average = frequency.average.map_or_else(
        || "Average frequency: not known.".to_owned(),
        |average| {
            format!(
                "Average frequency: {} ({}), of people who were reached. It is of capped counts: whoever was reached \
                 oftener than {most} times counts with {most}, and the true average is higher if anybody was.",
                times(average.value),
                times_range(&average)
            )
        },
    );
    let capped = frequency.times.last().map(|last| {
        format!(
            "{} people are at the cap of {most} ({}).",
            counted(&last.people),
            range(&last.people)
        )
    });
    Section::new(Topic::Figures, "Frequency".into())
        .with(Block::Table(table))
        .with(Block::Paragraph(Text::fixed(average)))
        .with(Block::Paragraph(Text::fixed(capped.unwrap_or_default()).capital()))
}

/// How often, in as little room as a column beside others has.
fn count_of(answer: &ReachAnswer, times: &Times) -> String {
    let or_more = if times.times == answer.most_frequency { " or more" } else { "" };
    format!("{}{or_more}", times.times)
}

/// A table of people by how often they were reached.
fn of_times(answer: &ReachAnswer, names: Vec<Text>, rows: Vec<Row>) -> Table {
    let range = Text::fixed(format!("Range ({})", level(answer.confidence)));
    let figures = vec!["People".into(), range.clone(), "At least".into(), "People".into(), range];
    Table { names, figures, rows, bars: None }
}

fn figures_of(time: &Times) -> Vec<Text> {
    vec![
        Text::fixed(counted(&time.people)),
        Text::fixed(range(&time.people)),
        Text::fixed(format!("{}+", time.times)),
        Text::fixed(counted(&time.at_least)),
        Text::fixed(range(&time.at_least)),
    ]
}

/// Says how often the people of each value were reached, if that was asked.
fn frequencies_of_values(answer: &ReachAnswer, groups: &Groups) -> Option<Section> {
    let of_group = |group: &Group| {
        let times = group.frequency.iter().flat_map(|frequency| &frequency.times);
        let rows = times.map(|time| Row {
            names: vec![named(group), Text::fixed(count_of(answer, time))],
            figures: figures_of(time),
            ..Row::default()
        });
        rows.collect::<Vec<_>>()
    };
    let rows: Vec<_> = groups.groups.iter().flat_map(of_group).collect();
    let column = groups.column.as_ref().filter(|_| !rows.is_empty())?;
    let table = of_times(answer, vec![Text::quoted(column), "Times".into()], rows);
    let section = Section::new(Topic::Figures, "Frequency of each value".into());
    Some(section.with(Block::Table(table)))
}

fn groups(answer: &ReachAnswer, groups: &Groups) -> Section {
    let is_by_dataset = groups.column.is_none();
    let range_heading = Text::fixed(format!("Range ({})", level(answer.confidence)));
    let rows = groups.groups.iter().map(|group| {
        let mut figures =
            vec![Text::fixed(counted(&group.people)), Text::fixed(range(&group.people))];
        figures.push(group.average.map_or(UNKNOWN.into(), |mean| Text::fixed(times(mean.value))));
        figures.push(group.average.map_or(UNKNOWN.into(), |mean| Text::fixed(times_range(&mean))));
        Row { names: vec![named(group)], figures, ..Row::default() }
    });
    // The reach of all was counted, not added up. An answer by the values of a column has none.
    let all = answer.reach.iter().map(|reach| {
        let figures = vec![Text::fixed(counted(reach)), Text::fixed(range(reach))];
        Row::new("(all, each person once)".into(), figures)
    });
    let table = Table {
        names: vec![groups.column.as_ref().map_or("Dataset".into(), Text::quoted)],
        figures: vec![
            "Reach".into(),
            range_heading.clone(),
            "Average".into(),
            range_heading.clone(),
        ],
        rows: rows.chain(all).collect(),
        ..Table::default()
    };
    let most = answer.most_frequency;
    let note = format!(
        "Average: how often those who were reached there were reached there; more than {most} times count as {most}."
    );
    let section = Section::new(Topic::Figures, "Reach".into());
    let section = if table.rows.is_empty() {
        section.with(Block::Paragraph("Nothing can be shown: see the notes.".into()))
    } else {
        section.with(Block::Table(table)).with(Block::Note(Text::fixed(note)))
    };
    if !is_by_dataset {
        return section;
    }
    let only = groups.groups.iter().filter_map(|group| {
        let only = group.only.as_ref()?;
        let figures = vec![Text::fixed(counted(only)), Text::fixed(range(only))];
        Some(Row::new(named(group), figures))
    });
    let rows = only.collect();
    let table = Table {
        names: vec!["Reached only by".into()],
        figures: vec!["People".into(), range_heading],
        rows,
        ..Table::default()
    };
    section.with(Block::Heading("Exclusive reach".into())).with(Block::Table(table))
}

/// Says who counts, and who does not.
fn people(answer: &ReachAnswer) -> Section {
    let mut rows = Vec::new();
    let row = |name: Text, people: &People| {
        Row::new(name, vec![Text::fixed(counted(people)), Text::fixed(range(people))])
    };
    if let Some(reach) = &answer.reach {
        rows.push(row("Reached".into(), reach));
    }
    let apart = answer.groups.iter().flat_map(|groups| &groups.groups);
    let is_of_one = apart.filter(|group| group.without_key.is_some()).count() == 1;
    if let Some(without) = answer.without_key.as_ref().filter(|_| !is_of_one) {
        rows.push(row(Text::fixed(format!("Without {}", key(answer.by))), without));
    }
    for group in answer.groups.iter().flat_map(|groups| &groups.groups) {
        if let Some(without) = &group.without_key {
            let name = Text::fixed(format!("Without {}, ", key(answer.by))).with(named(group));
            rows.push(row(name, without));
        }
    }
    if !answer.consent_from.is_empty() {
        let name =
            Text::fixed("Withheld consent, in ").with(Text::names(&answer.consent_from, " or "));
        let figures = answer.no_consent.map_or_else(
            || vec!["too few to show".into(), UNKNOWN.into()],
            |people| {
                let [low, high] = people.ci.map(whole);
                vec![Text::fixed(whole(people.n)), Text::fixed(format!("{low} to {high}"))]
            },
        );
        rows.push(Row::new(name, figures));
    }
    let section = Section::new(Topic::People, "Who counts".into());
    let note = Block::Note(
        "Only people who have the identifier are in the figures above. If a person has it on some rows and not on \
         others, nobody knows that the other rows are the same person's."
            .into(),
    );
    if rows.is_empty() {
        return section.with(note);
    }
    let figures =
        vec!["People".into(), Text::fixed(format!("Range ({})", level(answer.confidence)))];
    let names = vec!["Who".into()];
    section.with(Block::Table(Table { names, figures, rows, ..Table::default() })).with(note)
}

fn limits(answer: &ReachAnswer) -> Section {
    let mut limits = vec![
        "Nothing about any one person: figures are about groups, and noisy.".into(),
        Text::fixed(
            "The ranges cover the noise and what groups that are not shown leave open, and nothing else: what is \
             counted are rows that the datasets have, of people under one identifier. Whether somebody saw anything, \
             and whether two identifiers are one human, is not known here.",
        ),
    ];
    if answer.groups.as_ref().is_some_and(|groups| groups.column.is_some()) {
        limits.push(
            "How many people were reached in all: people of several values are in each of them, so that their sum is \
             no reach. Ask with per = \"frequency\" for that."
                .into(),
        );
    }
    Section::new(Topic::Limits, "What this does not say".into()).with(Block::List(limits))
}

/// A group's name as it is, or in quotes if it could be taken for a word of ours or for two
/// columns.
fn named(group: &Group) -> Text {
    let name = &group.name;
    if (name.starts_with('(') && name != "(none)") || name.contains("  ") {
        Text::quoted(format!("\"{name}\""))
    } else {
        Text::quoted(name)
    }
}

/// A number of people, with a remark on what is missing in it.
fn counted(people: &People) -> String {
    match people.value {
        Some(_) if people.withheld > 0 => format!("at least {}", whole(people.ci[0])),
        Some(value) => whole(value),
        None => "not shown".to_owned(),
    }
}

fn range(people: &People) -> String {
    let [low, high] = people.ci.map(whole);
    format!("{low} to {high}")
}

fn times(average: f64) -> String {
    format!("{average:.2}")
}

fn times_range(average: &Average) -> String {
    let [low, high] = average.ci.map(times);
    format!("{low} to {high}")
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: i64) -> f64 {
    number as f64
}
