//! Cleans match keys: leaves each person at most one of a kind, and no two people the same.
//!
//! Whose rows are one person's, the owner's own name for the person says; without one, the first key of a row. A key that
//! several people have is taken from all of them, but for the one who is known by it where people are known by
//! their keys. Of several keys of one kind a person keeps the one in the most of its rows, and of these the lowest.
//! All rows of a person then have the same keys.

use super::{
    Count, SealError,
    ordered::{Blocks, Ordered, Place},
    record::{Key, Keys, person_of},
    store::Store,
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
    let work = |rows: &mut Ordered| {
        let mut cleaning = Cleaning { keys, shared: &shared, found: Found::default() };
        let mut with_keys = Vec::new();
        rows.each_person(|records, places| {
            if cleaning.person(records, places) && keys.has_person {
                let all = places.iter().map(|place| records.record(*place));
                all.for_each(|record| with_keys.extend_from_slice(record));
            }
        });
        if keys.has_person {
            // They are in the order of their people's keys from now on, hence in other parts: these need no memory any more.
            rows.clear();
        }
        (with_keys, cleaning.found)
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

/// The keys that several people have.
fn shared(store: &mut Store, keys: &Keys, memory: &Memory) -> Result<HashSet<Tag>, SealError> {
    let mut held = Held::new(memory);
    let columns: Vec<_> = keys.that_others_may_have().collect();
    let work = |rows: &mut Ordered| {
        let (mut tags, mut found) = (Vec::new(), Vec::new());
        for places in rows.people() {
            tags.clear();
            for key in &columns {
                let all = places.iter().filter_map(|place| key.of(rows.records.record(*place)));
                for tag in all {
                    if tags.last() != Some(&tag) {
                        tags.push(tag);
                    }
                }
            }
            if tags.len() > 1 {
                tags.sort_unstable();
                tags.dedup();
            }
            let head = rows.person(places);
            found.extend(tags.iter().map(|tag| (*tag, head)));
        }
        found
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
            let part = part?;
            // A person has a key once, so that a key which stands here twice is of two people.
            let twice = part.people().filter(|places| places.len() > 1);
            shared.extend(twice.map(|places| part.person(places)));
        }
        Ok(shared)
    }
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
    /// Gives all `records` of a person, at these places, its keys; whether any is left.
    fn person(&mut self, records: &mut Blocks, places: &[Place]) -> bool {
        let head = places.first().map_or(NO_TAG, |place| person_of(records.record(*place)));
        let mut kinds: Vec<Identifier> = Vec::new();
        let mut first = None;
        for key in &self.keys.keys {
            let chosen = if kinds.contains(&key.kind) {
                NO_TAG
            } else {
                kinds.push(key.kind);
                self.chosen(key, (records, places), head)
            };
            if chosen != NO_TAG {
                first = first.or(Some(chosen));
            }
            put(records, places, key.at, chosen);
        }
        let Some(first) = first else {
            self.found.keyless_rows += u64::try_from(places.len()).unwrap_or_default();
            self.found.keyless_people += 1;
            return false;
        };
        if self.keys.has_person {
            put(records, places, 0, first);
        }
        true
    }

    /// The key of one kind that the person known by `head` keeps; `first` is the first column of the kind.
    fn chosen(&mut self, first: &Key, rows: (&Blocks, &[Place]), head: Tag) -> Tag {
        let mut tags = tags(self.keys, first.kind, rows);
        // Nearly everybody has one, or none.
        let Some(one) = tags.next() else { return NO_TAG };
        let is_alone = tags.all(|tag| tag == one);
        if is_alone && (one == head || !self.shared.contains(&one)) {
            return one;
        }
        self.chosen_of_several(first, rows, head)
    }

    fn chosen_of_several(&mut self, first: &Key, rows: (&Blocks, &[Place]), head: Tag) -> Tag {
        let mut tags: Vec<_> = tags(self.keys, first.kind, rows).collect();
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

/// The keys of one kind in these records.
fn tags<'r>(
    keys: &'r Keys,
    kind: Identifier,
    (records, places): (&'r Blocks, &'r [Place]),
) -> impl Iterator<Item = Tag> {
    let columns = keys.keys.iter().filter(move |key| key.kind == kind);
    columns
        .flat_map(move |key| places.iter().filter_map(move |place| key.of(records.record(*place))))
}

/// Puts `tag` into each record at these places, `at` so many bytes.
fn put(records: &mut Blocks, places: &[Place], at: usize, tag: Tag) {
    for place in places {
        let record = records.record_mut(*place);
        if let Some(place) = record.get_mut(at..).and_then(|rest| rest.first_chunk_mut())
            && *place != tag
        {
            *place = tag;
        }
    }
}

#[cfg(test)]
mod tests;
