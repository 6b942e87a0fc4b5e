//! A sealed file's bytes: Parquet with modular encryption, of columns whose every page has a known length.
//!
//! Each row group has just as many bytes as the others, and where each page of it stands follows from the declared sizes,
//! so that row groups can be made in any order, on all cores, and each in one piece. Sources:
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift> and
//! <https://github.com/apache/parquet-format/blob/master/Encryption.md>.

use super::{SealError, thrift::Struct};
use protocol::{
    key::DataKey,
    sealed::{self, FOOTER, Physical, SealedColumn, Shape, TAG_LEN},
};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::collections::BTreeMap;

/// How a file is laid out, and the keys that its parts are sealed under.
pub(super) struct Format {
    shape: Shape,
    /// Rows of a row group.
    capacity: usize,
    columns: Vec<Column>,
    footer: LessSafeKey,
    aad_prefix: Vec<u8>,
    /// What is in the AAD of every module behind the prefix.
    unique: [u8; UNIQUE_LEN],
    /// Bytes of a row group.
    group: usize,
}

struct Column {
    name: String,
    physical: Physical,
    width: usize,
    /// Where in a record it begins.
    at: usize,
    /// Where in a row group it begins.
    start: usize,
    bytes: usize,
    pages: Vec<Page>,
    key: LessSafeKey,
    key_metadata: Vec<u8>,
}

/// A page of a column, in each of its row groups.
struct Page {
    header: Vec<u8>,
    /// Where in a row group its header's module begins.
    start: usize,
    /// Bytes of its values.
    length: usize,
}

/// A row group, sealed.
pub(super) struct Group {
    pub(super) bytes: Vec<u8>,
    metadata: Metadata,
}

/// The encrypted metadata of each column of a row group.
pub(super) struct Metadata(Vec<Vec<u8>>);

impl Group {
    /// What is needed of it once it is written, and memory for another.
    pub(super) fn into_metadata(self) -> (Metadata, Vec<u8>) {
        (self.metadata, self.bytes)
    }
}

impl Format {
    /// `keys` has one for each column and the footer, all of them fresh.
    pub(super) fn new(
        layout: &[SealedColumn],
        shape: Shape,
        keys: &BTreeMap<String, DataKey>,
        aad_prefix: &[u8],
        unique: [u8; UNIQUE_LEN],
    ) -> Result<Self, SealError> {
        let capacity = usize::try_from(shape.capacity()).map_err(|_| wrong("too many rows"))?;
        let key = |name: &str| {
            let key = keys.get(name).ok_or_else(|| wrong("a column has no key"))?;
            let key = UnboundKey::new(&AES_256_GCM, key.expose());
            key.map(LessSafeKey::new).map_err(|_| wrong("a key cannot be used"))
        };
        let (mut columns, mut at, mut start) = (Vec::new(), TAG_LEN, 0);
        for column in layout {
            let key = key(&column.name)?;
            let laid_out = Column::new(column, key, capacity, at, start)?;
            at += laid_out.width;
            start += laid_out.bytes;
            columns.push(laid_out);
        }
        let (footer, aad_prefix) = (key(FOOTER)?, aad_prefix.to_vec());
        Ok(Self { shape, capacity, columns, footer, aad_prefix, unique, group: start })
    }

    /// Bytes of a row group.
    pub(super) fn group_bytes(&self) -> usize {
        self.group
    }

