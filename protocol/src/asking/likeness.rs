//! Whether two questions are about nearly the same people. Such questions are the pattern of an
//! attack by averaging or by differencing.

use crate::contract::{Contract, Role};
use crate::tally::{Condition, Dimension, Measure, Program, Quantity, Rule, Side, Table, Tally};
use crate::units::Scale;
use std::collections::{BTreeMap, BTreeSet};

impl Tally {
    fn tells_membership(&self) -> bool {
        self.dimensions.iter().any(|dimension| matches!(dimension, Dimension::Membership { .. }))
    }

    /// True if `self` and `earlier` choose rows, arms and groups alike, or but for one thing, so that
    /// they average noise away or their difference could be about few people: one condition more, fewer
    /// or slightly moved, an arm that differs by one code, bins with other edges. Equal questions are
    /// alike, and so are a table and a margin of it: the cells of the one are sums of the other's.
    /// Conditions that nearly every row meets, as far as the contract tells, count for nothing, however
    /// many there are; so do those that hardly differ, and what else is joined without being asked about.
    ///
    /// Noise protects against it whatever the difference is; this only tells the owner that somebody
    /// may be trying. A function of the two tallies and `contract`, which knows how many values a column
    /// has; never of data.
    #[must_use]
    pub fn nearly_repeats(&self, earlier: &Self, contract: &Contract) -> bool {
        let (ours, theirs) =
            (ContractTally { tally: self, contract }, ContractTally { tally: earlier, contract });
        let differences = [
            population(&ours, &theirs),
            joined(&ours, &theirs),
            measured(&ours, &theirs),
            match (&self.program, &earlier.program) {
                (None, None) => cells(self, earlier),
                (Some(one), Some(other)) => trainings((self, one), (earlier, other)),
                // Neither is a margin of the other.
                _ => None,
            },
        ];
        let sum = differences.into_iter().try_fold(0, |sum, it| Some(sum + it?));
        sum.is_some_and(|sum| sum <= 1)
    }
}

/// A tally with its contract, which says what its columns may hold.
struct ContractTally<'a> {
    tally: &'a Tally,
    contract: &'a Contract,
}

/// The rows that all conditions on one column choose together.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum ChosenRows {
    Codes(BTreeSet<i32>),
    Range(i64, i64),
}

/// Chosen rows by dataset and column. So it does not matter how often or in which order conditions
/// are written.
type Rows = BTreeMap<(String, String), ChosenRows>;

impl ContractTally<'_> {
    /// The conditions of `dataset`, one for each column; those that nearly every value meets say nothing.
    fn rows(&self, dataset: &str, conditions: &[Condition]) -> Rows {
        let mut rows = Rows::new();
        for condition in conditions {
            let since;
            let (column, chosen) = match condition {
                Condition::OneOf { column, codes } => {
                    (column, ChosenRows::Codes(codes.iter().copied().collect()))
                }
                Condition::Between { column, least, most } => {
                    (column, ChosenRows::Range(*least, *most))
                }
                // The days of a window are not days of the calendar.
                Condition::SinceStart { column, side, start, first, last } => {
                    since = format!("{column} since {}.{start}", self.tally.dataset(*side));
                    (&since, ChosenRows::Range(*first, *last))
                }
            };
            let key = (dataset.to_owned(), column.clone());
            let both = match rows.remove(&key) {
                Some(earlier) => earlier.and(chosen),
                None => chosen,
            };
            rows.insert(key, both);
        }
        rows.retain(|(dataset, column), chosen| !self.is_nearly_all(dataset, column, chosen));
        rows
    }

    /// Whether nearly every value that the column is likely to have is chosen: all but a few of a public
    /// list, some years, or from nothing up to more than most measures reach. Of measures the contract
    /// tells no bounds; a range that is taken for all of them where it is not makes a flag too many.
    fn is_nearly_all(&self, dataset: &str, column: &str, chosen: &ChosenRows) -> bool {
        let found = self.contract.datasets.get(dataset).and_then(|dataset| dataset.column(column));
        match (chosen, found.map(|found| &found.role)) {
            (ChosenRows::Codes(codes), Some(Role::Group(domain))) => {
                let values = (0..domain.len()).filter_map(|code| i32::try_from(code).ok());
                let missing = values.filter(|code| !codes.contains(code)).count();
                missing.saturating_mul(FEW) <= domain.len()
            }
            (ChosenRows::Range(least, most), Some(Role::Date)) => {
                most.saturating_sub(*least) >= SOME_YEARS
            }
            (ChosenRows::Range(least, most), Some(Role::Measure(scale) | Role::Feature(scale))) => {
                let much = if *scale == Scale::WHOLE { MANY } else { MUCH };
                let unit = 10_i64.saturating_pow(u32::from(u8::from(*scale)));
                *least <= 0 && *most >= unit.saturating_mul(much)
            }
            (ChosenRows::Range(least, most), _) => *least <= 0 && *most >= MUCH,
            (ChosenRows::Codes(_), _) => false,
        }
    }

    /// The conditions on the rows of one dataset.
    fn rows_of(&self, table: &Table) -> Rows {
        self.rows(&table.dataset, &table.rows)
    }

    /// The conditions on what is added up. If several measures share a condition, it counts once.
    fn measured(&self) -> BTreeSet<((String, String), ChosenRows)> {
        let measures = self.tally.measures.iter();
        measures
            .flat_map(|measure| self.rows(self.tally.dataset(measure.side), &measure.rows))
            .collect()
    }
}

