//! One column of a sealed file: its pages, decrypted and put together.

use super::{Cursor, FileError, Flaw, Kind, Malformed, Opener, Parsed, Place, Values, module};
use crate::sealed::{Physical, SealedColumn};

/// Reads one column.
pub(super) struct ColumnReader {
    column: SealedColumn,
    /// Position of the column in the file.
    at: i16,
    opener: Opener,
}

impl ColumnReader {
    pub(super) fn new(column: SealedColumn, at: usize, opener: Opener) -> Result<Self, FileError> {
        let at = i16::try_from(at).map_err(|_| Flaw::Column)?;
        Ok(Self { column, at, opener })
    }

    pub(super) fn name(&self) -> &str {
        &self.column.name
    }

    /// Position of the column in the file.
    pub(super) fn at(&self) -> usize {
        self.at.unsigned_abs().into()
    }

    /// An empty column with room for `rows`, which the caller has checked the file to have.
    pub(super) fn values(&self, rows: usize) -> Values {
        Values::with_capacity(self.column.physical, rows)
    }

    /// Reads one row group out of `body`, the file up to its footer; `sealed` has its encrypted metadata.
    pub(super) fn read(
        &self,
        body: &[u8],
        group: i16,
        sealed: &[u8],
        rows: u64,
        values: &mut Values,
    ) -> Result<(), FileError> {
        let column = self.at;
        let mut buffer = Vec::new();
        let place = Place::ColumnMetadata { group, column };
        let (sealed, []) = module::split(sealed).ok_or(Flaw::Column)? else {
            return Err(Flaw::Column.into());
        };
        let plain = self.open(sealed, place, &mut buffer)?;
        let metadata = ColumnMetadata::parse(plain).map_err(|_| Flaw::Column)?;
        let mut chunk = metadata.chunk(body, &self.column, rows).ok_or(Flaw::Column)?;
        let mut left = rows;
        for page in 0_i16..=i16::MAX {
            if left == 0 {
                break;
            }
            let (sealed, rest) = module::split(chunk).ok_or(Flaw::Page)?;
            let plain =
                self.open(sealed, Place::PageHeader { group, column, page }, &mut buffer)?;
            let header = PageHeader::parse(plain).map_err(|_| Flaw::Page)?;
            let (sealed, rest) = module::split(rest).ok_or(Flaw::Page)?;
            let length = module::LENGTH_LEN + sealed.len();
            let fits = header.kind == Some(DATA_PAGE)
                && header.encoding == Some(PLAIN)
                && header.compressed == u64::try_from(length).unwrap_or(0)
                && header.uncompressed
                    == header.values.saturating_mul(self.column.physical.width())
                && (1..=left).contains(&header.values);
            if !fits {
                return Err(Flaw::Page.into());
            }
            let plain = self.open(sealed, Place::Page { group, column, page }, &mut buffer)?;
            if u64::try_from(plain.len()).ok() != Some(header.uncompressed) {
                return Err(Flaw::Page.into());
            }
            values.extend(plain);
            left -= header.values;
            chunk = rest;
        }
        if left == 0 && chunk.is_empty() { Ok(()) } else { Err(Flaw::Page.into()) }
    }

    fn open<'b>(
        &self,
        module: &[u8],
        place: Place,
        buffer: &'b mut Vec<u8>,
    ) -> Result<&'b [u8], FileError> {
        let plain = self.opener.open(module, place, buffer);
        plain.ok_or_else(|| FileError::Key { column: self.column.name.clone() })
    }
}

