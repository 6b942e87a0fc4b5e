//! Releases the figures of a table of groups.

use std::cmp::Reverse;

use protocol::limits;
use protocol::released::{self, Cell, Figures, Place, Thresholds, public_name};
use protocol::tally::{Dimension, Tally};

use super::{Names, Noisy};

/// Applies the thresholds. Public cells that are withheld are added up in one other cell.
pub(super) fn groups(tally: &Tally, noisy: Noisy, thresholds: Thresholds) -> Figures {
    let (people, no_consent) = match noisy.people.values.split_last() {
        Some((no_consent, people)) => (people, Some(*no_consent)),
        None => (&[][..], None),
    };
    let marks: Vec<bool> = people.iter().map(|people| *people >= thresholds.groups).collect();
    let shown = marks.iter().filter(|shown| **shown).count();
    let is_public = matches!(noisy.names, Names::Public);
    let dimensions = tally.dimensions.as_slice();
    let other = (is_public && shown < marks.len()).then(|| sum_of_others(&noisy, &marks));
    let without_value = is_public.then(|| without_value(dimensions, &marks));
    let name = |at: usize| match &noisy.names {
        Names::Public => public_name(dimensions, u64::try_from(at).unwrap_or(u64::MAX)),
        Names::Data(names) => names.get(at).cloned().unwrap_or_default(),
    };
    let cells = (0..).zip(&marks).filter(|(_, shown)| **shown);
    let mut cells: Vec<_> =
        cells.map(|(at, _)| Cell { name: name(at), totals: noisy.totals(at) }).collect();
    let cut = keep_largest(&mut cells, limits::FIGURES / (1 + tally.measures.len()));
    Figures {
        contrasts: Vec::new(),
        spread: noisy.spread,
        noise: noisy.people.is_noisy(),
        cells,
        cut,
        other: other.filter(|totals| totals.people >= thresholds.other),
        withheld: noisy.cells.saturating_sub(i64::try_from(shown).unwrap_or(i64::MAX)),
        withheld_without_value: without_value,
        no_consent: no_consent.filter(|people| *people >= thresholds.no_consent),
    }
}

/// Keeps the `most` cells with the most people, in the order of names, and returns how many were
/// removed. Looks only at released figures, so it costs nothing.
fn keep_largest(cells: &mut Vec<Cell>, most: usize) -> u64 {
    let cut = cells.len().saturating_sub(most);
    if cut > 0 {
        cells.sort_by_key(|cell| Reverse(cell.totals.people));
        cells.truncate(most);
        cells.sort_by(|a, b| a.name.cmp(&b.name));
    }
    u64::try_from(cut).unwrap_or(u64::MAX)
}

/// The sum of all cells that are not marked.
fn sum_of_others(noisy: &Noisy, marks: &[bool]) -> released::Totals {
    let sum = |values: &[i64]| {
        let others = values.iter().zip(marks).filter(|(_, shown)| !**shown);
        others.fold(0_i64, |sum, (value, _)| sum.saturating_add(*value))
    };
    released::Totals {
        people: sum(&noisy.people.values),
        sums: noisy.sums.iter().map(|column| sum(&column.values)).collect(),
        products: noisy.products.iter().map(|column| sum(&column.values)).collect(),
    }
}

/// How many cells that are not marked have the last place of a group, which is for people without a
/// value.
fn without_value(dimensions: &[Dimension], marks: &[bool]) -> u64 {
    let is_none = |(dimension, place): (&Dimension, &Place)| match (dimension, place) {
        (Dimension::Group { values, .. }, Place::Index(at))
        | (Dimension::Only { values: Some(values), .. }, Place::Index(at)) => at == values,
        (Dimension::Earliest { edges, .. } | Dimension::Days { edges, .. }, Place::Index(at)) => {
            usize::try_from(*at).ok() == edges.len().checked_add(1)
        }
        _ => false,
    };
    let has_none = |at: u64| dimensions.iter().zip(&public_name(dimensions, at)).any(is_none);
    let count = (0..).zip(marks).filter(|(at, shown)| !**shown && has_none(*at)).count();
    u64::try_from(count).unwrap_or(u64::MAX)
}
