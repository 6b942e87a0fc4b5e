//! A table of groups as people read it.

use super::{explain, figure, level, whole};
use crate::say;
use protocol::result::{Estimate, MeasureEstimate, TableCell, TableResult};

/// The headings of what cells are made of; one for the whole if they are made of nothing.
pub(crate) fn headings(result: &TableResult) -> Vec<String> {
    match result.group_by.as_slice() {
        [] => vec!["group".to_owned()],
        by => by.iter().map(say::name).collect(),
    }
}

/// The name of a cell under each heading; one for cells that are not one group.
pub(crate) fn names(cell: &TableCell, result: &TableResult) -> Vec<String> {
    match (cell.names.as_slice(), result.group_by.is_empty()) {
        ([], true) => vec!["everybody".to_owned()],
        ([], false) => vec!["other".to_owned()],
        (names, _) => names.iter().map(say::name).collect(),
    }
}

/// The first of each measure that a cell has, in the order of the cells.
pub(crate) fn measures(result: &TableResult) -> Vec<&MeasureEstimate> {
    let mut first: Vec<&MeasureEstimate> = Vec::new();
    for found in result.cells.iter().chain(&result.other).flat_map(|cell| &cell.measures) {
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

/// How far noise may move how many people, at the result's confidence.
pub(crate) fn people_error(people: &Estimate) -> String {
    format!("\u{b1} {}", figure(half(people).ceil(), WHOLE))
}

/// An amount, with the decimals that its noise supports.
pub(crate) fn amount(estimate: &Estimate) -> String {
    figure(estimate.value, estimate.noise_sd)
}

/// How far noise may move an amount, at the result's confidence.
pub(crate) fn amount_error(estimate: &Estimate) -> String {
    format!("\u{b1} {}", figure(half(estimate), estimate.noise_sd))
}

/// Half of its interval, which lies around it.
fn half(estimate: &Estimate) -> f64 {
    let [low, high] = estimate.ci;
    (high - low) / 2.0
}

/// What has to be known to read a table, in sentences.
pub(crate) fn notes(result: &TableResult) -> Vec<String> {
    let mut notes: Vec<_> = quantiles(result).into_iter().collect();
    notes.extend(result.flags.iter().map(|flag| explain(flag)));
    notes.extend(not_shown(result));
    let cells = || result.cells.iter().chain(&result.other);
    let shown =
        || cells().flat_map(|cell| cell.measures.iter().map(|it| &it.total).chain([&cell.people]));
    if shown().any(|it| it.value < 0.0) {
        notes.push("noise can make a small figure negative: read it as about zero.".to_owned());
    }
    if cells().any(|cell| cell.measures.iter().any(|it| it.mean.is_none())) {
        notes.push(
            "where a mean or a spread is left out, noise leaves nothing to go by.".to_owned(),
        );
    }
    let yes_or_no =
        |at| cells().filter_map(move |it| it.names.get(at)).all(|it| it == "yes" || it == "no");
    let matched = result.group_by.iter().position(|it| it == "matched");
    if matched.is_some_and(yes_or_no) {
        notes.push("matched: whether the person was found in the joined dataset.".to_owned());
    }
    if result.cells_per_person > 1 {
        let most = result.cells_per_person;
        notes.push(format!(
            "one person counts in at most {most} groups, so the groups may add up to more than there \
             are people."
        ));
    } else if !result.group_by.is_empty() {
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
    let withheld = result.withheld_cells;
    if withheld.noise_sd > 0.0 {
        let count = match withheld.n {
            ..1 => "no, or hardly any,".to_owned(),
            n => format!("about {}", whole(n)),
        };
        notes.push(format!(
            "{count} groups whose values are private have too few people to be shown. (Their number is \
             noisy, too.)"
        ));
    } else if withheld.n > 0 {
        let least = result.privacy.min_cell;
        let (groups, each) =
            if withheld.n == 1 { ("group is", "") } else { ("groups are", " each") };
        let added = if result.other.is_some() { "; \"other\" is them added up" } else { "" };
        notes.push(format!(
            "{} {groups} not shown: fewer than {least} people{each}, after noise{added}.",
            whole(withheld.n)
        ));
    }
    if let Some(people) = result.no_consent {
        let about = if people.noise_sd > 0.0 { "about " } else { "" };
        notes.push(format!("{about}{} people are excluded: no consent.", whole(people.n)));
    }
    notes
}

/// Where the middle and the top tenth of people are, of a table over bins of one quantity.
///
/// # Privacy
///
/// Costs nothing: a function of noised counts.
fn quantiles(result: &TableResult) -> Option<String> {
    let [by] = result.group_by.as_slice() else { return None };
    // A heading with a dot may be a column, whose owner may call its values what bins are called.
    if by.contains('.') {
        return None;
    }
    let bins: Vec<_> = result
        .cells
        .iter()
        .map(|cell| measured(cell, by).and(bin(cell)).map(|bin| (bin, cell.people)))
        .collect::<Option<_>>()?;
    if bins.is_empty() || result.flags.iter().any(|flag| flag == "truncated") {
        return None;
    }
    let [median, ninth] = [0.5, 0.9].map(|share| quantile(&bins, result, share));
    Some(format!(
        "median of {}: {median}; 90th percentile: {ninth}. Each is a range at {} confidence, read off \
         the noised counts: it allows for their noise and for groups that are not shown, and costs \
         nothing.",
        say::name(by),
        level(result.confidence)
    ))
}

/// The edges of a bin as its name says them; none at an end that is open.
type Bin<'r> = [Option<&'r str>; 2];

fn bin(cell: &TableCell) -> Option<Bin<'_>> {
    let [name] = cell.names.as_slice() else { return None };
    let edges = if let Some(high) = name.strip_prefix("below ") {
        [None, Some(high)]
    } else if let Some(low) = name.strip_suffix(" and more") {
        [Some(low), None]
    } else {
        let (low, high) = name.split_once(" to below ")?;
        [Some(low), Some(high)]
    };
    edges.iter().flatten().all(|edge| edge.parse::<f64>().is_ok()).then_some(edges)
}

/// Between which edges the quantile `share` lies at the result's confidence, in words.
fn quantile(bins: &[(Bin<'_>, Estimate)], result: &TableResult, share: f64) -> String {
    let count = |(_, people): &(Bin<'_>, Estimate)| people.value.max(0.0);
    let shown: f64 = bins.iter().map(count).sum();
    let noise = bins.iter().map(|(_, people)| half(people).powi(2)).sum::<f64>().sqrt();
    // Who is in bins that are not shown may be below all others, or above.
    let hidden = match (&result.other, result.withheld_cells.n) {
        (Some(other), _) => other.people.ci[1].max(0.0),
        // Their noisy sum is below the threshold; how many they are may be more by the sum's noise.
        (None, withheld @ 1..) => {
            let each = bins.iter().map(|(_, people)| half(people)).fold(0.0, f64::max);
            let withheld = f64::from(u32::try_from(withheld).unwrap_or(u32::MAX));
            f64::from(result.privacy.min_cell) + each * withheld.sqrt()
        }
        _ => 0.0,
    };
    let reaching = |rank: f64| {
        let mut below = 0.0;
        bins.iter().find_map(|it| {
            below += count(it);
            (below >= rank).then_some(it.0)
        })
    };
    let least = share * shown - (1.0 - share) * hidden - noise;
    let most = share * (shown + hidden) + noise;
    let low = if least > 0.0 { reaching(least).and_then(|[low, _]| low) } else { None };
    let high = if most < shown { reaching(most).and_then(|[_, high]| high) } else { None };
    match (low, high) {
        (Some(low), Some(high)) => format!("{low} to below {high}"),
        (None, Some(high)) => format!("below {high}"),
        (Some(low), None) => format!("{low} or more"),
        (None, None) => "cannot be told".to_owned(),
    }
}

/// From this error on a figure is shown without decimals.
const WHOLE: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::groups::{by_shop, by_spend};

    #[test]
    fn names_the_median_and_the_top_tenth_of_bins() {
        let words = quantiles(&by_spend()).unwrap();
        let start = "median of spend: below 10.00; 90th percentile: 50.00 to below 100.00. ";
        assert!(words.starts_with(start), "{words}");
        assert_eq!(quantiles(&by_shop()), None);
    }

    #[test]
    fn a_quantile_near_an_edge_names_the_bins_on_both_sides() {
        let mut result = by_spend();
        // Half of 8,860 is 4,430: beside the first edge, within noise.
        result.cells[0].people.value = 4_420.0;
        assert!(quantiles(&result).unwrap().contains("median of spend: below 50.00;"));
        // A bin that noise made negative counts nobody.
        result.cells[2].people.value = -30.0;
        assert!(quantiles(&result).unwrap().contains("90th percentile: 10.00 to below 50.00."));
    }

    #[test]
    fn who_is_hidden_may_be_anywhere() {
        let mut result = by_spend();
        result.other = Some(TableCell { names: Vec::new(), ..result.cells[1].clone() });
        // 2,200 more above all others make the top tenth open; below them they move nothing up.
        let words = quantiles(&result).unwrap();
        assert!(words.contains("90th percentile: 50.00 or more."), "{words}");
        result.cells.clear();
        assert_eq!(quantiles(&result), None);
    }

    #[test]
    fn the_noise_of_bins_that_are_not_shown_widens_the_range() {
        let mut result = by_spend();
        for (cell, people) in result.cells.iter_mut().zip([5_000.0, 2_000.0, 2_200.0, 800.0]) {
            let ci = [people - 39.2, people + 39.2];
            cell.people = Estimate { value: people, noise_sd: 20.0, ci };
        }
        // 9,200 of 10,000 are below 100. With h hidden people, at most 0.9 * (10,000 + h) + 2 * 39.2
        // are below the 90th percentile: 9,159 for one bin, h = 50 + 39.2 ...
        let words = quantiles(&result).unwrap();
        assert!(words.contains("90th percentile: 50.00 to below 100.00."), "{words}");
        // ... and 9,281 for twenty, h = 50 + 39.2 * sqrt(20) = 225; without their noise, 9,123.
        result.withheld_cells.n = 20;
        let words = quantiles(&result).unwrap();
        assert!(words.contains("90th percentile: 50.00 or more."), "{words}");
        assert!(words.contains("at 95 % confidence"), "{words}");
    }

    #[test]
    fn groups_that_are_called_like_bins_are_none() {
        let mut result = by_spend();
        result.group_by = vec!["sales.size".to_owned()];
        for cell in &mut result.cells {
            cell.measures[0].name = "sales.size".to_owned();
        }
        assert_eq!(quantiles(&result), None);
    }

    #[test]
    fn people_are_whole_and_their_error_is_rounded_up() {
        let people_of =
            |value| Estimate { value, noise_sd: 8.0, ci: [value - 15.68, value + 15.68] };
        let found = people_of(10_234.0);
        assert_eq!((people(&found), people_error(&found)), ("10,234".into(), "\u{b1} 16".into()));
    }
}
