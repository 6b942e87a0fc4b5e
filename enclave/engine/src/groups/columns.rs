//! Columns as a tally reads them, row by row. A row that there is not has no value anywhere.

use protocol::released::Place;
use protocol::sealed::MISSING;
use protocol::tally::{Arm, Condition, Dimension, Quantity, Side, Tally};

use crate::fault::Fault;
use crate::mix::{mix, mix_bytes};
use crate::ordered::{Codes, Column, Ordered, Text, wide};

/// A condition on a row.
pub(crate) enum Test<'t> {
    OneOf {
        codes: &'t Codes,
        /// By code, whether rows with it meet the condition.
        allowed: Vec<bool>,
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
        table: &'t Ordered,
    ) -> Result<Vec<(usize, &'t [i32])>, Fault> {
        let own = self.0.iter().enumerate().filter(|(_, (of, _))| *of == side);
        own.map(|(at, (_, column))| Ok((at, table.days(column)?))).collect()
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
        table: &'t Ordered,
        conditions: &'t [Condition],
        starts: &Starts<'_>,
    ) -> Result<Vec<Self>, Fault> {
        conditions.iter().map(|condition| Self::new(table, condition, starts)).collect()
    }

    fn new(table: &'t Ordered, condition: &Condition, starts: &Starts<'_>) -> Result<Self, Fault> {
        let column = condition.column();
        match (condition, table.column(column)?) {
            (Condition::OneOf { codes: allowed, .. }, Column::Group { codes, values }) => {
                let is_allowed =
                    |code: u32| i32::try_from(code).is_ok_and(|code| allowed.contains(&code));
                Ok(Self::OneOf { codes, allowed: (0..*values).map(is_allowed).collect() })
            }
            (Condition::Between { least, most, .. }, Column::Days(days)) => {
                Ok(Self::Days { days, least: *least, most: *most })
            }
            (Condition::Between { least, most, .. }, Column::Numbers(numbers)) => {
                Ok(Self::Numbers { numbers, least: *least, most: *most })
            }
            (Condition::SinceStart { first, last, .. }, Column::Days(days)) => {
                let start = starts.place(condition).ok_or(Fault::Engine)?;
                Ok(Self::SinceStart { days, start, first: *first, last: *last })
            }
            _ => Err(table.layout(column)),
        }
    }

    /// Whether a row of somebody with these starts meets it.
    pub(crate) fn is_met(&self, row: usize, starts: &[Option<i32>]) -> bool {
        match self {
            Self::OneOf { codes, allowed } => {
                codes.get(row).is_some_and(|code| allowed.get(wide(code)) == Some(&true))
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
    codes: &'t Codes,
    /// By code, and last of rows without a value: [`TEST`], [`CONTROL`], both, or [`ELSEWHERE`].
    arms: Vec<u8>,
}

impl<'t> Assignment<'t> {
    pub(crate) fn new(
        table: &'t Ordered,
        column: &str,
        test: &[i32],
        control: &[i32],
    ) -> Result<Self, Fault> {
        let Column::Group { codes, values } = table.column(column)? else {
            return Err(table.layout(column));
        };
        let arm = |code: u32| {
            let code = i32::try_from(code).ok().filter(|_| code < *values);
            let is_in = |arm: &[i32]| code.is_some_and(|code| arm.contains(&code));
            match (is_in(test), is_in(control)) {
                (false, false) => ELSEWHERE,
                (test, control) => (u8::from(test) * TEST) | (u8::from(control) * CONTROL),
            }
        };
        Ok(Self { codes, arms: (0..=*values).map(arm).collect() })
    }

    /// The arm of somebody with these rows.
    pub(crate) fn arm(&self, rows: &[u32]) -> Arm {
        let of = |row: &u32| self.codes.get(wide(*row)).and_then(|code| self.arms.get(wide(code)));
        match rows.iter().filter_map(of).fold(0, |all, arm| all | arm) {
            TEST => Arm::Test,
            CONTROL => Arm::Control,
            0 | ELSEWHERE => Arm::Other,
            _ => Arm::Several,
        }
    }
}

const TEST: u8 = 1;
const CONTROL: u8 = 2;
const ELSEWHERE: u8 = 4;

/// A dimension that rows have a place in.
pub(crate) enum Part<'t> {
    /// Codes of so many values.
    Group { codes: &'t Codes, values: u32 },
    /// Days, in bins with these edges.
    Days { days: &'t [i32], edges: &'t [i64] },
    /// Places of texts in the order of all of them.
    Label { ranks: &'t [u32], texts: &'t [Text] },
}

impl<'t> Part<'t> {
    pub(crate) fn group(table: &'t Ordered, column: &str, values: u32) -> Result<Self, Fault> {
        Ok(Self::Group { codes: table.codes(column)?, values })
    }

    pub(crate) fn days(table: &'t Ordered, column: &str, edges: &'t [i64]) -> Result<Self, Fault> {
        Ok(Self::Days { days: table.days(column)?, edges })
    }

    pub(crate) fn label(table: &'t Ordered, column: &str) -> Result<Self, Fault> {
        match table.column(column)? {
            Column::Label { ranks, texts } => Ok(Self::Label { ranks, texts }),
            _ => Err(table.layout(column)),
        }
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> u64 {
        match self {
            Self::Group { values, .. } => u64::from(*values) + 1,
            Self::Days { edges, .. } => u64::try_from(edges.len()).unwrap_or(u64::MAX) + 2,
            Self::Label { texts, .. } => u64::try_from(texts.len()).unwrap_or(u64::MAX),
        }
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Group { codes, .. } => codes.len(),
            Self::Days { days, .. } => days.len(),
            Self::Label { ranks, .. } => ranks.len(),
        }
    }

    /// The place of a row in the order of places.
    pub(crate) fn rank(&self, row: usize) -> u32 {
        match self {
            Self::Group { codes, values } => {
                codes.get(row).map_or(*values, |code| code.min(*values))
            }
            Self::Days { days, edges } => {
                let day = days.get(row).copied().filter(|day| *day != MISSING);
                let place = day.map_or(edges.len() + 1, |day| {
                    edges.partition_point(|edge| *edge <= i64::from(day))
                });
                u32::try_from(place).unwrap_or(u32::MAX)
            }
            Self::Label { ranks, .. } => ranks.get(row).copied().unwrap_or(0),
        }
    }

    /// What the place of a row is called.
    pub(crate) fn place(&self, row: usize) -> Place {
        match self {
            Self::Group { .. } | Self::Days { .. } => Place::Index(self.rank(row)),
            Self::Label { .. } => Place::Label(self.text(row)),
        }
    }

    fn text(&self, row: usize) -> Text {
        let Self::Label { texts, .. } = self else { return Text::default() };
        texts.get(wide(self.rank(row))).copied().unwrap_or_default()
    }

    /// The number of the only value of these rows: its rank, that of no value, or the number of places for
    /// several.
    pub(crate) fn only(&self, rows: &[u32]) -> u64 {
        let none = self.rank(usize::MAX);
        let mut only = none;
        for rank in rows.iter().map(|row| self.rank(wide(*row))).filter(|rank| *rank != none) {
            if only != none && only != rank {
                return self.places();
            }
            only = rank;
        }
        u64::from(only)
    }

    /// What the places of labels are called, by rank.
    pub(crate) fn places_by_rank(&self) -> Vec<Place> {
        let Self::Label { texts, .. } = self else { return Vec::new() };
        texts.iter().copied().map(Place::Label).collect()
    }

    /// The place as a number that other rows have no part in.
    pub(crate) fn hash(&self, row: usize) -> u64 {
        match self {
            Self::Group { .. } => mix(1, u64::from(self.rank(row))),
            Self::Days { .. } => mix(3, u64::from(self.rank(row))),
            Self::Label { .. } => mix_bytes(2, &self.text(row)),
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
        table: &'t Ordered,
        quantity: &Quantity,
        conditions: &'t [Condition],
        starts: &Starts<'_>,
    ) -> Result<Self, Fault> {
        let of = match quantity {
            // Credits are made of rows of two tables.
            Quantity::Rows | Quantity::RowsOfAll | Quantity::Credit { .. } => Of::Rows,
            Quantity::Sum { column } => Of::Sum(table.numbers(column)?),
            Quantity::Distinct { column } => match table.column(column)? {
                Column::Group { values, .. } => Of::Distinct(Part::group(table, column, *values)?),
                _ => Of::Distinct(Part::label(table, column)?),
            },
        };
        Ok(Self { conditions: Test::all(table, conditions, starts)?, of })
    }

    /// Of all `rows`. So many rows of at most 2⁴⁰ each do not overflow.
    pub(crate) fn over(&self, rows: &[u32], starts: &[Option<i32>], seen: &mut Vec<u32>) -> i128 {
        let counts = |row: &u32| {
            self.conditions.iter().all(|condition| condition.is_met(wide(*row), starts))
        };
        let counted = rows.iter().filter(|row| counts(row));
        match &self.of {
            Of::Rows if self.conditions.is_empty() => {
                i128::try_from(rows.len()).unwrap_or(i128::MAX)
            }
            Of::Rows => counted.fold(0, |sum, _| sum + 1),
            Of::Sum(numbers) => counted.fold(0, |sum, row| {
                let number = numbers.get(wide(*row)).copied().unwrap_or(0);
                sum + i128::from(number.clamp(-WIDEST, WIDEST))
            }),
            Of::Distinct(part) => {
                let none = part.rank(usize::MAX);
                seen.clear();
                seen.extend(counted.map(|row| part.rank(wide(*row))).filter(|rank| *rank != none));
                seen.sort_unstable();
                seen.dedup();
                i128::try_from(seen.len()).unwrap_or(i128::MAX)
            }
        }
    }
}

/// A row's value is cut to ±2⁴⁰ before it is added: far beyond any clamp, which has 32 bits, and such that no
/// person has rows enough to overflow 127 bits.
pub(super) const WIDEST: i64 = 1 << 40;
