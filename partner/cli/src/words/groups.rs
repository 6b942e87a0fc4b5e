//! A table of groups as people read it.

use super::{explain, figure, level, whole};
use crate::say;
use protocol::result::{
    CountRange, Estimate, MeasureEstimate, OtherCells, SpreadEstimate, TableCell, TableResult,
};

mod quantiles;

/// The headings of what cells are made of; one for the whole if they are made of nothing.
pub(crate) fn headings(result: &TableResult) -> Vec<String> {
    match result.answer.group_by.as_slice() {
        [] => vec!["group".to_owned()],
        by => by.iter().map(say::name).collect(),
    }
}

/// The name of a cell under each heading.
pub(crate) fn names(cell: &TableCell) -> Vec<String> {
    match cell.names.as_slice() {
        [] => vec!["everybody".to_owned()],
        names => names.iter().map(say::name).collect(),
    }
}

/// A row of a table of groups.
pub(crate) struct Row<'r> {
    /// Under each heading; one for cells that are not one group.
    pub(crate) names: Vec<String>,
    /// What stands beside them, column by column.
    pub(crate) figures: Vec<String>,
    /// The cell; none for those that are added up.
    pub(crate) cell: Option<&'r TableCell>,
}

/// The headings of [`people_rows`].
pub(crate) fn people_headings(result: &TableResult) -> [String; 2] {
    ["people".to_owned(), range_heading(result)]
}

/// How many people are in each cell, and between what numbers they lie.
pub(crate) fn people_rows(result: &TableResult) -> Vec<Row<'_>> {
    let shown = result.answer.cells.iter().map(|cell| {
        let figures = vec![people(&cell.people), people_range(&cell.people)];
        Row { names: names(cell), figures, cell: Some(cell) }
    });
    shown.chain(result.answer.other.iter().map(|it| other(vec![at_least(it), none()]))).collect()
}

/// The headings of [`measure_rows`].
pub(crate) fn measure_headings(result: &TableResult) -> Vec<String> {
    let error = format!("\u{b1} ({})", level(result.answer.confidence));
    vec!["total".to_owned(), error, "per person".to_owned(), range_heading(result)]
}

/// What is added up in each cell of the measure of this name.
pub(crate) fn measure_rows<'r>(result: &'r TableResult, name: &str) -> Vec<Row<'r>> {
    let row = |total: Option<&Estimate>, mean: Option<&Estimate>| {
        vec![
            total.map_or_else(none, amount),
            total.map_or_else(none, amount_error),
            mean.map_or_else(none, amount),
            mean.map_or_else(none, amount_range),
        ]
    };
    let shown = result.answer.cells.iter().map(|cell| {
        let measure = measured(cell, name);
        let figures = row(measure.map(|found| &found.total), measure.map(|found| &found.mean));
        Row { names: names(cell), figures, cell: Some(cell) }
    });
    let added = result.answer.other.iter().map(|cells| {
        let total = cells.measures.iter().find(|it| it.name == name).map(|it| &it.total);
        other(row(total, None))
    });
    shown.chain(added).collect()
}

/// The headings of [`spread_rows`].
pub(crate) fn spread_headings(result: &TableResult) -> Vec<String> {
    vec!["spread".to_owned(), range_heading(result)]
}

/// How much people of each cell differ in the measure of this name; no rows if that was not asked.
pub(crate) fn spread_rows<'r>(result: &'r TableResult, name: &str) -> Vec<Row<'r>> {
    let rows = result.answer.cells.iter().filter_map(|cell| {
        let SpreadEstimate { value, ci: [low, high] } = measured(cell, name)?.spread?;
        let error = (high - low) / 4.0;
        let [value, low, high] = [value, low, high].map(|number| figure(number, error));
        let figures = vec![value, format!("{low} to {high}")];
        Some(Row { names: names(cell), figures, cell: Some(cell) })
    });
    rows.collect()
}

/// What a spread and its range are.
pub(crate) const SPREAD: &str = "Standard deviation between people. Its range allows for the noise in people, totals \
     and squares: it begins at 0 where noise reaches it.";

fn other<'r>(figures: Vec<String>) -> Row<'r> {
    Row { names: vec!["other".to_owned()], figures, cell: None }
}

fn range_heading(result: &TableResult) -> String {
    format!("range ({})", level(result.answer.confidence))
}

fn none() -> String {
    "\u{2013}".to_owned()
}

/// Above and below which one person's value in one cell does not count as it is.
pub(crate) fn bounds(measure: &MeasureEstimate) -> String {
    let [cap, floor] = [measure.cap, measure.floor].map(super::size);
    format!("above {cap} of one person in one group counts as {cap}, below {floor} as {floor}")
}

