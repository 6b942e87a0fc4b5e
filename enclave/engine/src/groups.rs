//! What one person adds, and to which cells.
//!
//! 1. Each table is put into the order of ids, on its own. A row's id is its first match key that is
//!    present, in the order of the contract's columns, with the kind of the identifier. Padding and rows
//!    without a key are left out.
//! 2. Both tables are read along, one id at a time. Rows that meet the table's conditions count; they
//!    are gathered by their values in the dimensions of their table (a *tuple*), and each measure is
//!    made of the rows of a tuple. Of each table at most *m* tuples of a person are kept.
//! 3. A person's cells are all pairs of a tuple of the one and of the other table, of which again at most
//!    *m* are kept. Who is not found in the joined table has one tuple there, without a value. Values
//!    are clamped last, for each cell.
//! 4. Whoever did not agree in either table counts once in the cell for that and nowhere else. Whoever
//!    has no row in the population that counts, counts nowhere.
//!
//! This is not a plan of a query engine, so that memory follows from the number of rows, which is public,
//! and from nothing in them: a hash table over groups grows with their number, and whether it fits
//! would be an answer. Nor can a window function there keep *m* of a million tuples before they are
//! paired.
//!
//! # Privacy
//!
//! What a person adds is a function of that person's rows alone: which tuples are kept depends on the
//! key and the tuple, not on other people, the order of rows or a measure. Every step is total.

mod cells;
mod columns;
mod order;
mod side;

use std::cmp::Ordering;
use std::thread;

use privacy::Totals;
use protocol::tally::{Arm, Clamp, Dimension, Side as Which, Tally};

use crate::engine::{Fault, PARTITIONS};
use crate::table::Table;
use cells::{Cell, Counted};
use order::mix;
use side::{Entry, Person, Side, Tuple};

/// The totals of a tally.
pub(crate) fn totals(
    tally: &Tally,
    population: &Table,
    joined: Option<&Table>,
) -> Result<Totals, Fault> {
    let strides = strides(tally)?;
    let (population, joined) = thread::scope(|scope| {
        let joined = scope.spawn(|| {
            joined.map(|table| Side::new(tally, Which::Joined, table, &strides)).transpose()
        });
        let population = Side::new(tally, Which::Population, population, &strides);
        (population, joined.join().unwrap_or(Err(Fault::Engine)))
    });
    let counting = Counting::new(tally, &strides, population?, joined?);
    let parts = if counting.is_wide() { 1 } else { PARTITIONS };
    let counted = thread::scope(|scope| {
        let parts = counting.parts(parts).into_iter();
        let running: Vec<_> = parts
            .map(|(population, joined)| scope.spawn(|| counting.count(population, joined)))
            .collect();
        let counted = running.into_iter().map(|part| part.join().map_err(|_| Fault::Engine));
        counted.collect::<Result<Vec<_>, Fault>>()
    });
    let all = counted?.into_iter().reduce(Counted::plus).unwrap_or_else(|| counting.nobody());
    Ok(counting.named(all))
}

/// By how much one place further in each dimension moves a cell's number: row-major, the last dimension
/// fastest. Where labels name cells, only dimensions of whole people are numbered so.
fn strides(tally: &Tally) -> Result<Vec<u64>, Fault> {
    let dimensions = &tally.dimensions;
    let mut all = 1_u64;
    let is_named = tally.is_named_by_data();
    let mut strides: Vec<_> = dimensions.iter().map(|_| 0).collect();
    for (dimension, stride) in dimensions.iter().zip(&mut strides).rev() {
        if is_named && !dimension.is_of_whole_people() {
            continue;
        }
        *stride = all;
        all = dimension.places().and_then(|it| all.checked_mul(it)).ok_or(Fault::Cells)?;
    }
    // Public cells are held all at once; the proof allows 2²⁰.
    if !is_named && u32::try_from(all).is_err() { Err(Fault::Cells) } else { Ok(strides) }
}

