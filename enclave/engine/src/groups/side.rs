//! One table of a tally: its rows by person, and what a person's rows say.

use std::cmp::Ordering;

use arrow::array::FixedSizeBinaryArray;
use protocol::identity::Identifier;
use protocol::released::Place;
use protocol::sealed::MISSING;
use protocol::tally::{Arm, Dimension, Measure, Population, Quantity, Side as Which, Tally};

use super::columns::{Assignment, Part, Starts, Test, Value, codes, labels};
use super::order::{mix, mix_bytes, prefix, ranks};
use crate::fault::Fault;
use crate::table::{
    AGREED, NO_KEY, PADDING, ROW_COLUMN, Table, consent_column, key_code, key_column,
};

/// A table in the order of ids.
pub(crate) struct Side<'t> {
    entries: Vec<Entry>,
    keys: Vec<&'t FixedSizeBinaryArray>,
    consents: Vec<&'t [i32]>,
    counting: Vec<Test<'t>>,
    /// Days that a person's starts are read from, by their place among all starts of the tally.
    starts: Vec<(usize, &'t [i32])>,
    /// Whether which rows count depends on a start.
    is_windowed: bool,
    /// For each dimension of arms.
    assignments: Vec<Assignment<'t>>,
    /// For each dimension of only values.
    only: Vec<Part<'t>>,
    tuple: Vec<Part<'t>>,
    /// The number of each row's tuple, and last of a row without values; without dimensions, none.
    codes: Vec<u32>,
    measures: Vec<Value<'t>>,
}

/// A row of somebody.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// The key's first bytes: most comparisons need no more.
    prefix: u64,
    row: u32,
    /// Which match key it is.
    column: u16,
    kind: u8,
}

/// Who somebody is.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key<'t> {
    prefix: u64,
    bytes: &'t [u8],
    kind: u8,
}

impl Key<'_> {
    /// Whether it is of this kind.
    pub(crate) fn is_of(self, kind: Identifier) -> bool {
        i32::from(self.kind) == key_code(kind)
    }

    /// The key as a number.
    pub(crate) fn hash(self) -> u64 {
        mix_bytes(u64::from(self.kind), self.bytes)
    }
}

impl<'t> Side<'t> {
    pub(crate) fn new(
        tally: &'t Tally,
        which: Which,
        table: &'t Table,
        strides: &[u64],
    ) -> Result<Self, Fault> {
        let rows = table.rows.num_rows();
        // Rows are numbered with 32 bits, and one more.
        if u32::try_from(rows).is_ok_and(|rows| rows < u32::MAX) {
            let keys = (0..table.keys.len()).map(|at| labels(table, &key_column(at)));
            let keys = keys.collect::<Result<Vec<_>, _>>()?;
            let consents = (0..table.consents).map(|at| codes(table, &consent_column(at)));
            let consents = consents.collect::<Result<Vec<_>, _>>()?;
            let of_table = tally.table(which).ok_or(Fault::Tables)?;
            let all_starts = Starts::of(tally);
            let counting = Test::all(table, &of_table.rows, &all_starts)?;
            let starts = all_starts.of_table(which, table)?;
            let is_windowed = of_table.rows.iter().any(|row| row.start().is_some());
            let assignments = assignments(tally, which, table)?;
            let only = only(tally, which, table)?;
            let (tuple, own_strides) = parts(tally, which, table, strides)?;
            let codes = if tuple.is_empty() {
                Vec::new()
            } else if tally.is_named_by_data() {
                ranked(&tuple, rows)
            } else {
                numbered(&tuple, &own_strides, rows)
            };
            let measures = tally.measures.iter().filter(|measure| is_of(measure, which));
            let measures =
                measures.map(|measure| Value::new(table, &measure.of, &measure.rows, &all_starts));
            let measures = measures.collect::<Result<_, Fault>>()?;
            let entries = Vec::new();
            let mut side = Self {
                entries,
                keys,
                consents,
                counting,
                starts,
                is_windowed,
                assignments,
                only,
                tuple,
                codes,
                measures,
            };
            side.entries = side.sorted(tally.population, table)?;
            Ok(side)
        } else {
            Err(Fault::Memory)
        }
    }

