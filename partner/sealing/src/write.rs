//! Shuffles, pads, encrypts: writes the one Parquet file that the host may keep.

use super::{SealError, prepare::Prepared};
use arrow::{
    array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch},
    buffer::Buffer,
    datatypes::{DataType, Field, Schema},
};
use parquet::{
    arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions},
    basic::{Compression, Encoding},
    encryption::encrypt::FileEncryptionProperties,
    errors::ParquetError,
    file::properties::{BloomFilterPosition, EnabledStatistics, WriterProperties, WriterVersion},
};
use protocol::{
    contract::Dataset,
    key::DataKey,
    manifest::Manifest,
    merkle::MerkleBuilder,
    sealed::{self, FOOTER, Physical, ROW_GROUP, SealedColumn, Values},
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};
use zeroize::Zeroize;

/// What was written.
pub(super) struct Written<W> {
    pub(super) sink: W,
    pub(super) manifest: Manifest,
    pub(super) keys: BTreeMap<String, DataKey>,
}

/// Writes version `version` of `dataset` to `sink`.
pub(super) fn write<W: Write + Send>(
    prepared: Prepared,
    dataset: &Dataset,
    version: u64,
    sink: W,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Written<W>, SealError> {
    let layout = sealed::layout(dataset);
    let mut rng = generator()?;
    let rows = sealed::padded(prepared.count.rows);
    let order = shuffled(rows, &mut rng)?;
    let keys = fresh_keys(&layout, &mut rng);
    let mut random = [0; 16];
    rng.fill_bytes(&mut random);
    let aad_prefix = sealed::aad_prefix(&dataset.lineage, version, 0, &random);
    let schema = Arc::new(Schema::new(layout.iter().map(field).collect::<Vec<_>>()));
    let sink = Hashing { sink, hasher: MerkleBuilder::new(), size: 0 };
    let options = ArrowWriterOptions::new()
        .with_properties(properties(&keys, &aad_prefix).map_err(wrong)?)
        .with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(sink, schema.clone(), options).map_err(wrong)?;
    let group_rows = usize::try_from(ROW_GROUP).unwrap_or(usize::MAX);
    let mut done = 0;
    for group in order.chunks(group_rows) {
        let marks = group.iter().map(|row| i32::from(u64::from(*row) < prepared.count.rows));
        let row: ArrayRef = Arc::new(Int32Array::from_iter_values(marks));
        let columns = prepared.columns.iter().map(|values| gather(values, group));
        let columns = std::iter::once(Ok(row)).chain(columns).collect::<Result<_, _>>()?;
        let batch = RecordBatch::try_new(schema.clone(), columns).map_err(|e| wrong(e.into()))?;
        writer.write(&batch).and_then(|()| writer.flush()).map_err(wrong)?;
        done += u64::try_from(group.len()).unwrap_or_default();
        progress(rows + done, rows.saturating_mul(2));
    }
    let Hashing { sink, hasher, size } = writer.into_inner().map_err(wrong)?;
    let manifest = Manifest {
        lineage: dataset.lineage.clone(),
        version,
        root: hasher.finish(),
        size,
        rows,
        columns: layout,
        aad_prefix,
    };
    manifest.check(dataset).map_err(|e| SealError::Written { reason: e.to_string() })?;
    Ok(Written { sink, manifest, keys })
}

/// Nothing that depends on values: no dictionary, compression, statistics, index or filter.
fn properties(
    keys: &BTreeMap<String, DataKey>,
    aad_prefix: &[u8],
) -> Result<WriterProperties, ParquetError> {
    let key = |name: &str| keys.get(name).map(|key| key.expose().to_vec()).unwrap_or_default();
    let mut encryption = FileEncryptionProperties::builder(key(FOOTER))
        .with_footer_key_metadata(sealed::key_metadata(FOOTER))
        .with_aad_prefix(aad_prefix.to_vec())
        .with_aad_prefix_storage(true);
    for column in keys.keys().filter(|column| *column != FOOTER) {
        let metadata = sealed::key_metadata(column);
        encryption = encryption.with_column_key_and_metadata(column, key(column), metadata);
    }
    Ok(WriterProperties::builder()
        .with_file_encryption_properties(encryption.build()?)
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::UNCOMPRESSED)
        .set_encoding(Encoding::PLAIN)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_bloom_filter_enabled(false)
        .set_bloom_filter_position(BloomFilterPosition::AfterRowGroup)
        .set_max_row_group_row_count(usize::try_from(ROW_GROUP).ok())
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_ROWS * 32)
        .set_write_batch_size(PAGE_ROWS)
        .build())
}

