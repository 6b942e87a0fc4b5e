//! The page of an overlap.

mod figures;
mod notes;
mod pictures;
mod tables;

use super::answer::OverlapAnswer;
use crate::{
    page::{Block, Page, Section, Statement, Text, Topic, notes as noted, number::level},
    result::JobResult,
};
use figures::{key, people, percent, range, share_range};

pub(super) fn page(result: &JobResult<OverlapAnswer>) -> Page {
    let answer = &result.answer;
    let names: Vec<_> = answer.datasets.iter().map(|dataset| &dataset.dataset).collect();
    let (title, subtitle) = match names.as_slice() {
        [one, other] => (
            Text::fixed("How many people are in both ")
                .quote(one)
                .and(" and ")
                .quote(other)
                .and("?"),
            Text::default(),
        ),
        all => (
            Text::fixed(format!("How far are the people of {} datasets the same?", all.len())),
            Text::fixed("Compared: ").with(Text::names(names.iter().copied(), ", ")).and("."),
        ),
    };
    let known = format!("People are known by their {}.", key(answer.by));
    let subtitle =
        if subtitle.is_empty() { Text::fixed(known) } else { subtitle.and(" ").and(known) };
    let shows_nothing = answer.places.is_empty();
    let mut sections = if shows_nothing { Vec::new() } else { tables::sections(answer) };
    sections.push(tables::people(answer));
    sections.extend(noted(notes::notes(result)));
    sections.push(limits(answer));
    let statement = if shows_nothing {
        "Nothing can be shown: no set of datasets has enough people.".into()
    } else {
        marked(statement(answer))
    };
    Page { title, subtitle, answer: vec![Statement::whole(statement)], sections, ..Page::default() }
}

/// The answer in a sentence. For two datasets it says both match rates; for more, how many people
/// are in all and in any of them.
fn statement(answer: &OverlapAnswer) -> Text {
    let at = level(answer.confidence);
    let [pair] = answer.pairs.as_slice() else {
        let text = Text::fixed(format!(
            "{} in all {} datasets ({} at {at}), and {} in any of them ({}). The Jaccard index of all is {}.",
            people(&answer.all, "people are"),
            answer.datasets.len(),
            range(&answer.all),
            people(&answer.any, "are"),
            range(&answer.any),
            figures::index_with_range(&answer.jaccard),
        ));
        return text.capital();
    };
    let [one, other] = &pair.datasets;
    let [of_one, of_other] = &pair.match_rates;
    let text = Text::fixed(format!(
        "{} in both ({} at {at}): {} ({}) of the people of ",
        people(&pair.both, "people are"),
        range(&pair.both),
        percent(of_one),
        share_range(of_one),
    ));
    let text = text
        .quote(one)
        .and(format!(", and {} ({}) of those of ", percent(of_other), share_range(of_other)))
        .quote(other)
        .and(format!(". The Jaccard index is {}.", figures::index_with_range(&pair.jaccard)));
    text.capital()
}

/// The sentence, with what the mark beside a figure of it means.
fn marked(sentence: Text) -> Text {
    if sentence.raw().contains(figures::MARK) {
        sentence.and(format!(
            " {} Without the people of places that are withheld, if there are any; the ranges allow for them.",
            figures::MARK
        ))
    } else {
        sentence
    }
}

fn limits(answer: &OverlapAnswer) -> Section {
    let key = key(answer.by);
    let mut limits = vec![
        "Nothing about any one person: figures are about sets of people, and noisy.".into(),
        Text::fixed(format!(
            "That two rows are of one human: people meet where their {key} is the same, and somebody with two is \
             two people. Match rates can so be too low, and nothing here tells by how much."
        )),
        Text::fixed(format!(
            "Match rates and Jaccard are of people who have {}, and not of all rows of a dataset.",
            figures::a_key(answer.by)
        )),
        "The ranges cover the noise and what withheld places leave open, and nothing else. Whether the data are right \
         is not known here."
            .into(),
    ];
    if answer.segments.is_some() {
        limits.push(
            "That a segment is why people are found or not: segments differ in other things too."
                .into(),
        );
    }
    Section::new(Topic::Limits, "What this does not say".into()).with(Block::List(limits))
}

#[cfg(test)]
mod tests;
