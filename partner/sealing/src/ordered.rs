//! Records that stay where they are, and the order of their people beside them.

use super::record::person_of;
use protocol::sealed::{NO_TAG, Tag};

/// Records of one width, in blocks of as many each.
pub(super) struct Blocks {
    width: usize,
    /// A block has 2^`bits` records, but for the last.
    bits: u32,
    blocks: Vec<Vec<u8>>,
}

impl Blocks {
    pub(super) fn new(width: usize) -> Self {
        let bits = (BLOCK / width.max(1)).max(1).ilog2();
        Self { width, bits, blocks: Vec::new() }
    }

    /// Of records that stand one after the other.
    pub(super) fn of(records: Vec<u8>, width: usize) -> Self {
        Self { width, bits: u32::BITS - 1, blocks: vec![records] }
    }

    pub(super) fn add(&mut self, record: &[u8]) {
        let full = self.width << self.bits;
        match self.blocks.last_mut() {
            Some(block) if block.len() < full => block.extend_from_slice(record),
            before => {
                // A small table has one block, of its own size.
                let mut block = Vec::with_capacity(if before.is_some() { full } else { 0 });
                block.extend_from_slice(record);
                self.blocks.push(block);
            }
        }
    }

    /// Bytes of all records.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.iter().map(Vec::len).sum()
    }

    /// All records, one after the other.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        match self.blocks.as_mut_slice() {
            [one] => std::mem::take(one),
            _ => self.blocks.concat(),
        }
    }

    pub(super) fn record(&self, place: Place) -> &[u8] {
        let (block, bytes) = self.find(place);
        self.blocks.get(block).and_then(|block| block.get(bytes)).unwrap_or_default()
    }

    pub(super) fn record_mut(&mut self, place: Place) -> &mut [u8] {
        let (block, bytes) = self.find(place);
        self.blocks.get_mut(block).and_then(|block| block.get_mut(bytes)).unwrap_or_default()
    }

    /// The block that has the record at this place, and where in it.
    fn find(&self, place: Place) -> (usize, std::ops::Range<usize>) {
        let at = usize::try_from(place.at()).unwrap_or(usize::MAX);
        let start = (at & ((1 << self.bits) - 1)) * self.width;
        (at >> self.bits, start..start + self.width)
    }

    fn people(&self) -> impl Iterator<Item = Tag> {
        self.blocks.iter().flat_map(|block| block.chunks_exact(self.width)).map(person_of)
    }
}

/// Where a record is, and whether it is the first of its person's.
#[derive(Clone, Copy)]
pub(super) struct Place(u32);

impl Place {
    const FIRST: u32 = 1 << 31;

    fn at(self) -> u32 {
        self.0 & !Self::FIRST
    }

    fn is_first(self) -> bool {
        self.0 & Self::FIRST != 0
    }
}

/// Records in the order of people, and of one person in the order in which they came.
pub(super) struct Ordered {
    pub(super) records: Blocks,
    places: Vec<Place>,
    is_changed: bool,
}

impl Ordered {
    pub(super) fn new(records: Blocks) -> Self {
        // Of the tag as much as has room beside the number of the row: nearly always that decides.
        let (high, numbers) = (!u128::from(u32::MAX), 0_u32..);
        let keys = records.people().map(|tag| u128::from_be_bytes(tag) & high);
        let mut keys: Vec<u128> = keys.zip(numbers).map(|(key, at)| key | u128::from(at)).collect();
        let mut is_changed = !keys.is_sorted();
        if is_changed {
            keys.sort_unstable();
        }
        let numbers = keys.iter().map(|key| u32::try_from(key & !high).unwrap_or_default());
        let mut places: Vec<Place> = numbers.map(Place).collect();
        drop(keys);
        if !mark(&records, &mut places) {
            places.sort_unstable_by_key(|place| (person_of(records.record(*place)), place.at()));
            mark(&records, &mut places);
            is_changed = true;
        }
        Self { records, places, is_changed }
    }

    /// Whether the records are others than they were made of, or in another order.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// The places of each person's records.
    pub(super) fn people(&self) -> impl Iterator<Item = &[Place]> {
        self.places.chunk_by(|_, next| !next.is_first())
    }

    /// Calls `each` with the places of each person's records, which it may change, but for whose they are.
    pub(super) fn each_person(&mut self, mut each: impl FnMut(&mut Blocks, &[Place])) {
        self.is_changed = true;
        for places in self.places.chunk_by(|_, next| !next.is_first()) {
            each(&mut self.records, places);
        }
    }

