//! The notes on the page of reach and frequency.

use super::{ReachResult, key, shows_nothing};
use crate::page::{Text, explain, number::whole};

pub(super) fn notes(result: &ReachResult) -> Vec<Text> {
    let answer = &result.answer;
    let mut notes: Vec<_> = result.flags.iter().map(|flag| explain(flag, own)).collect();
    if let Some(groups) = &answer.groups {
        if groups.column.is_some() {
            notes.push(
                "one person may have been reached by several of these, and is in each of them: they do not add up to a \
                 reach, and no total is shown."
                    .into(),
            );
        } else {
            notes.push(
                "who was reached by several datasets is in the reach of each, so that these do not add up; the reach of \
                 all of them was counted, each person once."
                    .into(),
            );
        }
    }
    if let Some(most) = answer.groups.as_ref().and_then(|groups| groups.values_per_person) {
        notes.push(Text::fixed(format!(
            "if anybody has more than {most} of these (blank counts as one), that person counts in {most} of them, drawn \
             by chance."
        )));
    }
    if answer.without_key.is_some_and(|people| people.value.is_some()) {
        notes.push(Text::fixed(format!(
            "some people have rows without the {}. They may be people who are counted already, and are in no figure of \
             reach.",
            key(answer.by)
        )));
    }
    if answer.withheld > 0 {
        let groups = i64::try_from(answer.withheld).unwrap_or(i64::MAX);
        let (are, each) = if groups == 1 {
            ("group of people is", "")
        } else {
            ("groups of people are", " each")
        };
        let least = if shows_nothing(answer) {
            ""
        } else {
            " A number that they belong to is given as at least what is known of it, and its range allows for them."
        };
        notes.push(Text::fixed(format!(
            "{} {are} not shown: fewer than {} people{each}, after noise. They may be empty.{least}",
            whole(groups),
            whole(answer.shown_from)
        )));
    }
    notes
}

/// The sentence of a flag that only this kind has.
fn own(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "all_withheld" => "no group has enough people to be shown.",
        "without_key" => "CAREFUL: not everybody has the identifier that people are known by.",
        "values_left_out" => {
            "CAREFUL: there are more values than one person counts in. If anybody has more, the reach of the others is \
             too low by that person, and averages are of those who were left in, who are rather people with few values; \
             no range allows for either. Ask for more values per person, which makes more noise, if the contract allows \
             it."
        }
        _ => return None,
    })
}
