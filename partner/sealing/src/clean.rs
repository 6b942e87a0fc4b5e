//! Cleans match keys: leaves each person at most one of a kind, and no two people the same.
//!
//! Whose rows are one person's, the owner's own name for the person says; without one, the first key of a row. A key that
//! several people have is taken from all of them, but for the one who is known by it where people are known by
//! their keys. Of several keys of one kind a person keeps the one in the most of its rows, and of these the lowest.
//! All rows of a person then have the same keys.

use super::{
    Count, SealError,
    record::{Key, Keys, person_of},
    store::{Store, sorted},
};
use protocol::{
    identity::Identifier,
    sealed::{NO_TAG, TAG_LEN, Tag},
};
use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
};

/// How much is held, and where the rest is set aside; none if all is to stay in memory.
pub(super) struct Memory {
    place: Option<PathBuf>,
    /// Bytes of cleaned rows.
    rows: usize,
    /// Bytes of keys and their people.
    keys: usize,
}

impl Memory {
    /// What a machine of an owner has.
    pub(super) fn usual(place: Option<PathBuf>) -> Self {
        Self { place, rows: 96 << 20, keys: 48 << 20 }
    }
}

/// Cleans the keys of the records in `store`, and adds to `count` what was cleaned away. Not bounded are some 20 bytes for each key that several people have.
pub(super) fn clean(
    mut store: Store,
    keys: &Keys,
    memory: &Memory,
    count: &mut Count,
) -> Result<Store, SealError> {
    if !keys.has_person && keys.keys.len() < 2 {
        return Ok(store);
    }
    let shared = shared(&mut store, keys, memory)?;
    let mut counted = HashSet::new();
    let work = |mut rows: Vec<u8>, width| {
        let mut cleaning = Cleaning { keys, shared: &shared, found: Found::default() };
        let mut with_keys = Vec::new();
        for person in people(&mut rows, width) {
            if cleaning.person(person) && keys.has_person {
                with_keys.extend_from_slice(person);
            }
        }
        // Rows of people whom the owner has named are in the order of their tags now.
        if keys.has_person {
            (Vec::new(), (with_keys, cleaning.found))
        } else {
            (rows, (with_keys, cleaning.found))
        }
    };
    let mut other = Store::new(keys.width, memory.rows, memory.place.clone());
    store.change(work, |(rows, found)| {
        found.count(count, &mut counted);
        rows.chunks_exact(keys.width).try_for_each(|record| other.add(record))
    })?;
    if keys.has_person {
        store = other;
    }
    if count.rows == 0 && count.keyless_rows > 0 {
        return Err(SealError::AllShared { people: count.keyless_people });
    }
    Ok(store)
}

/// The keys that several people have. Puts the records of each part in the order of people.
fn shared(store: &mut Store, keys: &Keys, memory: &Memory) -> Result<HashSet<Tag>, SealError> {
    let mut held = Held::new(memory);
    let work = |rows: Vec<u8>, width| {
        let (mut tags, mut found) = (Vec::new(), Vec::new());
        let rows = sorted(rows, width, |run| {
            let head = run.first().map_or(NO_TAG, |record| person_of(record));
            tags.clear();
            tags.extend(
                run.iter().flat_map(|record| keys.keys.iter().filter_map(|key| key.of(record))),
            );
            tags.sort_unstable();
            tags.dedup();
            found.extend(tags.iter().map(|tag| (*tag, head)));
        });
        (rows, found)
    };
    store.change(work, |found| found.iter().try_for_each(|(tag, head)| held.add(tag, head)))?;
    held.finish()
}

/// Who has which key, in the order of keys.
struct Held {
    store: Store,
    /// The last person with a key, by the first bits of the key: so that a key which very many have is found before all
    /// of them are written down.
    last: Vec<(Tag, Tag)>,
    shared: HashSet<Tag>,
}

impl Held {
    fn new(memory: &Memory) -> Self {
        let store = Store::new(2 * TAG_LEN, memory.keys, memory.place.clone());
        Self { store, last: vec![(NO_TAG, NO_TAG); 1 << u16::BITS], shared: HashSet::new() }
    }

    /// Adds that the person of `head` has the key `tag`, once.
    fn add(&mut self, tag: &Tag, head: &Tag) -> Result<(), SealError> {
        if self.shared.contains(tag) {
            return Ok(());
        }
        let [first, second, ..] = *tag;
        if let Some(last) = self.last.get_mut(usize::from(u16::from_be_bytes([first, second]))) {
            let (known, person) = std::mem::replace(last, (*tag, *head));
            if known == *tag && person != *head {
                self.shared.insert(*tag);
                return Ok(());
            }
        }
        let mut record = [0; 2 * TAG_LEN];
        let (key, person) = record.split_at_mut(TAG_LEN);
        key.copy_from_slice(tag);
        person.copy_from_slice(head);
        self.store.add(&record)
    }

    fn finish(self) -> Result<HashSet<Tag>, SealError> {
        let Self { store, mut shared, .. } = self;
        for part in store.into_parts() {
            // A person has a key once, so that a key which stands here twice is of two people.
            sorted(part?, 2 * TAG_LEN, |run| {
                if let [one, _, ..] = run.as_slice() {
                    shared.insert(person_of(one));
                }
            });
        }
        Ok(shared)
    }
}

