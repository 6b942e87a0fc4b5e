//! The rows of a table between reading and writing, by the first byte of their people's tags.

use super::{
    SealError, parallel,
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
#[derive(Default)]
pub(super) struct Part {
    /// Each of whole records; all but the last are full.
    blocks: Vec<Vec<u8>>,
    set_aside: Vec<Chunk>,
}

impl Store {
    /// For records of `width` bytes. Rows beyond `limit` bytes are set aside in a file at `place`, if there is one.
    pub(super) fn new(width: usize, limit: usize, place: Option<PathBuf>) -> Self {
        let fill = vec![0; 1 << Shape::MOST_BITS];
        let mut parts = Vec::new();
        parts.resize_with(PARTS, Part::default);
        Self { width, parts, fill, rows: 0, held: 0, limit, place, spill: None }
    }

    /// Takes a record, which begins with the tag of its person.
    pub(super) fn add(&mut self, record: &[u8]) -> Result<(), SealError> {
        let [first, ..] = person_of(record);
        if let Some(part) = self.parts.get_mut(usize::from(first)) {
            part.add(record);
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
            let mut rows = std::mem::take(&mut part.blocks).concat();
            if !rows.is_empty() {
                part.set_aside.push(spill.put(&mut rows)?);
            }
        }
        self.held = 0;
        Ok(())
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
    pub(super) fn survey(&mut self, most: u64, cut: bool) -> Result<People, SealError> {
        let mut people = People::default();
        let mut beyond = Vec::new();
        self.change(
            |rows, width| {
                let (mut people, mut beyond) = (People::default(), Vec::new());
                let sorted = sorted(rows, width, |run| {
                    people.add(run.len(), most);
                    let before = run.len();
                    if cut {
                        people::keep(run, most);
                    }
                    if run.len() < before {
                        let finest = run.first().map_or(0, |record| finest_of(record));
                        beyond.push((finest, before - run.len()));
                    }
                });
                (sorted, (people, beyond))
            },
            |(found, cut)| {
                people.extend(&found);
                beyond.extend(cut);
                Ok(())
            },
        )?;
        for (finest, rows) in beyond {
            let rows = u64::try_from(rows).unwrap_or_default();
            self.rows -= rows;
            if let Some(fill) = self.fill.get_mut(finest) {
                *fill -= rows;
            }
        }
        Ok(people)
    }

    /// Calls `change` with all records of each part, on all cores, and keeps what it gives: as many records or fewer of
    /// the same people. `take` gets what else it gives, part by part.
    pub(super) fn change<R: Send>(
        &mut self,
        change: impl Fn(Vec<u8>, usize) -> (Vec<u8>, R) + Sync,
        mut take: impl FnMut(R) -> Result<(), SealError>,
    ) -> Result<(), SealError> {
        let (width, spill) = (self.width, self.spill.as_ref());
        let work = |mut part: Part| {
            let (rows, result) = change(part.take(spill)?, width);
            part.put(rows, width, spill)?;
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
    pub(super) fn into_parts(self) -> impl Iterator<Item = Result<Vec<u8>, SealError>> {
        let (parts, spill) = self.apart();
        parts.into_iter().map(move |mut part| part.take(spill.as_ref()))
    }

    /// Its parts in the order of people, and what is needed to take the records out of them.
    pub(super) fn apart(self) -> (Vec<Part>, Option<Spill>) {
        (self.parts, self.spill)
    }
}

impl Part {
    fn add(&mut self, record: &[u8]) {
        match self.blocks.last_mut() {
            Some(block) if block.len() + record.len() <= BLOCK => block.extend_from_slice(record),
            full => {
                // A small table has one block, of its own size.
                let mut block = Vec::with_capacity(if full.is_some() { BLOCK } else { 0 });
                block.extend_from_slice(record);
                self.blocks.push(block);
            }
        }
    }

    /// Bytes of all its records.
    pub(super) fn bytes(&self) -> usize {
        let set_aside = self.set_aside.iter().map(Chunk::length).sum::<usize>();
        set_aside + self.blocks.iter().map(Vec::len).sum::<usize>()
    }

    /// Bytes that it takes to put its records in order: as they were, as they will be, and their places.
    fn bytes_to_sort(&self, width: usize) -> usize {
        let bytes = self.bytes();
        let places = (bytes / width.max(1)).saturating_mul(size_of::<(u128, u32)>());
        bytes.saturating_mul(2).saturating_add(places)
    }

    /// Takes out all its records.
    pub(super) fn take(&mut self, spill: Option<&Spill>) -> Result<Vec<u8>, SealError> {
        let mut all = Vec::with_capacity(self.bytes());
        for (chunk, spill) in self.set_aside.drain(..).zip(std::iter::repeat(spill)) {
            spill.map_or(Ok(()), |spill| spill.take(&chunk, &mut all))?;
        }
        for block in &mut self.blocks {
            all.append(block);
        }
        Ok(all)
    }

    /// Puts `rows` where the records were that were taken out.
    fn put(
        &mut self,
        mut rows: Vec<u8>,
        width: usize,
        spill: Option<&Spill>,
    ) -> Result<(), SealError> {
        match spill {
            Some(spill) if !rows.is_empty() => {
                self.blocks = Vec::new();
                self.set_aside.push(spill.put(&mut rows)?);
            }
            Some(_) => {}
            // Into the same memory: other memory of other sizes would not be given back to the system.
            None => {
                let whole = BLOCK / width.max(1) * width;
                let mut blocks = rows.chunks(whole.max(width).max(1));
                for block in &mut self.blocks {
                    block.extend_from_slice(blocks.next().unwrap_or_default());
                }
                self.blocks.extend(blocks.map(<[u8]>::to_vec));
                self.blocks.retain(|block| !block.is_empty());
            }
        }
        Ok(())
    }
}

/// The records in the order of people; `each` may leave out some of each person.
pub(super) fn sorted(
    part: Vec<u8>,
    width: usize,
    mut each: impl FnMut(&mut Vec<&[u8]>),
) -> Vec<u8> {
    let tags = part.chunks_exact(width).map(|record| u128::from_be_bytes(person_of(record)));
    let mut order: Vec<_> = tags.zip(0_u32..).collect();
    // They may be in this order from before, and then nothing is copied either.
    let mut is_copied = !order.is_sorted();
    if is_copied {
        order.sort_unstable();
    }
    let mut sorted = Vec::with_capacity(if is_copied { part.len() } else { 0 });
    let record = |at: u32| {
        let start = usize::try_from(at).ok()?.checked_mul(width)?;
        part.get(start..start.checked_add(width)?)
    };
    let (mut run, mut before) = (Vec::new(), 0);
    for rows in order.chunk_by(|one, other| one.0 == other.0) {
        run.clear();
        run.extend(rows.iter().filter_map(|(_, at)| record(*at)));
        each(&mut run);
        if !is_copied && run.len() < rows.len() {
            sorted.extend_from_slice(part.get(..before).unwrap_or_default());
            is_copied = true;
        }
        if is_copied {
            run.iter().for_each(|record| sorted.extend_from_slice(record));
        }
        before += rows.len() * width;
    }
    drop(run);
    if is_copied { sorted } else { part }
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
/// Bytes of records that are held together.
const BLOCK: usize = 64 << 10;

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
        let parts: Vec<_> = store.into_parts().map(Result::unwrap).collect();
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