impl ChosenRows {
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

    /// How far two conditions on one column are apart: 0 if hardly, 1 if mostly the same rows
    /// count; `None` if other rows count.
    fn apart(&self, other: &Self) -> Option<usize> {
        let (shared, all) = match (self, other) {
            (Self::Codes(one), Self::Codes(other)) => {
                if one.symmetric_difference(other).count() == 1 {
                    return Some(1);
                }
                let shared = one.intersection(other).count();
                let all = one.union(other).count();
                (i128::try_from(shared).ok()?, i128::try_from(all).ok()?)
            }
            (Self::Range(least, most), Self::Range(low, high)) => {
                let width = |least: i64, most: i64| i128::from(most) - i128::from(least) + 1;
                let shared = width(*least.max(low), *most.min(high));
                let all = width(*least.min(low), *most.max(high));
                if shared.saturating_mul(2) >= all
                    && shared.saturating_mul(10) < all.saturating_mul(9)
                {
                    return Some(1);
                }
                (shared, all)
            }
            _ => return None,
        };
        (shared.saturating_mul(10) >= all.saturating_mul(9)).then_some(0)
    }
}

/// How many conditions differ slightly, and whether one dataset more is counted; none if anything differs by more, or
/// if other people are counted. A union that tells who is in which dataset tells who is in some of them. One that does
/// not, and has one dataset more, differs by those who are in that one alone, who may be few. Two unions that both tell
/// it and have two datasets or more in common both say how many people these share, so that asking them again beside
/// another third averages noise away; that one dataset is compared with one after another is no such thing.
fn population<'t>(one: &ContractTally<'t>, other: &ContractTally<'t>) -> Option<usize> {
    let (fewer, more) = if one.tally.counted().len() <= other.tally.counted().len() {
        (one, other)
    } else {
        (other, one)
    };
    let (counted, all) = (fewer.tally.counted(), more.tally.counted());
    let pair = |table: &'t Table| {
        let same = |other: &&Table| other.dataset == table.dataset;
        Some((table, all.iter().find(same)?))
    };
    let shared: Vec<_> = counted.iter().filter_map(pair).collect();
    let (missing, further) = (counted.len() - shared.len(), all.len() - counted.len());
    let tell_both = one.tally.tells_membership() && other.tally.tells_membership();
    let apart = match (missing, further) {
        (0, 0) => 0,
        (0, _) if more.tally.tells_membership() => 0,
        (0, 1) => 1,
        (1, _) if tell_both && shared.len() >= 2 => 1,
        _ => return None,
    };
    shared.into_iter().try_fold(apart, |sum, (table, same)| {
        Some(sum + conditions(fewer.rows_of(table), more.rows_of(same))?)
    })
}

/// As [`population`]. Where only one joins a dataset, or each another, the people counted are the same:
/// what is told apart by it is in the cells.
fn joined(one: &ContractTally<'_>, other: &ContractTally<'_>) -> Option<usize> {
    match (one.tally.joined(), other.tally.joined()) {
        (Some(ours), Some(theirs)) if ours.dataset == theirs.dataset => {
            conditions(one.rows_of(ours), other.rows_of(theirs))
        }
        _ => Some(0),
    }
}

