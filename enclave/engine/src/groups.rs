//! What one person adds, and to which cells.
//!
//! 1. Each table was put into the order of ids when it was taken in, on its own ([`Ordered`]). A row's id is its
//!    first match key that is present, in the order of the contract's columns, with the kind of the identifier; in
//!    a union, its key of the union's kind if it has one. Padding and rows without any key were left out.
//!    The people of a joined table may claim by kinds of keys in an order of their own: then a row's id there is its first
//!    key among these, and who of the population is whose partner is found kind by kind ([`Partners`]) before tables
//!    are read along.
//! 2. The tables are read along, one id at a time, from first to last: each thread takes one range of keys after
//!    another, and where one ends follows from the number of rows. Rows that meet the table's conditions count, first of
//!    tables whose conditions ask for no start, and with the starts that these tell of others. They are gathered by their values in the dimensions of their table (a *tuple*), and each measure is
//!    made of the rows of a tuple. Of each table at most *m* tuples of a person are kept.
//! 3. A person's cells are all combinations of a tuple of each table. Table by table at most *m* of them
//!    are kept. Who is not found in a table has one tuple there, without a value. Values are clamped last,
//!    for each cell.
//! 4. Whoever did not agree in some table counts once in the cell for that and nowhere else. Whoever
//!    has no row in the population that counts, counts nowhere; the population of a union is all tables.
//!
//! This is not a plan of a query engine: a window function there cannot keep *m* of a million tuples before
//! they are combined. Where cells are public, memory follows from public sizes. Where the data name them, it grows
//! with their number, up to what [`need_of_cells`](crate::need_of_cells) says from public sizes: whoever runs a job
//! has to see to it that there is so much, or whether it fits would be an answer about rows.
//!
//! # Privacy
//!
//! What a person adds is a function of that person's rows alone: which tuples are kept depends on the
//! key and the tuple, not on other people, the order of rows or a measure. Every step is total.

mod cells;
mod columns;
mod credit;
mod measures;
mod merge;
mod numbers;
mod partners;
mod place;
mod side;

pub(crate) use merge::Merge;
pub(crate) use partners::Partners;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use privacy::Totals;
use protocol::limits;
use protocol::released::Place;
use protocol::tally::{Dimension, Side as Which, Tally};

use crate::fault::Fault;
use crate::mix::mix;
use crate::ordered::{Id, Ordered};
use cells::Counted;
use columns::Starts;
use credit::{Credited, Credits};
use measures::Found;
use place::OfPerson;
use side::{Person, Side, Tuple};

/// How counting is shared out. The totals do not depend on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// How many threads count.
    pub(crate) threads: usize,
    /// How many ranges of keys there are.
    pub(crate) parts: usize,
}

/// The totals of a tally over its tables.
pub(crate) fn totals(tally: &Tally, tables: &[Arc<Ordered>], work: Work) -> Result<Totals, Fault> {
    // So many places has a cell for its tuples, whatever tables there are.
    match tables.len() {
        0 => Err(Fault::Tables),
        1 => over::<1>(tally, tables, work),
        2 => over::<2>(tally, tables, work),
        3..=4 => over::<4>(tally, tables, work),
        5..=limits::TABLES => over::<{ limits::TABLES }>(tally, tables, work),
        _ => Err(Fault::Tables),
    }
}

/// The totals over at most `N` tables.
fn over<const N: usize>(
    tally: &Tally,
    tables: &[Arc<Ordered>],
    work: Work,
) -> Result<Totals, Fault> {
    let strides = strides(tally)?;
    let sides = (0..).map(Which).zip(tables);
    let sides = sides.map(|(which, table)| Side::new(tally, which, table, &strides));
    let sides = sides.collect::<Result<Vec<_>, Fault>>()?;
    let credits = Credits::of(tally, tables)?;
    let partners = Partners::all(tally, tables)?;
    let counting = Counting::<N>::new(tally, &strides, sides, (partners, credits));
    let threads = work.threads.min(work.parts).min(counting.copies()).max(1);
    let next = AtomicUsize::new(0);
    let count = || counting.count(&next, work.parts.max(1));
    let all = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(count)).collect();
        let own = count();
        others.into_iter().try_fold(own, |all, other| match other.join() {
            Ok(other) => Ok(all.plus(other)),
            Err(_) => Err(Fault::Engine),
        })
    });
    Ok(counting.named(all?))
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

