//! The rows of a table between reading and writing, by the first byte of their people's tags.

use super::{
    SealError,
    ordered::{Blocks, Ordered},
    parallel,
    people::{self, People},
    record::person_of,
    spill::{Chunk, Spill},
};
use protocol::sealed::{Declared, Shape};
use std::path::PathBuf;

/// Converted rows, gathered in any order and taken out in the order of people, in bounded memory: what does not fit goes
/// into a [`Spill`].
pub(super) struct Store {
    width: usize,
    parts: Vec<Part>,
    /// Rows by the first 14 bits of their people's tags: the finest buckets that there are.
    fill: Vec<u64>,
    rows: u64,
    /// Bytes of all rows in memory.
    held: usize,
    limit: usize,
    /// Where to set rows aside; none if all are to stay in memory.
    place: Option<PathBuf>,
    spill: Option<Spill>,
}

/// The records of people whose tags begin with one byte.
pub(super) struct Part {
    held: Held,
    /// What is in the file; in memory is what came behind it.
    set_aside: Vec<Chunk>,
}

enum Held {
    /// As they came.
    Gathered(Blocks),
    Ordered(Ordered),
}

impl Store {
    /// For records of `width` bytes. Rows beyond `limit` bytes are set aside in a file at `place`, if there is one.
    pub(super) fn new(width: usize, limit: usize, place: Option<PathBuf>) -> Self {
        let fill = vec![0; 1 << Shape::MOST_BITS];
        let mut parts = Vec::new();
        parts.resize_with(PARTS, || Part::new(width));
        Self { width, parts, fill, rows: 0, held: 0, limit, place, spill: None }
    }

    /// Takes a record, which begins with the tag of its person. None may come once they are in order.
    pub(super) fn add(&mut self, record: &[u8]) -> Result<(), SealError> {
        let [first, ..] = person_of(record);
        match self.parts.get_mut(usize::from(first)).map(|part| &mut part.held) {
            Some(Held::Gathered(records)) => records.add(record),
            _ => {
                let reason = "a row came behind all others".to_owned();
                return Err(SealError::Written { reason });
            }
        }
        if let Some(fill) = self.fill.get_mut(finest_of(record)) {
            *fill += 1;
        }
        self.rows += 1;
        self.held += record.len();
        if self.held > self.limit { self.set_aside() } else { Ok(()) }
    }

    /// Puts all rows that are in memory into the file.
    fn set_aside(&mut self) -> Result<(), SealError> {
        let Some(place) = &self.place else { return Ok(()) };
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::create(place)?),
        };
        for part in &mut self.parts {
            let Held::Gathered(records) = &mut part.held else { continue };
            let mut rows = std::mem::replace(records, Blocks::new(self.width)).into_bytes();
            if !rows.is_empty() {
                part.set_aside.push(spill.put(&mut rows)?);
            }
        }
        self.held = 0;
        Ok(())
    }

    /// The same rows, counted.
    pub(super) fn fill(&self) -> Fill<'_> {
        Fill { finest: &self.fill, rows: self.rows }
    }

    /// Counts people, and those who have more rows than `most`; with `cut`, leaves out what is beyond.
    pub(super) fn survey(&mut self, most: u64, cut: bool) -> Result<People, SealError> {
        let mut people = People::default();
        let mut beyond = Vec::new();
        self.change(
            |rows| {
                let mut people = People::default();
                rows.people().for_each(|places| people.add(places.len(), most));
                let must_cut = cut && people.over > 0;
                let beyond = if must_cut { people::cut(rows, most) } else { Vec::new() };
                (people, beyond)
            },
            |(found, cut)| {
                people.extend(&found);
                beyond.extend(cut);
                Ok(())
            },
        )?;
        for (person, rows) in beyond {
            let rows = u64::try_from(rows).unwrap_or_default();
            self.rows -= rows;
            if let Some(fill) = self.fill.get_mut(finest_of(&person)) {
                *fill -= rows;
            }
        }
        Ok(people)
    }

    /// Calls `change` with all records of each part, on all cores, in which it may change all but whose they are, and leave
    /// some out. `take` gets what it gives, part by part.
    pub(super) fn change<R: Send>(
        &mut self,
        change: impl Fn(&mut Ordered) -> R + Sync,
        mut take: impl FnMut(R) -> Result<(), SealError>,
    ) -> Result<(), SealError> {
        let (width, spill) = (self.width, self.spill.as_ref());
        let work = |mut part: Part| {
            let (mut rows, chunks) = part.take(width, spill)?;
            let result = change(&mut rows);
            part.put(rows, chunks, spill)?;
            Ok((part, result))
        };
        let parts = std::mem::take(&mut self.parts);
        let mut changed = Vec::with_capacity(parts.len());
        let tasks = parts.into_iter().map(|part| (part.bytes_to_sort(width), part));
        parallel::within(CHANGING_BYTES, tasks, work, |result: Result<_, SealError>| {
            let (part, result) = result?;
            changed.push(part);
            take(result)
        })?;
        self.parts = changed;
        Ok(())
    }

    /// Takes out all records, part by part in the order of people.
    pub(super) fn into_parts(self) -> impl Iterator<Item = Result<Ordered, SealError>> {
        let width = self.width;
        let (parts, spill) = self.apart();
        parts.into_iter().map(move |mut part| Ok(part.take(width, spill.as_ref())?.0))
    }

    /// Bytes of a record.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Its parts in the order of people, and what is needed to take the records out of them.
    pub(super) fn apart(self) -> (Vec<Part>, Option<Spill>) {
        (self.parts, self.spill)
    }
}