/// The first of each measure that a cell has, in the order of the cells.
pub(crate) fn measures(result: &TableResult) -> Vec<&MeasureEstimate> {
    let mut first: Vec<&MeasureEstimate> = Vec::new();
    for found in result.answer.cells.iter().flat_map(|cell| &cell.measures) {
        if first.iter().all(|it| it.name != found.name) {
            first.push(found);
        }
    }
    first
}

/// What a cell has of a measure: found by name, since a file may leave one out of a cell.
pub(crate) fn measured<'r>(cell: &'r TableCell, name: &str) -> Option<&'r MeasureEstimate> {
    cell.measures.iter().find(|measure| measure.name == name)
}

/// How many people, in whole numbers.
pub(crate) fn people(people: &Estimate) -> String {
    figure(people.value.round(), WHOLE)
}

/// Between what numbers of people it lies, at the result's confidence.
fn people_range(people: &Estimate) -> String {
    let [low, high] = people.ci.map(|end| figure(end.round(), WHOLE));
    format!("{low} to {high}")
}

/// People of the cells that are not shown: how many more there are is not known.
fn at_least(other: &OtherCells) -> String {
    match other.people_at_least {
        ..1 => none(),
        least => format!("at least {}", whole(least)),
    }
}

/// An amount, with the decimals that its noise supports.
pub(crate) fn amount(estimate: &Estimate) -> String {
    figure(estimate.value, estimate.noise_sd)
}

/// How far noise may move an amount, at the result's confidence.
pub(crate) fn amount_error(estimate: &Estimate) -> String {
    format!("\u{b1} {}", figure(half(estimate), estimate.noise_sd))
}

/// Between what amounts one lies.
fn amount_range(estimate: &Estimate) -> String {
    let [low, high] = estimate.ci.map(|end| figure(end, estimate.noise_sd));
    format!("{low} to {high}")
}

/// Half of its interval.
fn half(estimate: &Estimate) -> f64 {
    let [low, high] = estimate.ci;
    (high - low) / 2.0
}

/// How far the middle of its interval is from an estimate.
fn aside(estimate: &Estimate) -> f64 {
    let [low, high] = estimate.ci;
    (f64::midpoint(low, high) - estimate.value).abs()
}

/// What has to be known to read a table, in sentences.
pub(crate) fn notes(result: &TableResult) -> Vec<String> {
    let mut notes: Vec<_> = quantiles::quantiles(result).into_iter().collect();
    notes.extend(result.flags.iter().map(|flag| explain(flag)));
    notes.extend(not_shown(result));
    let cells = || result.answer.cells.iter();
    let shown = || cells().flat_map(|cell| cell.measures.iter());
    if shown().any(|it| it.floor >= 0.0 && it.total.value < 0.0) {
        notes.push("noise can make a small total negative: read it as about zero.".to_owned());
    }
    if shown().any(|it| it.floor < 0.0) {
        notes.push(
            "a person's total can be negative here: what the table says about somebody who is known to be in \
             the data costs up to 4 rho, and not 2 as where totals below 0 count as 0."
                .to_owned(),
        );
    }
    if result.noise && shown().next().is_some() {
        notes.push(
            "what is per person, and its range, lies within what one person can have in the group: between the \
             bounds that are named, and within the group's own bin. Where noise reaches farther, the range ends \
             there."
                .to_owned(),
        );
    }
    if result.noise && !result.answer.cells.is_empty() {
        notes.push(
            "a range of people allows for it that the group is shown: of small groups those are shown \
             whose count noise has made larger."
                .to_owned(),
        );
    }
    let yes_or_no =
        |at| cells().filter_map(move |it| it.names.get(at)).all(|it| it == "yes" || it == "no");
    let by_match = result.answer.group_by.iter().position(|it| it == "matched");
    if by_match.is_some_and(yes_or_no) {
        notes.push(matched(result));
    }
    if result.answer.cells_per_person > 1 {
        let most = result.answer.cells_per_person;
        notes.push(format!(
            "one person counts in at most {most} groups, so the groups may add up to more than there \
             are people."
        ));
    } else if !result.answer.group_by.is_empty() {
        notes.push(
            "each person counts in one group only; somebody who would belong to several was put into \
             one of them."
                .to_owned(),
        );
    }
    notes
}

/// Groups and people that are in no row.
fn not_shown(result: &TableResult) -> Vec<String> {
    let mut notes = Vec::new();
    if result.noise && result.answer.shown_from > i64::from(result.privacy.min_cell) {
        let public = result.answer.withheld_without_value.is_some();
        let why = if public {
            "so that noise alone hardly ever shows an empty group"
        } else {
            "so that nobody is seen who is alone in a group"
        };
        notes.push(format!(
            "a group can be seen from about {} people on: that many must be counted in it, noise \
             included, {why}.",
            whole(result.answer.shown_from)
        ));
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
        notes.push(format!(
            "{range} withheld consent (asked in {}) and are in no group: neither among those who were \
             found nor among the others.",
            sources(result)
        ));
    }
    notes
}

