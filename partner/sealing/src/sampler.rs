//! The people of a table, as they are compared with those of other lineages.

use super::convert::{Converter, Value};
use client::people::{Sketch, Sketches};
use protocol::{
    contract::Role,
    identity::{Identifier, MatchKey},
    sealed::Tag,
};
use std::collections::BTreeMap;

/// Hashes of all keys of the table, by which its people are compared with those of other lineages.
#[derive(Default)]
pub(super) struct Sampler {
    hashes: BTreeMap<Identifier, Distinct<u64>>,
    tags: BTreeMap<Identifier, Distinct<Tag>>,
}

/// Different values, in memory of up to twice what they take.
struct Distinct<T> {
    values: Vec<T>,
    /// Of so many, some are thrown away that are there twice.
    next: usize,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self { values: Vec::new(), next: 1 << 20 }
    }
}

impl<T: Ord> Distinct<T> {
    fn push(&mut self, value: T) {
        if self.values.len() >= self.next {
            self.values.sort_unstable();
            self.values.dedup();
            self.next = self.next.max(2 * self.values.len());
        }
        self.values.push(value);
    }
}

/// Those of some rows.
#[derive(Default)]
pub(super) struct Sample {
    hashes: Vec<(Identifier, u64)>,
    tags: Vec<(Identifier, Tag)>,
}

impl Sample {
    /// Adds a row's keys, hashed with `sketches`, and its tags.
    pub(super) fn add<'t>(
        &mut self,
        sketches: &Sketches,
        converters: &[Converter<'_>],
        values: &[Value],
        tags: impl Iterator<Item = (Identifier, &'t Tag)>,
    ) {
        self.tags.extend(tags.map(|(kind, tag)| (kind, *tag)));
        for (converter, value) in converters.iter().zip(values) {
            if let (Role::MatchKey(kind), Value::Key(key)) = (&converter.column.role, value)
                && *key != MatchKey::NONE
            {
                self.hashes.push((*kind, sketches.hash(key)));
            }
        }
    }
}

impl Sampler {
    pub(super) fn add(&mut self, sample: Sample) {
        for (kind, hash) in sample.hashes {
            self.hashes.entry(kind).or_default().push(hash);
        }
        for (kind, tag) in sample.tags {
            self.tags.entry(kind).or_default().push(tag);
        }
    }

    pub(super) fn finish(self) -> Sketch {
        let mut sketch = Sketch::default();
        self.hashes.into_iter().for_each(|(kind, hashes)| sketch.add_keys(kind, hashes.values));
        self.tags.iter().for_each(|(kind, tags)| sketch.add_tags(*kind, &tags.values));
        sketch
    }
}
