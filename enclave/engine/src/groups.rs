//! What one person adds, and to which cells.
//!
//! 1. Each table is put into the order of ids, on its own. A row's id is its first match key that is
//!    present, in the order of the contract's columns, with the kind of the identifier; in a union, its key
//!    of the union's kind if it has one. Padding and rows without any key are left out.
//! 2. The tables are read along, one id at a time. Rows that meet the table's conditions count, first of
//!    tables whose conditions ask for no start, and with the starts that these tell of others. They are gathered by their values in the dimensions of their table (a *tuple*), and each measure is
//!    made of the rows of a tuple. Of each table at most *m* tuples of a person are kept.
//! 3. A person's cells are all combinations of a tuple of each table. Table by table at most *m* of them
//!    are kept. Who is not found in a table has one tuple there, without a value. Values are clamped last,
//!    for each cell.
//! 4. Whoever did not agree in some table counts once in the cell for that and nowhere else. Whoever
//!    has no row in the population that counts, counts nowhere; the population of a union is all tables.
//!
//! This is not a plan of a query engine, so that memory follows from the number of rows, which is public,
//! and from nothing in them: a hash table over groups grows with their number, and whether it fits
//! would be an answer. Nor can a window function there keep *m* of a million tuples before they are
//! combined.
//!
//! # Privacy
//!
//! What a person adds is a function of that person's rows alone: which tuples are kept depends on the
//! key and the tuple, not on other people, the order of rows or a measure. Every step is total.

mod cells;
mod columns;
mod measures;
mod order;
mod side;

use std::cmp::Ordering;
use std::thread;

use privacy::Totals;
use protocol::limits;
use protocol::released::Place;
use protocol::tally::{Arm, Dimension, Population, Side as Which, Tally};

use crate::fault::Fault;
use crate::table::Table;
use cells::{Cell, Counted};
use columns::Starts;
use measures::Found;
use order::mix;
use side::{Entry, Key, Person, Side, Tuple};

/// The totals of a tally over its tables.
pub(crate) fn totals(tally: &Tally, tables: &[Table]) -> Result<Totals, Fault> {
    // So many places has a cell for its tuples, whatever tables there are.
    match tables.len() {
        0 => Err(Fault::Tables),
        1 => over::<1>(tally, tables),
        2 => over::<2>(tally, tables),
        3..=4 => over::<4>(tally, tables),
        5..=limits::TABLES => over::<{ limits::TABLES }>(tally, tables),
        _ => Err(Fault::Tables),
    }
}

/// The totals over at most `N` tables.
fn over<const N: usize>(tally: &Tally, tables: &[Table]) -> Result<Totals, Fault> {
    let strides = strides(tally)?;
    let sides = thread::scope(|scope| {
        let strides = &strides;
        let sorting: Vec<_> = (0..)
            .map(Which)
            .zip(tables)
            .map(|(which, table)| scope.spawn(move || Side::new(tally, which, table, strides)))
            .collect();
        let sorted = sorting.into_iter().map(|side| side.join().unwrap_or(Err(Fault::Engine)));
        sorted.collect::<Result<Vec<_>, Fault>>()
    });
    let counting = Counting::<N>::new(tally, &strides, sides?);
    let parts = if counting.is_wide() { 1 } else { PARTITIONS };
    let counted = thread::scope(|scope| {
        let parts = counting.parts(parts).into_iter();
        let running: Vec<_> = parts.map(|part| scope.spawn(|| counting.count(part))).collect();
        let counted = running.into_iter().map(|part| part.join().map_err(|_| Fault::Engine));
        counted.collect::<Result<Vec<_>, Fault>>()
    });
    let all = counted?.into_iter().reduce(Counted::plus).unwrap_or_else(|| counting.nobody());
    Ok(counting.named(all))
}

