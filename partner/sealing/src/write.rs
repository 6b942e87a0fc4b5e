//! Orders, pads, encrypts: writes the one Parquet file that the host may keep.

use super::{
    Count, Options, SealError, Version,
    fit::fit,
    format::{Format, Group, MAGIC},
    ordered::Ordered,
    parallel,
    prepare::Prepared,
    record,
    store::{Part, Store},
};
use protocol::{
    contract::Dataset,
    key::DataKey,
    manifest::Manifest,
    merkle::MerkleBuilder,
    sealed::{self, FOOTER, SealedColumn, Shape},
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{Mutex, PoisonError},
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
    let unique = rng.next_u64().to_le_bytes();
    let format = Format::new(&layout, declared.shape(), &keys, &aad_prefix, unique)?;
    let mut sink = Hashing { sink, hasher: MerkleBuilder::new(), size: 0 };
    write_groups(store, declared.shape(), &format, &mut sink, progress)?;
    let Hashing { sink, hasher, size } = sink;
    let manifest = Manifest {
        lineage: dataset.lineage.clone(),
        version: version.number,
        root: hasher.finish(),
        size,
        declared,
        columns: layout,
        aad_prefix,
        opt_outs: None,
    };
    manifest.check(dataset).map_err(|e| SealError::Written { reason: e.to_string() })?;
    Ok(Written { sink, manifest, keys, count })
}

/// Writes the file: row groups, which are made on all cores, and what stands in front of and behind them.
fn write_groups<W: Write>(
    store: Store,
    shape: Shape,
    format: &Format,
    sink: &mut Hashing<W>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), SealError> {
    let width = store.width();
    let (mut parts, spill) = store.apart();
    let total = u64::from(shape.buckets());
    // A bucket has the rows of several parts, or a part those of several buckets.
    let in_one = parts.len().div_ceil(usize::from(shape.buckets()));
    let in_part = usize::from(shape.buckets()).div_ceil(parts.len());
    let spare: Mutex<Vec<Vec<u8>>> = Mutex::default();
    let work = |(first, parts): (i16, Vec<Part>)| {
        let rows = parts.into_iter().map(|mut part| Ok(part.take(width, spill.as_ref())?.0));
        let rows = rows.collect::<Result<Vec<_>, SealError>>()?;
        let mut rest = rows.iter().flat_map(Ordered::records).peekable();
        let buckets = (first..).take(in_part).map(|bucket| {
            let of_it = |record: &&[u8]| {
                i16::try_from(shape.bucket_of(&record::person_of(record))) == Ok(bucket)
            };
            let records = std::iter::from_fn(|| rest.next_if(of_it));
            let memory = spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
            format.group(bucket, records, memory.unwrap_or_default())
        });
        let groups = buckets.collect::<Result<Vec<Group>, SealError>>()?;
        if rest.next().is_none() { Ok(groups) } else { Err(wrong("a row in a bucket of others")) }
    };
    let mut written = Vec::new();
    sink.write_all(MAGIC).map_err(unwritten)?;
    let take = |groups: Result<Vec<Group>, SealError>| {
        for group in groups? {
            sink.write_all(&group.bytes).map_err(unwritten)?;
            let (metadata, bytes) = group.into_metadata();
            spare.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
            written.push(metadata);
            let done = u64::try_from(written.len()).unwrap_or(total);
            progress(total + done, total.saturating_mul(2));
        }
        Ok(())
    };
    let tasks = (0_i16..).step_by(in_part).zip(std::iter::from_fn(|| {
        let rest = parts.split_off(in_one.min(parts.len()));
        Some(std::mem::replace(&mut parts, rest)).filter(|parts| !parts.is_empty())
    }));
    // A task has the order of its rows, those of the file themselves, and its groups as they are written.
    let written_bytes = format.group_bytes().saturating_mul(in_part);
    let tasks = tasks.map(|task| {
        let rows = task.1.iter().map(|part| part.bytes_to_sort(width)).sum::<usize>();
        (rows.saturating_add(written_bytes), task)
    });
    parallel::within(WAITING_BYTES, tasks, work, take)?;
    sink.write_all(&format.end(&written)?).map_err(unwritten)
}

fn unwritten(cause: io::Error) -> SealError {
    SealError::Written { reason: cause.to_string() }
}

fn wrong(reason: &str) -> SealError {
    SealError::Written { reason: reason.to_owned() }
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

/// Bytes of rows and row groups that may be made or wait to be written.
const WAITING_BYTES: usize = 128 << 20;
