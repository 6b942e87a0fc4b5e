//! Whether two questions are about nearly the same people: the pattern of an attack by averaging or by
//! differencing.

use super::{Cells, Condition, Dimension, Quantity, Side, Table, Tally};
use crate::contract::{Contract, Role};
use std::collections::{BTreeMap, BTreeSet};

impl Tally {
    /// True if `self` and `earlier` choose rows, arms and groups alike, or but for one thing, so that
    /// they average noise away or their difference could be about few people: one condition more, fewer
    /// or slightly moved, an arm that differs by one code, bins with other edges. Equal questions are
    /// alike, and so are a table and a margin of it: the cells of the one are sums of the other's.
    ///
    /// Noise protects against it whatever the difference is; this only tells the owner that somebody
    /// may be trying. A function of the two tallies and `contract`, which knows how many values a column
    /// has; never of data.
    #[must_use]
    pub fn nearly_repeats(&self, earlier: &Self, contract: &Contract) -> bool {
        let (ours, theirs) = (Asked { tally: self, contract }, Asked { tally: earlier, contract });
        let differences = [
            population(&ours, &theirs),
            joined(&ours, &theirs),
            measured(&ours, &theirs),
            cells(self, earlier),
        ];
        let sum = differences.into_iter().try_fold(0, |sum, it| Some(sum + it?));
        sum.is_some_and(|sum| sum <= 1)
    }
}

/// A tally and what its columns may hold.
struct Asked<'a> {
    tally: &'a Tally,
    contract: &'a Contract,
}

/// What is left of the conditions on one column, put together.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Chosen {
    Codes(BTreeSet<i32>),
    Range(i64, i64),
}

/// By dataset and column, so that it does not matter how often or in which order something is said.
type Rows = BTreeMap<(String, String), Chosen>;

impl Asked<'_> {
    /// The conditions of `dataset`, one for each column; those that every value meets say nothing.
    fn rows(&self, dataset: &str, conditions: &[Condition]) -> Rows {
        let mut rows = Rows::new();
        for condition in conditions {
            let (column, chosen) = match condition {
                Condition::OneOf { column, codes } => {
                    (column, Chosen::Codes(codes.iter().copied().collect()))
                }
                Condition::Between { column, least, most } => {
                    (column, Chosen::Range(*least, *most))
                }
            };
            let key = (dataset.to_owned(), column.clone());
            let both = match rows.remove(&key) {
                Some(earlier) => earlier.and(chosen),
                None => chosen,
            };
            rows.insert(key, both);
        }
        rows.retain(|(dataset, column), chosen| !self.is_all(dataset, column, chosen));
        rows
    }

    /// Whether every value that the column can have is chosen.
    fn is_all(&self, dataset: &str, column: &str, chosen: &Chosen) -> bool {
        let found = self.contract.datasets.get(dataset).and_then(|it| it.column(column));
        match (chosen, found.map(|it| &it.role)) {
            (Chosen::Codes(codes), Some(Role::Group(domain))) => {
                let mut values = (0..domain.len()).map(i32::try_from);
                values.all(|code| code.is_ok_and(|code| codes.contains(&code)))
            }
            (Chosen::Range(least, most), Some(Role::Date)) => {
                *least <= YEAR_1900 && *most >= YEAR_2200
            }
            (Chosen::Range(least, most), _) => *least <= -HUGE && *most >= HUGE,
            (Chosen::Codes(_), _) => false,
        }
    }

    fn joined_rows(&self) -> Option<Rows> {
        self.tally.joined.as_ref().map(|it| self.rows(&it.dataset, &it.rows))
    }

    /// Conditions on what is added up; where several measures share them, they count once.
    fn measured(&self) -> BTreeSet<((String, String), Chosen)> {
        let dataset = |side: Side| match (side, &self.tally.joined) {
            (Side::Joined, Some(joined)) => joined.dataset.as_str(),
            _ => self.tally.population.dataset.as_str(),
        };
        let measures = self.tally.measures.iter();
        measures.flat_map(|it| self.rows(dataset(it.side), &it.rows)).collect()
    }
}

impl Chosen {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Codes(one), Self::Codes(other)) => {
                Self::Codes(one.intersection(&other).copied().collect())
            }
            (Self::Range(least, most), Self::Range(low, high)) => {
                Self::Range(least.max(low), most.min(high))
            }
            // A column has codes or numbers, never both.
            (one, _) => one,
        }
    }

    /// Whether two conditions on one column let mostly the same rows count.
    fn slightly_differs_from(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Codes(one), Self::Codes(other)) => one.symmetric_difference(other).count() <= 1,
            (Self::Range(least, most), Self::Range(low, high)) => {
                let width = |least: i64, most: i64| i128::from(most) - i128::from(least) + 1;
                let shared = width(*least.max(low), *most.min(high));
                let all = width(*least.min(low), *most.max(high));
                shared.saturating_mul(2) >= all
            }
            _ => false,
        }
    }
}