    /// Every row that is somebody's.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whose row it is.
    pub(crate) fn key(&self, entry: &Entry) -> Key<'t> {
        let Entry { prefix, row, column, kind } = *entry;
        let bytes = self.keys.get(usize::from(column)).map(|keys| keys.value(wide(row)));
        Key { prefix, bytes: bytes.unwrap_or_default(), kind }
    }

    fn sorted(&self, population: Population, table: &Table) -> Result<Vec<Entry>, Fault> {
        let marks = codes(table, ROW_COLUMN)?;
        let kinds: Vec<u8> =
            table.keys.iter().map(|key| u8::try_from(key_code(*key)).unwrap_or(0)).collect();
        let no_key = u8::try_from(NO_KEY).unwrap_or(0);
        let mut order: Vec<_> = (0_u16..).zip(&self.keys).zip(&kinds).collect();
        if let Population::Union { by } = population {
            // That kind first, and others in the order they had.
            order.sort_by_key(|(_, kind)| i32::from(**kind) != key_code(by));
        }
        let mut entries = Vec::with_capacity(marks.len());
        for (row, _) in (0..).zip(marks).filter(|(_, mark)| **mark != PADDING) {
            let mut present = order.iter().filter_map(|((column, keys), kind)| {
                let bytes = keys.value(wide(row));
                let is_present = bytes.iter().any(|byte| *byte != 0);
                is_present.then(|| Entry {
                    prefix: prefix(bytes),
                    row,
                    column: *column,
                    kind: **kind,
                })
            });
            entries.extend(present.next().filter(|key| key.kind != no_key));
        }
        entries.sort_unstable_by(|a, b| match a.prefix.cmp(&b.prefix) {
            Ordering::Equal => self.key(a).cmp(&self.key(b)),
            other => other,
        });
        Ok(entries)
    }

    /// Whether which rows count depends on a person's start in another table.
    pub(crate) fn is_windowed(&self) -> bool {
        self.is_windowed
    }

    /// Finds out whether a person agrees, and which of these rows count; then her starts in this table.
    pub(crate) fn choose(&self, rows: &[Entry], starts: &mut [Option<i32>], person: &mut Person) {
        person.clear();
        let agrees =
            |row: usize| self.consents.iter().all(|consent| consent.get(row) == Some(&AGREED));
        person.agreed = rows.iter().all(|row| agrees(wide(row.row)));
        let counting = rows.iter().map(|row| row.row);
        let is_met =
            |row: u32| self.counting.iter().all(|condition| condition.is_met(wide(row), starts));
        let counting = counting.filter(|row| is_met(*row));
        person.rows.extend(counting.map(|row| (self.code(row), row)));
        person.rows.sort_unstable();
        for (at, days) in &self.starts {
            let own = person.rows.iter().filter_map(|(_, row)| days.get(wide(*row)));
            if let Some(start) = starts.get_mut(*at) {
                *start = own.copied().filter(|day| *day != MISSING).min();
            }
        }
    }

    /// What the rows that count say of the person with this key, in at most `most` tuples.
    pub(crate) fn read(&self, key: u64, most: usize, starts: &[Option<i32>], person: &mut Person) {
        // Over all rows that count, before any cell is left out.
        let arm = |assignment: &Assignment<'_>| {
            assignment.arm(person.rows.iter().map(|(_, row)| wide(*row)))
        };
        person.arms.extend(self.assignments.iter().map(arm));
        let only = |part: &Part<'_>| part.only(person.rows.iter().map(|(_, row)| wide(*row)));
        person.only.extend(self.only.iter().map(only));
        let mut start = 0;
        for run in person.rows.chunk_by(|a, b| a.0 == b.0) {
            let end = start + run.len();
            if let Some((code, row)) = run.first() {
                let tuple = Tuple { code: *code, row: *row, hash: 0, at: 0 };
                person.runs.push((tuple, start, end));
            }
            start = end;
        }
        if person.runs.len() > 1 {
            for (tuple, ..) in &mut person.runs {
                tuple.hash = self.hash(wide(tuple.row));
            }
        }
        if person.runs.len() > most {
            let rank = |(it, ..): &(Tuple, usize, usize)| (mix(key, it.hash), it.code);
            person.runs.select_nth_unstable_by_key(most, rank);
            person.runs.truncate(most);
        }
        for (mut tuple, start, end) in person.runs.drain(..) {
            tuple.at = person.values.len();
            let run = person.rows.get(start..end).unwrap_or_default();
            for measure in &self.measures {
                let rows = run.iter().map(|(_, row)| wide(*row));
                person.values.push(measure.over(rows, starts, &mut person.seen));
            }
            person.tuples.push(tuple);
        }
        person.measures = self.measures.len();
    }

    /// What it says of a person that there is no row: one tuple without values.
    pub(crate) fn read_nothing(&self, person: &mut Person) {
        person.values.clear();
        let code = self.codes.last().copied().unwrap_or(0);
        person.tuples.push(Tuple { code, ..Tuple::NONE });
        person.values.extend(self.measures.iter().map(|_| 0));
        person.measures = self.measures.len();
    }

    /// What the place of a row in a dimension of this table is called.
    pub(crate) fn place(&self, dimension: usize, row: u32) -> Place {
        self.tuple.get(dimension).map_or(Place::Index(0), |part| part.place(wide(row)))
    }

    /// What the places of a dimension of only labels are called, by their numbers; none of a public list.
    pub(crate) fn only_labels(&self, dimension: usize) -> Vec<Place> {
        self.only.get(dimension).map(Part::places_by_rank).unwrap_or_default()
    }

    fn code(&self, row: u32) -> u32 {
        self.codes.get(wide(row)).copied().unwrap_or(0)
    }

    fn hash(&self, row: usize) -> u64 {
        self.tuple.iter().fold(0, |hash, part| mix(hash, part.hash(row)))
    }
}

/// Whether something of a measure is in a table.
pub(super) fn is_of(measure: &Measure, table: Which) -> bool {
    measure.of == Quantity::RowsOfAll || measure.side == table
}

