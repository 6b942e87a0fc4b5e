//! Opens a sealed file: the one reader of what a partner wrote, for its owner and the enclave.
//!
//! The format leaves so little open (`spec/sealed-v1.md`) that a general Parquet reader would only
//! add ways to go wrong: here nothing is allocated but what the manifest's rows allow, no value of
//! a footer is believed that is not checked, and nothing is decoded that is not plain integers.

use super::{
    FOOTER, Physical, ROW, ROW_GROUP, SealedColumn,
    module::{self, Opener, Place},
    named_key,
    thrift::{Cursor, Kind, Malformed, Parsed},
};
use crate::{
    contract::Dataset,
    key::DataKey,
    manifest::{Manifest, ManifestError},
    merkle,
};
use std::{collections::BTreeMap, fmt};

/// The decrypted values of one column, in the order of the file. `Debug` prints none of them.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub enum Values {
    /// Match keys; all zeros means none.
    Keys(Vec<[u8; 32]>),
    /// Codes, days, yes or no; [`super::MISSING`] where there is none.
    Codes(Vec<i32>),
    /// Numbers in units of the column's scale.
    Numbers(Vec<i64>),
}

/// Opens `file`, which must be the one that `manifest` speaks of, and decrypts the columns whose
/// keys are at hand. `keys` must hold those of [`FOOTER`] and [`ROW`].
///
/// The values are of the right type; whether they are in their column's domain is the caller's
/// to see to.
///
/// # Errors
///
/// [`FileError`]; nothing in it depends on a value.
pub fn open(
    file: &[u8],
    manifest: &Manifest,
    dataset: &Dataset,
    keys: &BTreeMap<String, DataKey>,
) -> Result<BTreeMap<String, Values>, FileError> {
    manifest.check(dataset).map_err(FileError::Manifest)?;
    let found = u64::try_from(file.len()).unwrap_or(u64::MAX);
    if found != manifest.size {
        return Err(FileError::Size { found, expected: manifest.size });
    }
    if merkle::root_of(file) != manifest.root {
        return Err(FileError::Root);
    }
    let known = |name: &str| name == FOOTER || manifest.columns.iter().any(|c| c.name == name);
    if let Some(stranger) = keys.keys().find(|name| !known(name)) {
        return Err(FileError::StrangeKey { column: stranger.clone() });
    }
    let key = |name: &str| {
        keys.get(name).ok_or_else(|| FileError::MissingKey { column: name.to_owned() })
    };
    key(ROW)?;
    let chunks = u64::try_from(manifest.columns.len()).unwrap_or(u64::MAX);
    let chunks = chunks.saturating_mul(manifest.rows.div_ceil(ROW_GROUP));
    let most = FOOTER_BASE.saturating_add(chunks.saturating_mul(FOOTER_PER_CHUNK));
    let envelope = Envelope::parse(file, &manifest.aad_prefix, most)?;
    let sealed_under = |name: &str| FileError::Key { column: name.to_owned() };
    let opener =
        |name: &str, key| Opener::new(key, &envelope.aad).ok_or_else(|| sealed_under(name));
    let mut buffer = Vec::new();
    let footer = opener(FOOTER, key(FOOTER)?)?
        .open(envelope.footer, Place::Footer, &mut buffer)
        .ok_or_else(|| sealed_under(FOOTER))?;
    let groups = row_groups(footer, manifest)?;
    let columns = manifest.columns.iter().enumerate();
    let granted = columns.filter_map(|(at, column)| Some((at, column, keys.get(&column.name)?)));
    granted
        .map(|(at, column, key)| {
            let opener = opener(&column.name, key)?;
            let reader = ColumnReader { body: envelope.body, column, at, opener };
            Ok((column.name.clone(), reader.read(&groups, manifest.rows)?))
        })
        .collect()
}

/// The rows that a file without an AAD prefix says it has, for its owner to make a manifest of;
/// [`open`] then finds out whether it is so.
///
/// # Errors
///
/// [`FileError`] if the footer does not open.
pub fn claimed_rows(file: &[u8], keys: &BTreeMap<String, DataKey>) -> Result<u64, FileError> {
    let envelope = Envelope::parse(file, &[], u64::from(u32::MAX))?;
    let column = || FOOTER.to_owned();
    let key = keys.get(FOOTER).ok_or_else(|| FileError::MissingKey { column: column() })?;
    let mut buffer = Vec::new();
    let footer = Opener::new(key, &envelope.aad)
        .and_then(|opener| {
            opener.open(envelope.footer, Place::Footer, &mut buffer).map(<[u8]>::to_vec)
        })
        .ok_or_else(|| FileError::Key { column: column() })?;
    let mut rows = 0;
    Cursor::new(&footer)
        .structure(|cursor, id, kind| match id {
            3 => cursor.natural(kind).map(|found| rows = found),
            _ => cursor.skip(kind),
        })
        .map_err(|_| Flaw::Metadata)?;
    Ok(rows)
}