fn measured(one: &ContractTally<'_>, other: &ContractTally<'_>) -> Option<usize> {
    conditions(one.measured(), other.measured())
}

type Row = ((String, String), ChosenRows);

fn conditions(
    one: impl IntoIterator<Item = Row>,
    other: impl IntoIterator<Item = Row>,
) -> Option<usize> {
    let one: BTreeSet<Row> = one.into_iter().collect();
    let other: BTreeSet<Row> = other.into_iter().collect();
    let mut by_column: BTreeMap<_, [Vec<&ChosenRows>; 2]> = BTreeMap::new();
    for (column, chosen) in one.difference(&other) {
        by_column.entry(column).or_default()[0].push(chosen);
    }
    for (column, chosen) in other.difference(&one) {
        by_column.entry(column).or_default()[1].push(chosen);
    }
    by_column
        .into_values()
        .try_fold(0, |sum, [ours, theirs]| Some(sum + on_one_column(ours, theirs)?))
}

/// A condition more or fewer is one difference; where both have others, the nearest are compared.
fn on_one_column(mut ours: Vec<&ChosenRows>, mut theirs: Vec<&ChosenRows>) -> Option<usize> {
    let mut sum = 0;
    loop {
        if ours.is_empty() || theirs.is_empty() {
            return Some(sum + ours.len() + theirs.len());
        }
        let pairs = ours.iter().enumerate().flat_map(|(at, one)| {
            let near = |(place, other): (usize, &&ChosenRows)| Some((one.apart(other)?, at, place));
            theirs.iter().enumerate().filter_map(near).collect::<Vec<_>>()
        });
        let (apart, at, place) = pairs.min()?;
        sum += apart;
        ours.remove(at);
        theirs.remove(place);
    }
}

/// Two trainings that learn the same are alike, whatever their features, steps and settings are: their released sums
/// could be averaged. None if they learn other things.
fn trainings(one: (&Tally, &Program), other: (&Tally, &Program)) -> Option<usize> {
    let learnt = |(tally, program): (&Tally, &Program)| {
        (tally.dataset(program.label.side).to_owned(), program.label.of.clone())
    };
    (learnt(one) == learnt(other)).then_some(0)
}

/// How many codes of the arms or bins differ; none if by more than one code, or if neither's cells are
/// sums of the other's.
fn cells(one: &Tally, other: &Tally) -> Option<usize> {
    let (one, other) = (dimensions(one), dimensions(other));
    let (fewer, more) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    fewer.iter().try_fold(0, |sum, told| {
        let apart = more.iter().filter_map(|other| told.apart(other)).min()?;
        Some(sum + apart)
    })
}