/// By how much one place further in each dimension moves a cell's number: row-major, the last dimension
/// fastest. Where labels name cells, only dimensions that no row has a place in are numbered so.
fn strides(tally: &Tally) -> Result<Vec<u64>, Fault> {
    let dimensions = &tally.dimensions;
    let mut all = 1_u64;
    let is_named = tally.is_named_by_data();
    let mut strides: Vec<_> = dimensions.iter().map(|_| 0).collect();
    for (dimension, stride) in dimensions.iter().zip(&mut strides).rev() {
        if is_named && dimension.is_of_rows() {
            continue;
        }
        // How many labels there are, the data say: such a place, of which a proof allows one, is the largest
        // part of the number.
        if matches!(dimension, Dimension::Only { values: None, .. }) {
            continue;
        }
        *stride = all;
        all = dimension.places().and_then(|places| all.checked_mul(places)).ok_or(Fault::Cells)?;
    }
    for (dimension, stride) in dimensions.iter().zip(&mut strides) {
        if matches!(dimension, Dimension::Only { values: None, .. }) {
            *stride = all;
        }
    }
    // Public cells are held all at once; the proof allows 2²⁰.
    if !is_named && u32::try_from(all).is_err() { Err(Fault::Cells) } else { Ok(strides) }
}

/// A tally over its tables, each in the order of ids.
struct Counting<'t, const N: usize> {
    tally: &'t Tally,
    /// Dimensions that no row has a place in, with their strides.
    numbered: Vec<(&'t Dimension, u64)>,
    /// Where each measure is found.
    measures: Vec<Found>,
    most: usize,
    /// How many starts a person has.
    starts: usize,
    /// Which of them each dimension of earliest days is about.
    days: Vec<usize>,
    sides: Vec<Side<'t>>,
}

/// A tuple of each table: a cell of a person.
type Combination<const N: usize> = [Tuple; N];

impl<'t, const N: usize> Counting<'t, N> {
    fn new(tally: &'t Tally, strides: &[u64], sides: Vec<Side<'t>>) -> Self {
        let numbered = tally.dimensions.iter().zip(strides.iter().copied());
        let numbered = numbered.filter(|(dimension, _)| !dimension.is_of_rows()).collect();
        let measures = Found::all(tally);
        let most = usize::try_from(tally.cells_per_person).unwrap_or(usize::MAX);
        let all_starts = Starts::of(tally);
        let starts = all_starts.count();
        let days = tally
            .dimensions
            .iter()
            .filter_map(|dimension| all_starts.place_of(dimension))
            .collect();
        Self { tally, numbered, measures, most, starts, days, sides }
    }

    /// Whether all figures of all public cells take so much memory that there should be only one copy.
    fn is_wide(&self) -> bool {
        let figures = 1 + self.tally.measures.len() + self.tally.products.len();
        let cells = self.tally.cell_count().and_then(|cells| usize::try_from(cells).ok());
        cells.is_some_and(|cells| cells.saturating_mul(figures) > WIDE)
    }

    fn nobody(&self) -> Counted<N> {
        Counted::new(self.tally)
    }

    /// All tables, cut between people into at most `count` parts that belong together.
    fn parts(&self, count: usize) -> Vec<Vec<&[Entry]>> {
        let mut parts = Vec::new();
        let mut rest: Vec<_> = self.sides.iter().map(Side::entries).collect();
        for left in (2..=count).rev() {
            let longest = self.sides.iter().zip(&rest).max_by_key(|(_, entries)| entries.len());
            let middle = longest.and_then(|(side, entries)| {
                entries.get(entries.len() / left).map(|first| side.key(first))
            });
            let Some(middle) = middle else { break };
            // Everybody before the person in the middle.
            let cut = self.sides.iter().zip(&rest).map(|(side, entries)| {
                let before = |it: &Entry| side.key(it).cmp(&middle) == Ordering::Less;
                entries.split_at(entries.partition_point(before))
            });
            let (before, after) = cut.unzip();
            parts.push(before);
            rest = after;
        }
        parts.push(rest);
        parts
    }