/// What is outside the encryption.
struct Envelope<'a> {
    /// The magic and all pages.
    body: &'a [u8],
    /// The footer's module.
    footer: &'a [u8],
    /// What every module's AAD begins with.
    aad: Vec<u8>,
}

impl<'a> Envelope<'a> {
    /// `most` is the largest footer to accept, in bytes.
    fn parse(file: &'a [u8], aad_prefix: &[u8], most: u64) -> Result<Self, FileError> {
        let inner = file.strip_suffix(MAGIC).filter(|_| file.starts_with(MAGIC));
        let (inner, length) =
            inner.and_then(|inner| inner.split_last_chunk::<4>()).ok_or(Flaw::Magic)?;
        let length = u64::from(u32::from_le_bytes(*length));
        if length > most {
            return Err(Flaw::FooterLength.into());
        }
        let start = usize::try_from(length).ok().and_then(|length| inner.len().checked_sub(length));
        let start = start.filter(|start| *start >= MAGIC.len()).ok_or(Flaw::FooterLength)?;
        let (body, tail) = inner.split_at_checked(start).ok_or(Flaw::FooterLength)?;
        let mut cursor = Cursor::new(tail);
        let crypto = Crypto::parse(&mut cursor).map_err(|_| Flaw::Encryption)?;
        if crypto.prefix != aad_prefix {
            return Err(Flaw::Prefix.into());
        }
        if crypto.unique.len() != 8 || named_key(crypto.key).as_deref() != Some(FOOTER) {
            return Err(Flaw::Encryption.into());
        }
        match module::split(cursor.rest()) {
            Some((footer, [])) => {
                Ok(Self { body, footer, aad: [crypto.prefix, crypto.unique].concat() })
            }
            _ => Err(Flaw::FooterLength.into()),
        }
    }
}

/// Parquet's `FileCryptoMetaData`.
#[derive(Default)]
struct Crypto<'a> {
    prefix: &'a [u8],
    unique: &'a [u8],
    key: &'a [u8],
}

impl<'a> Crypto<'a> {
    fn parse(cursor: &mut Cursor<'a>) -> Parsed<Self> {
        let mut read = Self::default();
        cursor.structure(|cursor, id, kind| match id {
            1 => cursor.inner(kind, |cursor, id, kind| match id {
                AES_GCM_V1 => cursor.inner(kind, |cursor, id, kind| {
                    match id {
                        1 => read.prefix = cursor.bytes(kind)?,
                        2 => read.unique = cursor.bytes(kind)?,
                        // The prefix must be in the file, or there is none.
                        3 if !Cursor::boolean(kind)? => {}
                        _ => return Err(Malformed),
                    }
                    Ok(())
                }),
                _ => Err(Malformed),
            }),
            2 => cursor.bytes(kind).map(|key| read.key = key),
            _ => Err(Malformed),
        })?;
        Ok(read)
    }
}

/// The encrypted metadata of each column, by row group and column.
type Groups<'a> = Vec<Vec<&'a [u8]>>;

