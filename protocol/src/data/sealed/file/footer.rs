//! The footer of a sealed file, decrypted: its columns, its buckets, and where each column's metadata are.

use super::{Cursor, FileError, Flaw, Malformed, Parsed, named_key};
use crate::{
    manifest::Manifest,
    sealed::{Physical, SealedColumn},
};
use std::ops::Range;

/// Reads Parquet's `FileMetaData`, which must be of exactly the manifest's columns and buckets; gives where the
/// encrypted metadata of each column are, by row group and column.
pub(super) fn row_groups(
    footer: &[u8],
    manifest: &Manifest,
) -> Result<Vec<Vec<Range<usize>>>, FileError> {
    let (columns, shape) = (&manifest.columns, manifest.shape());
    let most_groups = usize::from(shape.buckets());
    let (mut schema, mut rows, mut groups) = (Vec::new(), 0, Vec::new());
    let (mut group_rows, mut paths_fit) = (Vec::new(), true);
    let mut cursor = Cursor::new(footer);
    let read = cursor.structure(|cursor, id, kind| match id {
        2 => cursor.structures(kind, columns.len() + 1, |cursor| {
            SchemaElement::parse(cursor).map(|element| schema.push(element))
        }),
        3 => cursor.natural(kind).map(|found| rows = found),
        4 => cursor.structures(kind, most_groups, |cursor| {
            let (mut chunks, mut count) = (Vec::with_capacity(columns.len()), 0);
            cursor.structure(|cursor, id, kind| match id {
                1 => cursor.structures(kind, columns.len(), |cursor| {
                    let chunk = Chunk::parse(cursor, footer.len())?;
                    paths_fit &= columns.get(chunks.len()).is_some_and(|c| chunk.is_of(&c.name));
                    chunks.push(chunk.metadata);
                    Ok(())
                }),
                3 => cursor.natural(kind).map(|found| count = found),
                _ => cursor.skip(kind),
            })?;
            groups.push(chunks);
            group_rows.push(count);
            Ok(())
        }),
        // These belong to files with a plaintext footer.
        8 | 9 => Err(Malformed),
        _ => cursor.skip(kind),
    });
    if read.is_err() || !cursor.rest().is_empty() {
        return Err(Flaw::Metadata.into());
    }
    let root =
        SchemaElement { children: columns.len().try_into().ok(), ..SchemaElement::default() };
    let expected = std::iter::once(root).chain(columns.iter().map(SchemaElement::of));
    // A writer may call the root what it likes and need not say how often it repeats.
    if let Some(first) = schema.first_mut() {
        (first.name, first.repetition) = (&[], None);
    }
    if !schema.iter().copied().eq(expected) {
        return Err(Flaw::Schema.into());
    }
    let whole = group_rows.len() == most_groups
        && group_rows.iter().all(|count| *count == shape.capacity());
    if rows != shape.rows() || !whole {
        return Err(Flaw::Rows.into());
    }
    if !paths_fit || groups.iter().any(|chunks: &Vec<_>| chunks.len() != columns.len()) {
        return Err(Flaw::Encryption.into());
    }
    Ok(groups)
}

/// Parquet's `SchemaElement`, without the annotations that say how to show a value.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct SchemaElement<'a> {
    physical: Option<i64>,
    length: Option<i64>,
    repetition: Option<i64>,
    name: &'a [u8],
    children: Option<i64>,
}

impl<'a> SchemaElement<'a> {
    fn of(column: &'a SealedColumn) -> Self {
        let (physical, length) = column.physical.in_parquet();
        Self {
            physical: Some(physical),
            length,
            repetition: Some(REQUIRED),
            name: column.name.as_bytes(),
            children: None,
        }
    }

    fn parse(cursor: &mut Cursor<'a>) -> Parsed<Self> {
        let mut read = Self::default();
        cursor.structure(|cursor, id, kind| {
            match id {
                1 => read.physical = Some(cursor.integer(kind)?),
                2 => read.length = Some(cursor.integer(kind)?),
                3 => read.repetition = Some(cursor.integer(kind)?),
                4 => read.name = cursor.bytes(kind)?,
                5 => read.children = Some(cursor.integer(kind)?),
                _ => cursor.skip(kind)?,
            }
            Ok(())
        })?;
        // Some writers give a length of 0 where none is meant, or no children as 0.
        read.length = read.length.filter(|length| *length != 0);
        read.children = read.children.filter(|children| *children != 0);
        Ok(read)
    }
}

impl Physical {
    /// Parquet's number of the type and its length, if it needs one.
    pub(super) fn in_parquet(self) -> (i64, Option<i64>) {
        match self {
            Self::Tag => (7, Some(16)),
            Self::Label => (7, Some(32)),
            Self::Code => (1, None),
            Self::Number => (2, None),
        }
    }
}

/// Parquet's `ColumnChunk`.
#[derive(Default)]
struct Chunk<'a> {
    path: &'a [u8],
    key: &'a [u8],
    /// Where in the footer they are, encrypted.
    metadata: Range<usize>,
}

impl<'a> Chunk<'a> {
    /// `length` is that of the footer.
    fn parse(cursor: &mut Cursor<'a>, length: usize) -> Parsed<Self> {
        let mut read = Self::default();
        cursor.structure(|cursor, id, kind| match id {
            2 => cursor.skip(kind),
            8 => cursor.inner(kind, |cursor, id, kind| match id {
                WITH_COLUMN_KEY => cursor.inner(kind, |cursor, id, kind| {
                    match id {
                        1 => read.path = cursor.single(kind)?,
                        2 => read.key = cursor.bytes(kind)?,
                        _ => return Err(Malformed),
                    }
                    Ok(())
                }),
                _ => Err(Malformed),
            }),
            9 => {
                let sealed = cursor.bytes(kind)?.len();
                let end = length.saturating_sub(cursor.rest().len());
                read.metadata = end.saturating_sub(sealed)..end;
                Ok(())
            }
            // Another file, metadata in the clear, an index of pages: none is in the format.
            _ => Err(Malformed),
        })?;
        Ok(read)
    }

    fn is_of(&self, column: &str) -> bool {
        self.path == column.as_bytes() && named_key(self.key).as_deref() == Some(column)
    }
}

const WITH_COLUMN_KEY: i64 = 2;
const REQUIRED: i64 = 0;
