//! A row of the table as it will be sealed: the tag of its person, then its columns, each of a fixed width.

use super::convert::{Converter, Value};
use protocol::{
    contract::Role,
    identity::Identifier,
    salt::BucketSalt,
    sealed::{NO_TAG, Physical, TAG_LEN, Tag, Tagger, physical},
};

/// Makes records of rows.
pub(super) struct Encoder {
    tagger: Tagger,
    columns: Vec<Field>,
    width: usize,
    has_person: bool,
}

/// A column of a record.
struct Field {
    /// Where in a record it begins.
    at: usize,
    /// Of a match key.
    kind: Option<Identifier>,
}

impl Encoder {
    pub(super) fn new(converters: &[Converter<'_>], salt: &BucketSalt) -> Self {
        let (mut width, mut columns) = (TAG_LEN, Vec::new());
        for converter in converters {
            let kind = match converter.column.role {
                Role::MatchKey(kind) => Some(kind),
                _ => None,
            };
            columns.push(Field { at: width, kind });
            width += physical(converter.column).map_or(0, bytes_of);
        }
        let has_person = converters.iter().any(|of| of.column.role == Role::Person);
        Self { tagger: Tagger::new(salt), columns, width, has_person }
    }

    /// Bytes of a record.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Appends the record of a row to `records`. It begins with what stands for its person: the owner's own name where
    /// there is one, and otherwise the first tag.
    pub(super) fn encode(&self, values: &[Value], records: &mut Vec<u8>) {
        let start = records.len();
        records.extend_from_slice(&NO_TAG);
        let (mut person, mut owned) = (NO_TAG, None);
        for (column, value) in self.columns.iter().zip(values) {
            match (value, column.kind) {
                (Value::Key(key), Some(kind)) => {
                    let tag = self.tagger.tag(kind, key);
                    if person == NO_TAG {
                        person = tag;
                    }
                    records.extend_from_slice(&tag);
                }
                (Value::Key(_), None) => records.extend_from_slice(&NO_TAG),
                (Value::Person(name), _) => owned = Some(*name),
                (Value::Label(label), _) => records.extend_from_slice(label),
                (Value::Code(code), _) => records.extend_from_slice(&code.to_le_bytes()),
                (Value::Number(number), _) => records.extend_from_slice(&number.to_le_bytes()),
            }
        }
        let person = owned.unwrap_or(person);
        if let Some(head) = records.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            *head = person;
        }
    }

    /// What is to be known of a record in order to clean its keys.
    pub(super) fn keys(&self) -> Keys {
        let keys = (0..)
            .zip(&self.columns)
            .filter_map(|(column, field)| Some(Key { column, at: field.at, kind: field.kind? }));
        Keys { width: self.width, has_person: self.has_person, keys: keys.collect() }
    }
}

/// Where the match keys of a record are.
pub(super) struct Keys {
    pub(super) width: usize,
    /// Whether a record begins with what stands for the owner's own name for a person, and not with a tag.
    pub(super) has_person: bool,
    pub(super) keys: Vec<Key>,
}

impl Keys {
    /// The columns whose keys two people may have. Where rows name no person, a row's person is its first key, so that of
    /// the first column no two people have the same one, unless another column has keys of its kind.
    pub(super) fn that_others_may_have(&self) -> impl Iterator<Item = &Key> {
        let kinds = |kind| self.keys.iter().filter(|key| key.kind == kind).count();
        let of_one = self.keys.first().is_some_and(|key| !self.has_person && kinds(key.kind) == 1);
        self.keys.iter().skip(usize::from(of_one))
    }
}

/// A match key of a record.
pub(super) struct Key {
    /// Number of the column among those that are read.
    pub(super) column: usize,
    /// Where in a record it begins.
    pub(super) at: usize,
    pub(super) kind: Identifier,
}

impl Key {
    /// The tag that `record` has here, if it has one.
    pub(super) fn of(&self, record: &[u8]) -> Option<Tag> {
        let tag = record.get(self.at..)?.first_chunk().copied();
        tag.filter(|tag| *tag != NO_TAG)
    }
}

impl Encoder {
    /// The tags in `record`, with their kinds.
    pub(super) fn tags<'r>(
        &'r self,
        record: &'r [u8],
    ) -> impl Iterator<Item = (Identifier, &'r Tag)> {
        self.columns.iter().filter_map(|column| {
            let tag = record.get(column.at..)?.first_chunk().filter(|tag| **tag != NO_TAG)?;
            Some((column.kind?, tag))
        })
    }
}

/// The tag that `record` begins with.
pub(super) fn person_of(record: &[u8]) -> Tag {
    record.first_chunk().copied().unwrap_or(NO_TAG)
}

fn bytes_of(physical: Physical) -> usize {
    usize::try_from(physical.width()).unwrap_or_default()
}
