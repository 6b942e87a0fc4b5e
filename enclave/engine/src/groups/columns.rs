//! Columns as a tally reads them, row by row. A row that there is not has no value anywhere.

use arrow::array::{Array, AsArray, FixedSizeBinaryArray};
use arrow::datatypes::{Int32Type, Int64Type};
use protocol::identity::MatchKey;
use protocol::released::Place;
use protocol::sealed::MISSING;
use protocol::tally::{Arm, Condition, Dimension, Quantity, Side, Tally};

use super::order::{mix, mix_bytes, ranks_of_labels};
use crate::fault::Fault;
use crate::table::{Kind, Table, WIDEST};

/// A condition on a row.
pub(crate) enum Test<'t> {
    OneOf {
        codes: &'t [i32],
        values: i32,
        allowed: &'t [i32],
    },
    Days {
        days: &'t [i32],
        least: i64,
        most: i64,
    },
    Numbers {
        numbers: &'t [i64],
        least: i64,
        most: i64,
    },
    /// Days from the person's own start, by its place among all starts.
    SinceStart {
        days: &'t [i32],
        start: usize,
        first: i64,
        last: i64,
    },
}

/// The columns of a tally that a person's starts are read from, each once.
#[derive(Clone)]
pub(crate) struct Starts<'t>(Vec<(Side, &'t str)>);

impl<'t> Starts<'t> {
    pub(crate) fn of(tally: &'t Tally) -> Self {
        let mut all = Vec::new();
        let of_conditions = tally.conditions().filter_map(|(_, condition)| condition.start());
        let of_dimensions = tally.dimensions.iter().filter_map(earliest);
        for start in of_conditions.chain(of_dimensions) {
            if !all.contains(&start) {
                all.push(start);
            }
        }
        Self(all)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Those of one table: the place of each, and its days.
    pub(crate) fn of_table(
        &self,
        side: Side,
        table: &'t Table,
    ) -> Result<Vec<(usize, &'t [i32])>, Fault> {
        let own = self.0.iter().enumerate().filter(|(_, (of, _))| *of == side);
        let days = own.map(|(at, (_, column))| match table.column(column)? {
            (name, Kind::Day) => Ok((at, codes(table, name)?)),
            _ => Err(table.layout(column)),
        });
        days.collect()
    }

    fn place(&self, condition: &Condition) -> Option<usize> {
        let start = condition.start()?;
        self.0.iter().position(|known| *known == start)
    }

    /// The place of the day that a dimension tells people apart by.
    pub(crate) fn place_of(&self, dimension: &Dimension) -> Option<usize> {
        let start = earliest(dimension)?;
        self.0.iter().position(|known| *known == start)
    }
}

/// The dataset and the column whose earliest day a dimension tells people apart by.
fn earliest(dimension: &Dimension) -> Option<(Side, &str)> {
    match dimension {
        Dimension::Earliest { side, column, .. } => Some((*side, column)),
        _ => None,
    }
}

impl<'t> Test<'t> {
    pub(crate) fn all(
        table: &'t Table,
        conditions: &'t [Condition],
        starts: &Starts<'_>,
    ) -> Result<Vec<Self>, Fault> {
        conditions.iter().map(|condition| Self::new(table, condition, starts)).collect()
    }

    fn new(table: &'t Table, condition: &'t Condition, starts: &Starts<'_>) -> Result<Self, Fault> {
        let column = condition.column();
        let (name, kind) = table.column(column)?;
        match (condition, kind) {
            (Condition::OneOf { codes: allowed, .. }, Kind::Group(values)) => {
                Ok(Self::OneOf { codes: codes(table, name)?, values, allowed })
            }
            (Condition::Between { least, most, .. }, Kind::Day) => {
                Ok(Self::Days { days: codes(table, name)?, least: *least, most: *most })
            }
            (Condition::Between { least, most, .. }, Kind::Number) => {
                Ok(Self::Numbers { numbers: numbers(table, name)?, least: *least, most: *most })
            }
            (Condition::SinceStart { first, last, .. }, Kind::Day) => {
                let start = starts.place(condition).ok_or(Fault::Engine)?;
                let days = codes(table, name)?;
                Ok(Self::SinceStart { days, start, first: *first, last: *last })
            }
            _ => Err(table.layout(column)),
        }
    }

