//! Writes sealed files that lie: the format once more, from `spec/sealed-v2.md`, with every field
//! open to change. What is written unchanged is a file that opens.

use protocol::{
    contract::Dataset,
    key::DataKey,
    manifest::Manifest,
    sealed::{self, FOOTER, Physical, Values},
};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::collections::BTreeMap;

/// A sealed file in parts, of one row group and one page for each column.
pub(crate) struct Forged {
    pub(crate) prefix: Vec<u8>,
    /// Name of the key that the footer says it is under.
    pub(crate) footer_key: String,
    pub(crate) columns: Vec<Column>,
    /// Rows that the footer claims, and the row group.
    pub(crate) rows: i64,
    pub(crate) group_rows: i64,
    /// How often the row group is listed.
    pub(crate) groups: usize,
    /// More fields at the end of the footer, of ids above 6, in the compact protocol.
    pub(crate) more: Vec<u8>,
    /// Stands for the whole footer, if there is one.
    pub(crate) footer: Option<Vec<u8>>,
    keys: BTreeMap<String, DataKey>,
}

/// A column: what is in it, and what is said of it.
#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Name of the key that it is under.
    pub(crate) key: String,
    /// Parquet's type, length and repetition in the schema.
    pub(crate) physical: i64,
    pub(crate) length: Option<i64>,
    pub(crate) repetition: i64,
    /// The page as it will be encrypted.
    pub(crate) page: Vec<u8>,
    pub(crate) codec: i64,
    pub(crate) encoding: i64,
    pub(crate) page_kind: i64,
    pub(crate) values: i64,
    pub(crate) page_values: i64,
    pub(crate) page_uncompressed: i64,
    /// Added to what is true.
    pub(crate) page_compressed_off: i64,
    pub(crate) uncompressed_off: i64,
    pub(crate) compressed_off: i64,
    pub(crate) offset_off: i64,
    /// More fields at the end of the column's metadata, of ids above 9.
    pub(crate) more: Vec<u8>,
}

impl Forged {
    /// The parts of an honest file.
    pub(crate) fn of(
        file: &[u8],
        manifest: &Manifest,
        dataset: &Dataset,
        keys: &BTreeMap<String, DataKey>,
    ) -> Self {
        let values = sealed::open(file, manifest, dataset, keys).unwrap();
        let rows = i64::try_from(manifest.shape().rows()).unwrap();
        let columns = manifest.columns.iter().map(|column| {
            let (physical, length) = match column.physical {
                Physical::Tag => (7, Some(16)),
                Physical::Label => (7, Some(32)),
                Physical::Code => (1, None),
                Physical::Number => (2, None),
                _ => unreachable!(),
            };
            let page = match &values[&column.name] {
                Values::Tags(tags) => tags.concat(),
                Values::Labels(labels) => labels.concat(),
                Values::Codes(codes) => codes.iter().flat_map(|v| v.to_le_bytes()).collect(),
                Values::Numbers(numbers) => numbers.iter().flat_map(|v| v.to_le_bytes()).collect(),
                _ => unreachable!(),
            };
            Column {
                name: column.name.clone(),
                key: column.name.clone(),
                physical,
                length,
                repetition: 0,
                page_uncompressed: i64::try_from(page.len()).unwrap(),
                page,
                codec: 0,
                encoding: 0,
                page_kind: 0,
                values: rows,
                page_values: rows,
                page_compressed_off: 0,
                uncompressed_off: 0,
                compressed_off: 0,
                offset_off: 0,
                more: Vec::new(),
            }
        });
        Self {
            prefix: manifest.aad_prefix.clone(),
            footer_key: FOOTER.to_owned(),
            columns: columns.collect(),
            rows,
            group_rows: rows,
            groups: 1,
            more: Vec::new(),
            footer: None,
            keys: keys.clone(),
        }
    }

    /// The column called `name`.
    pub(crate) fn column(&mut self, name: &str) -> &mut Column {
        self.columns.iter_mut().find(|column| column.name == name).unwrap()
    }

