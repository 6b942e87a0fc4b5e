//! Opens a sealed file: the one reader of what a partner wrote, for its owner and the enclave.
//!
//! The format leaves so little open (`spec/sealed-v2.md`) that a general Parquet reader would only
//! add ways to go wrong: here nothing is allocated but what the manifest's rows allow, no value of
//! a footer is believed that is not checked, and nothing is decoded that is not plain integers.

use super::{
    FOOTER, Shape, Tag,
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
use std::{collections::BTreeMap, fmt, ops::Range};

/// The decrypted values of one column, in the order of the file. `Debug` prints none of them.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub enum Values {
    /// Tags of match keys; all zeros means none.
    Tags(Vec<Tag>),
    /// Texts; all zeros means none.
    Labels(Vec<[u8; 32]>),
    /// Codes, days, yes or no; [`super::MISSING`] where there is none.
    Codes(Vec<i32>),
    /// Numbers in units of the column's scale.
    Numbers(Vec<i64>),
}

/// Opens `file`, which must be the one that `manifest` speaks of, and decrypts the columns whose
/// keys are at hand, all buckets one after the other. [`Reader`] reads one bucket at a time.
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
    let reader = Reader::open(file, manifest, dataset, keys)?;
    let rows = usize::try_from(reader.shape.rows()).map_err(|_| Flaw::Rows)?;
    let mut all: BTreeMap<_, _> = reader
        .columns
        .iter()
        .map(|column| (column.name().to_owned(), column.values(rows)))
        .collect();
    for bucket in 0..reader.shape.buckets() {
        for column in &reader.columns {
            if let Some(values) = all.get_mut(column.name()) {
                reader.read(column, bucket, values)?;
            }
        }
    }
    Ok(all)
}

/// An open sealed file, of which some columns can be read bucket by bucket.
///
/// It holds the footer's metadata, which is at most 1 KiB for each column of each bucket; each bucket that is
/// read takes the memory of its own values alone.
pub struct Reader<'a> {
    /// The magic and all pages.
    body: &'a [u8],
    shape: Shape,
    footer: Vec<u8>,
    /// Where in the footer the encrypted metadata of each column are, by row group and column.
    groups: Vec<Vec<Range<usize>>>,
    columns: Vec<ColumnReader>,
}

impl<'a> Reader<'a> {
    /// Opens `file`, which must be the one that `manifest` speaks of, for the columns whose keys are at hand.
    /// `keys` must hold that of [`FOOTER`].
    ///
    /// Every byte of the file is held against the manifest's root before anything in it is believed.
    ///
    /// # Errors
    ///
    /// [`FileError`]; nothing in it depends on a value.
    pub fn open(
        file: &'a [u8],
        manifest: &Manifest,
        dataset: &Dataset,
        keys: &BTreeMap<String, DataKey>,
    ) -> Result<Self, FileError> {
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
        let shape = manifest.shape();
        let chunks = u64::try_from(manifest.columns.len()).unwrap_or(u64::MAX);
        let chunks = chunks.saturating_mul(shape.buckets().into());
        let most = FOOTER_BASE.saturating_add(chunks.saturating_mul(FOOTER_PER_CHUNK));
        let envelope = Envelope::parse(file, &manifest.aad_prefix, most)?;
        let footer = envelope.open_footer(keys)?;
        let groups = row_groups(&footer, manifest)?;
        let columns = manifest.columns.iter().enumerate();
        let granted =
            columns.filter_map(|(at, column)| Some((at, column, keys.get(&column.name)?)));
        let columns = granted.map(|(at, column, key)| {
            let opener = envelope.opener(&column.name, key)?;
            ColumnReader::new(column.clone(), at, opener)
        });
        let columns = columns.collect::<Result<_, FileError>>()?;
        Ok(Self { body: envelope.body, shape, footer, groups, columns })
    }

    /// The buckets of the file.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Decrypts the granted columns of one bucket, as many values of each as its capacity.
    ///
    /// The values are of the right type; whether they are in their column's domain is the caller's to see to,
    /// and [`super::arrange`] sees to their order.
    ///
    /// # Errors
    ///
    /// [`FileError`]; nothing in it depends on a value.
    pub fn bucket(&self, number: u16) -> Result<BTreeMap<String, Values>, FileError> {
        let capacity = usize::try_from(self.shape.capacity()).map_err(|_| Flaw::Rows)?;
        let columns = self.columns.iter().map(|column| {
            let mut values = column.values(capacity);
            self.read(column, number, &mut values)?;
            Ok((column.name().to_owned(), values))
        });
        columns.collect()
    }

    /// Appends the values of one column in one bucket.
    fn read(
        &self,
        column: &ColumnReader,
        bucket: u16,
        values: &mut Values,
    ) -> Result<(), FileError> {
        let group = self.groups.get(usize::from(bucket)).and_then(|chunks| chunks.get(column.at()));
        let sealed = group.and_then(|range| self.footer.get(range.clone())).ok_or(Flaw::Column)?;
        let group = i16::try_from(bucket).map_err(|_| Flaw::Rows)?;
        column.read(self.body, group, sealed, self.shape.capacity(), values)
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self.columns.iter().map(ColumnReader::name).collect();
        let shape = &self.shape;
        f.debug_struct("Reader").field("shape", shape).field("columns", &columns).finish()
    }
}

/// The rows that a file without an AAD prefix says it has, for its owner to hold its own numbers against;
/// [`open`] then finds out whether it is so.
///
/// # Errors
///
/// [`FileError`] if the footer does not open.
pub fn claimed_rows(file: &[u8], keys: &BTreeMap<String, DataKey>) -> Result<u64, FileError> {
    let footer = Envelope::parse(file, &[], u64::from(u32::MAX))?.open_footer(keys)?;
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

    fn opener(&self, name: &str, key: &DataKey) -> Result<Opener, FileError> {
        Opener::new(key, &self.aad).ok_or_else(|| FileError::Key { column: name.to_owned() })
    }

    fn open_footer(&self, keys: &BTreeMap<String, DataKey>) -> Result<Vec<u8>, FileError> {
        let column = || FOOTER.to_owned();
        let key = keys.get(FOOTER).ok_or_else(|| FileError::MissingKey { column: column() })?;
        let mut buffer = Vec::new();
        let footer = self.opener(FOOTER, key)?.open(self.footer, Place::Footer, &mut buffer);
        footer.map(<[u8]>::to_vec).ok_or_else(|| FileError::Key { column: column() })
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

mod footer;
use footer::row_groups;
mod column;
use column::ColumnReader;

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, length) = match self {
            Self::Tags(values) => ("Tags", values.len()),
            Self::Labels(values) => ("Labels", values.len()),
            Self::Codes(values) => ("Codes", values.len()),
            Self::Numbers(values) => ("Numbers", values.len()),
        };
        write!(f, "{name}({length} values)")
    }
}

/// Why a file does not open.
///
/// Remedy: take the .sealed, .manifest and .keys files that one run of `glovebox seal` wrote, or seal the table
/// again.
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
    #[error("no file of format sealed-v2: {flaw}")]
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
///
/// Remedy: write the file again with `glovebox seal`, or with a recipe of partner/recipes as it is;
/// protocol/spec/sealed-v2.md says what the format is.
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
/// The largest footer: this many bytes and so many for each column of each row group.
const FOOTER_BASE: u64 = 64 * 1024;
const FOOTER_PER_CHUNK: u64 = 1024;