/// A tally over two tables in the order of ids.
struct Counting<'t> {
    tally: &'t Tally,
    /// Dimensions of whole people, with their strides.
    of_person: Vec<(&'t Dimension, u64)>,
    /// Where each measure is found: its table, its place there, its clamp.
    measures: Vec<(Which, usize, Clamp)>,
    most: usize,
    population: Side<'t>,
    joined: Option<Side<'t>>,
}

impl<'t> Counting<'t> {
    fn new(
        tally: &'t Tally,
        strides: &[u64],
        population: Side<'t>,
        joined: Option<Side<'t>>,
    ) -> Self {
        let of_person = tally.dimensions.iter().zip(strides.iter().copied());
        let of_person = of_person.filter(|(dimension, _)| dimension.is_of_whole_people()).collect();
        let mut places = [0, 0];
        let measures = tally.measures.iter().map(|measure| {
            let [population, joined] = &mut places;
            let next = if measure.side == Which::Population { population } else { joined };
            *next += 1;
            (measure.side, *next - 1, measure.clamp)
        });
        let measures = measures.collect();
        let most = usize::try_from(tally.cells_per_person).unwrap_or(usize::MAX);
        Self { tally, of_person, measures, most, population, joined }
    }

    /// Whether all figures of all public cells take so much memory that there should be only one copy.
    fn is_wide(&self) -> bool {
        let figures = 1 + self.tally.measures.len() + self.tally.products.len();
        let cells = self.tally.cell_count().and_then(|cells| usize::try_from(cells).ok());
        cells.is_some_and(|cells| cells.saturating_mul(figures) > WIDE)
    }

    fn nobody(&self) -> Counted {
        Counted::new(self.tally)
    }