/// The records of each person, of a part in the order of people.
fn people(part: &mut [u8], width: usize) -> impl Iterator<Item = &mut [u8]> {
    let mut rest = part;
    std::iter::from_fn(move || {
        let head = person_of(rest);
        let rows = rest.chunks_exact(width).take_while(|record| person_of(record) == head).count();
        if rows == 0 {
            return None;
        }
        let (person, behind) = std::mem::take(&mut rest).split_at_mut_checked(rows * width)?;
        rest = behind;
        Some(person)
    })
}

/// Cleans one person after another.
struct Cleaning<'a> {
    keys: &'a Keys,
    shared: &'a HashSet<Tag>,
    found: Found,
}

/// What was cleaned away.
#[derive(Default)]
struct Found {
    /// Keys that were taken from people, and the columns that they are counted in.
    taken: Vec<(usize, Tag)>,
    /// For each column, how many people are without such a key.
    people: BTreeMap<usize, u64>,
    /// For each column, how many people had several keys.
    several: BTreeMap<usize, u64>,
    keyless_rows: u64,
    keyless_people: u64,
}

impl Found {
    /// Adds it to `count`; `counted` are the keys that are in there.
    fn count(self, count: &mut Count, counted: &mut HashSet<Tag>) {
        count.rows = count.rows.saturating_sub(self.keyless_rows);
        count.keyless_rows += self.keyless_rows;
        count.keyless_people += self.keyless_people;
        let columns = &mut count.columns;
        for (column, tag) in self.taken {
            let column = columns.get_mut(column).filter(|_| counted.insert(tag));
            column.into_iter().for_each(|column| column.shared_keys += 1);
        }
        for (column, people) in self.people {
            columns.get_mut(column).into_iter().for_each(|column| column.shared_people += people);
        }
        for (column, people) in self.several {
            columns.get_mut(column).into_iter().for_each(|column| column.several_people += people);
        }
    }
}

impl Cleaning<'_> {
    /// Gives all `records` of a person its keys; whether any is left.
    fn person(&mut self, records: &mut [u8]) -> bool {
        let (width, head) = (self.keys.width, person_of(records));
        let mut kinds: Vec<Identifier> = Vec::new();
        let mut first = None;
        for key in &self.keys.keys {
            let chosen = if kinds.contains(&key.kind) {
                NO_TAG
            } else {
                kinds.push(key.kind);
                self.chosen(key, records, head)
            };
            if chosen != NO_TAG {
                first = first.or(Some(chosen));
            }
            put(records, width, key.at, &chosen);
        }
        let Some(first) = first else {
            self.found.keyless_rows += u64::try_from(records.len() / width).unwrap_or_default();
            self.found.keyless_people += 1;
            return false;
        };
        if self.keys.has_person {
            put(records, width, 0, &first);
        }
        true
    }

    /// The key of one kind that the person known by `head` keeps; `first` is the first column of the kind.
    fn chosen(&mut self, first: &Key, records: &[u8], head: Tag) -> Tag {
        let columns = self.keys.keys.iter().filter(|key| key.kind == first.kind);
        let mut tags = columns.flat_map(|key| {
            records.chunks_exact(self.keys.width).filter_map(|record| key.of(record))
        });
        // Nearly everybody has one, or none.
        let Some(one) = tags.next() else { return NO_TAG };
        let is_alone = tags.all(|tag| tag == one);
        if is_alone && (one == head || !self.shared.contains(&one)) {
            return one;
        }
        self.chosen_of_several(first, records, head)
    }

    fn chosen_of_several(&mut self, first: &Key, records: &[u8], head: Tag) -> Tag {
        let columns = self.keys.keys.iter().filter(|key| key.kind == first.kind);
        let mut tags: Vec<_> = columns
            .flat_map(|key| {
                records.chunks_exact(self.keys.width).filter_map(|record| key.of(record))
            })
            .collect();
        tags.sort_unstable();
        let (mut several, mut taken) = (0, false);
        let (mut most, mut chosen) = (0, NO_TAG);
        for same in tags.chunk_by(PartialEq::eq) {
            let tag = same.first().copied().unwrap_or(NO_TAG);
            if tag != head && self.shared.contains(&tag) {
                taken = true;
                self.found.taken.push((first.column, tag));
                continue;
            }
            several += 1;
            let rows = if tag == head { usize::MAX } else { same.len() };
            if rows > most {
                (most, chosen) = (rows, tag);
            }
        }
        if taken {
            *self.found.people.entry(first.column).or_default() += 1;
        }
        if several > 1 {
            *self.found.several.entry(first.column).or_default() += 1;
        }
        chosen
    }
}

/// Puts `tag` into each of `records`, at one place.
fn put(records: &mut [u8], width: usize, at: usize, tag: &Tag) {
    for record in records.chunks_exact_mut(width) {
        if let Some(place) = record.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            *place = *tag;
        }
    }
}

#[cfg(test)]
mod tests;