    /// Whether a row of somebody with these starts meets it.
    pub(crate) fn is_met(&self, row: usize, starts: &[Option<i32>]) -> bool {
        match self {
            Self::OneOf { codes, values, allowed } => {
                let value = codes.get(row).filter(|code| (0..*values).contains(*code));
                value.is_some_and(|code| allowed.binary_search(code).is_ok())
            }
            Self::Days { days, least, most } => {
                let day = days.get(row).filter(|day| **day != MISSING);
                day.is_some_and(|day| (*least..=*most).contains(&i64::from(*day)))
            }
            Self::Numbers { numbers, least, most } => {
                numbers.get(row).is_some_and(|number| (*least..=*most).contains(number))
            }
            Self::SinceStart { days, start, first, last } => {
                let day = days.get(row).copied().filter(|day| *day != MISSING);
                let since = day.zip(starts.get(*start).copied().flatten());
                let since = since.map(|(day, start)| i64::from(day) - i64::from(start));
                since.is_some_and(|days| (*first..=*last).contains(&days))
            }
        }
    }
}

/// The column that assigns people to arms.
pub(crate) struct Assignment<'t> {
    codes: &'t [i32],
    test: &'t [i32],
    control: &'t [i32],
}

impl<'t> Assignment<'t> {
    pub(crate) fn new(
        table: &'t Table,
        column: &str,
        test: &'t [i32],
        control: &'t [i32],
    ) -> Result<Self, Fault> {
        match table.column(column)? {
            (name, Kind::Group(_)) => Ok(Self { codes: codes(table, name)?, test, control }),
            _ => Err(table.layout(column)),
        }
    }

    /// The arm of somebody with these rows.
    pub(crate) fn arm(&self, rows: impl Iterator<Item = usize>) -> Arm {
        let (mut in_test, mut in_control, mut elsewhere) = (false, false, false);
        for row in rows {
            let code = self.codes.get(row).filter(|code| **code != MISSING);
            let is_in = |arm: &[i32]| code.is_some_and(|code| arm.contains(code));
            let (test, control) = (is_in(self.test), is_in(self.control));
            in_test |= test;
            in_control |= control;
            elsewhere |= !test && !control;
        }
        match (in_test, in_control, elsewhere) {
            (true, false, false) => Arm::Test,
            (false, true, false) => Arm::Control,
            (false, false, _) => Arm::Other,
            _ => Arm::Several,
        }
    }
}