impl Values {
    /// No value yet of a column of this type, with room for `rows`.
    #[must_use]
    pub fn with_capacity(physical: Physical, rows: usize) -> Self {
        match physical {
            Physical::Tag => Self::Tags(Vec::with_capacity(rows)),
            Physical::Label => Self::Labels(Vec::with_capacity(rows)),
            Physical::Code => Self::Codes(Vec::with_capacity(rows)),
            Physical::Number => Self::Numbers(Vec::with_capacity(rows)),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Tags(values) => values.len(),
            Self::Labels(values) => values.len(),
            Self::Codes(values) => values.len(),
            Self::Numbers(values) => values.len(),
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends plain-encoded values, which are little-endian, of a whole number of widths.
    fn extend(&mut self, plain: &[u8]) {
        match self {
            Self::Tags(values) => values.extend_from_slice(plain.as_chunks().0),
            Self::Labels(values) => values.extend_from_slice(plain.as_chunks().0),
            Self::Codes(values) => {
                values.extend(plain.as_chunks().0.iter().map(|v| i32::from_le_bytes(*v)));
            }
            Self::Numbers(values) => {
                values.extend(plain.as_chunks().0.iter().map(|v| i64::from_le_bytes(*v)));
            }
        }
    }
}

/// Parquet's `ColumnMetaData`.
#[derive(Default)]
struct ColumnMetadata<'a> {
    physical: Option<i64>,
    path: &'a [u8],
    codec: Option<i64>,
    values: u64,
    uncompressed: u64,
    compressed: u64,
    offset: u64,
}

impl<'a> ColumnMetadata<'a> {
    fn parse(bytes: &'a [u8]) -> Parsed<Self> {
        let mut read = Self::default();
        let mut cursor = Cursor::new(bytes);
        cursor.structure(|cursor, id, kind| {
            match id {
                1 => read.physical = Some(cursor.integer(kind)?),
                3 => read.path = cursor.single(kind)?,
                4 => read.codec = Some(cursor.integer(kind)?),
                5 => read.values = cursor.natural(kind)?,
                6 => read.uncompressed = cursor.natural(kind)?,
                7 => read.compressed = cursor.natural(kind)?,
                9 => read.offset = cursor.natural(kind)?,
                12 => nothing(cursor, kind)?,
                // Index page, dictionary, Bloom filter: none is in the format.
                10 | 11 | 14 | 15 => return Err(Malformed),
                _ => cursor.skip(kind)?,
            }
            Ok(())
        })?;
        if cursor.rest().is_empty() { Ok(read) } else { Err(Malformed) }
    }

    /// The bytes of the pages, if everything said of them is so.
    fn chunk<'b>(&self, body: &'b [u8], column: &SealedColumn, rows: u64) -> Option<&'b [u8]> {
        let plain = self.physical == Some(column.physical.in_parquet().0)
            && self.path == column.name.as_bytes()
            && self.codec == Some(UNCOMPRESSED)
            && self.values == rows
            && self.uncompressed <= self.compressed;
        let end = self.offset.checked_add(self.compressed)?;
        let (start, end) = (usize::try_from(self.offset).ok()?, usize::try_from(end).ok()?);
        body.get(start..end).filter(|_| plain)
    }
}

/// Parquet's `PageHeader` with its `DataPageHeader`.
#[derive(Default)]
struct PageHeader {
    kind: Option<i64>,
    uncompressed: u64,
    compressed: u64,
    values: u64,
    encoding: Option<i64>,
}

impl PageHeader {
    fn parse(bytes: &[u8]) -> Parsed<Self> {
        let mut read = Self::default();
        let mut cursor = Cursor::new(bytes);
        cursor.structure(|cursor, id, kind| {
            match id {
                1 => read.kind = Some(cursor.integer(kind)?),
                2 => read.uncompressed = cursor.natural(kind)?,
                3 => read.compressed = cursor.natural(kind)?,
                // A checksum; the tag has said more.
                4 => cursor.skip(kind)?,
                5 => cursor.inner(kind, |cursor, id, kind| {
                    match id {
                        1 => read.values = cursor.natural(kind)?,
                        2 => read.encoding = Some(cursor.integer(kind)?),
                        // How levels would be encoded, of which a required column has none.
                        3 | 4 => cursor.skip(kind)?,
                        5 => nothing(cursor, kind)?,
                        _ => return Err(Malformed),
                    }
                    Ok(())
                })?,
                _ => return Err(Malformed),
            }
            Ok(())
        })?;
        if cursor.rest().is_empty() { Ok(read) } else { Err(Malformed) }
    }
}

/// Statistics, which pyarrow writes without any in them.
fn nothing(cursor: &mut Cursor<'_>, kind: Kind) -> Parsed<()> {
    cursor.inner(kind, |_, _, _| Err(Malformed))
}

const DATA_PAGE: i64 = 0;
const PLAIN: i64 = 0;
const UNCOMPRESSED: i64 = 0;
