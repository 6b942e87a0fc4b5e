//! One table of a tally: its rows by person, and what a person's rows say.

use protocol::released::Place;
use protocol::sealed::MISSING;
use protocol::tally::{Arm, Dimension, Measure, Quantity, Side as Which, Tally};

use super::columns::{Assignment, Part, Starts, Test, Value};
use super::numbers::Numbers;
use super::partners::Partners;
use crate::fault::Fault;
use crate::mix::mix;
use crate::ordered::{Id, Order, Ordered, wide};

/// A table of a tally.
pub(crate) struct Side<'t> {
    order: &'t Order,
    counting: Vec<Test<'t>>,
    /// Days that a person's starts are read from, by their place among all starts of the tally.
    starts: Vec<(usize, &'t [i32])>,
    /// Whether which rows count depends on a start.
    is_windowed: bool,
    /// Whether nothing is asked of rows but whether a person has one.
    is_presence: bool,
    /// For each dimension of arms.
    assignments: Vec<Assignment<'t>>,
    /// For each dimension of only values.
    only: Vec<Part<'t>>,
    tuple: Numbers<'t>,
    measures: Vec<Value<'t>>,
}

impl<'t> Side<'t> {
    pub(crate) fn new(
        tally: &'t Tally,
        which: Which,
        table: &'t Ordered,
        strides: &[u64],
    ) -> Result<Self, Fault> {
        let of_table = tally.table(which).ok_or(Fault::Tables)?;
        let all_starts = Starts::of(tally);
        let measures = tally.measures.iter().filter(|measure| is_of(measure, which));
        // What is credited is made of rows of two tables.
        let measures = measures.filter(|_| tally.credit().is_none());
        let (parts, strides) = parts(tally, which, table, strides)?;
        let mut side = Self {
            order: Partners::order(tally, which, table)?,
            counting: Test::all(table, &of_table.rows, &all_starts)?,
            starts: all_starts.of_table(which, table)?,
            is_windowed: of_table.rows.iter().any(|row| row.start().is_some()),
            is_presence: false,
            assignments: assignments(tally, which, table)?,
            only: only(tally, which, table)?,
            tuple: Numbers::new(parts, (!tally.is_named_by_data()).then_some(strides)),
            measures: measures
                .map(|measure| Value::new(table, &measure.of, &measure.rows, &all_starts))
                .collect::<Result<_, Fault>>()?,
        };
        side.is_presence = side.counting.is_empty()
            && side.starts.is_empty()
            && side.assignments.is_empty()
            && side.only.is_empty()
            && side.tuple.part(0).is_none()
            && side.measures.is_empty()
            && tally.credit().is_none();
        Ok(side)
    }

    /// The people of the table.
    pub(crate) fn order(&self) -> &'t Order {
        self.order
    }

    /// Whether which rows count depends on a person's start in another table.
    pub(crate) fn is_windowed(&self) -> bool {
        self.is_windowed
    }

    /// Finds out which rows of a person of this table count; then the person's starts in this table. A person who
    /// is not in it (`None`) has no rows here.
    pub(crate) fn choose(
        &self,
        of: Option<usize>,
        starts: &mut [Option<i32>],
        person: &mut Person,
    ) {
        person.clear();
        let Some(of) = of else { return };
        let mut places = self.order.places(of);
        if self.is_presence {
            places.end = places.start + 1;
        }
        match self.order.rows() {
            None => person.rows.extend(places),
            Some(rows) => {
                let own = rows.get(wide(places.start)..wide(places.end));
                person.rows.extend_from_slice(own.unwrap_or_default());
            }
        }
        if !self.counting.is_empty() {
            let is_met = |test: &Test<'_>, row: u32| test.is_met(wide(row), starts);
            person.rows.retain(|row| self.counting.iter().all(|test| is_met(test, *row)));
        }
        for (at, days) in &self.starts {
            let own = person.rows.iter().filter_map(|row| days.get(wide(*row)));
            if let Some(start) = starts.get_mut(*at) {
                *start = own.copied().filter(|day| *day != MISSING).min();
            }
        }
    }

    /// What the rows that count say of the person with this id, in at most `most` tuples.
    pub(crate) fn read(&self, id: Id, most: usize, starts: &[Option<i32>], person: &mut Person) {
        // Over all rows that count, before any cell is left out.
        person.arms.extend(self.assignments.iter().map(|assignment| assignment.arm(&person.rows)));
        person.only.extend(self.only.iter().map(|part| part.only(&person.rows)));
        self.tuple.group(&mut person.rows, &mut person.numbered);
        let Person { rows, numbered, tuples, .. } = person;
        let mut start = 0;
        while let Some(row) = rows.get(start).copied() {
            let code = numbered.get(start).map_or(0, |(code, _)| *code);
            let same = numbered.get(start..).unwrap_or_default();
            let length = same.iter().take_while(|(other, _)| *other == code).count();
            let end = if numbered.is_empty() { rows.len() } else { start + length };
            tuples.push(Tuple { code, row, hash: 0, at: 0, start, end });
            start = end;
        }
        let cells = tuples.len();
        person.cells = cells;
        if cells > most {
            self.tell_apart(person);
            let key = id.hash();
            let rank = |it: &Tuple| (mix(key, it.hash), it.code);
            person.tuples.select_nth_unstable_by_key(most, rank);
            person.tuples.truncate(most);
        }
        let Person { rows, tuples, values, seen, .. } = person;
        for tuple in tuples {
            tuple.at = values.len();
            let own = rows.get(tuple.start..tuple.end).unwrap_or_default();
            values.extend(self.measures.iter().map(|measure| measure.over(own, starts, seen)));
        }
    }

    /// What it says of a person that there is no row: one tuple without values.
    pub(crate) fn read_nothing(&self, person: &mut Person) {
        person.tuples.push(Tuple { code: self.tuple.of(usize::MAX), ..Tuple::NONE });
        person.values.extend(self.measures.iter().map(|_| 0));
    }

    /// Gives the tuples of a person who has several the numbers that choose among them.
    pub(crate) fn tell_apart(&self, person: &mut Person) {
        if person.tuples.len() > 1 {
            for tuple in &mut person.tuples {
                tuple.hash = self.tuple.hash(wide(tuple.row));
            }
        }
    }

    /// What the place of a row in a dimension of this table is called.
    pub(crate) fn place(&self, dimension: usize, row: u32) -> Place {
        self.tuple.part(dimension).map_or(Place::Index(0), |part| part.place(wide(row)))
    }

    /// What the places of a dimension of only labels are called, by their numbers; none of a public list.
    pub(crate) fn only_labels(&self, dimension: usize) -> Vec<Place> {
        self.only.get(dimension).map(Part::places_by_rank).unwrap_or_default()
    }
}

