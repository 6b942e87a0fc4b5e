//! Who of a dataset has which key of one kind.

use protocol::identity::Identifier;

use super::order::Order;
use super::parallel::{gather, wide};
use super::sort::rows_in_order;

/// The people of a population by their keys of one kind, of which each person has one at most and each is one
/// person's.
///
/// A person's key of the kind is the id itself, where it is of the kind, and else the least of the kind that any of
/// the person's rows has. A key that is an id is that person's alone; any other that several people have is nobody's.
pub(crate) struct Holders {
    keys: Vec<u128>,
    people: Vec<u32>,
}

impl Holders {
    /// Bytes of a row while it is taken in, for each kind.
    pub(super) const TAKEN_IN: u64 = 16;
    /// Bytes of a person, for each kind.
    pub(super) const HELD: u64 = 20;
    /// Bytes of a person while one index is made: keys, people and marks before they are in order, the keys of rows, and what
    /// putting them into order takes.
    pub(super) const MAKING: u64 = 21 + 16 + 20;
    /// Bytes of a person of whom a job has found out who claims it.
    pub(super) const PARTNER: u64 = 4;

    /// Of the people in this order, whose rows have these keys of the kind, 0 for none; both are in the same order of
    /// rows.
    pub(super) fn new(order: &Order, kind: Identifier, of_rows: &[u128], threads: usize) -> Self {
        let all = order.people();
        let mut keys = Vec::with_capacity(all);
        let (mut people, mut marks) = (Vec::with_capacity(all), Vec::with_capacity(all));
        for (person, number) in (0..order.people()).zip(0..) {
            let own = order.key(person, kind);
            let places = order.places(person);
            let rows = of_rows.get(wide(places.start)..wide(places.end)).unwrap_or_default();
            let least = || rows.iter().copied().filter(|key| *key != 0).min();
            if let Some(key) = own.or_else(least) {
                keys.push(key);
                people.push(number);
                // As kinds are: who is known by the key comes before who has it besides.
                marks.push(u8::from(own.is_none()) << 1);
            }
        }
        let order = rows_in_order(&keys, &marks, threads);
        let order = order.as_deref();
        let keys = gather(keys, order, threads);
        Self::of_one_each(keys, gather(people, order, threads), &gather(marks, order, threads))
    }

    /// Leaves out what is not one person's, of keys in ascending order.
    fn of_one_each(mut keys: Vec<u128>, mut people: Vec<u32>, marks: &[u8]) -> Self {
        let mut kept = 0;
        let mut start = 0;
        while let Some(key) = keys.get(start).copied() {
            let same = keys.get(start..).unwrap_or_default();
            let count = same.iter().take_while(|other| **other == key).count();
            if count == 1 || marks.get(start) == Some(&0) {
                keys.swap(kept, start);
                people.swap(kept, start);
                kept += 1;
            }
            start += count;
        }
        keys.truncate(kept);
        people.truncate(kept);
        keys.shrink_to_fit();
        people.shrink_to_fit();
        Self { keys, people }
    }

    /// The keys in ascending order, each with the person who has it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u128, usize)> {
        self.keys.iter().copied().zip(self.people.iter().map(|person| wide(*person)))
    }
}