/// What the rows of one person in one table say. Kept between people for its memory.
pub(crate) struct Person {
    /// Whether every row says yes.
    pub(crate) agreed: bool,
    /// Where the person counts.
    pub(crate) tuples: Vec<Tuple>,
    /// Arm, for each dimension of arms.
    pub(crate) arms: Vec<Arm>,
    /// Number of the only value, for each dimension of such.
    pub(crate) only: Vec<u64>,
    values: Vec<i128>,
    measures: usize,
    rows: Vec<(u32, u32)>,
    runs: Vec<(Tuple, usize, usize)>,
    seen: Vec<u32>,
}

/// Rows of one person with the same values in every dimension of their table.
#[derive(Clone, Copy)]
pub(crate) struct Tuple {
    /// Number of the values: equal for equal ones, and in an order that does not depend on others.
    pub(crate) code: u32,
    /// One of the rows.
    pub(crate) row: u32,
    /// The values as a number; 0 if a person has no other tuple.
    pub(crate) hash: u64,
    /// Where the measures begin.
    at: usize,
}

impl Tuple {
    /// Of no table.
    pub(crate) const NONE: Self = Self { code: 0, row: u32::MAX, hash: 0, at: 0 };
}

impl Default for Person {
    /// Who has no row in a table refuses nothing there.
    fn default() -> Self {
        Self {
            agreed: true,
            tuples: Vec::new(),
            arms: Vec::new(),
            only: Vec::new(),
            values: Vec::new(),
            measures: 0,
            rows: Vec::new(),
            runs: Vec::new(),
            seen: Vec::new(),
        }
    }
}

impl Person {
    fn clear(&mut self) {
        self.agreed = true;
        self.tuples.clear();
        self.arms.clear();
        self.only.clear();
        self.values.clear();
        self.rows.clear();
        self.runs.clear();
    }

    /// A measure of the table over one tuple.
    pub(crate) fn value(&self, tuple: &Tuple, measure: usize) -> i128 {
        self.values.get(tuple.at + measure).copied().unwrap_or(0)
    }

    /// A measure of the table over all tuples that were kept.
    pub(crate) fn total(&self, measure: usize) -> i128 {
        self.tuples.iter().map(|tuple| self.value(tuple, measure)).sum()
    }
}

/// The columns of one table that assign people to arms.
fn assignments<'t>(
    tally: &'t Tally,
    which: Which,
    table: &'t Table,
) -> Result<Vec<Assignment<'t>>, Fault> {
    let arms = tally.dimensions.iter().filter_map(|dimension| match dimension {
        Dimension::Arm { column, test, control } if which == Which::POPULATION => {
            Some(Assignment::new(table, column, test, control))
        }
        _ => None,
    });
    arms.collect()
}

/// The columns of one table whose only value tells people apart.
fn only<'t>(tally: &'t Tally, which: Which, table: &'t Table) -> Result<Vec<Part<'t>>, Fault> {
    let own = tally.dimensions.iter().filter_map(|dimension| match dimension {
        Dimension::Only { side, column, values } if *side == which => Some(match values {
            Some(values) => Part::group(table, column, *values),
            None => Part::label(table, column),
        }),
        _ => None,
    });
    own.collect()
}

/// The dimensions of one table, with their strides.
fn parts<'t>(
    tally: &'t Tally,
    which: Which,
    table: &'t Table,
    strides: &[u64],
) -> Result<(Vec<Part<'t>>, Vec<u64>), Fault> {
    let (mut parts, mut own) = (Vec::new(), Vec::new());
    for (dimension, stride) in tally.dimensions.iter().zip(strides) {
        let part = match dimension {
            Dimension::Group { side, column, values } if *side == which => {
                Part::group(table, column, *values)?
            }
            Dimension::Label { side, column } if *side == which => Part::label(table, column)?,
            _ => continue,
        };
        parts.push(part);
        own.push(*stride);
    }
    Ok((parts, own))
}

/// Tuples of public places: each row's part in the number of its cell.
fn numbered(tuple: &[Part<'_>], strides: &[u64], rows: usize) -> Vec<u32> {
    let number = |row: usize| {
        let parts = tuple.iter().zip(strides);
        let number: u64 = parts.map(|(part, stride)| u64::from(part.rank(row)) * stride).sum();
        u32::try_from(number).unwrap_or(0)
    };
    (0..=rows).map(number).collect()
}

/// Tuples that the data name: their places in the order of all.
fn ranked(tuple: &[Part<'_>], rows: usize) -> Vec<u32> {
    let mut numbers = vec![0_u32; rows + 1];
    let mut count = 1;
    for part in tuple {
        let places = part.places();
        let both = numbers.iter().enumerate();
        // Two numbers of 32 bits.
        let both =
            both.map(|(row, number)| u64::from(*number) * places + u64::from(part.rank(row)));
        (numbers, count) = if u64::from(u32::MAX) / places >= count {
            (both.map(|number| u32::try_from(number).unwrap_or(0)).collect(), count * places)
        } else {
            ranks(both)
        };
    }
    numbers
}

/// A row's number, for looking it up.
fn wide(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}