    /// Leaves out all records, and lets go of their memory.
    pub(super) fn clear(&mut self) {
        let records = Blocks::new(self.records.width);
        *self = Self { records, places: Vec::new(), is_changed: true };
    }

    /// Leaves out what `keep` leaves out of each person's records.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Blocks, &mut Vec<Place>)) {
        let (mut all, mut some) = (Vec::with_capacity(self.places.len()), Vec::new());
        for places in self.people() {
            some.clear();
            some.extend_from_slice(places);
            keep(&self.records, &mut some);
            let numbers = some.iter().map(|place| place.at());
            let firsts = std::iter::once(Place::FIRST).chain(std::iter::repeat(0));
            all.extend(numbers.zip(firsts).map(|(at, first)| Place(at | first)));
        }
        (self.places, self.is_changed) = (all, true);
    }

    /// All records in order.
    pub(super) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| self.records.record(*place))
    }

    /// All records in order, one after the other.
    pub(super) fn concat(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.places.len() * self.records.width);
        self.records().for_each(|record| all.extend_from_slice(record));
        all
    }

    /// Whose records those at these places are.
    pub(super) fn person(&self, places: &[Place]) -> Tag {
        places.first().map_or(NO_TAG, |place| person_of(self.records.record(*place)))
    }
}

/// Marks the first place of each person; whether all are in the order of people.
fn mark(records: &Blocks, places: &mut [Place]) -> bool {
    let (mut before, mut is_sorted) = (None, true);
    for place in places {
        let tag = person_of(records.record(*place));
        let is_first = before != Some(tag);
        is_sorted &= before <= Some(tag);
        *place = Place(place.at() | if is_first { Place::FIRST } else { 0 });
        before = Some(tag);
    }
    is_sorted
}

/// Bytes of records that are held together, at most.
const BLOCK: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::sealed::TAG_LEN;

    const WIDTH: usize = TAG_LEN + 4;

    /// Tags that differ in their last bytes alone, where the number of the row decides first.
    fn records(blocks: usize) -> (Blocks, Vec<Vec<u8>>) {
        let all = (0..200_u32).map(|row| {
            let mut record = vec![7; TAG_LEN];
            record[TAG_LEN - 1] = u8::try_from(row * 37 % 11).unwrap();
            record[0] = u8::try_from(row % 3).unwrap();
            record.extend_from_slice(&row.to_be_bytes());
            record
        });
        let all: Vec<_> = all.collect();
        let mut records = Blocks { bits: 2, ..Blocks::new(WIDTH) };
        all.iter().for_each(|record| records.add(record));
        assert_eq!(records.bytes(), 200 * WIDTH);
        let records = if blocks == 1 { Blocks::of(records.into_bytes(), WIDTH) } else { records };
        (records, all)
    }

    #[test]
    fn records_are_in_the_order_of_people_and_then_of_rows() {
        for blocks in [1, 50] {
            let (records, mut expected) = records(blocks);
            let ordered = Ordered::new(records);
            expected.sort();
            assert_eq!(ordered.concat(), expected.concat());
            assert!(ordered.is_changed());
            let people: Vec<_> = ordered.people().map(|places| ordered.person(places)).collect();
            assert!(people.is_sorted_by(|one, other| one < other));
            assert_eq!(people.len(), 33);
            assert!(!Ordered::new(Blocks::of(expected.concat(), WIDTH)).is_changed());
        }
    }

    #[test]
    fn what_is_left_out_is_gone_and_the_rest_stays_in_order() {
        let mut ordered = Ordered::new(records(50).0);
        ordered.retain(|records, places| {
            let is_kept =
                |place: &Place| records.record(*place).last().is_some_and(|row| row % 2 == 0);
            places.retain(is_kept);
        });
        let rows: Vec<_> = ordered.records().map(<[u8]>::to_vec).collect();
        assert!(rows.len() == 100 && rows.is_sorted());
        assert_eq!(ordered.people().map(<[Place]>::len).sum::<usize>(), 100);
        ordered.each_person(|records, places| {
            places.iter().for_each(|place| records.record_mut(*place)[TAG_LEN] = 9);
        });
        assert!(ordered.records().all(|record| record[TAG_LEN] == 9));
    }
}