impl Part {
    fn new(width: usize) -> Self {
        Self { held: Held::Gathered(Blocks::new(width)), set_aside: Vec::new() }
    }

    /// Bytes of all its records.
    fn bytes(&self) -> usize {
        let held = match &self.held {
            Held::Gathered(records) => records.bytes(),
            Held::Ordered(rows) => rows.records.bytes(),
        };
        held + self.set_aside.iter().map(Chunk::length).sum::<usize>()
    }

    /// Bytes that it takes to put its records in order: their places, and what is in the file twice.
    pub(super) fn bytes_to_sort(&self, width: usize) -> usize {
        let bytes = self.bytes();
        let places = (bytes / width.max(1)).saturating_mul(size_of::<(u128, u32)>());
        let copied = if self.set_aside.is_empty() { 0 } else { bytes.saturating_mul(2) };
        copied.saturating_add(places)
    }

    /// Takes out all its records, in order, and the chunks of the file that they were in.
    pub(super) fn take(
        &mut self,
        width: usize,
        spill: Option<&Spill>,
    ) -> Result<(Ordered, Vec<Chunk>), SealError> {
        let held = std::mem::replace(&mut self.held, Held::Gathered(Blocks::new(width)));
        let (records, chunks) = match held {
            Held::Ordered(rows) => return Ok((rows, Vec::new())),
            Held::Gathered(records) => (records, std::mem::take(&mut self.set_aside)),
        };
        let Some(spill) = spill.filter(|_| !chunks.is_empty()) else {
            return Ok((Ordered::new(records), chunks));
        };
        let bytes = chunks.iter().map(Chunk::length).sum::<usize>() + records.bytes();
        let mut all = Vec::with_capacity(bytes);
        chunks.iter().try_for_each(|chunk| spill.take(chunk, &mut all))?;
        // What is in memory only is not in these chunks.
        let chunks = if records.bytes() == 0 { chunks } else { Vec::new() };
        all.append(&mut records.into_bytes());
        Ok((Ordered::new(Blocks::of(all, width)), chunks))
    }

    /// Puts back what was taken out: into the file, if there is one, unless `chunks` of it have the records as they are.
    fn put(
        &mut self,
        rows: Ordered,
        chunks: Vec<Chunk>,
        spill: Option<&Spill>,
    ) -> Result<(), SealError> {
        match spill {
            None => self.held = Held::Ordered(rows),
            Some(_) if !chunks.is_empty() && !rows.is_changed() => self.set_aside = chunks,
            Some(spill) => {
                let mut rows = rows.concat();
                if !rows.is_empty() {
                    self.set_aside.push(spill.put(&mut rows)?);
                }
            }
        }
        Ok(())
    }
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
/// Bytes that the parts take that are changed at one time.
const CHANGING_BYTES: usize = 128 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng, SeedableRng};

    const WIDTH: usize = 24;

    /// Rows of 1,000 people, between one and fourteen each.
    fn records() -> Vec<[u8; WIDTH]> {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let mut records = Vec::new();
        for person in 0..1000_u64 {
            let mut record = [0; WIDTH];
            rng.fill_bytes(&mut record[..16]);
            for row in 0..person % 14 + 1 {
                record[16..].copy_from_slice(&row.to_le_bytes());
                records.push(record);
            }
        }
        records.sort_by_key(|record| record[16]);
        records
    }

    /// All records in the order of people, and how many people have more than eight.
    fn sorted_by(limit: usize, place: Option<PathBuf>, cut: bool) -> (Vec<Vec<u8>>, u64, bool) {
        let mut store = Store::new(WIDTH, limit, place);
        records().iter().for_each(|record| store.add(record).unwrap());
        let was_set_aside = store.spill.is_some();
        let people = store.survey(8, cut).unwrap();
        let rows = store.rows;
        let parts: Vec<_> = store.into_parts().map(|part| part.unwrap().concat()).collect();
        assert_eq!(u64::try_from(parts.concat().len() / WIDTH).unwrap(), rows);
        (parts, people.over, was_set_aside)
    }

    #[test]
    fn rows_are_the_same_whether_memory_has_room_for_them_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let place = || Some(folder.path().join("sales.sealed.spill"));
        for cut in [false, true] {
            let (held, over, was_set_aside) = sorted_by(usize::MAX, None, cut);
            assert!(!was_set_aside && over > 300);
            for limit in [0, 1000, 50_000] {
                let (found, also_over, was_set_aside) = sorted_by(limit, place(), cut);
                assert!(was_set_aside && found == held && also_over == over, "{limit}");
            }
            let people = held.concat();
            assert!(people.chunks_exact(WIDTH).map(person_of).is_sorted());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