fn field(column: &SealedColumn) -> Field {
    let data_type = match column.physical {
        Physical::Key => DataType::FixedSizeBinary(32),
        Physical::Number => DataType::Int64,
        _ => DataType::Int32,
    };
    Field::new(&column.name, data_type, false)
}

/// The values of `rows`; zero where there is no such row, which is padding.
fn gather(values: &Values, rows: &[u32]) -> Result<ArrayRef, SealError> {
    fn pick<T: Copy + Default>(values: &[T], rows: &[u32]) -> Vec<T> {
        let at = |row: &u32| usize::try_from(*row).ok().and_then(|row| values.get(row));
        rows.iter().map(|row| at(row).copied().unwrap_or_default()).collect()
    }
    Ok(match values {
        Values::Keys(keys) => {
            let bytes = Buffer::from_vec(pick(keys, rows).into_flattened());
            let array = FixedSizeBinaryArray::try_new(32, bytes, None);
            Arc::new(array.map_err(|e| wrong(e.into()))?)
        }
        Values::Codes(codes) => Arc::new(Int32Array::from(pick(codes, rows))),
        Values::Numbers(numbers) => Arc::new(Int64Array::from(pick(numbers, rows))),
        _ => return Err(SealError::Written { reason: "a column of unknown type".to_owned() }),
    })
}

/// The numbers below `rows` in an order that is equally likely to be any: Fisher and Yates.
fn shuffled(rows: u64, rng: &mut impl Rng) -> Result<Vec<u32>, SealError> {
    let most = protocol::manifest::MAX_ROWS;
    let many = || SealError::TooManyRows { most };
    let rows = u32::try_from(rows).ok().filter(|rows| u64::from(*rows) <= most).ok_or_else(many)?;
    let mut order: Vec<u32> = (0..rows).collect();
    for last in (1..order.len()).rev() {
        let bound = u64::try_from(last).unwrap_or(u64::MAX) + 1;
        let other = usize::try_from(below(bound, rng)).unwrap_or(last);
        order.swap(last, other);
    }
    Ok(order)
}

/// A number below `bound`, each equally likely: draws past the last whole multiple are thrown away.
fn below(bound: u64, rng: &mut impl Rng) -> u64 {
    let whole = u64::MAX - u64::MAX % bound;
    loop {
        let draw = rng.next_u64();
        if draw < whole {
            return draw % bound;
        }
    }
}

fn fresh_keys(layout: &[SealedColumn], rng: &mut impl Rng) -> BTreeMap<String, DataKey> {
    let names = layout.iter().map(|column| column.name.as_str()).chain([FOOTER]);
    let fresh = names.map(|name| {
        let mut key = [0; DataKey::LEN];
        rng.fill_bytes(&mut key);
        (name.to_owned(), DataKey::take(&mut key))
    });
    fresh.collect()
}

/// A generator that nobody can predict, for the order of rows and for keys.
fn generator() -> Result<ChaCha20Rng, SealError> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| SealError::Randomness)?;
    let rng = ChaCha20Rng::from_seed(seed);
    seed.zeroize();
    Ok(rng)
}

fn wrong(cause: ParquetError) -> SealError {
    SealError::Written { reason: cause.to_string() }
}

/// Passes bytes on and computes their Merkle root.
struct Hashing<W> {
    sink: W,
    hasher: MerkleBuilder,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.sink.write(bytes)?;
        self.hasher.update(bytes.get(..taken).unwrap_or_default());
        self.size += u64::try_from(taken).unwrap_or_default();
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Says which format, and nothing of who wrote it.
const CREATED_BY: &str = "glovebox sealed-v1";
/// Rows of a page; a page of match keys has 2 MiB.
const PAGE_ROWS: usize = 1 << 16;