/// A tally over its tables.
struct Counting<'t, const N: usize> {
    tally: &'t Tally,
    of_person: OfPerson<'t>,
    /// Where each measure is found.
    measures: Vec<Found>,
    most: usize,
    /// How many starts a person has.
    starts: usize,
    /// Tables, in the order in which they are read: those first of which which rows count depends on no start.
    reading: Vec<usize>,
    sides: Vec<Side<'t>>,
    /// To what outcomes are credited, if they are.
    credits: Option<Credits<'t>>,
    /// How people of each joined table are found; none of a union.
    partners: Vec<Partners>,
    /// Whether people who refuse in the joined table are counted without its rows.
    keeps_refusers: bool,
}

/// A tuple of each table: a cell of a person.
type Combination<const N: usize> = [Tuple; N];

/// What counting needs again and again.
struct Buffers<const N: usize> {
    people: [Person; N],
    starts: Vec<Option<i32>>,
    cells: Vec<Combination<N>>,
    fewer: Vec<Combination<N>>,
    values: Vec<i64>,
    credited: Credited,
}

impl<'t, const N: usize> Counting<'t, N> {
    fn new(
        tally: &'t Tally,
        strides: &[u64],
        sides: Vec<Side<'t>>,
        (partners, credits): (Vec<Partners>, Option<Credits<'t>>),
    ) -> Self {
        let all_starts = Starts::of(tally);
        let mut reading: Vec<_> = (0..sides.len()).collect();
        reading.sort_by_key(|at| sides.get(*at).is_some_and(Side::is_windowed));
        Self {
            tally,
            of_person: OfPerson::new(tally, strides, &all_starts),
            measures: Found::all(tally),
            most: usize::try_from(tally.cells_per_person).unwrap_or(usize::MAX),
            starts: all_starts.count(),
            reading,
            sides,
            credits,
            partners,
            keeps_refusers: tally.keeps_refusers(),
        }
    }

    /// How many copies of all figures of all public cells are worth their memory.
    fn copies(&self) -> usize {
        let figures = 1 + self.tally.measures.len() + self.tally.products.len();
        let cells = self.tally.cell_count().and_then(|cells| usize::try_from(cells).ok());
        cells.map_or(usize::MAX, |cells| MOST_FIGURES / cells.saturating_mul(figures).max(1))
    }

    fn nobody(&self) -> Counted<N> {
        Counted::new(self.tally)
    }

    /// Counts the people of one range of keys of `parts` after another, until none is left.
    fn count(&self, next: &AtomicUsize, parts: usize) -> Counted<N> {
        let mut counted = self.nobody();
        let mut buffers = Buffers {
            people: std::array::from_fn(|_| Person::default()),
            starts: Vec::new(),
            cells: Vec::new(),
            fewer: Vec::new(),
            values: Vec::new(),
            credited: Credited::default(),
        };
        let orders: Vec<_> = self.sides.iter().map(Side::order).collect();
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts {
                return counted;
            }
            let mut merge =
                Merge::<N>::new((&orders, &self.partners), self.tally.counted().len(), part, parts);
            while let Some((id, mut own)) = merge.next_person() {
                // Before any filter: how many refuse says nothing about what rows the refusers have.
                let is_left_out =
                    self.keeps_refusers && merge.refuses_in(&own, Which::JOINED.place());
                if let Some(joined) = own.get_mut(Which::JOINED.place()).filter(|_| is_left_out) {
                    *joined = None;
                }
                if merge.agrees(&own) {
                    self.add(id, (&own, is_left_out), &mut buffers, &mut counted);
                } else {
                    counted.refuse();
                }
            }
        }
    }