/// Reads Parquet's `FileMetaData`, which must be of exactly the manifest's columns and rows.
fn row_groups<'a>(footer: &'a [u8], manifest: &Manifest) -> Result<Groups<'a>, FileError> {
    let columns = &manifest.columns;
    let most_groups = usize::try_from(manifest.rows.div_ceil(ROW_GROUP)).unwrap_or(usize::MAX);
    let (mut schema, mut rows, mut groups) = (Vec::new(), 0, Groups::new());
    let (mut group_rows, mut paths_fit) = (Vec::new(), true);
    let mut cursor = Cursor::new(footer);
    let read = cursor.structure(|cursor, id, kind| match id {
        2 => cursor.structures(kind, columns.len() + 1, |cursor| {
            SchemaElement::parse(cursor).map(|element| schema.push(element))
        }),
        3 => cursor.natural(kind).map(|found| rows = found),
        4 => cursor.structures(kind, most_groups, |cursor| {
            let (mut chunks, mut count) = (Vec::new(), 0);
            cursor.structure(|cursor, id, kind| match id {
                1 => cursor.structures(kind, columns.len(), |cursor| {
                    let chunk = Chunk::parse(cursor)?;
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
    let full = (0..).map(|group| rows_of(group, manifest.rows)).take_while(|rows| *rows > 0);
    if rows != manifest.rows || !group_rows.into_iter().eq(full) {
        return Err(Flaw::Rows.into());
    }
    if !paths_fit || groups.iter().any(|chunks| chunks.len() != columns.len()) {
        return Err(Flaw::Encryption.into());
    }
    Ok(groups)
}

/// The rows of row group number `group` of a file of `rows`.
fn rows_of(group: u64, rows: u64) -> u64 {
    rows.saturating_sub(group.saturating_mul(ROW_GROUP)).min(ROW_GROUP)
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
    fn in_parquet(self) -> (i64, Option<i64>) {
        match self {
            Self::Key => (7, Some(32)),
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
    metadata: &'a [u8],
}

impl<'a> Chunk<'a> {
    fn parse(cursor: &mut Cursor<'a>) -> Parsed<Self> {
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
            9 => cursor.bytes(kind).map(|metadata| read.metadata = metadata),
            // Another file, metadata in the clear, an index of pages: none is in the format.
            _ => Err(Malformed),
        })?;
        Ok(read)
    }

    fn is_of(&self, column: &str) -> bool {
        self.path == column.as_bytes() && named_key(self.key).as_deref() == Some(column)
    }
}

mod column;
use column::ColumnReader;

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, length) = match self {
            Self::Keys(values) => ("Keys", values.len()),
            Self::Codes(values) => ("Codes", values.len()),
            Self::Numbers(values) => ("Numbers", values.len()),
        };
        write!(f, "{name}({length} values)")
    }
}

/// Why a file does not open.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The manifest is not of this dataset.
    #[error("{0}")]
    Manifest(#[source] ManifestError),
    /// Another length.
    #[error("the file has {found} bytes, its manifest says {expected}")]
    Size {
        /// Bytes of the file.
        found: u64,
        /// Bytes in the manifest.
        expected: u64,
    },
    /// Another root.
    #[error("the file's Merkle root is not that of its manifest")]
    Root,
    /// A key without which nothing opens.
    #[error("the key of {column} is missing")]
    MissingKey {
        /// The column, or the footer.
        column: String,
    },
    /// A key that is for nothing.
    #[error("a key names {column}, which is not a column of the file")]
    StrangeKey {
        /// The name that the key came with.
        column: String,
    },
    /// The key does not open what it is for.
    #[error("the key of {column} does not open it: another key, or another column's bytes")]
    Key {
        /// The column, or the footer.
        column: String,
    },
    /// Outside the format.
    #[error("no file of format sealed-v1: {flaw}")]
    Layout {
        /// Where.
        flaw: Flaw,
    },
}

impl From<Flaw> for FileError {
    fn from(flaw: Flaw) -> Self {
        Self::Layout { flaw }
    }
}

/// Where a file leaves the format.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// First or last bytes.
    #[error("it does not begin and end with PARE")]
    Magic,
    /// The footer's length.
    #[error("its footer's length is impossible")]
    FooterLength,
    /// Algorithm, key metadata or a column that is not encrypted under a key of its own.
    #[error("its encryption is not AES_GCM_V1 with an encrypted footer and a key for each column")]
    Encryption,
    /// The AAD prefix.
    #[error("its AAD prefix is not that of its manifest")]
    Prefix,
    /// The footer cannot be parsed or has a part that is not allowed.
    #[error("its footer is malformed or has an index, statistics or a plaintext part")]
    Metadata,
    /// The schema.
    #[error("its columns are not those of its manifest, required and of the same types")]
    Schema,
    /// Row counts.
    #[error("its rows or row groups are not those of its manifest")]
    Rows,
    /// A column's metadata.
    #[error(
        "a column has compression, a dictionary, statistics, a Bloom filter or sizes that do not \
         add up"
    )]
    Column,
    /// A page.
    #[error("a page is not a plain data page of whole values that ends where it says")]
    Page,
}

const MAGIC: &[u8] = b"PARE";
const AES_GCM_V1: i64 = 1;
const WITH_COLUMN_KEY: i64 = 2;
const REQUIRED: i64 = 0;
/// The largest footer: this many bytes and so many for each column of each row group.
const FOOTER_BASE: u64 = 64 * 1024;
const FOOTER_PER_CHUNK: u64 = 1024;
