//! The notes on the page of a table of groups.

use super::{asks_consent, quantiles};
use crate::{
    page::{
        Text, explain,
        number::{level, whole},
    },
    result::{CountRange, TableResult},
};

/// The notes on a table, in sentences.
pub(super) fn notes(result: &TableResult) -> Vec<Text> {
    let mut notes: Vec<_> = quantiles::quantiles(result).into_iter().collect();
    notes.extend(result.flags.iter().map(|flag| explain(flag, own)));
    notes.extend(not_shown(result));
    let cells = || result.answer.cells.iter();
    let shown = || cells().flat_map(|cell| cell.measures.iter());
    if shown().any(|measure| measure.floor >= 0.0 && measure.total.value < 0.0) {
        notes.push("noise can make a small total negative: read it as about zero.".into());
    }
    if shown().any(|measure| measure.floor < 0.0) {
        notes.push(
            "a person's total can be negative here: what the table says about somebody who is known to be in \
             the data costs up to 4 rho, and not 2 as where totals below 0 count as 0."
                .into(),
        );
    }
    if result.noise && shown().next().is_some() {
        notes.push(
            "what is per person, and its range, lies within what one person can have in the group: between the \
             bounds that are named, and within the group's own bin. Where noise reaches farther, the range ends \
             there."
                .into(),
        );
    }
    if result.noise && !result.answer.cells.is_empty() {
        notes.push(
            "a range of people allows for it that the group is shown: of small groups those are shown \
             whose count noise has made larger."
                .into(),
        );
    }
    let yes_or_no = |at| {
        cells().filter_map(move |cell| cell.names.get(at)).all(|name| name == "yes" || name == "no")
    };
    let by_match = result.answer.group_by.iter().position(|heading| heading == "matched");
    if by_match.is_some_and(yes_or_no) && !result.answer.cells.is_empty() {
        notes.push(matched(result));
    }
    if result.answer.cells_per_person > 1 {
        let most = result.answer.cells_per_person;
        notes.push(Text::fixed(format!(
            "one person counts in at most {most} groups, so the groups may add up to more than there \
             are people."
        )));
    } else if !result.answer.group_by.is_empty() {
        notes.push(
            "each person counts in one group only; somebody who would belong to several was put into \
             one of them."
                .into(),
        );
    }
    notes
}

/// Says which groups and people are in no row.
fn not_shown(result: &TableResult) -> Vec<Text> {
    let mut notes = Vec::new();
    if result.noise && result.answer.shown_from > i64::from(result.privacy.min_cell) {
        let public = result.answer.withheld_without_value.is_some();
        let why = if public {
            "so that noise alone hardly ever shows an empty group"
        } else {
            "so that nobody is seen who is alone in a group"
        };
        notes.push(Text::fixed(format!(
            "a group can be seen from about {} people on: that many must be counted in it, noise \
             included, {why}.",
            whole(result.answer.shown_from)
        )));
    }
    notes.extend(withheld(result));
    if let Some(people) = result.answer.no_consent.filter(|_| asks_consent(result)) {
        let [low, high] = people.ci.map(whole);
        let range = if people.noise_sd > 0.0 {
            let level = level(result.answer.confidence);
            format!("about {} people ({low} to {high} at {level})", whole(people.n))
        } else {
            format!("{} people", whole(people.n))
        };
        notes.push(
            Text::fixed(range).and(" withheld consent (asked in ").with(sources(result)).and(
                ") and are in no group: neither among those who were found nor among the others.",
            ),
        );
    }
    notes
}

/// Says which datasets ask for consent.
fn sources(result: &TableResult) -> Text {
    Text::names(&result.answer.consent_from, " and ")
}

/// Says what "matched" means, and names a share only with what it is a share of.
fn matched(result: &TableResult) -> Text {
    let (refusers, agreed) = if asks_consent(result) {
        ("; whoever withheld consent is under neither", " who did not withhold consent")
    } else {
        ("", "")
    };
    let meaning = Text::fixed(format!(
        "matched: whether the person was found in the joined dataset{refusers}."
    ));
    let Some(found) = &result.answer.matched else { return meaning };
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let [low, high] = found.ci.map(percent);
    let text = meaning
        .and(format!(" Found: {} ({low} to {high}) of the people{agreed}.", percent(found.share)));
    let Some(all) = found.share_with_refusers else { return text };
    text.and(" A refusal is asked in ").with(sources(result)).and(format!(
        " only, and so known only of people who were found: with them, {} of all people were found.",
        percent(all)
    ))
}