    /// Seals the row group number `ordinal` of these records, each of which begins with the tag of its person; the rest of
    /// it is padding. `bytes` is memory that may be used.
    pub(super) fn group<'r>(
        &self,
        ordinal: i16,
        mut records: impl Iterator<Item = &'r [u8]>,
        mut bytes: Vec<u8>,
    ) -> Result<Group, SealError> {
        bytes.clear();
        bytes.resize(self.group, 0);
        let (mut block, page) = (Vec::with_capacity(BLOCK_ROWS), PAGE_ROWS / BLOCK_ROWS);
        for number in 0.. {
            block.clear();
            block.extend(records.by_ref().take(BLOCK_ROWS));
            if block.is_empty() {
                break;
            }
            if number * BLOCK_ROWS + block.len() > self.capacity {
                return Err(wrong("a bucket overflows"));
            }
            for column in &self.columns {
                let at = column.pages.get(number / page).map(|page| page.values().start);
                let row = (number % page) * BLOCK_ROWS;
                let place = at.and_then(|at| bytes.get_mut(at + row * column.width..));
                column.fill(&block, place.unwrap_or_default());
            }
        }
        let mut metadata = Vec::with_capacity(self.columns.len());
        let begin = u64::try_from(self.group).unwrap_or(u64::MAX);
        let begin = begin.saturating_mul(ordinal.unsigned_abs().into());
        for (column, number) in self.columns.iter().zip(0..) {
            self.seal_pages(column, (ordinal, number), &mut bytes)?;
            let offset = begin.saturating_add(length_of(MAGIC.len() + column.start));
            let plain = column.metadata(offset, self.capacity);
            let place = Place::Metadata { group: ordinal, column: number };
            metadata.push(self.module(&column.key, place, &plain)?);
        }
        Ok(Group { bytes, metadata: Metadata(metadata) })
    }

    /// Encrypts the values of all pages where they stand, and puts their headers in front.
    fn seal_pages(
        &self,
        column: &Column,
        (group, number): (i16, i16),
        bytes: &mut [u8],
    ) -> Result<(), SealError> {
        for (page, at) in column.pages.iter().zip(0..) {
            let header = Place::Header { group, column: number, page: at };
            let header = self.module(&column.key, header, &page.header)?;
            let outside = || wrong("a page is outside of its row group");
            let room = bytes.get_mut(page.start..).ok_or_else(outside)?;
            let (place, room) = room.split_at_mut_checked(header.len()).ok_or_else(outside)?;
            place.copy_from_slice(&header);
            let place = Place::Page { group, column: number, page: at };
            let (front, room) = room.split_at_mut_checked(FRONT).ok_or_else(outside)?;
            front.copy_from_slice(&front_of(page.length, place)?);
            let (values, room) = room.split_at_mut_checked(page.length).ok_or_else(outside)?;
            let aad = Aad::from(self.aad(place));
            let tag = column.key.seal_in_place_separate_tag(place.nonce(), aad, values);
            let tag = tag.map_err(|_| wrong("a page cannot be encrypted"))?;
            let place = room.get_mut(..BEHIND).ok_or_else(outside)?;
            place.copy_from_slice(tag.as_ref());
        }
        Ok(())
    }

    /// What stands behind the row groups, whose encrypted metadata these are.
    pub(super) fn end(&self, groups: &[Metadata]) -> Result<Vec<u8>, SealError> {
        let crypto = Struct::default()
            .structure(1, {
                let algorithm = Struct::default().bytes(1, &self.aad_prefix).bytes(2, &self.unique);
                Struct::default().structure(1, algorithm)
            })
            .bytes(2, &sealed::key_metadata(FOOTER))
            .finish();
        let footer = self.module(&self.footer, Place::Footer, &self.metadata(groups))?;
        let length = u32::try_from(crypto.len() + footer.len());
        let length = length.map_err(|_| wrong("the footer is too long"))?;
        Ok([&crypto, &footer, &length.to_le_bytes()[..], MAGIC].concat())
    }

    /// Parquet's `FileMetaData`.
    fn metadata(&self, groups: &[Metadata]) -> Vec<u8> {
        let columns = i32::try_from(self.columns.len()).unwrap_or(i32::MAX);
        let root = Struct::default().bytes(4, b"schema").i32(5, columns);
        let schema = std::iter::once(root).chain(self.columns.iter().map(Column::schema));
        let rows = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        let bytes = i64::try_from(self.group).unwrap_or(i64::MAX);
        let groups = groups.iter().zip(0_i16..).map(|(group, ordinal)| {
            let chunks = self.columns.iter().zip(&group.0);
            let begin = bytes.saturating_mul(ordinal.into()).saturating_add(signed(MAGIC.len()));
            Struct::default()
                .structures(1, chunks.map(|(column, sealed)| column.chunk(begin, sealed)).collect())
                .i64(2, bytes)
                .i64(3, rows(self.shape.capacity()))
                .i64(5, begin)
                .i64(6, bytes)
                .i16(7, ordinal)
        });
        Struct::default()
            .i32(1, 1)
            .structures(2, schema.collect())
            .i64(3, rows(self.shape.rows()))
            .structures(4, groups.collect())
            .bytes(6, CREATED_BY)
            .finish()
    }

    fn module(&self, key: &LessSafeKey, place: Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut module = front_of(plain.len(), place)?.to_vec();
        let mut sealed = plain.to_vec();
        let aad = Aad::from(self.aad(place));
        let encrypted = key.seal_in_place_append_tag(place.nonce(), aad, &mut sealed);
        encrypted.map_err(|_| wrong("metadata cannot be encrypted"))?;
        module.append(&mut sealed);
        Ok(module)
    }

    fn aad(&self, place: Place) -> Vec<u8> {
        let mut aad = [&self.aad_prefix, &self.unique[..]].concat();
        let (kind, ordinals) = place.parts();
        aad.push(kind);
        aad.extend(ordinals.into_iter().flatten().flat_map(i16::to_le_bytes));
        aad
    }
}