/// Whether something of a measure is in a table.
pub(super) fn is_of(measure: &Measure, table: Which) -> bool {
    measure.of == Quantity::RowsOfAll || measure.side == table
}

/// What the rows of one person in one table say. Kept between people for its memory.
#[derive(Default)]
pub(crate) struct Person {
    /// Where the person counts.
    pub(crate) tuples: Vec<Tuple>,
    /// Arm, for each dimension of arms.
    pub(crate) arms: Vec<Arm>,
    /// Number of the only value, for each dimension of such.
    pub(crate) only: Vec<u64>,
    /// How many tuples there were before any was left out.
    pub(crate) cells: usize,
    values: Vec<i128>,
    /// Rows that count, by tuple.
    rows: Vec<u32>,
    /// The same with the numbers of their tuples; none if all are in one.
    numbered: Vec<(u32, u32)>,
    seen: Vec<u32>,
}

/// Rows of one person with the same values in every dimension of their table.
#[derive(Clone, Copy)]
pub(crate) struct Tuple {
    /// Number of the values: equal for equal ones, and in an order that does not depend on others.
    pub(crate) code: u32,
    /// One of the rows.
    pub(crate) row: u32,
    /// The values as a number, once they were told apart; 0 if a person has no other tuple.
    pub(crate) hash: u64,
    /// Where the measures begin.
    at: usize,
    /// Which of the person's rows it is made of.
    start: usize,
    end: usize,
}

impl Tuple {
    /// Of no table.
    pub(crate) const NONE: Self = Self { code: 0, row: u32::MAX, hash: 0, at: 0, start: 0, end: 0 };
}

impl Person {
    fn clear(&mut self) {
        self.tuples.clear();
        self.cells = 0;
        self.arms.clear();
        self.only.clear();
        self.values.clear();
        self.rows.clear();
        self.numbered.clear();
    }

    /// The rows that count.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.rows
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
    table: &'t Ordered,
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
fn only<'t>(tally: &'t Tally, which: Which, table: &'t Ordered) -> Result<Vec<Part<'t>>, Fault> {
    let own = tally.dimensions.iter().filter_map(|dimension| match dimension {
        Dimension::Only { side, column, values } if *side == which => Some(match values {
            Some(values) => Part::group(table, column, *values),
            None => Part::label(table, column),
        }),
        Dimension::Creative { column, values } if which == Which::POPULATION => {
            Some(Part::group(table, column, *values))
        }
        _ => None,
    });
    own.collect()
}

/// The dimensions of one table, with their strides.
fn parts<'t>(
    tally: &'t Tally,
    which: Which,
    table: &'t Ordered,
    strides: &[u64],
) -> Result<(Vec<Part<'t>>, Vec<u64>), Fault> {
    let (mut parts, mut own) = (Vec::new(), Vec::new());
    for (dimension, stride) in tally.dimensions.iter().zip(strides) {
        let part = match dimension {
            Dimension::Group { side, column, values } if *side == which => {
                Part::group(table, column, *values)?
            }
            Dimension::Label { side, column } if *side == which => Part::label(table, column)?,
            Dimension::Days { side, column, edges } if *side == which => {
                Part::days(table, column, edges)?
            }
            _ => continue,
        };
        parts.push(part);
        own.push(*stride);
    }
    Ok((parts, own))
}
