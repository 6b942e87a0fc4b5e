//! Orders, pads, encrypts: writes the one Parquet file that the host may keep.

use super::{Count, Options, SealError, Version, fit::fit, prepare::Prepared, record};
use arrow::{
    array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch},
    buffer::Buffer,
    datatypes::{DataType, Field, Schema, SchemaRef},
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
    sealed::{self, FOOTER, Physical, SealedColumn, Shape, Values},
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
    pub(super) count: Count,
}

/// Writes a version of `dataset` to `sink`.
pub(super) fn write<W: Write + Send>(
    prepared: Prepared,
    dataset: &Dataset,
    version: &Version<'_>,
    options: &Options,
    sink: W,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Written<W>, SealError> {
    let Prepared { store, mut count, .. } = prepared;
    let (store, declared) = fit(store, options, &mut count)?;
    let layout = sealed::layout(dataset);
    let mut rng = generator()?;
    let keys = fresh_keys(&layout, &mut rng);
    let mut random = [0; 16];
    rng.fill_bytes(&mut random);
    let aad_prefix = sealed::aad_prefix(&dataset.lineage, version.number, 0, &random);
    let sink = Hashing { sink, hasher: MerkleBuilder::new(), size: 0 };
    let mut buckets = Buckets::new(sink, &layout, declared.shape(), &keys, &aad_prefix)?;
    let total = u64::from(buckets.shape.buckets());
    let width = store.width();
    for part in store.into_parts() {
        let part = part?;
        for record in part.chunks_exact(width) {
            let bucket = buckets.shape.bucket_of(&record::person_of(record));
            while buckets.number < bucket {
                buckets.close()?;
                progress(total + u64::from(buckets.number), total.saturating_mul(2));
            }
            record::append(record, &mut buckets.columns);
        }
    }
    let Hashing { sink, hasher, size } = buckets.finish()?;
    let manifest = Manifest {
        lineage: dataset.lineage.clone(),
        version: version.number,
        root: hasher.finish(),
        size,
        declared,
        columns: layout,
        aad_prefix,
    };
    manifest.check(dataset).map_err(|e| SealError::Written { reason: e.to_string() })?;
    Ok(Written { sink, manifest, keys, count })
}

/// The buckets of a file, written one after the other.
struct Buckets<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
    layout: Vec<SealedColumn>,
    shape: Shape,
    capacity: usize,
    /// The bucket that is being filled.
    number: u16,
    columns: Vec<Values>,
}

impl<W: Write + Send> Buckets<W> {
    fn new(
        sink: W,
        layout: &[SealedColumn],
        shape: Shape,
        keys: &BTreeMap<String, DataKey>,
        aad_prefix: &[u8],
    ) -> Result<Self, SealError> {
        let capacity = usize::try_from(shape.capacity()).unwrap_or(usize::MAX);
        let schema = Arc::new(Schema::new(layout.iter().map(field).collect::<Vec<_>>()));
        let options = ArrowWriterOptions::new()
            .with_properties(properties(keys, aad_prefix, capacity).map_err(wrong)?)
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(sink, schema.clone(), options);
        let writer = writer.map_err(wrong)?;
        let layout = layout.to_vec();
        let columns = empty(&layout, capacity);
        Ok(Self { writer, schema, layout, shape, capacity, number: 0, columns })
    }

    /// Pads the bucket and writes it; goes on with the next.
    fn close(&mut self) -> Result<(), SealError> {
        let mut columns = std::mem::replace(&mut self.columns, empty(&self.layout, self.capacity));
        if columns.iter().any(|column| column.len() > self.capacity) {
            return Err(SealError::Written { reason: "a bucket overflows".to_owned() });
        }
        record::pad(&mut columns, self.capacity);
        let columns = columns.into_iter().map(array).collect::<Result<_, _>>()?;
        let batch = RecordBatch::try_new(self.schema.clone(), columns);
        let batch = batch.map_err(|e| wrong(e.into()))?;
        self.writer.write(&batch).and_then(|()| self.writer.flush()).map_err(wrong)?;
        self.number += 1;
        Ok(())
    }

    /// Writes all buckets that are left.
    fn finish(mut self) -> Result<W, SealError> {
        while self.number < self.shape.buckets() {
            self.close()?;
        }
        self.writer.into_inner().map_err(wrong)
    }
}

fn empty(layout: &[SealedColumn], rows: usize) -> Vec<Values> {
    layout.iter().map(|column| Values::with_capacity(column.physical, rows)).collect()
}

/// Nothing that depends on values: no dictionary, compression, statistics, index or filter.
fn properties(
    keys: &BTreeMap<String, DataKey>,
    aad_prefix: &[u8],
    capacity: usize,
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
        .set_max_row_group_row_count(Some(capacity))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_ROWS * 32)
        .set_write_batch_size(PAGE_ROWS)
        .build())
}

fn field(column: &SealedColumn) -> Field {
    let data_type = match column.physical {
        Physical::Tag => DataType::FixedSizeBinary(16),
        Physical::Label => DataType::FixedSizeBinary(32),
        Physical::Number => DataType::Int64,
        _ => DataType::Int32,
    };
    Field::new(&column.name, data_type, false)
}

fn array(values: Values) -> Result<ArrayRef, SealError> {
    let fixed = |width, bytes| -> Result<ArrayRef, SealError> {
        let array = FixedSizeBinaryArray::try_new(width, Buffer::from_vec(bytes), None);
        Ok(Arc::new(array.map_err(|e| wrong(e.into()))?))
    };
    Ok(match values {
        Values::Tags(tags) => fixed(16, tags.into_flattened())?,
        Values::Labels(labels) => fixed(32, labels.into_flattened())?,
        Values::Codes(codes) => Arc::new(Int32Array::from(codes)),
        Values::Numbers(numbers) => Arc::new(Int64Array::from(numbers)),
        _ => return Err(SealError::Written { reason: "a column of unknown type".to_owned() }),
    })
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

/// A generator that nobody can predict, for keys.
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
const CREATED_BY: &str = "glovebox sealed-v2";
/// Rows of a page; a page of labels has 2 MiB.
const PAGE_ROWS: usize = 1 << 16;