    /// Both tables, cut between people into at most `count` parts that belong together.
    fn parts(&self, count: usize) -> Vec<(&[Entry], &[Entry])> {
        let joined = self.joined.as_ref();
        let mut parts = Vec::new();
        let mut population = self.population.entries();
        let mut others = joined.map(Side::entries).unwrap_or_default();
        for left in (2..=count).rev() {
            let middle = population.len() / left;
            let Some(first) = population.get(middle) else { break };
            // Everybody before the person in the middle.
            let before = |side: &Side<'_>, entries: &[Entry]| {
                entries.partition_point(|it| {
                    side.key(it).cmp(&self.population.key(first)) == Ordering::Less
                })
            };
            let (head, rest) = population.split_at(before(&self.population, population));
            let (head_joined, rest_joined) =
                others.split_at(joined.map_or(0, |joined| before(joined, others)));
            parts.push((head, head_joined));
            (population, others) = (rest, rest_joined);
        }
        parts.push((population, others));
        parts
    }

    /// Counts the people of one part.
    fn count(&self, population: &[Entry], mut others: &[Entry]) -> Counted {
        let mut counted = self.nobody();
        let (mut person, mut other) = (Person::default(), Person::default());
        let (mut pairs, mut values) = (Vec::new(), Vec::new());
        for rows in population.chunk_by(|a, b| self.population.key(a) == self.population.key(b)) {
            let Some(key) = rows.first().map(|it| self.population.key(it)) else { continue };
            self.population.read(rows, self.most, &mut person);
            let mut agreed = person.agreed;
            let mut found = false;
            other.clear();
            if let Some(joined) = &self.joined {
                let before = others.iter().take_while(|it| joined.key(it) < key).count();
                let rest = others.get(before..).unwrap_or_default();
                let same = rest.iter().take_while(|it| joined.key(it) == key).count();
                let (rows, rest) = rest.split_at(same);
                others = rest;
                if !rows.is_empty() {
                    joined.read(rows, self.most, &mut other);
                    agreed &= other.agreed;
                    found = !other.tuples.is_empty();
                }
                if !found {
                    joined.read_nothing(&mut other);
                }
            }
            // Before any filter: how many refuse says nothing about what rows the refusers have.
            if !agreed {
                counted.refuse();
                continue;
            }
            if person.tuples.is_empty() {
                continue;
            }
            let of_person = self.of_person(found, &person, &other);
            self.pair(key.hash(), &mut person, &mut other, &mut pairs);
            for (one, two) in &pairs {
                values.clear();
                values.extend(self.measures.iter().map(|(side, at, clamp)| {
                    let value = match side {
                        Which::Population => person.value(one, *at),
                        Which::Joined => two.as_ref().map_or(0, |two| other.value(two, *at)),
                    };
                    // Everything else was computed; at most 32 bits.
                    clamp.apply(value)
                }));
                counted.add(
                    &Cell::new(one, two.as_ref(), of_person),
                    &values,
                    &self.tally.products,
                );
            }
        }
        counted
    }

    /// The number of a person's place in the dimensions of whole people.
    fn of_person(&self, found: bool, person: &Person, other: &Person) -> u64 {
        let mut arms = person.arms.iter();
        let places = self.of_person.iter().map(|(dimension, stride)| {
            let place = match dimension {
                Dimension::Bins { measure, edges } => {
                    let at = usize::try_from(*measure).ok().and_then(|at| self.measures.get(at));
                    let total = at.map_or(0, |(side, at, clamp)| {
                        let of = if *side == Which::Population { person } else { other };
                        clamp.apply(of.total(*at))
                    });
                    edges.partition_point(|edge| *edge <= total)
                }
                Dimension::Arm { .. } => {
                    let arm = arms.next().copied().unwrap_or(Arm::Other);
                    Arm::ALL.iter().position(|place| *place == arm).unwrap_or(Arm::ALL.len())
                }
                _ => usize::from(found),
            };
            u64::try_from(place).unwrap_or(0) * stride
        });
        places.sum()
    }

    /// The pairs of tuples in which a person counts: at most [`Self::most`] of all.
    fn pair(
        &self,
        key: u64,
        person: &mut Person,
        other: &mut Person,
        pairs: &mut Vec<(Tuple, Option<Tuple>)>,
    ) {
        pairs.clear();
        let alone = [None];
        for one in &person.tuples {
            if self.joined.is_some() {
                pairs.extend(other.tuples.iter().map(|two| (*one, Some(*two))));
            } else {
                pairs.extend(alone.map(|two| (*one, two)));
            }
        }
        if pairs.len() > self.most {
            let rank = |(one, two): &(Tuple, Option<Tuple>)| {
                let two = two.as_ref().map_or((0, 0), |two| (two.hash, two.code));
                (mix(mix(key, one.hash), two.0), one.code, two.1)
            };
            pairs.select_nth_unstable_by_key(self.most, rank);
            pairs.truncate(self.most);
        }
    }

    /// The totals, with the names of the cells.
    fn named(&self, counted: Counted) -> Totals {
        let strides = self.of_person.iter().map(|(_, stride)| *stride).collect::<Vec<_>>();
        counted.into_totals(|cell| {
            let mut strides = strides.iter();
            let mut left = cell.of_person();
            let mut next = |_: &Dimension| {
                let stride = strides.next().copied().unwrap_or(1);
                let place = left / stride;
                left %= stride;
                u32::try_from(place).unwrap_or(u32::MAX)
            };
            let (mut own, mut others) = (0, 0);
            let places = self.tally.dimensions.iter().map(|dimension| match dimension {
                Dimension::Matched | Dimension::Arm { .. } | Dimension::Bins { .. } => {
                    protocol::released::Place::Index(next(dimension))
                }
                Dimension::Group { side, .. } | Dimension::Label { side, .. } => match side {
                    Which::Population => {
                        own += 1;
                        self.population.place(own - 1, cell.row())
                    }
                    Which::Joined => {
                        others += 1;
                        let joined = self.joined.as_ref();
                        let place = joined.map(|joined| joined.place(others - 1, cell.other_row()));
                        place.unwrap_or(protocol::released::Place::Index(0))
                    }
                },
            });
            places.collect()
        })
    }
}

/// Totals of which a second copy is not worth its memory.
const WIDE: usize = 1 << 22;

#[cfg(test)]
mod tests;
