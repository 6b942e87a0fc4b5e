//! Writes a sealed file from `spec/sealed-v2.md`, with everything fixed that a writer draws.

use protocol::{
    key::DataKey,
    sealed::{self, FOOTER, Physical, SealedColumn},
};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::collections::BTreeMap;

/// Writes one row group with one page for each column.
pub(crate) struct Writer<'a> {
    keys: &'a BTreeMap<String, DataKey>,
    prefix: &'a [u8],
    nonces: u8,
    file: Vec<u8>,
    /// Stands in for what is in the modules of one kind, for whoever tries other ones.
    pub(crate) instead: Option<(u8, &'a [u8])>,
    /// What was in the modules, by kind.
    pub(crate) inside: Vec<(u8, Vec<u8>)>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(keys: &'a BTreeMap<String, DataKey>, prefix: &'a [u8]) -> Self {
        Self { keys, prefix, nonces: 0, file: MAGIC.to_vec(), instead: None, inside: Vec::new() }
    }

    /// The file; `values` has the plain encoding of each column.
    pub(crate) fn file(
        &mut self,
        layout: &[SealedColumn],
        values: &BTreeMap<String, Vec<u8>>,
    ) -> Vec<u8> {
        let mut chunks = Vec::new();
        for (column, at) in layout.iter().zip(0..) {
            chunks.push(self.column(column, at, &values[&column.name]));
        }
        let footer = self.footer(layout, &chunks);
        let footer = self.module(FOOTER, FOOTER_MODULE, &[], &footer);
        let crypto = Thrift::of(|crypto| {
            crypto.inner(1, |algorithm| {
                algorithm.inner(1, |gcm| {
                    gcm.bytes(1, self.prefix);
                    gcm.bytes(2, &UNIQUE);
                });
            });
            crypto.bytes(2, &sealed::key_metadata(FOOTER));
        });
        let length = u32::try_from(crypto.len() + footer.len()).unwrap();
        [&self.file[..], &crypto, &footer, &length.to_le_bytes(), MAGIC].concat()
    }

    /// Writes the pages of a column and gives its encrypted metadata.
    fn column(&mut self, column: &SealedColumn, at: i16, plain: &[u8]) -> Vec<u8> {
        let offset = self.file.len();
        let page = self.module(&column.name, PAGE, &[0, at, 0], plain);
        let header = Thrift::of(|header| {
            header.integer(1, 0);
            header.integer(2, plain.len());
            header.integer(3, page.len());
            header.inner(5, |data| {
                data.integer(1, usize::try_from(ROWS).unwrap());
                // Plain; how levels would be encoded.
                data.integer(2, 0);
                data.integer(3, 3);
                data.integer(4, 3);
            });
        });
        let sealed_header = self.module(&column.name, PAGE_HEADER, &[0, at, 0], &header);
        self.file.extend([&sealed_header[..], &page].concat());
        let metadata = Thrift::of(|metadata| {
            metadata.integer(1, parquet(column.physical).0);
            metadata.list(2, 5, &[vec![0]]);
            metadata.list(3, 8, &[binary(column.name.as_bytes())]);
            metadata.integer(4, 0);
            metadata.long(5, usize::try_from(ROWS).unwrap());
            metadata.long(6, header.len() + plain.len());
            metadata.long(7, self.file.len() - offset);
            metadata.long(9, offset);
        });
        self.module(&column.name, COLUMN_METADATA, &[0, at], &metadata)
    }

    fn footer(&self, layout: &[SealedColumn], chunks: &[Vec<u8>]) -> Vec<u8> {
        let root = Thrift::of(|root| {
            root.bytes(4, b"schema");
            root.integer(5, layout.len());
        });
        let columns = layout.iter().map(|column| {
            Thrift::of(|element| {
                let (kind, length) = parquet(column.physical);
                element.integer(1, kind);
                if let Some(length) = length {
                    element.integer(2, length);
                }
                element.integer(3, 0);
                element.bytes(4, column.name.as_bytes());
            })
        });
        let schema: Vec<_> = std::iter::once(root).chain(columns).collect();
        let chunks = layout.iter().zip(chunks).map(|(column, metadata)| {
            Thrift::of(|chunk| {
                chunk.long(2, 0);
                chunk.inner(8, |crypto| {
                    crypto.inner(2, |key| {
                        key.list(1, 8, &[binary(column.name.as_bytes())]);
                        key.bytes(2, &sealed::key_metadata(&column.name));
                    });
                });
                chunk.bytes(9, metadata);
            })
        });
        let chunks: Vec<_> = chunks.collect();
        let rows = usize::try_from(ROWS).unwrap();
        let group = Thrift::of(|group| {
            group.list(1, 12, &chunks);
            group.long(2, self.file.len() - MAGIC.len());
            group.long(3, rows);
            // Of all row groups: pyarrow takes it for the AAD.
            group.short(7, 0);
        });
        Thrift::of(|metadata| {
            metadata.integer(1, 1);
            metadata.list(2, 12, &schema);
            metadata.long(3, rows);
            metadata.list(4, 12, &[group]);
        })
    }

    /// Length, nonce, ciphertext, tag.
    fn module(&mut self, key: &str, kind: u8, ordinals: &[i16], plain: &[u8]) -> Vec<u8> {
        let plain = self.instead.filter(|it| it.0 == kind).map_or(plain, |it| it.1);
        self.inside.push((kind, plain.to_vec()));
        self.nonces += 1;
        let nonce = [self.nonces; 12];
        let ordinals = ordinals.iter().flat_map(|ordinal| ordinal.to_le_bytes());
        let aad: Vec<u8> =
            [self.prefix, &UNIQUE, &[kind]].concat().into_iter().chain(ordinals).collect();
        let key = UnboundKey::new(&AES_256_GCM, self.keys[key].expose()).unwrap();
        let mut sealed = plain.to_vec();
        LessSafeKey::new(key)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut sealed,
            )
            .unwrap();
        let length = u32::try_from(nonce.len() + sealed.len()).unwrap();
        [&length.to_le_bytes()[..], &nonce, &sealed].concat()
    }
}

