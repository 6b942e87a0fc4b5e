//! People in the order of their ids, and which rows are whose.

use std::ops::Range;

use protocol::identity::Identifier;

use super::parallel::gather;
use super::sort::rows_in_order;
use crate::mix::mix_bytes;

/// Who somebody is: a key, and its kind.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Id {
    key: u128,
    kind: u8,
}

impl Id {
    /// Whether it is of this kind.
    pub(crate) fn is_of(self, kind: Identifier) -> bool {
        kind_number(kind) == Some(self.kind)
    }

    /// The id as a number, evenly spread.
    pub(crate) fn hash(self) -> u64 {
        mix_bytes(u64::from(self.kind), &self.key.to_be_bytes())
    }
}

/// Equal in all datasets for equal kinds, so that a hashed e-mail address never meets a hashed number. A kind
/// that was added since joins with nothing until it has a number here.
pub(crate) fn kind_number(kind: Identifier) -> Option<u8> {
    match kind {
        Identifier::Email => Some(1),
        Identifier::Phone => Some(2),
        Identifier::Hashed => Some(3),
        _ => None,
    }
}

/// Whose rows are whose while they are taken in: one of each for each row.
pub(crate) struct Ids {
    pub(crate) keys: Vec<u128>,
    /// Twice the kind of key, and one more if the row agrees.
    pub(crate) marks: Vec<u8>,
}

impl Ids {
    /// Of nobody yet.
    pub(crate) fn new() -> Self {
        Self { keys: Vec::new(), marks: Vec::new() }
    }

    /// Makes room for just so many rows.
    pub(crate) fn make_room(&mut self, rows: usize) {
        self.keys.reserve_exact(rows);
        self.marks.reserve_exact(rows);
    }

    pub(crate) fn add(&mut self, key: u128, kind: u8, agrees: bool) {
        self.keys.push(key);
        self.marks.push(kind << 1 | u8::from(agrees));
    }

    /// The ids in another order of rows.
    pub(crate) fn in_order(self, rows: Option<&[u32]>, threads: usize) -> Self {
        let Self { keys, marks } = self;
        let keys = gather(keys, rows, threads);
        Self { keys, marks: gather(marks, rows, threads) }
    }
}

/// People in the order of their ids.
pub(crate) struct Order {
    keys: Vec<u128>,
    /// Twice the kind of the person's key, and one more if all of the person's rows agree.
    marks: Vec<u8>,
    /// At which place the rows of each person begin, and where the last one's end.
    starts: Vec<u32>,
    /// The row at each place; none where rows are in this order themselves.
    rows: Option<Vec<u32>>,
}

impl Order {
    /// Bytes of a row while it is taken in.
    pub(crate) const TAKEN_IN: u64 = 17;
    /// Bytes of a person.
    pub(crate) const HELD: u64 = 21;
    /// Bytes of a row where rows are in another order.
    pub(crate) const ROW: u64 = 4;

    /// The order of these ids; where their rows are in another one, it says which.
    pub(crate) fn new(ids: Ids, threads: usize) -> Self {
        let rows = rows_in_order(&ids.keys, &ids.marks, threads);
        let Ids { mut keys, mut marks } = ids.in_order(rows.as_deref(), threads);
        let mut starts = Vec::with_capacity(keys.len() + 1);
        let mut last: Option<Id> = None;
        let mut people = 0;
        for row in 0..keys.len() {
            let Some((key, mark)) = keys.get(row).copied().zip(marks.get(row).copied()) else {
                break;
            };
            let id = Id { key, kind: mark >> 1 };
            if last != Some(id) {
                set(&mut keys, people, key);
                set(&mut marks, people, mark);
                starts.push(u32::try_from(row).unwrap_or(u32::MAX));
                people += 1;
            } else if let Some(all) = marks.get_mut(people - 1) {
                // Whoever refuses in one row refuses.
                *all &= mark;
            }
            last = Some(id);
        }
        starts.push(u32::try_from(keys.len()).unwrap_or(u32::MAX));
        keys.truncate(people);
        marks.truncate(people);
        keys.shrink_to_fit();
        marks.shrink_to_fit();
        starts.shrink_to_fit();
        Self { keys, marks, starts, rows }
    }

    /// The rows in this order, for rows to be brought into it; none if they are.
    pub(crate) fn take_rows(&mut self) -> Option<Vec<u32>> {
        self.rows.take()
    }

    /// The people whose keys are not below `low` nor from `high` on; no `high` is above all.
    pub(crate) fn between(&self, low: u128, high: Option<u128>) -> Range<usize> {
        let place = |bound: u128| self.keys.partition_point(|key| *key < bound);
        place(low)..high.map_or(self.keys.len(), place)
    }

    /// How many people there are.
    pub(crate) fn people(&self) -> usize {
        self.keys.len()
    }

    /// The key by which a person is known, if it is of this kind.
    pub(crate) fn key(&self, person: usize, kind: Identifier) -> Option<u128> {
        self.id(person).filter(|id| id.is_of(kind)).map(|id| id.key)
    }

    /// The people who are known by a key of this kind: keys in ascending order, each with the person's place.
    pub(crate) fn of_kind(&self, kind: Identifier) -> impl Iterator<Item = (u128, usize)> {
        (0..self.people()).filter_map(move |person| Some((self.key(person, kind)?, person)))
    }

    pub(crate) fn id(&self, person: usize) -> Option<Id> {
        let (key, mark) = self.keys.get(person).zip(self.marks.get(person))?;
        Some(Id { key: *key, kind: mark >> 1 })
    }

    /// Whether all rows of the person say yes.
    pub(crate) fn agrees(&self, person: usize) -> bool {
        self.marks.get(person).is_some_and(|mark| mark & 1 == 1)
    }

    /// The places of the person's rows.
    pub(crate) fn places(&self, person: usize) -> Range<u32> {
        let start = |at: usize| self.starts.get(at).copied().unwrap_or(0);
        start(person)..start(person + 1)
    }

    /// Which row is at each place, if rows are in another order than this.
    pub(crate) fn rows(&self) -> Option<&[u32]> {
        self.rows.as_deref()
    }
}

fn set<T>(all: &mut [T], at: usize, value: T) {
    if let Some(slot) = all.get_mut(at) {
        *slot = value;
    }
}