/// A dimension that rows have a place in.
pub(crate) enum Part<'t> {
    /// Codes of so many values.
    Group { codes: &'t [i32], values: u32 },
    /// Labels, and their places in the order of all.
    Label { labels: &'t FixedSizeBinaryArray, ranks: Vec<u32>, places: u64 },
}

impl<'t> Part<'t> {
    pub(crate) fn group(table: &'t Table, column: &str, values: u32) -> Result<Self, Fault> {
        match table.column(column)? {
            (name, Kind::Group(_)) => Ok(Self::Group { codes: codes(table, name)?, values }),
            _ => Err(table.layout(column)),
        }
    }

    pub(crate) fn label(table: &'t Table, column: &str) -> Result<Self, Fault> {
        match table.column(column)? {
            (name, Kind::Label) => {
                let labels = labels(table, name)?;
                let (ranks, places) =
                    ranks_of_labels((0..labels.len()).map(|row| labels.value(row)));
                Ok(Self::Label { labels, ranks, places })
            }
            _ => Err(table.layout(column)),
        }
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> u64 {
        match self {
            Self::Group { values, .. } => u64::from(*values) + 1,
            Self::Label { places, .. } => *places,
        }
    }

    /// The place of a row in the order of places.
    pub(crate) fn rank(&self, row: usize) -> u32 {
        match self {
            Self::Group { codes, values } => {
                let code = codes.get(row).and_then(|code| u32::try_from(*code).ok());
                code.filter(|code| code < values).unwrap_or(*values)
            }
            Self::Label { ranks, .. } => ranks.get(row).copied().unwrap_or(0),
        }
    }

    /// What the place of a row is called.
    pub(crate) fn place(&self, row: usize) -> Place {
        match self {
            Self::Group { .. } => Place::Index(self.rank(row)),
            Self::Label { labels, .. } => Place::Label(label(labels, row)),
        }
    }

    /// The number of the only value of these rows: its rank, that of no value, or the number of places for
    /// several.
    pub(crate) fn only(&self, rows: impl Iterator<Item = usize>) -> u64 {
        let none = self.rank(usize::MAX);
        let mut only = none;
        for rank in rows.map(|row| self.rank(row)).filter(|rank| *rank != none) {
            if only != none && only != rank {
                return self.places();
            }
            only = rank;
        }
        u64::from(only)
    }

    /// What the places of labels are called, by rank.
    pub(crate) fn places_by_rank(&self) -> Vec<Place> {
        let Self::Label { labels, ranks, places } = self else { return Vec::new() };
        let none = Place::Label([0; MatchKey::LEN]);
        let mut all = vec![none; usize::try_from(*places).unwrap_or(0)];
        for (row, rank) in ranks.iter().enumerate() {
            let place = usize::try_from(*rank).ok().and_then(|rank| all.get_mut(rank));
            if let Some(place) = place {
                *place = Place::Label(label(labels, row));
            }
        }
        all
    }

    /// The place as a number that other rows have no part in.
    pub(crate) fn hash(&self, row: usize) -> u64 {
        match self {
            Self::Group { .. } => mix(1, u64::from(self.rank(row))),
            Self::Label { labels, .. } => mix_bytes(2, &label(labels, row)),
        }
    }
}

/// What is made of rows.
pub(crate) struct Value<'t> {
    conditions: Vec<Test<'t>>,
    of: Of<'t>,
}

enum Of<'t> {
    Rows,
    Sum(&'t [i64]),
    Distinct(Part<'t>),
}

impl<'t> Value<'t> {
    pub(crate) fn new(
        table: &'t Table,
        quantity: &Quantity,
        conditions: &'t [Condition],
        starts: &Starts<'_>,
    ) -> Result<Self, Fault> {
        let of = match quantity {
            Quantity::Rows | Quantity::RowsOfAll => Of::Rows,
            Quantity::Sum { column } => match table.column(column)? {
                (name, Kind::Number) => Of::Sum(numbers(table, name)?),
                _ => return Err(table.layout(column)),
            },
            Quantity::Distinct { column } => match table.column(column)? {
                (_, Kind::Group(values)) => {
                    let values = u32::try_from(values).map_err(|_| table.layout(column))?;
                    Of::Distinct(Part::group(table, column, values)?)
                }
                _ => Of::Distinct(Part::label(table, column)?),
            },
        };
        Ok(Self { conditions: Test::all(table, conditions, starts)?, of })
    }

    /// Of all `rows`. So many rows of at most 2⁴⁰ each do not overflow.
    pub(crate) fn over(
        &self,
        rows: impl Iterator<Item = usize>,
        starts: &[Option<i32>],
        seen: &mut Vec<u32>,
    ) -> i128 {
        let mut rows = rows
            .filter(|row| self.conditions.iter().all(|condition| condition.is_met(*row, starts)));
        match &self.of {
            Of::Rows => rows.fold(0, |sum, _| sum + 1),
            Of::Sum(numbers) => rows.fold(0, |sum, row| {
                let number = numbers.get(row).copied().unwrap_or(0);
                sum + i128::from(number.clamp(-WIDEST, WIDEST))
            }),
            Of::Distinct(part) => {
                let none = part.rank(usize::MAX);
                seen.clear();
                seen.extend(rows.by_ref().map(|row| part.rank(row)).filter(|row| *row != none));
                seen.sort_unstable();
                seen.dedup();
                i128::try_from(seen.len()).unwrap_or(i128::MAX)
            }
        }
    }
}

pub(crate) fn codes<'t>(table: &'t Table, name: &str) -> Result<&'t [i32], Fault> {
    let column = table.rows.column_by_name(name);
    let codes = column.and_then(|column| column.as_primitive_opt::<Int32Type>());
    codes.map(|codes| &**codes.values()).ok_or(Fault::Engine)
}

fn numbers<'t>(table: &'t Table, name: &str) -> Result<&'t [i64], Fault> {
    let column = table.rows.column_by_name(name);
    let numbers = column.and_then(|column| column.as_primitive_opt::<Int64Type>());
    numbers.map(|numbers| &**numbers.values()).ok_or(Fault::Engine)
}

pub(crate) fn labels<'t>(table: &'t Table, name: &str) -> Result<&'t FixedSizeBinaryArray, Fault> {
    let column = table.rows.column_by_name(name);
    column.and_then(|column| column.as_fixed_size_binary_opt()).ok_or(Fault::Engine)
}

fn label(labels: &FixedSizeBinaryArray, row: usize) -> [u8; MatchKey::LEN] {
    let label = (row < labels.len()).then(|| labels.value(row));
    label.and_then(|label| label.try_into().ok()).unwrap_or_default()
}
