//! The rows of a table between reading and writing, by the first byte of their people's tags.

use super::{
    people::{self, People},
    record::person_of,
};
use protocol::sealed::{Declared, Shape};

/// Converted rows, gathered in any order and taken out in the order of people.
pub(super) struct Store {
    width: usize,
    parts: Vec<Vec<u8>>,
    /// Rows by the first 14 bits of their people's tags: the finest buckets that there are.
    fill: Vec<u64>,
    rows: u64,
}

impl Store {
    /// For records of `width` bytes.
    pub(super) fn new(width: usize) -> Self {
        let fill = vec![0; 1 << Shape::MOST_BITS];
        Self { width, parts: vec![Vec::new(); PARTS], fill, rows: 0 }
    }

    /// Takes a record, which begins with the tag of its person.
    pub(super) fn add(&mut self, record: &[u8]) {
        let [first, ..] = person_of(record);
        if let Some(part) = self.parts.get_mut(usize::from(first)) {
            part.extend_from_slice(record);
        }
        if let Some(fill) = self.fill.get_mut(finest_of(record)) {
            *fill += 1;
        }
        self.rows += 1;
    }

    /// Bytes of a record.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The same rows, counted.
    pub(super) fn fill(&self) -> Fill<'_> {
        Fill { finest: &self.fill, rows: self.rows }
    }

    /// Puts the records in the order of people and counts those who have more rows than `most`; with `cut`, leaves out
    /// what is beyond.
    pub(super) fn survey(&mut self, most: u64, cut: bool) -> People {
        let mut people = People::default();
        for part in &mut self.parts {
            let sorted = sorted(part, self.width, |run| {
                people.add(run.len(), most);
                if !cut {
                    return;
                }
                let before = run.len();
                people::keep(run, most);
                let beyond = u64::try_from(before - run.len()).unwrap_or_default();
                self.rows -= beyond;
                let finest = run.first().map_or(0, |record| finest_of(record));
                if let Some(fill) = self.fill.get_mut(finest) {
                    *fill -= beyond;
                }
            });
            *part = sorted;
        }
        people
    }

    /// Takes out all records, part by part in the order of people.
    pub(super) fn into_parts(self) -> impl Iterator<Item = Vec<u8>> {
        self.parts.into_iter()
    }
}

/// The records in the order of people; `each` may leave out some of each person.
fn sorted(part: &[u8], width: usize, mut each: impl FnMut(&mut Vec<&[u8]>)) -> Vec<u8> {
    let record = |at: u32| {
        let start = usize::try_from(at).ok()?.checked_mul(width)?;
        part.get(start..start.checked_add(width)?)
    };
    let tags = part.chunks_exact(width).map(|record| u128::from_be_bytes(person_of(record)));
    let mut order: Vec<_> = tags.zip(0_u32..).collect();
    order.sort_unstable();
    let (mut sorted, mut run) = (Vec::with_capacity(part.len()), Vec::new());
    for rows in order.chunk_by(|one, other| one.0 == other.0) {
        run.clear();
        run.extend(rows.iter().filter_map(|(_, at)| record(*at)));
        each(&mut run);
        run.iter().for_each(|record| sorted.extend_from_slice(record));
    }
    sorted
}

/// The finest bucket of a record's person.
fn finest_of(record: &[u8]) -> usize {
    let [first, second, ..] = person_of(record);
    usize::from(u16::from_be_bytes([first, second]) >> (u16::BITS - Shape::MOST_BITS))
}

/// How many rows are where.
pub(super) struct Fill<'a> {
    finest: &'a [u64],
    rows: u64,
}

impl Fill<'_> {
    /// Whether every bucket of a file of which this is declared has room for its rows.
    pub(super) fn fits(&self, declared: Declared) -> bool {
        let shape = declared.shape();
        let finest_in_one = 1 << (Shape::MOST_BITS - shape.bits());
        let fullest = self.finest.chunks(finest_in_one).map(|part| part.iter().sum::<u64>()).max();
        fullest.unwrap_or(0) <= shape.capacity() && self.rows <= declared.rows
    }

    /// The least declaration from `least` on that has room; none if none has.
    pub(super) fn fitting(&self, least: Declared) -> Option<Declared> {
        let mut declared = Declared::at_least(self.rows.max(least.rows), least.rows_per_person);
        while declared.is_valid() {
            if self.fits(declared) {
                return Some(declared);
            }
            declared = Declared::at_least(declared.rows + 1, declared.rows_per_person);
        }
        None
    }
}

/// One for each first byte of a tag.
const PARTS: usize = 256;