    /// Counts the people of one part.
    fn count(&self, mut rest: Vec<&[Entry]>) -> Counted<N> {
        let mut counted = self.nobody();
        let mut people: [Person; N] = std::array::from_fn(|_| Person::default());
        let mut starts = Vec::new();
        let (mut cells, mut fewer, mut values) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(key) = self.next(&rest) {
            let mut own: [&[Entry]; N] = [&[]; N];
            for ((side, rest), own) in self.sides.iter().zip(&mut rest).zip(&mut own) {
                let before = rest.iter().take_while(|row| side.key(row) < key).count();
                let others = rest.get(before..).unwrap_or_default();
                let same = others.iter().take_while(|row| side.key(row) == key).count();
                (*own, *rest) = others.split_at(same);
            }
            self.read(key.hash(), own, &mut people, &mut starts);
            // Before any filter: how many refuse says nothing about what rows the refusers have.
            if !people.iter().all(|person| person.agreed) {
                counted.refuse();
                continue;
            }
            let found: [bool; N] = std::array::from_fn(|at| is_found(&people, at));
            if !self.counts(found) {
                continue;
            }
            for (side, person) in self.sides.iter().zip(&mut people) {
                if person.tuples.is_empty() {
                    side.read_nothing(person);
                }
            }
            let of_person = self.of_person(key, found, &people, &starts);
            self.combine(key.hash(), &people, [&mut cells, &mut fewer]);
            for cell in &cells {
                values.clear();
                values.extend(self.measures.iter().map(|measure| measure.in_cell(&people, cell)));
                let number = of_person + self.bins(&values);
                counted.add(&Cell::new(cell, number), &values, &self.tally.products);
            }
        }
        counted
    }

    /// Reads the rows of one person in each table. Starts are found where none is asked for, and then decide
    /// which rows count elsewhere.
    fn read(
        &self,
        key: u64,
        own: [&[Entry]; N],
        people: &mut [Person; N],
        starts: &mut Vec<Option<i32>>,
    ) {
        starts.clear();
        starts.resize(self.starts, None);
        for is_windowed in [false, true] {
            let tables = self.sides.iter().zip(own).zip(people.iter_mut());
            for ((side, rows), person) in
                tables.filter(|((it, _), _)| it.is_windowed() == is_windowed)
            {
                side.choose(rows, starts, person);
            }
        }
        for (side, person) in self.sides.iter().zip(people) {
            side.read(key, self.most, starts, person);
        }
    }