/// Whether any dataset of the table asks for consent. Where none does, nobody can have withheld it.
pub(crate) fn asks_consent(result: &TableResult) -> bool {
    !result.answer.consent_from.is_empty()
}

/// Which datasets ask for consent.
fn sources(result: &TableResult) -> String {
    let names: Vec<_> = result.answer.consent_from.iter().map(say::name).collect();
    names.join(" and ")
}

/// What "matched" means, and a share only with what it is a share of.
fn matched(result: &TableResult) -> String {
    let (refusers, agreed) = if asks_consent(result) {
        ("; whoever withheld consent is under neither", " who did not withhold consent")
    } else {
        ("", "")
    };
    let meaning = format!("matched: whether the person was found in the joined dataset{refusers}.");
    let Some(found) = &result.answer.matched else { return meaning };
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let [low, high] = found.ci.map(percent);
    let mut text = format!(
        "{meaning} Found: {} ({low} to {high}) of the people{agreed}.",
        percent(found.share)
    );
    if let Some(all) = found.share_with_refusers {
        text.push_str(&format!(
            " A refusal is asked in {} only, and so known only of people who were found: with them, {} \
             of all people were found.",
            sources(result),
            percent(all)
        ));
    }
    text
}

/// How many groups are not shown.
fn withheld(result: &TableResult) -> Option<String> {
    let CountRange { n, noise_sd, ci } = result.answer.withheld_cells;
    let [low, high] = ci.map(whole);
    if noise_sd > 0.0 {
        let level = level(result.answer.confidence);
        let none = if ci[0] == 0 { ": there may be none" } else { "" };
        return Some(format!(
            "{low} to {high} groups whose values are private have too few people to be shown{none}. (Their \
             number is noisy: this is its range at {level}.)"
        ));
    }
    if n <= 0 {
        return None;
    }
    let least = whole(result.answer.shown_from);
    let (groups, each) = if n == 1 { ("group is", "") } else { ("groups are", " each") };
    let added = if result.answer.other.is_some() {
        "; \"other\" is them added up. Its total is right but for noise; of its people only the least \
         number is known"
    } else {
        ""
    };
    let of_nobody = match result.answer.withheld_without_value {
        Some(without @ 1..) => format!(
            " {} combination{} with \"(none)\", which may be nobody's.",
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
    Some(format!(
        "{} {groups} not shown: fewer than {least} people{each}, after noise{added}.{of_nobody}",
        whole(n)
    ))
}

/// From this error on a figure is shown without decimals.
const WHOLE: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::groups::by_shop;
    use protocol::result::MatchedShare;

    #[test]
    fn people_are_whole_and_so_are_the_ends_of_their_range() {
        let found = Estimate { value: 10_234.0, noise_sd: 8.0, ci: [10_218.0, 10_250.0] };
        assert_eq!(
            (people(&found), people_range(&found)),
            ("10,234".into(), "10,218 to 10,250".into())
        );
    }

    #[test]
    fn a_number_of_hidden_groups_is_not_named_where_there_may_be_none() {
        let mut result = by_shop();
        result.answer.withheld_without_value = None;
        result.answer.withheld_cells = CountRange { n: 0, noise_sd: 75.0, ci: [0, 161] };
        let words = withheld(&result).unwrap();
        assert!(words.starts_with("0 to 161 groups whose values are private"), "{words}");
        assert!(words.contains("there may be none") && !words.contains("about"), "{words}");
        result.answer.withheld_cells = CountRange { n: 214, noise_sd: 75.0, ci: [67, 361] };
        let words = withheld(&result).unwrap();
        assert!(words.starts_with("67 to 361 groups") && !words.contains("none"), "{words}");
    }

    #[test]
    fn combinations_without_a_value_are_told_apart_from_small_groups() {
        let mut result = by_shop();
        let words = |result: &TableResult| withheld(result).unwrap();
        assert!(
            words(&result)
                .ends_with("3 of them are combinations with \"(none)\", which may be nobody's.")
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
        assert!(notes(&result).iter().any(|note| note.contains("consent")));
        result.answer.consent_from.clear();
        let notes = notes(&result).join("\n");
        assert!(!notes.contains("consent"), "{notes}");
        assert!(notes.contains("Found: 35.0 % (34.0 % to 36.0 %) of the people."), "{notes}");
    }

    /// 35 % of those who agreed; with refusers, who are all found, 52 %.
    #[test]
    fn a_share_is_said_with_what_it_is_a_share_of() {
        let mut result = by_shop();
        result.answer.matched =
            Some(MatchedShare { share: 0.35, ci: [0.34, 0.36], share_with_refusers: Some(0.52) });
        let notes = notes(&result).join("\n");
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
