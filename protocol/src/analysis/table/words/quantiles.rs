//! The median and the 90th percentile of a table over bins of one quantity.

use super::{half, measured};
use crate::{
    page::{Text, number::level},
    result::{Estimate, TableCell, TableResult},
};

/// Says where the middle and the top tenth of people lie, for a table over bins of one quantity.
///
/// # Privacy
///
/// Costs nothing: a function of noised counts.
pub(super) fn quantiles(result: &TableResult) -> Option<Text> {
    let [by] = result.answer.group_by.as_slice() else { return None };
    // A heading with a dot may be a column, whose owner may give its values the names of bins.
    if by.contains('.') {
        return None;
    }
    let bins: Vec<_> = result
        .answer
        .cells
        .iter()
        .map(|cell| measured(cell, by).and(bin(cell)).map(|bin| (bin, cell.people)))
        .collect::<Option<_>>()?;
    if bins.is_empty() || result.flags.iter().any(|flag| flag == "truncated") {
        return None;
    }
    let [median, ninth] = [0.5, 0.9].map(|share| quantile(&bins, result, share));
    let text = Text::fixed("median of ").quote(by).and(": ").with(median);
    Some(text.and("; 90th percentile: ").with(ninth).and(format!(
        ". Each is a range at {} confidence, read off the noised counts: it allows for their noise and for \
         groups that are not shown, and costs nothing.",
        level(result.answer.confidence)
    )))
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

/// Says between which edges the quantile `share` lies, at the result's confidence.
fn quantile(bins: &[(Bin<'_>, Estimate)], result: &TableResult, share: f64) -> Text {
    let count = |(_, people): &(Bin<'_>, Estimate)| people.value.max(0.0);
    let shown: f64 = bins.iter().map(count).sum();
    // Ranges lie around their counts but for groups of about the size that is shown: what those are aside
    // points one way, and does not average out.
    let halves = bins.iter().map(|(_, people)| half(people) * half(people)).sum::<f64>().sqrt();
    let noise = halves + bins.iter().map(|(_, people)| aside(people)).sum::<f64>();
    // Who is in bins that are not shown may be below all others, or above. Each noisy count is below what is
    // shown, and so are the people but for noise: three deviations for each.
    let widest = bins.iter().map(|(_, people)| half(people)).fold(0.0, f64::max);
    let each = whole_number(result.answer.shown_from) + 1.5 * widest;
    let hidden = whole_number(result.answer.withheld_cells.n.max(0)) * each;
    let reaching = |rank: f64| {
        let mut below = 0.0;
        bins.iter().find_map(|bin| {
            below += count(bin);
            (below >= rank).then_some(bin.0)
        })
    };
    let least = share * shown - (1.0 - share) * hidden - noise;
    let most = share * (shown + hidden) + noise;
    let low = if least > 0.0 { reaching(least).and_then(|[low, _]| low) } else { None };
    let high = if most < shown { reaching(most).and_then(|[_, high]| high) } else { None };
    match (low, high) {
        (Some(low), Some(high)) => Text::fixed(format!("{low} to below {high}")),
        (None, Some(high)) => Text::fixed(format!("below {high}")),
        (Some(low), None) => Text::fixed(format!("{low} or more")),
        (None, None) => "cannot be told".into(),
    }
}

/// How far the middle of an estimate's interval is from the estimate.
fn aside(estimate: &Estimate) -> f64 {
    let [low, high] = estimate.ci;
    (f64::midpoint(low, high) - estimate.value).abs()
}

fn whole_number(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::sample::{by_shop, by_spend},
        *,
    };

    #[test]
    fn names_the_median_and_the_top_tenth_of_bins() {
        let words = quantiles(&by_spend()).unwrap().raw();
        let start = "median of spend: below 10.00; 90th percentile: 50.00 to below 100.00. ";
        assert!(words.starts_with(start), "{words}");
        assert_eq!(quantiles(&by_shop()), None);
    }

    #[test]
    fn a_quantile_near_an_edge_names_the_bins_on_both_sides() {
        let mut result = by_spend();
        // Half of 8,860 is 4,430: beside the first edge, within noise.
        let found = |value| Estimate { value, noise_sd: 8.0, ci: [value - 15.68, value + 15.68] };
        result.answer.cells[0].people = found(4_420.0);
        assert!(quantiles(&result).unwrap().raw().contains("median of spend: below 50.00;"));
        // A bin that noise made negative counts nobody.
        result.answer.cells[2].people = found(-30.0);
        assert!(
            quantiles(&result).unwrap().raw().contains("90th percentile: 10.00 to below 50.00.")
        );
    }

    #[test]
    fn who_is_hidden_may_be_anywhere() {
        let mut result = by_spend();
        result.answer.withheld_cells.n = 40;
        // 40 * (50 + 1.5 * 15.68) more above all others make the top tenth open; below them they move
        // nothing up.
        let words = quantiles(&result).unwrap().raw();
        assert!(words.contains("90th percentile: 50.00 or more."), "{words}");
        result.answer.cells.clear();
        assert_eq!(quantiles(&result), None);
    }

    #[test]
    fn the_noise_of_bins_that_are_not_shown_widens_the_range() {
        let mut result = by_spend();
        for (cell, people) in result.answer.cells.iter_mut().zip([5_000.0, 2_000.0, 2_200.0, 800.0])
        {
            let ci = [people - 39.2, people + 39.2];
            cell.people = Estimate { value: people, noise_sd: 20.0, ci };
        }
        // 9,200 of 10,000 are below 100. With h hidden people, at most 0.9 * (10,000 + h) + 2 * 39.2
        // are below the 90th percentile: 9,176 for one bin, h = 50 + 1.5 * 39.2 ...
        let words = quantiles(&result).unwrap().raw();
        assert!(words.contains("90th percentile: 50.00 to below 100.00."), "{words}");
        // ... and 9,274 for two; without their noise, 9,168.
        result.answer.withheld_cells.n = 2;
        let words = quantiles(&result).unwrap().raw();
        assert!(words.contains("90th percentile: 50.00 or more."), "{words}");
        assert!(words.contains("at 95 % confidence"), "{words}");
    }

    #[test]
    fn groups_that_are_called_like_bins_are_none() {
        let mut result = by_spend();
        result.answer.group_by = vec!["sales.size".to_owned()];
        for cell in &mut result.answer.cells {
            cell.measures[0].name = "sales.size".to_owned();
        }
        assert_eq!(quantiles(&result), None);
    }
}
