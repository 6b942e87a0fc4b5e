//! The notes on the page of an overlap.

use super::{
    super::answer::{Count, OverlapAnswer},
    figures::MARK,
};
use crate::{
    page::{Text, explain, number::whole},
    result::JobResult,
};

/// The notes on an overlap, in sentences.
pub(super) fn notes(result: &JobResult<OverlapAnswer>) -> Vec<Text> {
    let answer = &result.answer;
    // The number of withheld places is in a note below, so this flag needs no sentence.
    let flags = result.flags.iter().filter(|flag| *flag != "places_withheld");
    let mut notes: Vec<_> = flags.map(|flag| explain(flag, own)).collect();
    if answer.withheld > 0 {
        let (places, each, they) = if answer.withheld == 1 {
            ("place is", "there", "It may be empty")
        } else {
            ("places are", "in each", "They may be empty")
        };
        let by = if answer.segments.is_some() { " and one segment" } else { "" };
        notes.push(Text::fixed(format!(
            "a place is for people who are in one set of datasets{by} and in no other dataset: {} {places} withheld, \
             since fewer than {} people were counted {each}, noise included. {they}.",
            withheld(answer.withheld),
            whole(answer.shown_from)
        )));
    }
    if counts(answer).iter().any(|count| count.value.is_some() && count.withheld > 0) {
        notes.push(Text::fixed(format!(
            "{MARK} people of withheld places, if there are any, are not in this figure. Noise aside, a number of people \
             can only be too low because of that, and a share too low or too high. The range allows for both."
        )));
    }
    if result.noise && !answer.places.is_empty() {
        notes.push(
            "figures of two or more datasets are sums of places, each with noise of its own, so that they need not add \
             up to the last person."
                .into(),
        );
    }
    notes
}

/// Every number of people in the answer.
fn counts(answer: &OverlapAnswer) -> Vec<&Count> {
    let datasets = answer
        .datasets
        .iter()
        .flat_map(|dataset| [&dataset.people, &dataset.only, &dataset.without_key]);
    let pairs = answer.pairs.iter();
    let pairs = pairs.flat_map(|pair| [&pair.both, &pair.either, &pair.only[0], &pair.only[1]]);
    let segments = answer.segments.iter().flat_map(|segments| &segments.values);
    let segments = segments.flat_map(|segment| {
        let found = segment.found.iter().map(|found| &found.people);
        std::iter::once(&segment.people).chain(found)
    });
    datasets.chain(pairs).chain([&answer.any, &answer.all]).chain(segments).collect()
}

/// A number of places, in words.
fn withheld(places: u64) -> String {
    whole(i64::try_from(places).unwrap_or(i64::MAX))
}

/// The sentence of a flag that only an overlap has.
fn own(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "all_withheld" => {
            "no place has enough people to be shown; result.json says how many there can be at most."
        }
        "without_key" => {
            "some people do not have the key by which people are known here. They are counted with their dataset, and \
             are in no match rate."
        }
        _ => return None,
    })
}