impl Column {
    fn new(
        column: &SealedColumn,
        key: LessSafeKey,
        rows: usize,
        at: usize,
        start: usize,
    ) -> Result<Self, SealError> {
        let physical = column.physical;
        let width = usize::try_from(physical.width()).unwrap_or_default();
        let (mut pages, mut end) = (Vec::new(), start);
        for first in (0..rows).step_by(PAGE_ROWS) {
            let rows = PAGE_ROWS.min(rows - first);
            let length = rows * width;
            let header = page_header(length, rows).ok_or_else(|| wrong("a page is too long"))?;
            let page = Page { header, start: end, length };
            end = page.values().end + BEHIND;
            pages.push(page);
        }
        let (name, bytes) = (column.name.clone(), end - start);
        let key_metadata = sealed::key_metadata(&name);
        Ok(Self { name, physical, width, at, start, bytes, pages, key, key_metadata })
    }

    /// Copies its values out of `records` to the front of `place`.
    fn fill(&self, records: &[&[u8]], place: &mut [u8]) {
        match self.physical {
            Physical::Tag => copy::<16>(records, self.at, place),
            Physical::Label => copy::<32>(records, self.at, place),
            Physical::Code => copy::<4>(records, self.at, place),
            Physical::Number => copy::<8>(records, self.at, place),
            _ => {}
        }
    }

    /// Parquet's number of its type and the length of a value, where it needs one.
    fn in_parquet(&self) -> (i32, Option<i32>) {
        match self.physical {
            Physical::Code => (1, None),
            Physical::Number => (2, None),
            _ => (7, i32::try_from(self.width).ok()),
        }
    }

    /// Parquet's `SchemaElement`.
    fn schema(&self) -> Struct {
        let (kind, length) = self.in_parquet();
        let element = Struct::default().i32(1, kind);
        let element = match length {
            Some(length) => element.i32(2, length),
            None => element,
        };
        element.i32(3, REQUIRED).bytes(4, self.name.as_bytes())
    }

    /// Parquet's `ColumnChunk`, in a row group that begins at `begin`.
    fn chunk(&self, begin: i64, metadata: &[u8]) -> Struct {
        let path = self.name.as_bytes();
        let key = Struct::default().single(1, path).bytes(2, &self.key_metadata);
        Struct::default()
            .i64(2, begin.saturating_add(signed(self.start)))
            .structure(8, Struct::default().structure(2, key))
            .bytes(9, metadata)
    }

    /// Parquet's `ColumnMetaData`, of pages that begin at `offset` of the file.
    fn metadata(&self, offset: u64, rows: usize) -> Vec<u8> {
        Struct::default()
            .i32(1, self.in_parquet().0)
            .integers(2, &[PLAIN])
            .single(3, self.name.as_bytes())
            .i32(4, UNCOMPRESSED)
            .i64(5, signed(rows))
            .i64(6, signed(self.bytes))
            .i64(7, signed(self.bytes))
            .i64(9, i64::try_from(offset).unwrap_or(i64::MAX))
            .finish()
    }
}