    /// Adds the person with this id, whose number in each table is known, and whether the person's rows of the joined table are left
    /// out, as the person refuses there.
    fn add(
        &self,
        id: Id,
        (own, is_left_out): (&[Option<usize>; N], bool),
        buffers: &mut Buffers<N>,
        counted: &mut Counted<N>,
    ) {
        let Buffers { people, starts, cells, fewer, values, credited } = buffers;
        self.read(id, own, people, starts);
        let found: [bool; N] = std::array::from_fn(|at| is_found(people, at));
        // Of a union everybody who has a row that counts in any of the tables.
        if !found.iter().take(self.tally.counted().len()).any(|found| *found) {
            return;
        }
        if let [of_population, ..] = people.as_slice()
            && !self.tally.spread.is_empty()
        {
            counted.spread(self.tally.spread_bin(of_population.cells));
        }
        for (side, person) in self.sides.iter().zip(people.iter_mut()) {
            if person.tuples.is_empty() {
                side.read_nothing(person);
            }
        }
        let found_or_left_out = (&found, is_left_out);
        let number = self.of_person.number(id, found_or_left_out, people, &self.measures, starts);
        self.combine(id, people, [cells, fewer]);
        if let Some(credits) = &self.credits {
            credits.of_person(id, people, credited);
            let stride = self.of_person.stride_of_credits();
            for cell in &*cells {
                for (place, values) in credited.places() {
                    let number = number + u64::from(place) * stride;
                    counted.add(cell, number, values, &self.tally.products);
                }
            }
            return;
        }
        for cell in &*cells {
            values.clear();
            values.extend(self.measures.iter().map(|measure| measure.in_cell(people, cell)));
            let number = number + self.of_person.bins(values);
            counted.add(cell, number, values, &self.tally.products);
        }
    }

    /// Reads the rows of one person in each table. Starts are found where none is asked for, and then decide
    /// which rows count elsewhere.
    fn read(
        &self,
        id: Id,
        own: &[Option<usize>; N],
        people: &mut [Person; N],
        starts: &mut Vec<Option<i32>>,
    ) {
        starts.clear();
        starts.resize(self.starts, None);
        for at in &self.reading {
            let table = self.sides.get(*at).zip(own.get(*at)).zip(people.get_mut(*at));
            if let Some(((side, of), person)) = table {
                side.choose(*of, starts, person);
            }
        }
        for (side, person) in self.sides.iter().zip(people) {
            side.read(id, self.most, starts, person);
        }
    }

    /// The combinations of tuples in which a person counts: at most [`Self::most`] of all.
    fn combine(
        &self,
        id: Id,
        people: &mut [Person; N],
        [all, fewer]: [&mut Vec<Combination<N>>; 2],
    ) {
        let tables = people.iter().take(self.sides.len());
        let count = tables.fold(1_usize, |all, table| all.saturating_mul(table.tuples.len()));
        if count > self.most {
            for (side, person) in self.sides.iter().zip(people.iter_mut()) {
                side.tell_apart(person);
            }
        }
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
                let key = id.hash();
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
            let mut numbered = self.of_person.numbered().iter();
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
                    Dimension::Group { side, .. }
                    | Dimension::Label { side, .. }
                    | Dimension::Days { side, .. } => {
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
            let (table, values) = match dimension {
                Dimension::Only { side, values, .. } => (side.place(), *values),
                // It is one more such column of the population.
                Dimension::Creative { values, .. } => (Which::POPULATION.place(), Some(*values)),
                _ => continue,
            };
            let Some(at) = before.get_mut(table) else { continue };
            if values.is_none() {
                let side = self.sides.get(table);
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

/// So many figures of all threads together are 64 MiB.
const MOST_FIGURES: usize = 1 << 23;

#[cfg(test)]
pub(crate) mod tests;
