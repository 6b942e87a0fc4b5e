//! Cleans match keys: leaves each person at most one of a kind, and no two people the same.
//!
//! Whose rows are one person's, the owner's own name for the person says; without one, the first key of a row. A key that
//! several people have is taken from all of them, but for the one who is known by it where people are known by
//! their keys. Of several keys of one kind a person keeps the one in the most of its rows, and of these the lowest.
//! All rows of a person then have the same keys.

use super::{
    Count, SealError,
    record::{Key, Keys, person_of},
    store::{PARTS, Store, sorted},
};
use protocol::{
    identity::Identifier,
    sealed::{NO_TAG, TAG_LEN, Tag},
};
use std::{collections::HashSet, path::PathBuf};

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
    let mut cleaning = Cleaning { keys, shared, counted: HashSet::new(), count };
    if keys.has_person {
        let mut other = Store::new(keys.width, memory.rows, memory.place.clone());
        for part in 0..PARTS {
            for person in people(&mut store.take_part(part)?, keys.width) {
                if cleaning.person(person) {
                    person.chunks_exact(keys.width).try_for_each(|record| other.add(record))?;
                }
            }
        }
        store = other;
    } else {
        for part in 0..PARTS {
            let mut rows = store.take_part(part)?;
            for person in people(&mut rows, keys.width) {
                cleaning.person(person);
            }
            store.put_part(part, rows)?;
        }
    }
    if count.rows == 0 && count.keyless_rows > 0 {
        return Err(SealError::AllShared { people: count.keyless_people });
    }
    Ok(store)
}

/// The keys that several people have. Puts the records of each part in the order of people.
fn shared(store: &mut Store, keys: &Keys, memory: &Memory) -> Result<HashSet<Tag>, SealError> {
    let mut held = Held::new(memory);
    let mut tags = Vec::new();
    for part in 0..PARTS {
        let (mut failed, rows) = (Ok(()), store.take_part(part)?);
        let rows = sorted(&rows, keys.width, |run| {
            let head = run.first().map_or(NO_TAG, |record| person_of(record));
            tags.clear();
            tags.extend(
                run.iter().flat_map(|record| keys.keys.iter().filter_map(|key| key.of(record))),
            );
            tags.sort_unstable();
            tags.dedup();
            for tag in &tags {
                failed = std::mem::replace(&mut failed, Ok(())).and_then(|()| held.add(tag, &head));
            }
        });
        failed?;
        store.put_part(part, rows)?;
    }
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
            sorted(&part?, 2 * TAG_LEN, |run| {
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
    shared: HashSet<Tag>,
    /// Keys of these that were counted.
    counted: HashSet<Tag>,
    count: &'a mut Count,
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
            let rows = u64::try_from(records.len() / width).unwrap_or_default();
            self.count.rows -= rows;
            self.count.keyless_rows += rows;
            self.count.keyless_people += 1;
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
        let mut tags: Vec<_> = columns
            .flat_map(|key| {
                records.chunks_exact(self.keys.width).filter_map(|record| key.of(record))
            })
            .collect();
        tags.sort_unstable();
        let (mut several, mut taken, mut new) = (0, false, 0);
        let (mut most, mut chosen) = (0, NO_TAG);
        for same in tags.chunk_by(PartialEq::eq) {
            let tag = same.first().copied().unwrap_or(NO_TAG);
            if tag != head && self.shared.contains(&tag) {
                taken = true;
                new += u64::from(self.counted.insert(tag));
                continue;
            }
            several += 1;
            let rows = if tag == head { usize::MAX } else { same.len() };
            if rows > most {
                (most, chosen) = (rows, tag);
            }
        }
        if let Some(counted) = self.count.columns.get_mut(first.column) {
            counted.shared_keys += new;
            counted.shared_people += u64::from(taken);
            counted.several_people += u64::from(several > 1);
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