/// Parquet's number of the type, and its length.
fn parquet(physical: Physical) -> (usize, Option<usize>) {
    match physical.width() {
        16 => (7, Some(16)),
        32 => (7, Some(32)),
        4 => (1, None),
        _ => (2, None),
    }
}

/// One structure in Thrift's compact protocol; its fields are given in ascending order.
struct Thrift {
    bytes: Vec<u8>,
    last: u8,
}

impl Thrift {
    fn of(write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut structure = Self { bytes: Vec::new(), last: 0 };
        write(&mut structure);
        structure.bytes.push(0);
        structure.bytes
    }

    fn field(&mut self, id: u8, kind: u8) {
        self.bytes.push((id - self.last) << 4 | kind);
        self.last = id;
    }

    fn integer(&mut self, id: u8, value: usize) {
        self.field(id, 5);
        self.bytes.extend(varint(2 * value));
    }

    fn short(&mut self, id: u8, value: usize) {
        self.field(id, 4);
        self.bytes.extend(varint(2 * value));
    }

    fn long(&mut self, id: u8, value: usize) {
        self.field(id, 6);
        self.bytes.extend(varint(2 * value));
    }

    fn bytes(&mut self, id: u8, value: &[u8]) {
        self.field(id, 8);
        self.bytes.extend(binary(value));
    }

    fn list(&mut self, id: u8, kind: u8, elements: &[Vec<u8>]) {
        self.field(id, 9);
        self.bytes.push(u8::try_from(elements.len()).unwrap() << 4 | kind);
        self.bytes.extend(elements.concat());
    }

    fn inner(&mut self, id: u8, write: impl FnOnce(&mut Self)) {
        self.field(id, 12);
        self.bytes.extend(Self::of(write));
    }
}

fn binary(value: &[u8]) -> Vec<u8> {
    [varint(value.len()), value.to_vec()].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// Rows of a file, padding included.
pub(crate) const ROWS: u64 = 1024;
const MAGIC: &[u8] = b"PARE";
const UNIQUE: [u8; 8] = [7; 8];
/// Kinds of module.
pub(crate) const FOOTER_MODULE: u8 = 0;
pub(crate) const COLUMN_METADATA: u8 = 1;
pub(crate) const PAGE: u8 = 2;
pub(crate) const PAGE_HEADER: u8 = 4;