    /// The file.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        let mut chunks = Vec::new();
        for (at, column) in (0_i16..).zip(&self.columns) {
            let start = i64::try_from(file.len()).unwrap();
            let page = self.seal(&column.key, 2, &[0, at, 0], &column.page);
            let compressed = i64::try_from(page.len()).unwrap() + column.page_compressed_off;
            let data = Struct::new()
                .integer(1, column.page_values)
                .integer(2, column.encoding)
                .integer(3, 3)
                .integer(4, 3);
            let header = Struct::new()
                .integer(1, column.page_kind)
                .integer(2, column.page_uncompressed)
                .integer(3, compressed)
                .structure(5, data);
            file.extend(self.seal(&column.key, 4, &[0, at, 0], &header.end()));
            file.extend(page);
            let length = i64::try_from(file.len()).unwrap() - start;
            let metadata = Struct::new()
                .integer(1, column.physical)
                .integers(2, &[column.encoding])
                .strings(3, &[&column.name])
                .integer(4, column.codec)
                .long(5, column.values)
                .long(6, length - 50 + column.uncompressed_off)
                .long(7, length + column.compressed_off)
                .long(9, start + column.offset_off)
                .raw(&column.more);
            let sealed = self.seal(&column.key, 1, &[0, at], &metadata.end());
            let with_key = Struct::new()
                .strings(1, &[&column.name])
                .binary(2, &sealed::key_metadata(&column.key));
            let crypto = Struct::new().structure(2, with_key);
            chunks.push(Struct::new().long(2, start).structure(8, crypto).binary(9, &sealed));
        }
        let footer = self.footer.clone().unwrap_or_else(|| self.footer(chunks));
        let mut tail = self.crypto();
        tail.extend(self.seal(FOOTER, 0, &[], &footer));
        let length = u32::try_from(tail.len()).unwrap().to_le_bytes();
        [&file, &tail[..], &length, MAGIC].concat()
    }

    fn footer(&self, chunks: Vec<Struct>) -> Vec<u8> {
        let mut schema = vec![
            Struct::new()
                .binary(4, b"schema")
                .integer(5, i64::try_from(self.columns.len()).unwrap()),
        ];
        for column in &self.columns {
            let element = Struct::new().integer(1, column.physical);
            let element = match column.length {
                Some(length) => element.integer(2, length),
                None => element,
            };
            schema.push(element.integer(3, column.repetition).binary(4, column.name.as_bytes()));
        }
        let group = Struct::new().list(1, chunks).long(2, 1).long(3, self.group_rows);
        Struct::new()
            .integer(1, 1)
            .list(2, schema)
            .long(3, self.rows)
            .list(4, vec![group; self.groups])
            .binary(6, b"glovebox sealed-v2")
            .raw(&self.more)
            .end()
    }

    fn crypto(&self) -> Vec<u8> {
        let gcm = Struct::new();
        let gcm = if self.prefix.is_empty() { gcm } else { gcm.binary(1, &self.prefix) };
        let gcm = gcm.binary(2, UNIQUE);
        Struct::new()
            .structure(1, Struct::new().structure(1, gcm))
            .binary(2, &sealed::key_metadata(&self.footer_key))
            .end()
    }

    /// A module: length, nonce, ciphertext and tag.
    fn seal(&self, key: &str, kind: u8, place: &[i16], plain: &[u8]) -> Vec<u8> {
        // A column that the contract does not have is under the footer's key.
        let key = self.keys.get(key).unwrap_or(&self.keys[FOOTER]);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).unwrap());
        let place: Vec<u8> = place.iter().flat_map(|at| at.to_le_bytes()).collect();
        let aad = [&self.prefix, UNIQUE, &[kind], &place[..]].concat();
        // Whoever lies does not mind using a nonce twice.
        let nonce = [kind; 12];
        let mut sealed = plain.to_vec();
        let nonce_of_module = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce_of_module, Aad::from(aad), &mut sealed).unwrap();
        let length = u32::try_from(nonce.len() + sealed.len()).unwrap().to_le_bytes();
        [&length[..], &nonce, &sealed].concat()
    }
}

/// A struct in Thrift's compact protocol. Fields are given in ascending order.
#[derive(Clone)]
pub(crate) struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), last: 0 }
    }

    fn field(mut self, id: u8, kind: u8) -> Self {
        self.bytes.push(((id - self.last) << 4) | kind);
        self.last = id;
        self
    }

    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
        self
    }

    fn zigzag(self, value: i64) -> Self {
        self.varint(((value << 1) ^ (value >> 63)) as u64)
    }

    pub(crate) fn integer(self, id: u8, value: i64) -> Self {
        self.field(id, 5).zigzag(value)
    }

    pub(crate) fn long(self, id: u8, value: i64) -> Self {
        self.field(id, 6).zigzag(value)
    }

    pub(crate) fn binary(self, id: u8, bytes: &[u8]) -> Self {
        self.field(id, 8).varint(bytes.len() as u64).raw(bytes)
    }

    pub(crate) fn structure(self, id: u8, inner: Self) -> Self {
        self.field(id, 12).raw(&inner.end())
    }

    fn list_of(self, id: u8, kind: u8, length: usize) -> Self {
        let mut begun = self.field(id, 9);
        begun.bytes.push(0xf0 | kind);
        begun.varint(length as u64)
    }

    pub(crate) fn list(self, id: u8, inner: Vec<Self>) -> Self {
        let begun = self.list_of(id, 12, inner.len());
        inner.into_iter().fold(begun, |list, inner| list.raw(&inner.end()))
    }

    /// A list that claims a length and has nothing in it.
    pub(crate) fn endless_list(self, id: u8) -> Self {
        self.list_of(id, 12, usize::MAX >> 1)
    }

    fn integers(self, id: u8, values: &[i64]) -> Self {
        let begun = self.list_of(id, 5, values.len());
        values.iter().fold(begun, |list, value| list.zigzag(*value))
    }

    fn strings(self, id: u8, values: &[&str]) -> Self {
        let begun = self.list_of(id, 8, values.len());
        values.iter().fold(begun, |list, v| list.varint(v.len() as u64).raw(v.as_bytes()))
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

const MAGIC: &[u8] = b"PARE";
const UNIQUE: &[u8] = b"8 random";