/// Says how many groups are not shown.
fn withheld(result: &TableResult) -> Option<Text> {
    let CountRange { n, noise_sd, ci } = result.answer.withheld_cells;
    let [low, high] = ci.map(whole);
    if noise_sd > 0.0 {
        let level = level(result.answer.confidence);
        let none = if ci[0] == 0 { ": there may be none" } else { "" };
        return Some(Text::fixed(format!(
            "{low} to {high} groups whose values are private have too few people to be shown{none}. (Their \
             number is noisy: this is its range at {level}.)"
        )));
    }
    if n <= 0 {
        return None;
    }
    let least = whole(result.answer.shown_from);
    let (groups, each) = if n == 1 { ("group is", "") } else { ("groups are", " each") };
    let added = if result.answer.other.is_some() {
        "; the row \"(not shown)\" adds them up. Its total is right except for noise; of its people only the least \
         number is known"
    } else {
        ""
    };
    let of_nobody = match result.answer.withheld_without_value {
        Some(without @ 1..) => format!(
            " {} combination{} with \"(none)\", which may be empty.",
            match i64::try_from(without).unwrap_or(i64::MAX) {
                1 if n == 1 => "It is a".to_owned(),
                1 => "One of them is a".to_owned(),
                all if all == n => "All of them are".to_owned(),
                some => format!("{} of them are", whole(some)),
            },
            if without == 1 { "" } else { "s" }
        ),
        _ => String::new(),
    };
    Some(Text::fixed(format!(
        "{} {groups} not shown: fewer than {least} people{each}, after noise{added}.{of_nobody}",
        whole(n)
    )))
}

/// The sentence of a flag that only a table has.
fn own(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "truncated" => "only the largest groups are shown: there are too many for one result.",
        "all_withheld" => "no group has enough people to be shown.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::super::sample::by_shop, *};
    use crate::result::MatchedShare;

    fn joined(result: &TableResult) -> String {
        notes(result).iter().map(Text::raw).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_number_of_hidden_groups_is_not_named_where_there_may_be_none() {
        let mut result = by_shop();
        result.answer.withheld_without_value = None;
        result.answer.withheld_cells = CountRange { n: 0, noise_sd: 75.0, ci: [0, 161] };
        let words = withheld(&result).unwrap().raw();
        assert!(words.starts_with("0 to 161 groups whose values are private"), "{words}");
        assert!(words.contains("there may be none") && !words.contains("about"), "{words}");
        result.answer.withheld_cells = CountRange { n: 214, noise_sd: 75.0, ci: [67, 361] };
        let words = withheld(&result).unwrap().raw();
        assert!(words.starts_with("67 to 361 groups") && !words.contains("none"), "{words}");
    }

    #[test]
    fn combinations_without_a_value_are_told_apart_from_small_groups() {
        let mut result = by_shop();
        let words = |result: &TableResult| withheld(result).unwrap().raw();
        assert!(
            words(&result)
                .ends_with("3 of them are combinations with \"(none)\", which may be empty.")
        );
        result.answer.withheld_without_value = Some(4);
        assert!(words(&result).contains("All of them are combinations with \"(none)\""));
        result.answer.withheld_without_value = Some(0);
        assert!(!words(&result).contains("(none)"));
    }

    #[test]
    fn where_no_consent_is_asked_nothing_is_said_of_people_who_withheld_it() {
        let mut result = by_shop();
        result.answer.matched =
            Some(MatchedShare { share: 0.35, ci: [0.34, 0.36], share_with_refusers: None });
        assert!(notes(&result).iter().any(|note| note.raw().contains("consent")));
        result.answer.consent_from.clear();
        let notes = joined(&result);
        assert!(!notes.contains("consent"), "{notes}");
        assert!(notes.contains("Found: 35.0 % (34.0 % to 36.0 %) of the people."), "{notes}");
    }

    /// 35 % of those who agreed; with refusers, who are all found, 52 %.
    #[test]
    fn a_share_is_said_with_what_it_is_a_share_of() {
        let mut result = by_shop();
        result.answer.matched =
            Some(MatchedShare { share: 0.35, ci: [0.34, 0.36], share_with_refusers: Some(0.52) });
        let notes = joined(&result);
        for text in [
            "Found: 35.0 % (34.0 % to 36.0 %) of the people who did not withhold consent.",
            "A refusal is asked in sales only",
            "52.0 % of all people were found",
            "withheld consent (asked in sales) and are in no group",
        ] {
            assert!(notes.contains(text), "no {text} in {notes}");
        }
    }
}