/// What a dimension tells apart, whatever the tally's other figures are.
enum Distinction<'t> {
    /// Whether people are found in this dataset.
    Matched(&'t str),
    /// In which of these datasets people are found.
    Membership(BTreeSet<&'t str>),
    /// Whether people are known by the union's kind of key.
    Known,
    /// A dataset and its column.
    Column(&'t str, &'t str),
    /// The earliest day in a dataset's column, in bins.
    Earliest(&'t str, &'t str, &'t [i64]),
    /// Days of rows in a dataset's column, in bins.
    Days(&'t str, &'t str, &'t [i64]),
    /// Arms of a dataset's column: codes of the test and of the control arm.
    Arms(&'t str, &'t str, [BTreeSet<i32>; 2]),
    /// What outcomes are credited to: a dataset, its column and its day, another dataset and its day.
    Credited([&'t str; 5], Rule, u32),
    /// Totals of a quantity in a dataset, or in no one of them, in bins; of people or in each group, which is the same
    /// where a person is in one.
    Bins(Option<(Option<&'t str>, &'t Quantity)>, &'t [i64]),
}

fn dimensions<'t>(tally: &'t Tally) -> Vec<Distinction<'t>> {
    let dataset = |side: Side| tally.dataset(side);
    let measure = |at: u32| usize::try_from(at).ok().and_then(|at| tally.measures.get(at));
    let told = tally.dimensions.iter().map(|dimension| match dimension {
        Dimension::Matched | Dimension::MatchedWithConsent => {
            Distinction::Matched(dataset(Side::JOINED))
        }
        Dimension::Membership { .. } => Distinction::Membership(tally.datasets().collect()),
        Dimension::Known => Distinction::Known,
        Dimension::Arm { column, test, control } => Distinction::Arms(
            dataset(Side::POPULATION),
            column,
            [test, control].map(|codes| codes.iter().copied().collect()),
        ),
        Dimension::Creative { column, .. } => {
            Distinction::Column(dataset(Side::POPULATION), column)
        }
        // Of who has one value, the only one is that of the group.
        Dimension::Group { side, column, .. }
        | Dimension::Label { side, column }
        | Dimension::Only { side, column, .. } => Distinction::Column(dataset(*side), column),
        Dimension::Earliest { side, column, edges } => {
            Distinction::Earliest(dataset(*side), column, edges)
        }
        Dimension::Days { side, column, edges } => Distinction::Days(dataset(*side), column, edges),
        Dimension::Credited(credit) => Distinction::Credited(
            [
                dataset(Side::POPULATION),
                &credit.column,
                &credit.day,
                dataset(Side::JOINED),
                &credit.outcome,
            ],
            credit.rule,
            credit.window,
        ),
        Dimension::Bins { measure: at, edges } | Dimension::BinsPerGroup { measure: at, edges } => {
            // Rows of all are those of no one dataset, whichever is named first.
            let of = |measure: &'t Measure| match measure.of {
                Quantity::RowsOfAll => (None, &measure.of),
                _ => (Some(dataset(measure.side)), &measure.of),
            };
            Distinction::Bins(measure(*at).map(of), edges)
        }
    });
    told.collect()
}

impl Distinction<'_> {
    /// How many codes or bins tell people apart in another way; none if they are told apart by
    /// something else, or if more than one code differs.
    fn apart(&self, other: &Self) -> Option<usize> {
        match (self, other) {
            (Self::Matched(joined), Self::Matched(same)) => (joined == same).then_some(0),
            (Self::Known, Self::Known) => Some(0),
            // Membership tells it, too.
            (Self::Known, Self::Membership(_)) | (Self::Membership(_), Self::Known) => Some(0),
            (Self::Matched(joined), Self::Membership(all))
            | (Self::Membership(all), Self::Matched(joined)) => all.contains(joined).then_some(0),
            // Sets of the datasets in common are sums of those of either; [`population`] says how many there must be.
            (Self::Membership(one), Self::Membership(other)) => {
                (!one.is_disjoint(other)).then_some(0)
            }
            // The places of arms are sums of those of their column.
            (
                Self::Column(dataset, column) | Self::Arms(dataset, column, _),
                Self::Column(same_dataset, same),
            )
            | (Self::Column(dataset, column), Self::Arms(same_dataset, same, _)) => {
                (dataset == same_dataset && column == same).then_some(0)
            }
            (Self::Arms(dataset, column, arms), Self::Arms(same_dataset, same, others))
                if dataset == same_dataset && column == same =>
            {
                let codes = |one: &BTreeSet<i32>, other: &BTreeSet<i32>| {
                    let apart = one.symmetric_difference(other).count();
                    (apart <= 1).then_some(apart)
                };
                let [test, control] = arms;
                let [other_test, other_control] = others;
                let both = |one: Option<usize>, other: Option<usize>| Some(one? + other?);
                let straight = both(codes(test, other_test), codes(control, other_control));
                // The arms may have changed places, too.
                let crossed = both(codes(test, other_control), codes(control, other_test));
                straight.into_iter().chain(crossed).min()
            }
            (
                Self::Earliest(dataset, column, edges),
                Self::Earliest(same_dataset, same, others),
            )
            | (Self::Days(dataset, column, edges), Self::Days(same_dataset, same, others)) => {
                (dataset == same_dataset && column == same).then_some(usize::from(edges != others))
            }
            (Self::Credited(of, rule, window), Self::Credited(same, other, longer)) => {
                (of == same).then_some(usize::from((rule, window) != (other, longer)))
            }
            (Self::Bins(measure, edges), Self::Bins(same, others)) => {
                (measure == same).then_some(usize::from(edges != others))
            }
            _ => None,
        }
    }
}

/// One value of so many may be missing from what is still nearly all.
const FEW: usize = 5;
/// Days, as many as most data have: two years, or nearly.
const SOME_YEARS: i64 = 700;
/// More than most counts reach.
const MANY: i64 = 100;
/// More than most amounts reach, in whole units.
const MUCH: i64 = 1_000;

#[cfg(test)]
mod tests;