impl Page {
    /// Where in a row group its values are.
    fn values(&self) -> std::ops::Range<usize> {
        let start = self.start + FRONT + self.header.len() + BEHIND + FRONT;
        start..start + self.length
    }
}

/// Parquet's `PageHeader` of a plain data page.
fn page_header(length: usize, rows: usize) -> Option<Vec<u8>> {
    let data = Struct::default()
        .i32(1, i32::try_from(rows).ok()?)
        .i32(2, PLAIN)
        .i32(3, RUN_LENGTH)
        .i32(4, RUN_LENGTH);
    let header = Struct::default()
        .i32(1, DATA_PAGE)
        .i32(2, i32::try_from(length).ok()?)
        .i32(3, i32::try_from(FRONT + length + BEHIND).ok()?)
        .structure(5, data);
    Some(header.finish())
}

/// Copies what each of `records` has at `at` to the front of `place`.
fn copy<const N: usize>(records: &[&[u8]], at: usize, place: &mut [u8]) {
    let places = place.as_chunks_mut::<N>().0.iter_mut();
    for (record, place) in records.iter().zip(places) {
        if let Some(value) = record.get(at..).and_then(<[u8]>::first_chunk) {
            *place = *value;
        }
    }
}

/// A module of an encrypted file, which its AAD and its nonce name.
#[derive(Clone, Copy)]
enum Place {
    Footer,
    Metadata { group: i16, column: i16 },
    Header { group: i16, column: i16, page: i16 },
    Page { group: i16, column: i16, page: i16 },
}

impl Place {
    /// Its kind and its ordinals, as the specification numbers them.
    fn parts(self) -> (u8, [Option<i16>; 3]) {
        match self {
            Self::Footer => (0, [None; 3]),
            Self::Metadata { group, column } => (1, [Some(group), Some(column), None]),
            Self::Page { group, column, page } => (2, [Some(group), Some(column), Some(page)]),
            Self::Header { group, column, page } => (4, [Some(group), Some(column), Some(page)]),
        }
    }

    /// No other module of the file has it, and no other file has the key.
    fn nonce(self) -> Nonce {
        let (kind, [group, column, page]) = self.parts();
        let [g0, g1] = group.unwrap_or(-1).to_le_bytes();
        let [c0, c1] = column.unwrap_or(-1).to_le_bytes();
        let [p0, p1] = page.unwrap_or(-1).to_le_bytes();
        Nonce::assume_unique_for_key([kind, 0, g0, g1, c0, c1, p0, p1, 0, 0, 0, 0])
    }
}

/// A module's length and nonce, which stand in front of what is encrypted.
fn front_of(plain: usize, place: Place) -> Result<[u8; FRONT], SealError> {
    let length = u32::try_from(plain + FRONT - LENGTH_LEN + BEHIND);
    let length = length.map_err(|_| wrong("a module is too long"))?.to_le_bytes();
    let mut front = [0; FRONT];
    let (of_length, of_nonce) = front.split_at_mut(LENGTH_LEN);
    of_length.copy_from_slice(&length);
    of_nonce.copy_from_slice(place.nonce().as_ref());
    Ok(front)
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn length_of(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn wrong(reason: &str) -> SealError {
    SealError::Written { reason: reason.to_owned() }
}

/// Parquet's mark at both ends of a file with an encrypted footer.
pub(super) const MAGIC: &[u8] = b"PARE";
/// Bytes of the number that is a file's own.
pub(super) const UNIQUE_LEN: usize = 8;
const LENGTH_LEN: usize = 4;
/// Bytes of a module in front of what is encrypted, and behind: length and nonce; tag.
const FRONT: usize = LENGTH_LEN + 12;
const BEHIND: usize = 16;
/// Says which format, and nothing of who wrote it.
const CREATED_BY: &[u8] = b"glovebox sealed-v2";
/// Rows of a page; a page of labels has 2 MiB.
const PAGE_ROWS: usize = 1 << 16;
/// Rows whose columns are taken apart together: they stay in the processor's nearest memory.
const BLOCK_ROWS: usize = 256;
const REQUIRED: i32 = 0;
const PLAIN: i32 = 0;
const RUN_LENGTH: i32 = 3;
const DATA_PAGE: i32 = 0;
const UNCOMPRESSED: i32 = 0;