/// How many conditions differ slightly; none if any differs by more, or if other people are counted.
fn population(one: &Asked<'_>, other: &Asked<'_>) -> Option<usize> {
    let rows = |it: &Asked<'_>| it.rows(&it.tally.population.dataset, &it.tally.population.rows);
    let dataset = |it: &Table| it.dataset.clone();
    let same = dataset(&one.tally.population) == dataset(&other.tally.population);
    same.then(|| conditions(rows(one), rows(other))).flatten()
}

/// As [`population`]. Where only one joins a dataset, the people counted are the same.
fn joined(one: &Asked<'_>, other: &Asked<'_>) -> Option<usize> {
    match (&one.tally.joined, &other.tally.joined) {
        (Some(left), Some(right)) if left.dataset != right.dataset => None,
        (Some(_), Some(_)) => conditions(
            one.joined_rows().unwrap_or_default(),
            other.joined_rows().unwrap_or_default(),
        ),
        _ => Some(0),
    }
}

fn measured(one: &Asked<'_>, other: &Asked<'_>) -> Option<usize> {
    conditions(one.measured(), other.measured())
}

type Row = ((String, String), Chosen);

fn conditions(
    one: impl IntoIterator<Item = Row>,
    other: impl IntoIterator<Item = Row>,
) -> Option<usize> {
    let one: BTreeSet<Row> = one.into_iter().collect();
    let other: BTreeSet<Row> = other.into_iter().collect();
    let (mut ours, mut theirs) = (one.difference(&other), other.difference(&one));
    match (ours.next(), theirs.next(), ours.next().or(theirs.next())) {
        (None, None, None) => Some(0),
        (Some(_), None, None) | (None, Some(_), None) => Some(1),
        (Some((column, one)), Some((same, other)), None)
            if column == same && one.slightly_differs_from(other) =>
        {
            Some(1)
        }
        _ => None,
    }
}

/// How many codes of the arms or bins differ; none if by more than one code, or if neither's cells are
/// sums of the other's.
fn cells(one: &Tally, other: &Tally) -> Option<usize> {
    match (&one.cells, &other.cells) {
        (
            Cells::Arms { column, test, control },
            Cells::Arms { column: same, test: test_before, control: control_before },
        ) if column == same => {
            let codes = |codes: &[i32]| codes.iter().copied().collect::<BTreeSet<_>>();
            let apart = |(one, other): &(&Vec<i32>, &Vec<i32>)| {
                let apart = codes(one).symmetric_difference(&codes(other)).count();
                (apart <= 1).then_some(apart)
            };
            let sum = |pairs: [(&Vec<i32>, &Vec<i32>); 2]| {
                pairs.iter().try_fold(0, |sum, pair| Some(sum + apart(pair)?))
            };
            // The arms may have changed places, too.
            let straight = sum([(test, test_before), (control, control_before)]);
            let crossed = sum([(test, control_before), (control, test_before)]);
            straight.into_iter().chain(crossed).min()
        }
        _ => {
            let (one, other) = (dimensions(one), dimensions(other));
            let (fewer, more) = if one.len() <= other.len() { (one, other) } else { (other, one) };
            margin(&fewer, &more)
        }
    }
}

/// What a dimension tells apart, whatever the tally's other figures are.
#[derive(Eq, PartialEq)]
enum Told<'t> {
    Matched,
    Column(Side, &'t str),
    Bins(Option<(Side, &'t Quantity)>, &'t [i64]),
}

/// Arms are a table by arm and match, of some arms.
fn dimensions(tally: &Tally) -> Vec<Told<'_>> {
    let measure = |at: u32| usize::try_from(at).ok().and_then(|at| tally.measures.get(at));
    match &tally.cells {
        Cells::Arms { column, .. } => vec![Told::Column(Side::Population, column), Told::Matched],
        Cells::Groups(dimensions) => dimensions
            .iter()
            .map(|it| match it {
                Dimension::Matched => Told::Matched,
                Dimension::Group { side, column, .. } | Dimension::Label { side, column } => {
                    Told::Column(*side, column)
                }
                Dimension::Bins { measure: at, edges } => {
                    Told::Bins(measure(*at).map(|it| (it.side, &it.of)), edges)
                }
            })
            .collect(),
    }
}

/// How many bins have other edges, if every one of `fewer` is told apart by `more` too.
fn margin(fewer: &[Told<'_>], more: &[Told<'_>]) -> Option<usize> {
    let moved = |it: &Told<'_>| {
        let same = |other: &&Told<'_>| match (it, other) {
            (Told::Bins(one, _), Told::Bins(other, _)) => one == other,
            _ => it == *other,
        };
        let found = more.contains(it).then_some(0);
        found.or_else(|| more.iter().find(same).map(|_| 1))
    };
    fewer.iter().try_fold(0, |sum, it| Some(sum + moved(it)?))
}

/// Days that no data lie beyond.
const YEAR_1900: i64 = -25_567;
const YEAR_2200: i64 = 84_006;
/// Units of a column that the total of no person comes near.
const HUGE: i64 = 1_000_000_000;

#[cfg(test)]
mod tests;
