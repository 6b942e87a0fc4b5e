//! The notes on the page of outcomes.

use super::OutcomesResult;
use crate::page::{Text, explain, number::whole};

pub(super) fn notes(result: &OutcomesResult) -> Vec<Text> {
    let answer = &result.answer;
    let mut notes: Vec<_> = result.flags.iter().map(|flag| explain(flag, own)).collect();
    // If starts were chosen by rows, this does not hold, and a flag says so.
    let new = if result.flags.iter().any(|flag| flag == "starts_chosen") {
        "."
    } else {
        ": somebody who comes back is not new."
    };
    notes.push(
        Text::fixed("a person starts on the earliest day in ")
            .quote(&answer.start)
            .and(", of all rows that count")
            .and(new),
    );
    if !answer.segment_by.is_empty() {
        notes.push(
            "everybody is in one segment: that of the only value that the person has there. (several) are people \
             with more than one, (none) people without."
                .into(),
        );
    }
    notes.extend(withheld(result));
    if answer.elsewhere.hides_some() && !answer.segment_by.is_empty() {
        notes.push(
            "people outside of the cohort are counted by segment too. Their number leaves out the segments that have \
             too few of them. Asked without segments, it has all of them."
                .into(),
        );
    }
    if result.noise && !answer.segments.is_empty() {
        notes.push(
            "noise can make a small total negative, or make more people have an outcome than there are: read it as \
             about zero, or as about all. Rates and what is per person end where nothing beyond is possible."
                .into(),
        );
    }
    notes
}

fn withheld(result: &OutcomesResult) -> Option<Text> {
    let answer = &result.answer;
    let hidden = i64::try_from(answer.withheld_segments).ok().filter(|hidden| *hidden > 0)?;
    if answer.segment_by.is_empty() {
        return None;
    }
    let (segments, each) = if hidden == 1 { ("segment is", "") } else { ("segments are", " each") };
    let nobodys = match i64::try_from(answer.withheld_without_value).unwrap_or(i64::MAX) {
        0 => String::new(),
        1 if hidden == 1 => " It is (none) or (several), and may be empty.".to_owned(),
        some if some == hidden => {
            " All of them are with (none) or (several), and may be empty.".to_owned()
        }
        some => {
            let are = if some == 1 { "is" } else { "are" };
            format!(" {} of them {are} with (none) or (several), and may be empty.", whole(some))
        }
    };
    let row = if answer.together.is_some() { ", and not in the last row" } else { "" };
    Some(Text::fixed(format!(
        "{} {segments} not shown{row}: fewer than {} people{each}, after noise.{nobodys}",
        whole(hidden),
        whole(answer.shown_from)
    )))
}

/// The sentence of a flag that only this kind has.
fn own(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "all_withheld" => "no segment of the cohort has enough people to be shown.",
        "refusals_known_by_outcome" => {
            "CAREFUL: consent is asked in the outcome data only, so refusals are known only of people who have rows \
             there. They leave the cohort with what they did, and people without outcomes all stay: rates are too \
             low. Give the cohort data the consent column."
        }
        "some_refusals_known_by_outcome" => {
            "CAREFUL: refusals in the outcome data are known only of people who have rows there. They leave the cohort \
             with what they did, and people without outcomes all stay: rates are too low by as many as refused there \
             and not in the cohort data."
        }
        "not_found_by_key" => {
            "CAREFUL: the cohort data have a kind of identifier that the outcome data have not. Who is known by that one \
             is never found, and counts as somebody who did nothing: rates and amounts are too low."
        }
        "starts_chosen" => {
            "CAREFUL: rows of the cohort data were chosen, and a start is the earliest day of those that were. Who has an \
             earlier day in another row counts as new: somebody who comes back may be in the cohort."
        }
        _ => return None,
    })
}