    /// The next person of the population.
    fn next(&self, rest: &[&[Entry]]) -> Option<Key<'t>> {
        let tables = self.sides.iter().zip(rest).take(self.tally.counted().len());
        tables.filter_map(|(side, entries)| entries.first().map(|entry| side.key(entry))).min()
    }

    /// Whether a person who is found in these tables is one of the population.
    fn counts(&self, found: [bool; N]) -> bool {
        found.iter().take(self.tally.counted().len()).any(|found| *found)
    }

    /// The number of a person's place in the dimensions of whole people.
    fn of_person(
        &self,
        key: Key<'_>,
        found: [bool; N],
        people: &[Person; N],
        starts: &[Option<i32>],
    ) -> u64 {
        let mut days = self.days.iter();
        let mut arms = people.iter().flat_map(|person| &person.arms);
        let mut only: [_; N] = people.each_ref().map(|person| person.only.iter());
        let places = self.numbered.iter().map(|(dimension, stride)| {
            let place = match dimension {
                Dimension::Bins { measure, edges } => {
                    let at = usize::try_from(*measure).ok().and_then(|at| self.measures.get(at));
                    let total = at.map(|measure| measure.total(people));
                    edges.partition_point(|edge| *edge <= total.unwrap_or(0))
                }
                Dimension::Arm { .. } => {
                    let arm = arms.next().copied().unwrap_or(Arm::Other);
                    Arm::ALL.iter().position(|place| *place == arm).unwrap_or(Arm::ALL.len())
                }
                Dimension::Membership { .. } => self.membership(key, found),
                Dimension::Known => usize::from(self.is_known(key)),
                Dimension::Only { side, .. } => {
                    let number = only.get_mut(side.place()).and_then(Iterator::next);
                    return number.copied().unwrap_or(0).saturating_mul(*stride);
                }
                Dimension::Earliest { edges, .. } => {
                    let day = days.next().and_then(|at| starts.get(*at)).copied().flatten();
                    day.map_or(edges.len() + 1, |day| {
                        edges.partition_point(|edge| *edge <= i64::from(day))
                    })
                }
                // Each cell's own.
                Dimension::BinsPerGroup { .. } => 0,
                _ => usize::from(found.get(Which::JOINED.place()) == Some(&true)),
            };
            u64::try_from(place).unwrap_or(0) * stride
        });
        places.sum()
    }

    /// The number of the bins that one cell's values are in.
    fn bins(&self, values: &[i64]) -> u64 {
        let places = self.numbered.iter().map(|(dimension, stride)| {
            let Dimension::BinsPerGroup { measure, edges } = dimension else { return 0 };
            let at = usize::try_from(*measure).ok();
            let value = at.and_then(|at| values.get(at)).copied().unwrap_or(0);
            let place = edges.partition_point(|edge| *edge <= value);
            u64::try_from(place).unwrap_or(0) * stride
        });
        places.sum()
    }

    /// Whether a person is known by the kind of key that a union is by.
    fn is_known(&self, key: Key<'_>) -> bool {
        match self.tally.population {
            Population::Union { by } => key.is_of(by),
            Population::First => true,
        }
    }

    /// The place of who is found in these tables of a union.
    fn membership(&self, key: Key<'_>, found: [bool; N]) -> usize {
        let mut tables = (0_u32..).zip(found).filter_map(|(at, found)| found.then_some(at));
        if self.is_known(key) {
            let set = tables.fold(0, |set, at| set | 1_usize.checked_shl(at).unwrap_or(0));
            return set.saturating_sub(1);
        }
        let sets =
            u32::try_from(self.sides.len()).ok().and_then(|count| 1_usize.checked_shl(count));
        let first = tables.next().and_then(|at| usize::try_from(at).ok());
        sets.unwrap_or(1).saturating_sub(1).saturating_add(first.unwrap_or(0))
    }

    /// The combinations of tuples in which a person counts: at most [`Self::most`] of all.
    fn combine(&self, key: u64, people: &[Person; N], buffers: [&mut Vec<Combination<N>>; 2]) {
        let [all, fewer] = buffers;
        all.clear();
        all.push([Tuple::NONE; N]);
        for (at, person) in people.iter().enumerate().take(self.sides.len()) {
            let with = |tuple: &Tuple, mut before: Combination<N>| {
                if let Some(place) = before.get_mut(at) {
                    *place = *tuple;
                }
                before
            };
            std::mem::swap(all, fewer);
            all.clear();
            for before in fewer.iter() {
                all.extend(person.tuples.iter().map(|tuple| with(tuple, *before)));
            }
            if all.len() > self.most {
                let rank = |it: &Combination<N>| {
                    let hash = it.iter().take(at + 1).fold(key, |hash, it| mix(hash, it.hash));
                    (hash, it.map(|tuple| tuple.code))
                };
                all.select_nth_unstable_by_key(self.most, rank);
                all.truncate(self.most);
            }
        }
    }

    /// The totals, with the names of the cells.
    fn named(&self, counted: Counted<N>) -> Totals {
        let only_labels = self.only_labels();
        counted.into_totals(|cell| {
            let mut numbered = self.numbered.iter();
            let mut next = || {
                let (dimension, stride) = numbered.next()?;
                let place = cell.number().checked_div(*stride)?;
                match dimension.places() {
                    Some(places) => Some(Place::Index(u32::try_from(place % places).ok()?)),
                    None => only_labels.get(usize::try_from(place).ok()?).copied(),
                }
            };
            let mut before = [0; N];
            let places = self.tally.dimensions.iter().map(|dimension| {
                let place = match dimension {
                    Dimension::Group { side, .. } | Dimension::Label { side, .. } => {
                        let at = side.place();
                        let found = self.sides.get(at).zip(before.get_mut(at));
                        found.map(|(table, before)| {
                            *before += 1;
                            table.place(*before - 1, cell.row(at))
                        })
                    }
                    _ => next(),
                };
                // Who has several labels has the number after theirs.
                place.unwrap_or(Place::Index(0))
            });
            places.collect()
        })
    }

    /// The labels that are somebody's only one, by number.
    fn only_labels(&self) -> Vec<Place> {
        let mut before = [0; N];
        for dimension in &self.tally.dimensions {
            let Dimension::Only { side, values, .. } = dimension else { continue };
            let Some(at) = before.get_mut(side.place()) else { continue };
            if values.is_none() {
                let side = self.sides.get(side.place());
                return side.map(|side| side.only_labels(*at)).unwrap_or_default();
            }
            *at += 1;
        }
        Vec::new()
    }
}

/// Whether a person has a row that counts in the table at this place.
fn is_found<const N: usize>(people: &[Person; N], at: usize) -> bool {
    people.get(at).is_some_and(|person| !person.tuples.is_empty())
}

/// Totals of which a second copy is not worth its memory.
const WIDE: usize = 1 << 22;

/// The cores that an enclave gets.
const PARTITIONS: usize = 2;

#[cfg(test)]
mod tests;
